//! HTTP written by hand, for clients that lie about their bodies, send no end or go away.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// What was answered, if anything.
#[derive(Debug)]
pub struct RawAnswer {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: Value,
    /// How many bytes of the body had been sent by then.
    pub sent: usize,
}

/// Sends `head` (its lines, without the empty one), and `piece` again and again, `most` bytes of
/// it in all, until an answer comes. With `shut`, the sender then shuts its side.
pub async fn send(
    to: SocketAddr,
    head: &[String],
    piece: &[u8],
    most: usize,
    shut: bool,
) -> Option<RawAnswer> {
    let stream = TcpStream::connect(to).await.unwrap();
    let (mut read, mut write) = stream.into_split();
    let head = format!("{}\r\n\r\n", head.join("\r\n"));
    write.write_all(head.as_bytes()).await.unwrap();
    let mut sent = 0;
    let reading = answer(&mut read);
    tokio::pin!(reading);
    let mut early = None;
    while sent < most && early.is_none() {
        let end = piece.len().min(most - sent);
        tokio::select! {
            biased;
            answered = &mut reading => early = Some(answered),
            written = write.write_all(&piece[..end]) => match written {
                Ok(()) => sent += end,
                Err(_) => break,
            }
        }
    }
    if shut && early.is_none() {
        write.shutdown().await.ok();
    }
    let answered = match early {
        Some(answered) => answered,
        None => timeout(PATIENCE, reading)
            .await
            .expect("an answer, or the end"),
    };
    answered.map(|(status, body)| RawAnswer { status, body, sent })
}

async fn answer(read: &mut (impl AsyncReadExt + Unpin)) -> Option<(u16, Value)> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                let length = name.eq_ignore_ascii_case("content-length");
                length.then(|| value.trim().parse::<usize>().ok())?
            });
            if length.is_some_and(|length| body.len() >= length) {
                let status = head.split(' ').nth(1)?.parse().ok()?;
                return Some((status, serde_json::from_str(body).unwrap_or(Value::Null)));
            }
        }
        if read.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
            return None;
        }
    }
}

const PATIENCE: Duration = Duration::from_secs(60);
