//! From what a person typed to a message.
//!
//! No text of a form reaches a header as it is: addresses are parsed, names and subjects lose
//! their control characters, names of messages were checked when they were read. So no field can
//! add another one.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use bytes::Bytes;
use mail_builder::MessageBuilder;
use mail_builder::headers::HeaderType;
use mail_builder::headers::address::Address;
use mail_builder::headers::content_type::ContentType;
use mail_builder::headers::message_id::MessageId as Ids;
use mail_builder::headers::raw::Raw;
use mail_builder::headers::text::Text;
use mail_builder::mime::{BodyPart, MimePart};

use super::language::{Language, UtcOffset};
use super::texts::fill;
use crate::limits;
use crate::mail::compose::multipart;
use crate::mail::{EmailAddress, MessageId};
use crate::people::reading::{Answer, Invitation, Party, Reading, reply_to_invitation, shown};
use crate::time::Timestamp;

#[cfg(test)]
mod tests;

/// What is in the form's fields.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Form {
    /// Recipients as they were typed, with commas.
    pub to: String,
    /// Recipients of copies.
    pub cc: String,
    /// The subject.
    pub subject: String,
    /// The text.
    pub body: String,
    /// The `Message-ID` that is answered, without brackets.
    pub in_reply_to: Option<String>,
    /// The conversation so far, oldest first.
    pub references: Vec<String>,
    /// Files.
    pub attachments: Vec<File>,
}

/// A file that is sent along.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its name, as it was given.
    pub name: String,
    /// Its media type, as it was given.
    pub content_type: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// A message that can be sent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Draft {
    /// Recipients.
    pub to: Vec<Recipient>,
    /// Recipients of copies.
    pub cc: Vec<Recipient>,
    /// The subject, in one line.
    pub subject: String,
    /// The text, with `\n` as its line end.
    pub body: String,
    /// The `Message-ID` that is answered, without brackets.
    pub in_reply_to: Option<String>,
    /// The conversation so far, oldest first.
    pub references: Vec<String>,
    /// Files.
    pub attachments: Vec<File>,
    /// An answer to an invitation (RFC 6047, 2.4).
    pub calendar: Option<String>,
}

/// Somebody a message goes to.
#[derive(Clone, Debug, PartialEq)]
pub struct Recipient {
    /// The name; may be empty.
    pub name: String,
    /// The address.
    pub address: EmailAddress,
}

/// What is wrong with each field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldErrors {
    /// Recipients.
    pub to: Option<FieldError>,
    /// Recipients of copies.
    pub cc: Option<FieldError>,
    /// The subject.
    pub subject: Option<FieldError>,
    /// The text.
    pub body: Option<FieldError>,
    /// The files.
    pub files: Option<FieldError>,
}

impl FieldErrors {
    /// Nothing is wrong.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What is wrong with a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldError {
    /// Nothing is in it.
    Missing,
    /// This is not an address.
    BadAddress(String),
    /// This name could be several people: some of their names.
    Several {
        /// What was typed.
        what: String,
        /// Whom it could be.
        names: Vec<String>,
    },
    /// More addresses than one message may have.
    TooMany,
    /// More text than it may have.
    TooLong,
    /// More bytes than all files may have.
    TooLarge,
    /// More files than one message may have.
    TooManyFiles,
}

impl Draft {
    /// Everybody it goes to, each once.
    pub fn recipients(&self) -> Vec<EmailAddress> {
        let mut all: Vec<EmailAddress> = Vec::new();
        for recipient in self.to.iter().chain(&self.cc) {
            if !all
                .iter()
                .any(|known| known.same_mailbox(&recipient.address))
            {
                all.push(recipient.address.clone());
            }
        }
        all
    }
}

/// Checks a form that is to be sent.
pub fn check(form: &Form) -> Result<Draft, Box<FieldErrors>> {
    let mut errors = FieldErrors::default();
    let list = |text: &str, error: &mut Option<FieldError>| match recipients(text) {
        Ok(list) => list,
        Err(wrong) => {
            *error = Some(wrong);
            Vec::new()
        }
    };
    let to = list(&form.to, &mut errors.to);
    let cc = list(&form.cc, &mut errors.cc);
    if to.is_empty() && cc.is_empty() && errors.to.is_none() && errors.cc.is_none() {
        errors.to = Some(FieldError::Missing);
    }
    if to.len() + cc.len() > limits::WRITTEN_RECIPIENTS {
        errors.to = Some(FieldError::TooMany);
    }
    if form.subject.chars().count() > limits::WRITTEN_SUBJECT_CHARS {
        errors.subject = Some(FieldError::TooLong);
    }
    if form.body.len() > limits::WRITTEN_TEXT_BYTES {
        errors.body = Some(FieldError::TooLong);
    }
    let bytes = form
        .attachments
        .iter()
        .fold(0_usize, |sum, file| sum.saturating_add(file.bytes.len()));
    if form.attachments.len() > limits::WRITTEN_FILES {
        errors.files = Some(FieldError::TooManyFiles);
    } else if bytes > limits::WRITTEN_FILES_BYTES {
        errors.files = Some(FieldError::TooLarge);
    }
    if !errors.is_empty() {
        return Err(errors.into());
    }
    Ok(Draft {
        to,
        cc,
        subject: shown::line(&form.subject, limits::WRITTEN_SUBJECT_CHARS),
        body: shown::lines(&form.body),
        in_reply_to: form.in_reply_to.clone(),
        references: form.references.clone(),
        attachments: form.attachments.clone(),
        calendar: None,
    })
}

/// The people of a typed list: addresses, or names with addresses in angle brackets, between
/// commas, semicolons or line ends.
pub fn recipients(text: &str) -> Result<Vec<Recipient>, FieldError> {
    if text.len() > limits::WRITTEN_TEXT_BYTES {
        return Err(FieldError::TooLong);
    }
    let mut list: Vec<Recipient> = Vec::new();
    for piece in pieces(text) {
        if list.len() >= limits::WRITTEN_RECIPIENTS {
            return Err(FieldError::TooMany);
        }
        let recipient = recipient(piece)
            .ok_or_else(|| FieldError::BadAddress(shown::line(piece, SAID_CHARS)))?;
        if !list
            .iter()
            .any(|known| known.address.same_mailbox(&recipient.address))
        {
            list.push(recipient);
        }
    }
    Ok(list)
}

/// What stands between commas, semicolons and line ends.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let (mut quoted, mut bracket) = (false, false);
    let pieces = text.split(move |c| {
        match c {
            '"' => quoted = !quoted,
            '<' if !quoted => bracket = true,
            '>' if !quoted => bracket = false,
            // Nobody means a line end to be quoted.
            '\n' => (quoted, bracket) = (false, false),
            _ => {}
        }
        matches!(c, ',' | ';' | '\n') && !quoted && !bracket
    });
    pieces.map(str::trim).filter(|piece| !piece.is_empty())
}

/// The pieces of a typed list that are names and no addresses, for the address book to complete.
pub fn names(text: &str) -> Vec<&str> {
    let names = pieces(text).filter(|piece| !piece.contains(['@', '<', '"']));
    names.take(limits::COMPLETED_NAMES).collect()
}

/// The same list with what each name was completed to.
pub fn completed(text: &str, found: &BTreeMap<&str, Recipient>) -> String {
    let pieces = pieces(text).map(|piece| match found.get(piece) {
        Some(Recipient { name, address }) => {
            let name = name.replace(['"', '<', '>'], "");
            format!("\"{name}\" <{address}>")
        }
        None => piece.to_owned(),
    });
    pieces.collect::<Vec<_>>().join(", ")
}

fn recipient(text: &str) -> Option<Recipient> {
    let (name, address) = match text.strip_suffix('>').and_then(|t| t.rsplit_once('<')) {
        Some((name, address)) => (name.trim().trim_matches('"'), address.trim()),
        None => ("", text),
    };
    Some(Recipient {
        name: shown::line(name, limits::SHOWN_LINE_CHARS),
        address: address.parse().ok()?,
    })
}

/// What is written in answer to a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answering {
    /// To the author, or where the author wants answers.
    Reply,
    /// And to everybody else whom it reached.
    All,
    /// To somebody else.
    Forward,
}

/// The form as it is first shown for an answer. `own` are the writer's addresses: nobody answers
/// themselves. The attachments of a forwarded message are the caller's to add.
pub fn answer(
    reading: &Reading,
    kind: Answering,
    own: &[EmailAddress],
    language: Language,
    offset: UtcOffset,
) -> Form {
    let is_own = |party: &Party| {
        own.iter()
            .any(|own| own.as_str().eq_ignore_ascii_case(&party.address))
    };
    let author: Vec<&Party> = match &reading.reply_to {
        list if list.is_empty() => reading.summary.from.iter().collect(),
        list => list.iter().collect(),
    };
    // Who answers what they wrote themselves goes on writing to those they wrote to.
    let goes_on = reading.summary.from.as_ref().is_some_and(is_own);
    let mut to: Vec<&Party> = if goes_on {
        reading.to.iter().collect()
    } else {
        author
    };
    let mut cc = Vec::new();
    match kind {
        Answering::Forward => to.clear(),
        Answering::Reply => {}
        Answering::All => {
            if !goes_on {
                to.extend(reading.to.iter().filter(|party| !is_own(party)));
            }
            cc.extend(reading.cc.iter().filter(|party| !is_own(party)));
        }
    }
    let mut seen: Vec<String> = Vec::new();
    let mut joined = |list: &[&Party]| {
        let new = list.iter().filter(|party| {
            let address = party.address.to_lowercase();
            let is_new = !address.is_empty() && !seen.contains(&address);
            seen.push(address);
            is_new
        });
        new.map(|party| typed(party)).collect::<Vec<_>>().join(", ")
    };
    let (to, cc) = (joined(&to), joined(&cc));
    let is_forward = kind == Answering::Forward;
    let id = reading.summary.message_id.clone();
    let mut references = reading.references.clone();
    references.extend(id.clone());
    Form {
        to,
        cc,
        subject: answered_subject(&reading.summary.subject, is_forward),
        body: if is_forward {
            forwarded(reading, language, offset)
        } else {
            quoted(reading, language, offset)
        },
        in_reply_to: id.filter(|_| !is_forward),
        references: if is_forward { Vec::new() } else { references },
        attachments: Vec::new(),
    }
}

/// The message that answers an invitation; none where nobody is there to be answered.
pub fn answer_to_invitation(
    invitation: &Invitation,
    from: (&str, &EmailAddress),
    answer: Answer,
    language: Language,
    now: Timestamp,
) -> Option<Draft> {
    let organizer = invitation.organizer.as_ref()?;
    let w = language.texts().writing;
    let (name, address) = from;
    let says = match answer {
        Answer::Accepted => w.says_accepted,
        Answer::Tentative => w.says_tentative,
        Answer::Declined => w.says_declined,
    };
    let who = if name.is_empty() {
        address.as_str()
    } else {
        name
    };
    let said = fill(says, &[("who", who), ("what", &invitation.summary)]);
    Some(Draft {
        to: vec![Recipient {
            name: organizer.name.clone(),
            address: organizer.address.parse().ok()?,
        }],
        subject: shown::line(&said, limits::WRITTEN_SUBJECT_CHARS),
        body: said,
        calendar: Some(reply_to_invitation(invitation, address, answer, now)),
        ..Draft::default()
    })
}

/// The message's bytes. `id` makes its `Message-ID` below `hostname`, and its boundaries; none
/// where the builder cannot write, which is never seen in memory.
pub fn build(
    draft: Draft,
    from: (&str, &EmailAddress),
    id: MessageId,
    hostname: &str,
    now: Timestamp,
) -> Option<Bytes> {
    let (name, address) = from;
    let author = Recipient {
        name: shown::line(name, limits::SHOWN_LINE_CHARS),
        address: address.clone(),
    };
    let host: String = hostname
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || ".-".contains(*c))
        .collect();
    let mut builder = MessageBuilder::new()
        .header("From", mailbox(&author))
        .header(
            "Subject",
            Text::new(shown::line(&draft.subject, limits::WRITTEN_SUBJECT_CHARS)),
        )
        .header("Date", Raw::new(now.rfc5322()))
        .header("Message-ID", Raw::new(format!("<{id}@{host}>")))
        .header("MIME-Version", Raw::new("1.0"));
    for (name, list) in [("To", &draft.to), ("Cc", &draft.cc)] {
        if !list.is_empty() {
            let list = list.iter().map(mailbox).collect();
            builder = builder.header(name, HeaderType::from(Address::new_list(list)));
        }
    }
    let well_formed = |id: &String| {
        (1..=limits::KEPT_MESSAGE_ID_CHARS).contains(&id.len())
            && id
                .bytes()
                .all(|b| b.is_ascii_graphic() && !b"<>".contains(&b))
    };
    if let Some(answered) = draft.in_reply_to.filter(well_formed) {
        builder = builder.header("In-Reply-To", Ids::new(answered));
    }
    let references: Vec<String> = draft.references.into_iter().filter(well_formed).collect();
    if !references.is_empty() {
        builder = builder.header("References", Ids::new_list(references.into_iter()));
    }
    let text = MimePart::new("text/plain", draft.body.replace('\n', "\r\n"));
    let mut content = text;
    if let Some(calendar) = draft.calendar {
        let kind = ContentType::new("text/calendar")
            .attribute("charset", "utf-8")
            .attribute("method", "REPLY");
        let calendar = MimePart::new(kind, BodyPart::Binary(calendar.into_bytes().into()));
        content = multipart("alternative", vec![content, calendar], id);
    }
    if !draft.attachments.is_empty() {
        let mut parts = vec![content];
        parts.extend(draft.attachments.into_iter().enumerate().map(file));
        content = multipart("mixed", parts, id);
    }
    builder.body(content).write_to_vec().ok().map(Bytes::from)
}

fn mailbox(recipient: &Recipient) -> Address<'static> {
    let name = (!recipient.name.is_empty()).then(|| recipient.name.clone());
    Address::new_address(name, recipient.address.to_string())
}

fn file((index, file): (usize, File)) -> MimePart<'static> {
    let token = |t: &str| {
        !t.is_empty()
            && t.bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&b))
    };
    // What has parts of its own must not be encoded (RFC 2045, 6.4).
    let kind = file.content_type.trim().to_ascii_lowercase();
    let plain = kind.split_once('/').is_some_and(|(kind, subtype)| {
        token(kind) && token(subtype) && !matches!(kind, "multipart" | "message")
    });
    let kind = if plain {
        kind
    } else {
        "application/octet-stream".to_owned()
    };
    let name = crate::people::reading::files::file_name(Some(&file.name), index, &kind);
    MimePart::new(ContentType::new(kind), BodyPart::Binary(file.bytes.into())).attachment(name)
}

/// A person as one would type them.
fn typed(party: &Party) -> String {
    if party.name.is_empty() {
        return party.address.clone();
    }
    let name: String = party
        .name
        .chars()
        .filter(|c| !"\"<>\\".contains(*c))
        .collect();
    if name.contains([',', ';', '@', '(', ')', ':']) {
        format!("\"{name}\" <{}>", party.address)
    } else {
        format!("{name} <{}>", party.address)
    }
}

/// `Re:` or `Fwd:` in front, once, whatever other programs put there in their languages.
fn answered_subject(subject: &str, is_forward: bool) -> String {
    let (own, known) = if is_forward {
        ("Fwd: ", FORWARD_PREFIXES.as_slice())
    } else {
        ("Re: ", REPLY_PREFIXES.as_slice())
    };
    let mut rest = subject.trim();
    while let Some((prefix, more)) = rest.split_once(':') {
        // `Re[2]:` counts as `Re:`.
        let word = prefix.split(['[', '^']).next().unwrap_or_default().trim();
        if !known.iter().any(|known| known.eq_ignore_ascii_case(word)) {
            break;
        }
        rest = more.trim_start();
    }
    format!("{own}{rest}").trim_end().to_owned()
}

fn quoted(reading: &Reading, language: Language, offset: UtcOffset) -> String {
    let Some(text) = reading
        .body
        .text
        .as_deref()
        .filter(|text| !text.trim().is_empty())
    else {
        return String::new();
    };
    let w = language.texts().writing;
    let who = reading.summary.from.as_ref().map(typed).unwrap_or_default();
    let date = reading
        .summary
        .date
        .map(|date| language.long_date(date, offset))
        .unwrap_or_default();
    let mut body = format!("\n\n{}\n", fill(w.wrote, &[("date", &date), ("who", &who)]));
    for line in text.trim_end().lines() {
        body.push_str(if line.starts_with('>') { ">" } else { "> " });
        body.push_str(line);
        body.push('\n');
        if body.len() > limits::WRITTEN_TEXT_BYTES / 2 {
            break;
        }
    }
    body
}

fn forwarded(reading: &Reading, language: Language, offset: UtcOffset) -> String {
    let (w, r) = (language.texts().writing, language.texts().reading);
    let summary = &reading.summary;
    let list = |list: &[Party]| {
        list.iter()
            .take(limits::WRITTEN_RECIPIENTS)
            .map(typed)
            .collect::<Vec<_>>()
            .join(", ")
    };
    let mut body = format!("\n\n---------- {} ----------\n", w.forwarded);
    let from = summary.from.as_ref().map(typed).unwrap_or_default();
    let date = summary
        .date
        .map(|date| language.long_date(date, offset))
        .unwrap_or_default();
    for (name, value) in [
        (r.from, from),
        (r.date, date),
        (w.subject, summary.subject.clone()),
        (r.to, list(&reading.to)),
        (r.cc, list(&reading.cc)),
    ] {
        if !value.is_empty() {
            let _ = writeln!(body, "{name}: {value}");
        }
    }
    body.push('\n');
    let text = reading.body.text.as_deref().unwrap_or_default();
    for line in text.trim_end().lines() {
        body.push_str(line);
        body.push('\n');
        if body.len() > limits::WRITTEN_TEXT_BYTES / 2 {
            break;
        }
    }
    body
}

const SAID_CHARS: usize = 80;
const REPLY_PREFIXES: [&str; 8] = ["re", "r", "rif", "aw", "antw", "sv", "réf", "rép"];
const FORWARD_PREFIXES: [&str; 9] = [
    "fwd",
    "fw",
    "wg",
    "tr",
    "i",
    "rv",
    "enc",
    "inoltro",
    "weitergeleitet",
];
