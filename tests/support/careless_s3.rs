//! Storage that takes conditions and ignores them, as s3rver does, and asks for no signature.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

type Objects = Arc<Mutex<BTreeMap<String, Bytes>>>;

/// The server, with its objects in memory.
pub struct CarelessS3 {
    address: SocketAddr,
    objects: Objects,
    accepting: JoinHandle<()>,
}

impl CarelessS3 {
    /// An empty one.
    pub async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let objects = Objects::default();
        let shared = objects.clone();
        let accepting = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let objects = shared.clone();
                let service = service_fn(move |request| {
                    let objects = objects.clone();
                    async move { Ok::<_, Infallible>(serve(request, &objects).await) }
                });
                let http = hyper::server::conn::http1::Builder::new();
                connections.spawn(http.serve_connection(TokioIo::new(stream), service));
            }
        });
        Self {
            address,
            objects,
            accepting,
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Writes an object from behind.
    pub fn overwrite(&self, key: &str, bytes: &[u8]) {
        let bytes = Bytes::copy_from_slice(bytes);
        self.objects.lock().unwrap().insert(key.to_owned(), bytes);
    }

    /// All objects by key.
    pub fn objects(&self) -> BTreeMap<String, Vec<u8>> {
        let objects = self.objects.lock().unwrap();
        let pairs = objects.iter();
        pairs
            .map(|(key, bytes)| (key.clone(), bytes.to_vec()))
            .collect()
    }
}

impl Drop for CarelessS3 {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn serve(request: Request<Incoming>, objects: &Objects) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    let Ok(body) = body.collect().await else {
        return answer(400, Bytes::new());
    };
    let path = head.uri.path().trim_start_matches('/');
    let key = decoded(path.split_once('/').map_or("", |(_, key)| key));
    let mut objects = objects.lock().unwrap();
    match (head.method, key.as_str()) {
        (Method::GET, "") => {
            let query = head.uri.query().unwrap_or_default();
            answer(200, listing(&objects, query).into())
        }
        (Method::GET | Method::HEAD, key) => match objects.get(key) {
            Some(bytes) => {
                let range = head.headers.get(http::header::RANGE);
                let part = range.map_or(bytes.clone(), |range| first_of(bytes, range));
                tagged(answer(200, part), bytes)
            }
            None => {
                let error = "<Error><Code>NoSuchKey</Code></Error>";
                answer(404, Bytes::from_static(error.as_bytes()))
            }
        },
        (Method::PUT, key) => {
            let bytes = body.to_bytes();
            objects.insert(key.to_owned(), bytes.clone());
            tagged(answer(200, Bytes::new()), &bytes)
        }
        (Method::DELETE, key) => {
            objects.remove(key);
            answer(204, Bytes::new())
        }
        _ => answer(405, Bytes::new()),
    }
}

/// The first bytes, which is all that is ever asked for: `bytes=0-LAST`.
fn first_of(bytes: &Bytes, range: &http::HeaderValue) -> Bytes {
    let last = range.to_str().unwrap().strip_prefix("bytes=0-").unwrap();
    let end: usize = last.parse::<usize>().unwrap() + 1;
    bytes.slice(..end.min(bytes.len()))
}

fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text)
        .decode_utf8_lossy()
        .into_owned()
}

fn listing(objects: &BTreeMap<String, Bytes>, query: &str) -> String {
    let word = |name: &str| {
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let value = pairs.find(|(key, _)| *key == name).map(|(_, value)| value);
        decoded(value.unwrap_or_default())
    };
    let (prefix, after) = (word("prefix"), word("start-after"));
    let most: usize = word("max-keys").parse().unwrap_or(1_000);
    let mut found = objects
        .iter()
        .filter(|(key, _)| key.starts_with(&prefix) && **key > after);
    let contents: String = found
        .by_ref()
        .take(most)
        .map(|(key, bytes)| {
            let key =
                percent_encoding::utf8_percent_encode(key, percent_encoding::NON_ALPHANUMERIC);
            format!(
                "<Contents><Key>{key}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>\
                 <ETag>\"x\"</ETag><Size>{}</Size><StorageClass>STANDARD</StorageClass></Contents>",
                bytes.len()
            )
        })
        .collect();
    let more = match found.next() {
        Some(_) => "<NextContinuationToken>more</NextContinuationToken>",
        None => "",
    };
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\
         <ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><MaxKeys>{most}</MaxKeys><KeyCount>0</KeyCount>\
         <IsTruncated>{}</IsTruncated>{more}<EncodingType>url</EncodingType>{contents}</ListBucketResult>",
        !more.is_empty()
    )
}

fn answer(status: u16, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status.try_into().unwrap();
    response
}

fn tagged(mut response: Response<Full<Bytes>>, bytes: &Bytes) -> Response<Full<Bytes>> {
    let tag: String = Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let tag = format!("\"{tag}\"").parse().unwrap();
    response.headers_mut().insert(http::header::ETAG, tag);
    response
}
