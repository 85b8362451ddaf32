//! A mail server with TLS that remembers what it was told, and whether that was encrypted.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use holdfast_tests::certificates::Certified;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::version::TLS12;
use tokio_rustls::rustls::{self, ServerConfig};

/// What the server is like; by default it offers STARTTLS with TLS 1.3.
#[derive(Default)]
pub struct Character {
    /// TLS from the first byte.
    pub implicit: bool,
    /// It does not offer STARTTLS.
    pub hides_starttls: bool,
    /// It agrees to STARTTLS and then speaks something else.
    pub breaks_handshakes: bool,
    /// It knows TLS 1.2 only.
    pub old: bool,
    /// The mechanisms it offers, in the clear too; without them it asks for no password.
    pub mechanisms: &'static str,
}

/// One line it was sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Whether it came encrypted.
    pub secure: bool,
    /// The line.
    pub text: String,
}

/// The server. Dropping it stops it.
pub struct Server {
    address: SocketAddr,
    lines: Arc<Mutex<Vec<Line>>>,
    accepting: JoinHandle<()>,
}

impl Server {
    /// Starts it with this certificate.
    pub async fn start(certified: &Certified, character: Character) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let lines = Arc::<Mutex<Vec<Line>>>::default();
        let session = Arc::new(Session {
            acceptor: acceptor(certified, character.old),
            character,
            lines: lines.clone(),
        });
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let session = session.clone();
                tokio::spawn(async move { session.serve(stream).await });
            }
        });
        Self {
            address,
            lines,
            accepting,
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The lines it was sent so far.
    pub fn lines(&self) -> Vec<Line> {
        self.lines.lock().unwrap().clone()
    }

    /// Whether it was sent mail: `None` if not, else whether all of that was encrypted.
    pub fn was_sent_mail(&self) -> Option<bool> {
        let lines = self.lines();
        let mail = lines
            .iter()
            .position(|line| line.text.starts_with("MAIL FROM"))?;
        Some(lines[mail..].iter().all(|line| line.secure))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

fn acceptor(certified: &Certified, old: bool) -> TlsAcceptor {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions = if old {
        &[&TLS12][..]
    } else {
        rustls::DEFAULT_VERSIONS
    };
    let key = PrivateKeyDer::try_from(certified.key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certified.certificate.der().clone()], key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

struct Session {
    acceptor: TlsAcceptor,
    character: Character,
    lines: Arc<Mutex<Vec<Line>>>,
}

impl Session {
    async fn serve(&self, stream: TcpStream) {
        let mut plain = BufReader::new(stream);
        if !self.character.implicit {
            if !self.talk(&mut plain, false, true).await {
                return;
            }
            if self.character.breaks_handshakes {
                // Not before the client begins: earlier it would look like an injection.
                plain.fill_buf().await.ok();
                plain.write_all(b"421 something else\r\n").await.ok();
                return;
            }
        }
        let greets = self.character.implicit;
        if let Ok(secure) = self.acceptor.accept(plain.into_inner()).await {
            self.talk(&mut BufReader::new(secure), true, greets).await;
        }
    }

    /// Speaks SMTP; returns true where STARTTLS is to follow.
    async fn talk<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: &mut BufReader<S>,
        secure: bool,
        greets: bool,
    ) -> bool {
        let mut known = self.character.mechanisms.is_empty();
        if greets && !say(stream, "220 mail.example.org").await {
            return false;
        }
        while let Some(line) = self.line(stream, secure).await {
            let words: Vec<&str> = line.split(' ').collect();
            let reply = match words[..] {
                ["EHLO", _] => self.capabilities(secure),
                ["STARTTLS"] => return say(stream, "220 go ahead").await,
                ["AUTH", "PLAIN", response] => {
                    known = decoded(response) == format!("\0{USER}\0{PASSWORD}");
                    verdict(known)
                }
                ["AUTH", "LOGIN"] => {
                    say(stream, "334 VXNlcm5hbWU6").await;
                    let user = self.line(stream, secure).await.unwrap_or_default();
                    say(stream, "334 UGFzc3dvcmQ6").await;
                    let password = self.line(stream, secure).await.unwrap_or_default();
                    known =
                        (decoded(&user).as_str(), decoded(&password).as_str()) == (USER, PASSWORD);
                    verdict(known)
                }
                ["MAIL", ..] if !known => "530 5.7.0 who are you?".to_owned(),
                ["DATA"] => {
                    say(stream, "354 go ahead").await;
                    while self
                        .line(stream, secure)
                        .await
                        .is_some_and(|line| line != ".")
                    {}
                    "250 2.0.0 taken".to_owned()
                }
                ["QUIT"] => {
                    say(stream, "221 bye").await;
                    return false;
                }
                _ => "250 2.0.0 fine".to_owned(),
            };
            if !say(stream, &reply).await {
                return false;
            }
        }
        false
    }

    async fn line<S: AsyncRead + Unpin>(
        &self,
        stream: &mut BufReader<S>,
        secure: bool,
    ) -> Option<String> {
        let mut bytes = Vec::new();
        let length = stream.read_until(b'\n', &mut bytes).await.unwrap_or(0);
        let text = String::from_utf8_lossy(&bytes).trim_end().to_owned();
        (length > 0).then(|| {
            self.lines.lock().unwrap().push(Line {
                secure,
                text: text.clone(),
            });
            text
        })
    }

    fn capabilities(&self, secure: bool) -> String {
        let mut lines = vec!["mail.example.org".to_owned()];
        if !secure && !self.character.hides_starttls {
            lines.push("STARTTLS".to_owned());
        }
        if !self.character.mechanisms.is_empty() {
            lines.push(format!("AUTH {}", self.character.mechanisms));
        }
        let last = lines.pop().unwrap();
        let first: String = lines.iter().map(|line| format!("250-{line}\r\n")).collect();
        format!("{first}250 {last}")
    }
}

fn verdict(right: bool) -> String {
    if right {
        "235 2.7.0 welcome"
    } else {
        "535 5.7.8 wrong"
    }
    .to_owned()
}

async fn say<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut BufReader<S>, reply: &str) -> bool {
    let sent = stream.write_all(format!("{reply}\r\n").as_bytes()).await;
    sent.is_ok() && stream.flush().await.is_ok()
}

fn decoded(text: &str) -> String {
    String::from_utf8(STANDARD.decode(text).unwrap_or_default()).unwrap_or_default()
}

/// Who may send.
pub const USER: &str = "holdfast";
/// With which password.
pub const PASSWORD: &str = "hush-4711";
