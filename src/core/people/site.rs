//! The webmail as a site: a request below `/mail` becomes an answer. The pages themselves are
//! [`webmail`](super::webmail)'s; what stands here is who may see which, what a form does, and where it
//! leads.
//!
//! Every page is made anew from what storage says at that moment: who the user is, whether they may be
//! in, how the mail system is. A form is taken only with the token of the session it was made for, and
//! from our own pages. What a user names, a message or a draft, is looked for in that user's mailbox and
//! nowhere else, so that there is no page of another's to be asked for.
//!
//! | file | what it does |
//! | --- | --- |
//! | [`asked`] | the request, and the fields of its form |
//! | [`reply`] | the answer, with the header fields that every page has |
//! | [`visit`] | who asks, in which language, and how their mail is |
//! | [`door`] | log in, the second factor, the first visit, log out |
//! | [`folders`] | lists, search, what is done with many messages |
//! | [`letters`] | a message, its body, its files, its conversation |
//! | [`writing`] | compose, drafts, send |
//! | [`around`] | address book, settings |

pub mod around;
pub mod asked;
mod completing;
pub mod door;
pub mod folders;
pub mod letters;
pub mod reply;
pub mod visit;
pub mod writing;

#[cfg(test)]
mod tests;

pub use asked::Asked;
pub use reply::Reply;

use percent_encoding::percent_decode_str;

use super::login::keys::Keys;
use super::webmail::style::{STYLE, STYLE_PATH};
use crate::config::Config;
use crate::limits;
use crate::mail::dkim;
use crate::people::mailbox::folder;
use crate::ports::{Event as LogEvent, Ports};
use reply::Failure;
use visit::{Entrance, Visit};

/// What every answer is made of.
pub struct Site<'s, P: Ports> {
    /// The world.
    pub ports: &'s P,
    /// What is configured.
    pub config: &'s Config,
    /// What cookies and forms are signed with.
    pub keys: &'s Keys,
    /// What mail is signed with, where a key is configured and something may be sent.
    pub dkim_key: Option<&'s dyn dkim::Key>,
}

impl<P: Ports> Clone for Site<'_, P> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<P: Ports> Copy for Site<'_, P> {}

/// Bytes of a request's body at most. A message that is written carries its files.
pub fn body_limit(config: &Config, path: &str) -> usize {
    match path {
        "/compose" => config
            .limits
            .message_bytes
            .saturating_add(limits::BODY_OVERHEAD_BYTES),
        _ => limits::FORM_BYTES,
    }
}

/// Answers a request.
pub async fn answer<P: Ports>(site: Site<'_, P>, asked: &Asked) -> Reply {
    let path = asked.path.as_str();
    if path == STYLE_PATH.as_str() {
        return Reply::style(STYLE);
    }
    let entrance = Entrance::new(site, asked).await;
    let failure = match door::answer(&entrance).await {
        Some(Ok(reply)) => return reply,
        Some(Err(failure)) => failure,
        None => match Visit::new(&entrance).await {
            Ok(visit) => match inside(&visit).await {
                Ok(reply) => return reply,
                Err(failure) => {
                    note(site, &failure);
                    return visit.failed(failure).await;
                }
            },
            Err(failure) => failure,
        },
    };
    note(site, &failure);
    entrance.failed(failure)
}

fn note<P: Ports>(site: Site<'_, P>, failure: &Failure) {
    if let Failure::Storage(error) = failure {
        let event = LogEvent::new("webmail.failed").with("error", error.to_string());
        site.ports.write(event);
    }
}

/// What is done after the inbox was shown: the older entries of a mailbox that has many are packed.
pub async fn tidy_up<P: Ports>(site: Site<'_, P>, asked: &Asked) {
    let entrance = Entrance::new(site, asked).await;
    let Ok(visit) = Visit::new(&entrance).await else {
        return;
    };
    let packing = folder::pack(site.ports.store(), visit.user(), limits::PACKS_AT_ONCE);
    if let Err(error) = packing.await {
        note(site, &Failure::Storage(error));
    }
}

/// What only a user sees.
async fn inside<P: Ports>(visit: &Visit<'_, P>) -> Result<Reply, Failure> {
    let path = visit.asked().path.trim_matches('/');
    let decoded = |word: &str| percent_decode_str(word).decode_utf8_lossy().into_owned();
    let words: Vec<String> = path.split('/').map(decoded).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let posted = match visit.asked().method.as_str() {
        "GET" | "HEAD" => false,
        "POST" => {
            visit.check_form()?;
            true
        }
        _ => return Err(Failure::Method),
    };
    let reply = match (posted, words.as_slice()) {
        (false, [""]) => folders::inbox(visit).await,
        (false, ["sent"]) => folders::sent(visit).await,
        (false, ["drafts"]) => folders::drafts(visit).await,
        (false, ["bin"]) => folders::bin(visit).await,
        (false, ["bin", "empty"]) => folders::ask_to_empty(visit).await,
        (true, ["bin", "empty"]) => folders::empty(visit).await,
        (false, ["search"]) => folders::search(visit).await,
        (true, ["bulk"]) => folders::bulk(visit).await,
        (false, ["m", id]) => letters::show(visit, id).await,
        (true, ["m", id]) => letters::act(visit, id).await,
        (true, ["m", id, "images"]) => letters::with_images(visit, id).await,
        (false, ["m", id, "body"]) => letters::body(visit, id).await,
        (false, ["m", id, "a", index]) => letters::attachment(visit, id, index).await,
        (true, ["m", id, "answer"]) => letters::answer(visit, id).await,
        (false, ["t", thread]) => letters::thread(visit, thread).await,
        (false, ["compose"]) => writing::form(visit).await,
        (true, ["compose"]) => writing::posted(visit).await,
        (true, ["compose", "add"]) => writing::add(visit).await,
        (false, ["people"]) => around::people(visit).await,
        (false, ["settings"]) => around::settings(visit).await,
        (true, ["settings"]) => around::change(visit).await,
        (true, ["logout"]) => door::log_out(visit).await,
        _ => Err(Failure::NotFound),
    };
    reply.map(|reply| visit.renew(reply))
}
