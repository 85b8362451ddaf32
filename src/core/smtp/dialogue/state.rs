//! The states of the conversation. Most are named after the command whose reply they wait for.

use crate::smtp::outcome::Step;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// The server speaks first.
    Greeting,
    Ehlo,
    Helo,
    StartTls,
    /// The driver makes the TLS handshake.
    Handshake,
    /// `AUTH PLAIN` with its response.
    AuthPlain,
    /// `AUTH LOGIN`: the prompt for the user name.
    AuthLogin,
    /// The user name: the prompt for the password.
    AuthUser,
    /// The password.
    AuthPassword,
    /// Nothing is under way.
    Ready,
    /// RSET.
    Reset,
    Mail,
    /// The RCPT of this place among those that are tried.
    Rcpt(usize),
    /// The DATA command.
    Data,
    /// The message is being written.
    Content,
    /// The message's end has been handed out.
    DataEnd,
    /// The end of a message that has no recipients and no content.
    LoneDot,
    Quit,
    /// Over.
    Done,
}

impl State {
    /// Whether the server is to speak next.
    pub(super) fn waits_for_reply(self) -> bool {
        !matches!(
            self,
            State::Handshake | State::Ready | State::Content | State::Done
        )
    }

    /// Under which name its time is limited and its failure is told.
    pub(super) fn step(self) -> Step {
        match self {
            State::Greeting => Step::Greeting,
            State::Ehlo | State::Helo => Step::Ehlo,
            State::StartTls => Step::StartTls,
            State::Handshake => Step::Tls,
            State::AuthPlain | State::AuthLogin | State::AuthUser | State::AuthPassword => {
                Step::Auth
            }
            State::Ready | State::Reset | State::Mail => Step::Mail,
            State::Rcpt(_) => Step::Rcpt,
            State::Data => Step::DataCommand,
            State::Content => Step::DataBlock,
            State::DataEnd | State::LoneDot => Step::DataEnd,
            State::Quit | State::Done => Step::Quit,
        }
    }
}
