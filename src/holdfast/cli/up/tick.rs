//! Calls `POST /v1/tick` regularly, as cron would on a real installation.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, header};
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::task::JoinHandle;

use crate::cli::texts;

/// Ticks until it is dropped.
pub struct Ticker(JoinHandle<()>);

impl Ticker {
    /// Ticks the application at `url`, every five seconds and a little more or less, so that
    /// several installations do not tick in step. Of the good ticks only the first is mentioned.
    pub fn start(url: &str, token: &str) -> Self {
        let (url, token) = (format!("{url}/v1/tick"), format!("Bearer {token}"));
        Self(tokio::spawn(async move {
            let client = Client::builder(TokioExecutor::new()).build_http();
            let mut mentioned = false;
            loop {
                match tick(&client, &url, &token).await {
                    Ok(()) if mentioned => {}
                    Ok(()) => {
                        mentioned = true;
                        texts::ticking();
                    }
                    Err(reason) => texts::tick_failed(&reason),
                }
                tokio::time::sleep(interval()).await;
            }
        }))
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn tick(
    client: &Client<HttpConnector, Full<Bytes>>,
    url: &str,
    token: &str,
) -> Result<(), String> {
    let request = Request::post(url)
        .header(header::AUTHORIZATION, token)
        .header(header::CONTENT_LENGTH, 0)
        .body(Full::default())
        .map_err(|_| "the token is not a header value".to_owned())?;
    let response = client
        .request(request)
        .await
        .map_err(|error| error.to_string())?;
    match response.status() {
        status if status.is_success() => Ok(()),
        status => Err(format!("it was answered with {status}")),
    }
}

/// 4 to 6 seconds. A fresh hasher's keys are random enough for this.
fn interval() -> Duration {
    let jitter = RandomState::new().hash_one(()) % 2000;
    Duration::from_millis(4000 + jitter)
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn a_tick_is_a_post_with_the_token() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let _ticker = Ticker::start(&url, "secret");
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            assert!(stream.read_buf(&mut head).await.unwrap() > 0);
        }
        let head = String::from_utf8(head).unwrap();
        assert!(head.starts_with("POST /v1/tick HTTP/1.1\r\n"), "{head}");
        assert!(head.contains("authorization: Bearer secret\r\n"), "{head}");
        assert!(head.contains("content-length: 0\r\n"), "{head}");
    }
}
