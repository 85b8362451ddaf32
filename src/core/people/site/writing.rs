//! Compose: new messages, answers, drafts with their files, and sending.
//!
//! The page is drawn with the id that the message will have. Under that id it is kept as a draft, and
//! under that id it is sent, so that a form that is posted twice makes one message. Files that came
//! with a form whose fields have errors are kept with the draft: nobody has to choose them again.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::asked::Form as Posted;
use super::completing;
use super::letters;
use super::reply::{Failure, Reply};
use super::visit::{BASE, Visit};
use crate::custody::store::{Condition, Store as _};
use crate::limits;
use crate::mail::dkim::Signer;
use crate::mail::{EmailAddress, MessageId};
use crate::people::mailbox::drafts as kept;
use crate::people::mailbox::marks::{self, Marks};
use crate::people::mailbox::sending::{self, Outgoing};
use crate::people::reading::{self, Party, Summary};
use crate::people::webmail::around::Problem;
use crate::people::webmail::compose::{
    self, Answering, Draft, FieldError, FieldErrors, File, Form, recipients,
};
use crate::people::webmail::write::{self, Kept, Kind as Written, Trouble, View};
use crate::people::webmail::{Here, Notice};
use crate::ports::{Event as LogEvent, Ports, new_id, nonce};
use crate::problem::Kind;
use crate::time::Timestamp;

/// A draft as it is kept; its files are objects of their own.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Stored {
    to: String,
    cc: String,
    subject: String,
    body: String,
    in_reply_to: Option<String>,
    references: Vec<String>,
    /// The message it answers, and the one it sends on.
    reply: Option<String>,
    forward: Option<String>,
    files: Vec<StoredFile>,
    /// When it was last kept.
    pub at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct StoredFile {
    key: String,
    name: String,
    content_type: String,
    size: u64,
}

impl Stored {
    fn new(at: Timestamp) -> Self {
        Self {
            to: String::new(),
            cc: String::new(),
            subject: String::new(),
            body: String::new(),
            in_reply_to: None,
            references: Vec::new(),
            reply: None,
            forward: None,
            files: Vec::new(),
            at,
        }
    }

    /// As a list shows it.
    pub fn summary(&self) -> Summary {
        let named = recipients(&self.to).unwrap_or_default().into_iter();
        let to = named.map(|one| Party {
            name: one.name,
            address: one.address.to_string(),
        });
        Summary {
            to: to.take(limits::SUMMARY_RECIPIENTS).collect(),
            subject: self.subject.clone(),
            preview: self.body.chars().take(limits::PREVIEW_CHARS).collect(),
            attachments: u32::try_from(self.files.len()).unwrap_or(u32::MAX),
            ..Summary::default()
        }
    }

    fn form(&self) -> Form {
        Form {
            to: self.to.clone(),
            cc: self.cc.clone(),
            subject: self.subject.clone(),
            body: self.body.clone(),
            in_reply_to: self.in_reply_to.clone(),
            references: self.references.clone(),
            attachments: Vec::new(),
        }
    }

    fn kept(&self) -> Vec<Kept> {
        let files = self.files.iter().map(|file| Kept {
            key: file.key.clone(),
            name: file.name.clone(),
            size: file.size,
        });
        files.collect()
    }
}

/// The empty form, an answer, or a draft.
pub async fn form<P: Ports>(visit: &Visit<'_, P>) -> Result<Reply, Failure> {
    let query = visit.asked().query();
    let id = new_id(visit.site().ports);
    let asked = [
        ("reply", Answering::Reply),
        ("all", Answering::All),
        ("forward", Answering::Forward),
    ];
    for (field, kind) in asked {
        if !query.get(field).is_empty() {
            return answer(visit, id, query.get(field), kind).await;
        }
    }
    if !query.get("draft").is_empty() {
        let id: MessageId = query.get("draft").parse().map_err(|_| Failure::NotFound)?;
        let stored = kept::read::<Stored>(visit.store(), visit.user(), id).await?;
        let stored = stored.ok_or(Failure::NotFound)?;
        return Ok(drawn(
            visit,
            200,
            id,
            &stored,
            Written::Draft,
            &FieldErrors::default(),
            None,
        )
        .await);
    }
    let stored = Stored {
        to: query.get("to").to_owned(),
        ..Stored::new(visit.site().ports.now())
    };
    Ok(drawn(
        visit,
        200,
        id,
        &stored,
        Written::New,
        &FieldErrors::default(),
        None,
    )
    .await)
}

async fn answer<P: Ports>(
    visit: &Visit<'_, P>,
    id: MessageId,
    to: &str,
    kind: Answering,
) -> Result<Reply, Failure> {
    let letter = letters::find(visit, to).await?;
    let message = letter.message.ok_or(Failure::NotFound)?;
    let reading = reading::read(&message, false);
    let (own, language) = (&visit.person.addresses, visit.language());
    let form = compose::answer(&reading, kind, own, language, visit.offset());
    let is_forward = kind == Answering::Forward;
    // The files of what is sent on are named by their places in it, until the draft is kept.
    let files = reading.attachments.iter().filter(|_| is_forward);
    let files = files.map(|info| StoredFile {
        key: format!("{ORIGINAL}{}", info.index),
        name: info.name.clone(),
        content_type: info.content_type.clone(),
        size: info.size,
    });
    let stored = Stored {
        to: form.to,
        cc: form.cc,
        subject: form.subject,
        body: form.body,
        in_reply_to: form.in_reply_to,
        references: form.references,
        reply: Some(to.to_owned()).filter(|_| !is_forward),
        forward: Some(to.to_owned()).filter(|_| is_forward),
        files: files.collect(),
        at: visit.site().ports.now(),
    };
    let kind = if is_forward {
        Written::Forward
    } else {
        Written::Reply
    };
    Ok(drawn(visit, 200, id, &stored, kind, &FieldErrors::default(), None).await)
}

async fn drawn<P: Ports>(
    visit: &Visit<'_, P>,
    status: u16,
    id: MessageId,
    stored: &Stored,
    kind: Written,
    errors: &FieldErrors,
    trouble: Option<Trouble>,
) -> Reply {
    let (id, form, kept) = (id.to_string(), stored.form(), stored.kept());
    let from = visit
        .person
        .addresses
        .first()
        .map(ToString::to_string)
        .unwrap_or_default();
    let view = View {
        kind,
        form: &form,
        errors,
        draft: Some(&id),
        reply: stored.reply.as_deref(),
        forward: stored.forward.as_deref(),
        kept: &kept,
        trouble,
        from: &from,
    };
    visit
        .page(status, Here::Compose, |frame| write::compose(frame, &view))
        .await
}

/// What the form's buttons do.
pub async fn posted<P: Ports>(visit: &Visit<'_, P>) -> Result<Reply, Failure> {
    let form = visit.form();
    let ports = visit.site().ports;
    let id = form.get("draft").parse().unwrap_or_else(|_| new_id(ports));
    match form.get("do") {
        "discard" => {
            discard(visit, id).await?;
            Ok(to(&format!("/?done={}", Notice::Discarded.as_str())))
        }
        "save" => {
            save(visit, id, form).await?;
            Ok(to(&format!(
                "/compose?draft={id}&done={}",
                Notice::Saved.as_str()
            )))
        }
        "people" => {
            save(visit, id, form).await?;
            Ok(to(&format!("/people?draft={id}")))
        }
        _ => send(visit, id, form).await,
    }
}

/// Puts a recipient who was chosen in the address book into a draft.
pub async fn add<P: Ports>(visit: &Visit<'_, P>) -> Result<Reply, Failure> {
    let form = visit.form();
    let id: MessageId = form.get("draft").parse().map_err(|_| Failure::NotFound)?;
    let (store, user) = (visit.store(), visit.user());
    let stored = kept::read::<Stored>(store, user, id).await?;
    let mut stored = stored.ok_or(Failure::NotFound)?;
    let address = form.get("address").trim();
    let separator = if stored.to.trim().is_empty() {
        ""
    } else {
        ", "
    };
    stored.to = format!(
        "{}{separator}{address}",
        stored.to.trim().trim_end_matches(',')
    );
    kept::save(store, user, id, &stored).await?;
    Ok(to(&format!("/compose?draft={id}")))
}

/// Keeps what was typed and the files that came with it.
async fn save<P: Ports>(
    visit: &Visit<'_, P>,
    id: MessageId,
    form: &Posted,
) -> Result<Stored, Failure> {
    let (store, user, ports) = (visit.store(), visit.user(), visit.site().ports);
    let known = kept::read::<Stored>(store, user, id).await?;
    let known = known.unwrap_or_else(|| Stored::new(ports.now()));
    let optional = |field: &str| Some(form.get(field).to_owned()).filter(|text| !text.is_empty());
    let mut stored = Stored {
        to: form.get("to").to_owned(),
        cc: form.get("cc").to_owned(),
        subject: form.get("subject").to_owned(),
        body: form.get("body").replace("\r\n", "\n"),
        reply: optional("reply").or(known.reply),
        forward: optional("forward").or(known.forward),
        at: ports.now(),
        ..known
    };
    if stored.reply.is_some() && stored.in_reply_to.is_none() {
        answers(visit, &mut stored).await?;
    }
    if stored.forward.is_some() && stored.files.is_empty() && stored.in_reply_to.is_none() {
        sends_on(visit, id, &mut stored).await?;
    }
    let dropped: Vec<&str> = form.all("drop").collect();
    for file in stored
        .files
        .iter()
        .filter(|file| dropped.contains(&file.key.as_str()))
    {
        store.delete(&file_key(visit, id, &file.key)).await?;
    }
    stored
        .files
        .retain(|file| !dropped.contains(&file.key.as_str()));
    for file in &form.files {
        if stored.files.len() >= limits::ATTACHMENTS {
            break;
        }
        let (name, kind) = (file.name.clone(), file.content_type.clone());
        keep_file(
            visit,
            id,
            &mut stored,
            nonce(ports),
            name,
            kind,
            file.bytes.clone(),
        )
        .await?;
    }
    // The record last: what it names is there.
    kept::save(store, user, id, &stored).await?;
    Ok(stored)
}

/// What the answered message says of the conversation, which no form is asked for.
async fn answers<P: Ports>(visit: &Visit<'_, P>, stored: &mut Stored) -> Result<(), Failure> {
    let Some(reply) = stored.reply.clone() else {
        return Ok(());
    };
    let Ok(letter) = letters::find(visit, &reply).await else {
        stored.reply = None;
        return Ok(());
    };
    if let Some(message) = letter.message {
        let reading = reading::read(&message, false);
        let (own, language) = (&visit.person.addresses, visit.language());
        let form = compose::answer(&reading, Answering::Reply, own, language, visit.offset());
        stored.in_reply_to = form.in_reply_to;
        stored.references = form.references;
    }
    Ok(())
}

/// The files of the message that is sent on become the draft's own, once.
async fn sends_on<P: Ports>(
    visit: &Visit<'_, P>,
    id: MessageId,
    stored: &mut Stored,
) -> Result<(), Failure> {
    let Some(forward) = stored.forward.take() else {
        return Ok(());
    };
    let Ok(letter) = letters::find(visit, &forward).await else {
        return Ok(());
    };
    let Some(message) = letter.message else {
        return Ok(());
    };
    let dropped: Vec<String> = visit.form().all("drop").map(str::to_owned).collect();
    for info in reading::read(&message, false).attachments {
        let key = format!("{ORIGINAL}{}", info.index);
        if dropped.contains(&key) {
            continue;
        }
        if let Some((info, bytes)) = reading::attachment(&message, info.index) {
            keep_file(
                visit,
                id,
                stored,
                key,
                info.name,
                info.content_type,
                bytes.into(),
            )
            .await?;
        }
    }
    Ok(())
}

async fn keep_file<P: Ports>(
    visit: &Visit<'_, P>,
    id: MessageId,
    stored: &mut Stored,
    key: String,
    name: String,
    content_type: String,
    bytes: Bytes,
) -> Result<(), Failure> {
    let object = file_key(visit, id, &key);
    visit
        .store()
        .put(&object, std::slice::from_ref(&bytes), Condition::Always)
        .await?;
    stored.files.push(StoredFile {
        key,
        name,
        content_type,
        size: bytes.len() as u64,
    });
    Ok(())
}

fn file_key<P: Ports>(visit: &Visit<'_, P>, id: MessageId, key: &str) -> String {
    format!("{}{key}", files_prefix(visit, id))
}

fn files_prefix<P: Ports>(visit: &Visit<'_, P>, id: MessageId) -> String {
    format!("mailboxes/{}/files/{id}/", visit.user())
}

/// Throws a draft and its files away.
pub async fn discard<P: Ports>(visit: &Visit<'_, P>, id: MessageId) -> Result<(), Failure> {
    kept::remove(visit.store(), visit.user(), id).await?;
    let prefix = files_prefix(visit, id);
    let page = visit
        .store()
        .list(&prefix, None, limits::FILING_PAGE)
        .await?;
    if !page.keys.is_empty() {
        visit.store().delete_all(&page.keys).await?;
    }
    Ok(())
}

async fn send<P: Ports>(
    visit: &Visit<'_, P>,
    id: MessageId,
    posted: &Posted,
) -> Result<Reply, Failure> {
    // Kept first: whatever goes wrong now, nothing of it is lost.
    let mut stored = save(visit, id, posted).await?;
    let completed = completing::complete(visit, &stored.to, &stored.cc).await?;
    if let Some((to, cc)) = completed.lists {
        (stored.to, stored.cc) = (to, cc);
        kept::save(visit.store(), visit.user(), id, &stored).await?;
    }
    let errors = completed.errors;
    if !errors.is_empty() {
        return Ok(drawn(visit, 422, id, &stored, Written::Draft, &errors, None).await);
    }
    let mut form = stored.form();
    for file in &stored.files {
        let key = file_key(visit, id, &file.key);
        let object = visit
            .store()
            .get(&key, limits::MESSAGE_BYTES_CEILING)
            .await?;
        form.attachments.extend(object.map(|object| File {
            name: file.name.clone(),
            content_type: file.content_type.clone(),
            bytes: object.bytes.to_vec(),
        }));
    }
    let draft = match compose::check(&form) {
        Ok(draft) => draft,
        Err(errors) => {
            return Ok(drawn(visit, 422, id, &stored, Written::Draft, &errors, None).await);
        }
    };
    match send_off(visit, id, draft).await {
        Ok(Ok(())) => {}
        Ok(Err(problem)) => {
            let errors = FieldErrors {
                to: Some(match problem {
                    Problem::TooLarge => FieldError::TooMany,
                    _ => FieldError::BadAddress(stored.to.clone()),
                }),
                ..FieldErrors::default()
            };
            return Ok(drawn(visit, 422, id, &stored, Written::Draft, &errors, None).await);
        }
        Err(Failure::Storage(error)) => {
            let event = LogEvent::new("webmail.not-sent").with("error", error.to_string());
            visit.site().ports.write(event);
            let (errors, why) = (FieldErrors::default(), Some(Trouble::NotNow));
            return Ok(drawn(visit, 503, id, &stored, Written::Draft, &errors, why).await);
        }
        Err(other) => return Err(other),
    }
    // It is on its way; what is left over harms nobody.
    let answered = stored.reply.as_deref().and_then(super::folders::named);
    if let Some(copy) = answered {
        let mark = |marks: &mut Marks| marks.answered = true;
        let answered = [copy];
        marks::change(visit.store(), visit.user(), &answered, mark)
            .await
            .ok();
    }
    discard(visit, id).await.ok();
    Ok(to(&format!("/sent?done={}", Notice::Sent.as_str())))
}

/// Builds a message and sends it; the problem where there is no way for it.
pub async fn send_off<P: Ports>(
    visit: &Visit<'_, P>,
    id: MessageId,
    draft: Draft,
) -> Result<Result<(), Problem>, Failure> {
    let (site, own) = (visit.site(), &visit.person.addresses);
    let Some(from) = own.first() else {
        return Err(Failure::Problem(Problem::Forbidden));
    };
    let to = draft.recipients();
    let (name, now) = (visit.person.user.shown_name(), site.ports.now());
    let built = compose::build(draft, (&name, from), id, &site.config.hostname, now);
    let Some(message) = built else {
        return Ok(Err(Problem::BadRequest));
    };
    let message = signed(visit, from, message);
    let outgoing = Outgoing {
        id,
        user: visit.user(),
        from: from.clone(),
        to,
        message,
    };
    if let Err(problem) = sending::check(site.config, own, &outgoing) {
        return Ok(Err(match problem.kind {
            Kind::TooLarge => Problem::TooLarge,
            Kind::SenderNotGranted => Problem::Forbidden,
            _ => Problem::BadRequest,
        }));
    }
    sending::send(site.ports, site.config, &outgoing).await?;
    Ok(Ok(()))
}

/// The message with its DKIM signature, where a key is configured. One that fails keeps no mail back.
fn signed<P: Ports>(visit: &Visit<'_, P>, from: &EmailAddress, message: Bytes) -> Bytes {
    let (site, domain) = (visit.site(), from.domain());
    let dkim = site.config.dkim.as_ref().filter(|dkim| dkim.signs(&domain));
    let field = dkim.zip(site.dkim_key).and_then(|(dkim, key)| {
        let selector = &dkim.selector;
        Signer { selector, key }.sign(&message, &domain, site.ports.now())
    });
    match field {
        Some(field) => [field.as_bytes(), &message].concat().into(),
        None => message,
    }
}

fn to(path: &str) -> Reply {
    Reply::to(format!("{BASE}{path}"))
}

/// What stands before the place of a file in the message that is sent on.
const ORIGINAL: &str = "original-";
