//! A partner's POST, from its head to its answer: what is accepted was taken by a primary or lies in the
//! queue, byte for byte; what is refused leaves nothing; no field makes a header field of its own.

use bytes::Bytes;
use futures::executor::block_on;
use holdfast_core::custody::held::Held;
use holdfast_core::custody::route_state::StateCache;
use holdfast_core::custody::store::Store;
use holdfast_core::mail::MessageId;
use holdfast_core::smtp;
use holdfast_core::submit::request::{Head, begin};
use holdfast_core::submit::submit;
use holdfast_core::time::Timestamp;
use serde_json::Value;

use crate::world::{self, Mood, World};

/// Like an HTTP request: the query, header lines (also `Mood: refuses`, how the primaries are), an
/// empty line, the body.
pub fn check(input: &[u8]) {
    let (head, body) = crate::cut(input, b"\n\n");
    let Ok(text) = std::str::from_utf8(head) else {
        return;
    };
    let (head, mood) = read_head(text);
    let body = Bytes::copy_from_slice(body);
    let config = world::config();
    let Ok(request) = begin(config, &head) else {
        return;
    };
    let id = MessageId::new(Timestamp::from_millis(world::NOW), [9; 10]);
    let read = request.read(body.clone(), id, &config.limits);
    if let Ok((envelope, message)) = &read {
        assert!((1..=config.limits.recipients).contains(&envelope.recipients.len()));
        assert!((1..=config.limits.message_bytes).contains(&message.len()));
        let recipients = envelope.recipients.iter().map(ToString::to_string);
        assert!(smtp::Envelope::new(envelope.sender_path(), recipients).is_ok());
        match serde_json::from_slice(&body) {
            Ok(Value::Object(fields)) if !is_raw(&head) && !fields.contains_key("raw") => {
                a_message_has_only_the_header_fields_asked_for(message, &fields);
            }
            _ if is_raw(&head) => assert_eq!(message, &body),
            _ => {}
        }
    }

    let world = World::new(mood);
    let cache = StateCache::default();
    let answer = block_on(submit(&world, config, &cache, &request, body.clone())).response;
    let queue = world.keys("queue/");
    match answer.status {
        200 => assert!(!world.taken.borrow().is_empty() && queue.is_empty()),
        202 => assert!(!queue.is_empty()),
        _ => {
            assert!(answer.is_problem() && queue.is_empty(), "{answer:?}");
            assert!(world.taken.borrow().is_empty());
        }
    }
    for key in queue {
        let object = block_on(world.storage.get(&key, usize::MAX))
            .unwrap()
            .unwrap();
        let (held, message) = Held::read(&key, &object.bytes).unwrap();
        assert!(!held.envelope.recipients.is_empty());
        let given = request
            .read(body.clone(), held.id, &config.limits)
            .unwrap()
            .1;
        assert_eq!(message, given);
    }
    if request.idempotency_key.is_some() && answer.status < 400 {
        let taken = world.taken.borrow().len();
        let again = block_on(submit(&world, config, &cache, &request, body)).response;
        assert_eq!(again, answer, "the same key gets the same answer");
        assert_eq!(world.taken.borrow().len(), taken);
    }
}

fn read_head(text: &str) -> (Head, Mood) {
    let mut lines = text.split('\n');
    let mut mood = Mood::Well;
    let mut head = Head {
        query: lines.next().unwrap_or_default().to_owned(),
        authorization: Some(b"Bearer foo".to_vec()),
        ..Head::default()
    };
    for line in lines {
        let (name, value) = line.split_once(": ").unwrap_or((line, ""));
        let value = value.to_owned();
        match name {
            "Authorization" => head.authorization = Some(value.into()),
            "Content-Type" => head.content_type = Some(value),
            "Content-Length" => head.content_length = value.parse().ok(),
            "Idempotency-Key" => head.idempotency_key = Some(value),
            "Content-Digest" => head.content_digest = Some(value),
            "Mood" => mood = Mood::called(&value),
            _ => {}
        }
    }
    (head, mood)
}

fn is_raw(head: &Head) -> bool {
    let kind = head.content_type.as_deref().unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default();
    kind.trim().eq_ignore_ascii_case("message/rfc822")
}

fn a_message_has_only_the_header_fields_asked_for(
    message: &Bytes,
    fields: &serde_json::Map<String, Value>,
) {
    let text = String::from_utf8_lossy(message);
    let (header, _) = text.split_once("\r\n\r\n").expect("a header, a body");
    let line_ends = header.matches("\r\n").count();
    assert_eq!(header.matches(['\r', '\n']).count(), line_ends * 2);
    let asked_for = |name: &str| {
        let headers = fields.get("headers").and_then(Value::as_object);
        headers.is_some_and(|headers| headers.contains_key(name))
    };
    let mut seen = Vec::new();
    for line in header.split("\r\n") {
        assert!(!line.is_empty(), "an empty line ends the header");
        if line.starts_with([' ', '\t']) {
            assert!(!seen.is_empty(), "the first line is folded");
            continue;
        }
        let name = line.split_once(':').expect("a field has a colon").0;
        let ours = OURS.contains(&name);
        assert!(ours || asked_for(name), "{name:?} is smuggled:\n{header}");
        assert!(
            !(ours && seen.contains(&name)),
            "{name} stands twice:\n{header}"
        );
        seen.push(name);
    }
}

const OURS: [&str; 10] = [
    "From",
    "To",
    "Cc",
    "Reply-To",
    "Subject",
    "Date",
    "Message-ID",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
];
