//! What each answer of a storage means, with a client that answers from a list.

use std::cell::RefCell;
use std::collections::VecDeque;

use super::*;
use crate::ports::HttpFailure;
use crate::time::Timestamp;
use futures::executor::block_on;

type Scripted = Result<(u16, &'static str), HttpFailureKind>;

/// Gives the scripted answers in order and notes what it was asked.
#[derive(Default)]
struct Script {
    answers: RefCell<VecDeque<Scripted>>,
    asked: RefCell<Vec<HttpRequest>>,
    now: Cell<i64>,
}

impl HttpClient for &Script {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpFailure> {
        self.asked.borrow_mut().push(request);
        match self
            .answers
            .borrow_mut()
            .pop_front()
            .expect("more requests than answers")
        {
            Ok((status, body)) => Ok(HttpResponse {
                status,
                etag: Some("\"v\"".into()),
                body: body.into(),
            }),
            Err(kind) => Err(HttpFailure {
                kind,
                detail: format!("{kind:?}"),
            }),
        }
    }
}

impl Clock for &Script {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.now.get())
    }
    fn random(&self, bytes: &mut [u8]) {
        bytes.fill(0);
    }
    async fn sleep(&self, duration: Duration) {
        self.now
            .set(self.now.get() + i64::try_from(duration.as_millis()).unwrap());
    }
}

fn script(answers: &[Scripted]) -> Script {
    Script {
        answers: RefCell::new(answers.iter().copied().collect()),
        ..Script::default()
    }
}

fn settings() -> S3Settings {
    S3Settings {
        url: "http://127.0.0.1:9000".into(),
        bucket: "holdfast".into(),
        region: "us-east-1".into(),
        virtual_host: false,
        access_key: "access".into(),
        secret_key: "s3cret".into(),
    }
}

fn put(script: &Script, condition: Condition) -> Result<Put, StoreErrorKind> {
    let store = S3Store::new(&settings(), script).unwrap();
    store.conditional.set(Conditional::Yes);
    block_on(store.put("queue/hq/a.eml", &[Bytes::from_static(b"x")], condition))
        .map_err(|error| error.kind)
}

const BUSY: Scripted = Ok((503, "<Error><Code>SlowDown</Code></Error>"));
const OK: Scripted = Ok((200, ""));

#[test]
fn trouble_that_passes_is_tried_again() {
    for trouble in [
        BUSY,
        Ok((500, "")),
        Ok((429, "")),
        Err(HttpFailureKind::Broken),
        Err(HttpFailureKind::Timeout),
    ] {
        let script = script(&[trouble, OK]);
        assert!(
            matches!(put(&script, Condition::Always), Ok(Put::Written(_))),
            "{trouble:?}"
        );
        assert!(script.now.get() >= 50, "there is a wait between tries");
    }
}

#[test]
fn trouble_that_stays_is_told_after_a_bounded_number_of_tries() {
    let script = script(&[BUSY, BUSY, BUSY]);
    assert_eq!(
        put(&script, Condition::Always),
        Err(StoreErrorKind::Unavailable)
    );
    assert_eq!(script.asked.borrow().len(), limits::STORAGE_TRIES as usize);
}

#[test]
fn our_own_mistakes_are_told_at_once() {
    for answer in [
        Ok((
            403,
            "<Error><Code>SignatureDoesNotMatch</Code><StringToSign>s3cret</StringToSign></Error>",
        )),
        Ok((404, "<Error><Code>NoSuchBucket</Code></Error>")),
        Err(HttpFailureKind::NotGranted),
    ] {
        let script = script(&[answer]);
        let store = S3Store::new(&settings(), &script).unwrap();
        let error = block_on(store.put("k", &[], Condition::Always)).unwrap_err();
        assert_eq!(error.kind, StoreErrorKind::Denied);
        assert!(
            !error.to_string().contains("s3cret") && !error.to_string().contains("X-Amz"),
            "{error}"
        );
    }
}

#[test]
fn a_condition_that_fails_is_a_conflict_and_two_at_once_are_tried_again() {
    assert_eq!(
        put(&script(&[Ok((412, ""))]), Condition::Absent),
        Ok(Put::Conflict)
    );
    let twice = script(&[
        Ok((
            409,
            "<Error><Code>ConditionalRequestConflict</Code></Error>",
        )),
        Ok((412, "")),
    ]);
    assert_eq!(put(&twice, Condition::Absent), Ok(Put::Conflict));
    let gone = script(&[Ok((404, "<Error><Code>NoSuchKey</Code></Error>"))]);
    assert_eq!(
        put(&gone, Condition::Unchanged(Version("\"v\"".into()))),
        Ok(Put::Conflict)
    );
}

#[test]
fn a_store_that_ignores_conditions_is_found_out_and_read_first() {
    // Twice created: the condition was ignored. Then each condition is a HEAD before the PUT.
    let script = script(&[OK, OK, Ok((200, "")), Ok((404, "")), OK]);
    let store = S3Store::new(&settings(), &script).unwrap();
    let put = |key: &str| block_on(store.put(key, &[], Condition::Absent)).unwrap();
    assert_eq!(put("there"), Put::Conflict);
    assert!(matches!(put("new"), Put::Written(_)));
    let asked = script.asked.borrow();
    let methods: Vec<_> = asked.iter().map(|request| request.method).collect();
    assert_eq!(methods, ["PUT", "PUT", "HEAD", "HEAD", "PUT"]);
    assert_eq!(block_on(store.conditional()), Ok(Conditional::No));
}

#[test]
fn a_store_that_refuses_the_second_creation_is_believed() {
    let script = script(&[OK, Ok((412, "")), OK]);
    let store = S3Store::new(&settings(), &script).unwrap();
    assert!(matches!(
        block_on(store.put("new", &[], Condition::Absent)),
        Ok(Put::Written(_))
    ));
    assert_eq!(block_on(store.conditional()), Ok(Conditional::Yes));
    assert!(
        script.asked.borrow()[2]
            .headers
            .contains(&("if-none-match", "*".into()))
    );
}

#[test]
fn a_listing_of_what_was_not_asked_for_is_none() {
    const BOTH: Scripted = Ok((
        200,
        "<ListBucketResult xmlns='http://s3.amazonaws.com/doc/2006-03-01/'><MaxKeys>9</MaxKeys><EncodingType>url</EncodingType>\
         <Contents><Key>queue/branch/1.eml</Key><LastModified>2026-11-23T00:00:00.000Z</LastModified>\
         <ETag>a</ETag><Size>1</Size><StorageClass>STANDARD</StorageClass></Contents>\
         </ListBucketResult>",
    ));
    let listed = |prefix, after| {
        let script = script(&[BOTH]);
        let store = S3Store::new(&settings(), &script).unwrap();
        let page = block_on(store.list(prefix, after, 9));
        page.map(|page| page.keys.len()).map_err(|error| error.kind)
    };
    assert_eq!(listed("queue/branch/", None), Ok(1));
    assert_eq!(listed("queue/branch/", Some("queue/branch/0.eml")), Ok(1));
    let damaged = Err(StoreErrorKind::Damaged);
    assert_eq!(listed("queue/hq/", None), damaged, "another's mail");
    assert_eq!(
        listed("queue/branch/", Some("queue/branch/1.eml")),
        damaged,
        "the same page again"
    );
}

#[test]
fn requests_are_signed_for_their_own_time_and_headers() {
    let script = script(&[OK]);
    let _ = put(&script, Condition::Absent);
    let url = script.asked.borrow()[0].url.clone();
    assert!(
        url.starts_with("http://127.0.0.1:9000/holdfast/queue/hq/a.eml?"),
        "{url}"
    );
    assert!(url.contains("X-Amz-Date=19700101T000000Z"), "{url}");
    assert!(
        url.contains("X-Amz-SignedHeaders=host%3Bif-none-match"),
        "{url}"
    );
}

#[test]
fn settings_that_cannot_work_are_refused_by_name() {
    let with = |change: fn(&mut S3Settings)| {
        let mut settings = settings();
        change(&mut settings);
        let script = Script::default();
        S3Store::new(&settings, &script).err().unwrap_or_default()
    };
    assert!(with(|s| s.url = "nonsense".into()).starts_with("storage_url"));
    assert!(with(|s| s.url = "https://h/path".into()).starts_with("storage_url"));
    assert!(with(|s| s.url = "https://u:hunter2@h".into()).starts_with("storage_url"));
    assert!(!with(|s| s.url = "https://u:hunter2@h".into()).contains("hunter2"));
    assert!(with(|s| s.secret_key.clear()).contains("storage_secret_key"));
}
