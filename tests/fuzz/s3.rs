//! A storage's answers: whatever comes is an answer within its limits or an error of one line that gives
//! away neither keys nor signatures, and it comes to an end.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use futures::executor::block_on;
use holdfast_core::custody::store::s3::{S3Settings, S3Store};
use holdfast_core::custody::store::{Condition, Conditional, Store, StoreError, Version};
use holdfast_core::ports::{
    Clock, HttpClient, HttpFailure, HttpFailureKind, HttpRequest, HttpResponse,
};
use holdfast_core::time::Timestamp;

/// What is asked (`get`, `peek`, `put`, `put-new`, `put-over`, `delete`, `list`), then the answers, each
/// behind a line `%%`: a line with the status and the entity tag, and the body.
pub fn check(input: &[u8]) {
    let (asked, mut rest) = crate::cut(input, b"\n%%\n");
    let mut answers = VecDeque::new();
    while !rest.is_empty() {
        let (answer, more) = crate::cut(rest, b"\n%%\n");
        rest = more;
        let (status, body) = crate::cut(answer, b"\n");
        let status = String::from_utf8_lossy(status);
        let (status, etag) = status.split_once(' ').unwrap_or((&status, ""));
        answers.push_back(HttpResponse {
            status: status.parse().unwrap_or(0),
            etag: (!etag.is_empty()).then(|| etag.to_owned()),
            body: Bytes::copy_from_slice(body),
        });
    }
    let storage = Storage {
        answers: RefCell::new(answers),
        now: Cell::new(crate::world::NOW),
    };
    let settings = S3Settings {
        url: "http://127.0.0.1:9000".into(),
        bucket: "holdfast".into(),
        region: "us-east-1".into(),
        virtual_host: false,
        access_key: "access".into(),
        secret_key: "hunter2".into(),
    };
    let store = S3Store::new(&settings, &storage).unwrap();
    block_on(ask(&store, asked))
        .err()
        .into_iter()
        .for_each(told);
}

async fn ask(store: &impl Store, asked: &[u8]) -> Result<(), StoreError> {
    let body = [Bytes::from_static(b"x")];
    let any = Version("\"v\"".into());
    match asked {
        b"get" => {
            let object = store.get("key", 100).await?;
            assert!(object.is_none_or(|object| object.bytes.len() <= 100));
        }
        b"peek" => {
            let first = store.peek("key", 10).await?;
            assert!(first.is_none_or(|first| first.len() <= 10));
        }
        b"put" => drop(store.put("key", &body, Condition::Always).await?),
        b"put-new" => drop(store.put("key", &body, Condition::Absent).await?),
        b"put-over" => drop(store.put("key", &body, Condition::Unchanged(any)).await?),
        b"delete" => store.delete("key").await?,
        b"list" => {
            let page = store.list("queue/hq/", None, 10).await?;
            let ours = |key: &String| key.starts_with("queue/hq/");
            assert!(page.keys.iter().all(ours), "{page:?}");
        }
        _ => assert_ne!(store.conditional().await?, Conditional::Unknown),
    }
    Ok(())
}

fn told(error: StoreError) {
    let text = error.to_string();
    assert!(
        !text.contains("hunter2") && !text.contains("X-Amz"),
        "{text}"
    );
    assert!(
        !text.contains(char::is_control) && text.len() < 200,
        "{text}"
    );
}

/// Gives its answers one after the other, then none.
struct Storage {
    answers: RefCell<VecDeque<HttpResponse>>,
    now: Cell<i64>,
}

impl HttpClient for &Storage {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpFailure> {
        assert!(request.reply <= Duration::from_secs(60), "it ends");
        let failed = |kind| HttpFailure {
            kind,
            detail: "as it was told to".into(),
        };
        match self.answers.borrow_mut().pop_front() {
            None => Err(failed(HttpFailureKind::Broken)),
            Some(answer) if answer.body.len() > request.most => {
                Err(failed(HttpFailureKind::TooLong))
            }
            Some(answer) => Ok(answer),
        }
    }
}

impl Clock for &Storage {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.now.get())
    }

    fn random(&self, bytes: &mut [u8]) {
        bytes.fill(0);
    }

    async fn sleep(&self, duration: Duration) {
        let millis = i64::try_from(duration.as_millis()).unwrap();
        self.now.set(self.now.get() + millis);
    }
}
