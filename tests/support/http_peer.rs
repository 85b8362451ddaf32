//! A mail system that takes HTTP and answers as a test wants.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// How a request is answered once it has arrived whole.
#[derive(Clone, Debug)]
pub enum HttpAct {
    /// With this status and this JSON.
    Answer(u16, String),
    /// The connection is closed.
    Close,
    /// Never.
    Silent,
}

/// The server.
pub struct HttpPeer {
    address: SocketAddr,
    act: Arc<Mutex<HttpAct>>,
    bodies: Arc<Mutex<Vec<Vec<u8>>>>,
    heads: Arc<Mutex<Vec<String>>>,
    accepting: JoinHandle<()>,
}

impl HttpPeer {
    /// A server that answers `act`.
    pub async fn start(act: HttpAct) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (act, bodies) = (Arc::new(Mutex::new(act)), Arc::<Mutex<Vec<_>>>::default());
        let heads = Arc::<Mutex<Vec<String>>>::default();
        let (acts, seen, heard) = (act.clone(), bodies.clone(), heads.clone());
        let accepting = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, acts.clone(), seen.clone(), heard.clone()));
            }
        });
        Self {
            address,
            act,
            bodies,
            heads,
            accepting,
        }
    }

    /// As a route's `primary`.
    pub fn url(&self) -> String {
        format!("http://{}/inbound", self.address)
    }

    /// As a grant.
    pub fn grant(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on it answers so.
    pub fn answer(&self, act: HttpAct) {
        *self.act.lock().unwrap() = act;
    }

    /// The heads of the requests that arrived whole, in lower case.
    pub fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }

    /// The bodies that arrived whole.
    pub fn bodies(&self) -> Vec<Vec<u8>> {
        self.bodies.lock().unwrap().clone()
    }
}

impl Drop for HttpPeer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn serve(
    stream: TcpStream,
    act: Arc<Mutex<HttpAct>>,
    bodies: Arc<Mutex<Vec<Vec<u8>>>>,
    heads: Arc<Mutex<Vec<String>>>,
) -> Option<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let (mut length, mut head) = (0, String::new());
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await.ok()? == 0 {
                return None;
            }
            let line = line.trim_end().to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            head.push_str(&line);
            head.push('\n');
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().ok()?;
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await.ok()?;
        heads.lock().unwrap().push(head);
        bodies.lock().unwrap().push(body);
        let act = act.lock().unwrap().clone();
        let (status, text) = match act {
            HttpAct::Answer(status, text) => (status, text),
            HttpAct::Close => return None,
            HttpAct::Silent => std::future::pending().await,
        };
        let head = format!(
            "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            text.len()
        );
        let answer = format!("{head}{text}");
        stream.get_mut().write_all(answer.as_bytes()).await.ok()?;
    }
}
