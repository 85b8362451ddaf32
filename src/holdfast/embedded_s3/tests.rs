//! The store, spoken to as the components do: rusty-s3's signed URLs.

use std::path::Path;
use std::time::Duration;

use futures::future::join_all;
use reqwest::{Client, RequestBuilder};
use rusty_s3::{Bucket, Credentials, S3Action, UrlStyle};

use super::*;

struct Fixture {
    s3: EmbeddedS3,
    bucket: Bucket,
    credentials: Credentials,
    http: Client,
}

async fn start(folder: &Path, secret_of_client: &str) -> Fixture {
    let s3 = EmbeddedS3::start(S3Options::new(folder, "access", "secret"))
        .await
        .unwrap();
    let url = s3.url().parse().unwrap();
    Fixture {
        bucket: Bucket::new(url, UrlStyle::Path, "holdfast", "us-east-1").unwrap(),
        credentials: Credentials::new("access", secret_of_client),
        http: Client::new(),
        s3,
    }
}

impl Fixture {
    fn put(
        &self,
        key: &str,
        condition: Option<(&'static str, &str)>,
        body: &str,
    ) -> RequestBuilder {
        let mut action = self.bucket.put_object(Some(&self.credentials), key);
        if let Some((name, value)) = condition {
            action.headers_mut().insert(name, value.to_owned());
        }
        let mut request = self.http.put(action.sign(VALID)).body(body.to_owned());
        if let Some((name, value)) = condition {
            request = request.header(name, value);
        }
        request
    }

    async fn status(&self, request: RequestBuilder) -> u16 {
        request.send().await.unwrap().status().as_u16()
    }

    async fn get(&self, key: &str) -> (u16, String) {
        let url = self
            .bucket
            .get_object(Some(&self.credentials), key)
            .sign(VALID);
        let response = self.http.get(url).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Vec<String> {
        let mut action = self.bucket.list_objects_v2(Some(&self.credentials));
        action.with_prefix(prefix.to_owned());
        action.with_max_keys(limit);
        if let Some(after) = after {
            action.with_start_after(after.to_owned());
        }
        let text = self
            .http
            .get(action.sign(VALID))
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
        let listed = rusty_s3::actions::ListObjectsV2::parse_response(&text).unwrap();
        listed
            .contents
            .into_iter()
            .map(|object| object.key)
            .collect()
    }
}

const CREATE: Option<(&str, &str)> = Some(("if-none-match", "*"));
const VALID: Duration = Duration::from_secs(60);

#[tokio::test]
async fn objects_outlive_the_server_and_signatures_are_verified() {
    let folder = tempfile::tempdir().unwrap();
    let first = start(folder.path(), "secret").await;
    assert_eq!(
        first
            .status(first.put("queue/demo/1.eml", None, "hello"))
            .await,
        200
    );
    let address = first.s3.address();
    first.s3.stop().await;
    assert!(
        TcpStream::connect(address).await.is_err(),
        "it must be gone"
    );

    let second = start(folder.path(), "secret").await;
    assert_eq!(
        second.get("queue/demo/1.eml").await,
        (200, "hello".to_owned())
    );
    let forger = start(folder.path(), "guessed").await;
    assert_eq!(forger.get("queue/demo/1.eml").await.0, 403);
    assert_eq!(
        forger
            .status(forger.put("queue/demo/2.eml", None, "x"))
            .await,
        403
    );
}

#[tokio::test]
async fn of_many_creators_one_wins() {
    let folder = tempfile::tempdir().unwrap();
    let store = start(folder.path(), "secret").await;
    for round in 0..20 {
        let key = format!("leases/{round}.json");
        let creators = (0..16).map(|n| {
            let request = store.put(&key, CREATE, &n.to_string());
            store.status(request)
        });
        let statuses = join_all(creators).await;
        let won = statuses.iter().filter(|status| **status == 200).count();
        let lost = statuses.iter().filter(|status| **status == 412).count();
        assert_eq!((won, lost), (1, 15), "{statuses:?}");
    }
}

#[tokio::test]
async fn of_many_changers_one_wins() {
    let folder = tempfile::tempdir().unwrap();
    let store = start(folder.path(), "secret").await;
    let created = store
        .put("routes/demo.json", CREATE, "0")
        .send()
        .await
        .unwrap();
    let etag = created.headers()["etag"].to_str().unwrap().to_owned();
    let changers = (1..=16).map(|n| {
        let request = store.put(
            "routes/demo.json",
            Some(("if-match", &etag)),
            &n.to_string(),
        );
        store.status(request)
    });
    let mut statuses = join_all(changers).await;
    statuses.sort_unstable();
    let mut expected = vec![412; 16];
    expected[0] = 200;
    assert_eq!(statuses, expected);
    let missing = store.put("routes/none.json", Some(("if-match", &etag)), "1");
    assert!([404, 412].contains(&store.status(missing).await));
}

#[tokio::test]
async fn listings_are_in_order_and_in_pages() {
    let folder = tempfile::tempdir().unwrap();
    let store = start(folder.path(), "secret").await;
    for key in [
        "queue/b/2.eml",
        "queue/a/3.eml",
        "queue/a/1.eml",
        "queue/a/2.eml",
        "other/x",
    ] {
        assert_eq!(store.status(store.put(key, None, "x")).await, 200);
    }
    let all = store.list("queue/a/", None, 10).await;
    assert_eq!(all, ["queue/a/1.eml", "queue/a/2.eml", "queue/a/3.eml"]);
    assert_eq!(store.list("queue/a/", None, 2).await, all[..2]);
    assert_eq!(
        store.list("queue/a/", Some("queue/a/1.eml"), 10).await,
        all[1..]
    );
    let url = store
        .bucket
        .delete_object(Some(&store.credentials), "queue/a/2.eml")
        .sign(VALID);
    assert_eq!(store.http.delete(url).send().await.unwrap().status(), 204);
    assert_eq!(
        store.list("queue/", None, 10).await,
        ["queue/a/1.eml", "queue/a/3.eml", "queue/b/2.eml"]
    );
    assert_eq!(store.get("queue/a/2.eml").await.0, 404);
}

#[tokio::test]
async fn what_lies_in_the_folder_is_what_is_listed() {
    let folder = tempfile::tempdir().unwrap();
    let first = start(folder.path(), "secret").await;
    for key in ["queue/a/1.eml", "queue/a/2.eml", "queue/a/3.eml"] {
        assert_eq!(first.status(first.put(key, None, key)).await, 200);
    }
    first.s3.stop().await;
    // A write that was cut off by the server's end is no object.
    std::fs::write(folder.path().join(".unfinished-7"), "half").unwrap();

    let second = start(folder.path(), "secret").await;
    std::fs::remove_file(folder.path().join("holdfast/queue/a/1.eml")).unwrap();
    assert_eq!(
        second.list("queue/", None, 1).await,
        ["queue/a/2.eml"],
        "what was removed from behind takes no place in a page"
    );
    assert!(!folder.path().join(".unfinished-7").exists());
    assert_eq!(second.get("queue/a").await.0, 404, "a folder is no object");
}

#[tokio::test]
async fn a_key_is_no_path() {
    let folder = tempfile::tempdir().unwrap();
    let store = start(folder.path(), "secret").await;
    let files = files::Files::open(folder.path().to_owned(), true).unwrap();
    for name in ["holdfast/../x", "holdfast//x", "holdfast/./x", "holdfast/"] {
        let written = files.write(name, &[], &files::Condition::Always);
        assert!(written.is_err(), "{name}");
        assert!(files.facts(name).is_err(), "{name}");
    }
    assert!(!folder.path().join("x").exists());
    assert_eq!(store.status(store.put("..x/y..", None, "x")).await, 200);
}

#[test]
fn an_object_that_is_written_anew_while_others_list_stays_listed() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("holdfast")).unwrap();
    let files = files::Files::open(folder.path().to_owned(), false).unwrap();
    let name = "holdfast/leases/hq.json";
    let listed = || files.list("holdfast", "", "", 10).unwrap().0.len();
    let enough = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !enough.load(std::sync::atomic::Ordering::Relaxed) {
                    listed();
                }
            });
        }
        let missing = (0..2_000).find(|_| {
            files.remove(name).unwrap();
            let written = files.write(name, &[], &files::Condition::Always);
            written.unwrap();
            std::thread::yield_now();
            listed() != 1
        });
        enough.store(true, std::sync::atomic::Ordering::Relaxed);
        assert_eq!(missing, None, "it is there and not listed");
    });
}
