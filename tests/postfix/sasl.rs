//! Who may send through Postfix: a server of Dovecot's authentication protocol (version 1), which
//! Postfix asks over a socket. It knows one user.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinHandle;

/// The server.
pub struct Sasl {
    folder: TempDir,
    asked: Arc<Mutex<Vec<String>>>,
    accepting: JoinHandle<()>,
}

impl Sasl {
    /// Offers these mechanisms, of PLAIN and LOGIN.
    pub fn start(mechanisms: &'static [&'static str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let everybody = |path: &Path, mode| {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        everybody(folder.path(), 0o755);
        let listener = UnixListener::bind(folder.path().join("socket")).unwrap();
        everybody(&folder.path().join("socket"), 0o666);
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let log = asked.clone();
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, mechanisms, log.clone()));
            }
        });
        Self {
            folder,
            asked,
            accepting,
        }
    }

    /// Where Postfix finds it.
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
    }

    /// The mechanisms that were used, with whether the password was right.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

impl Drop for Sasl {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn serve(stream: UnixStream, mechanisms: &[&str], asked: Arc<Mutex<Vec<String>>>) {
    let mut stream = BufReader::new(stream);
    let mut hello = "VERSION\t1\t2\n".to_owned();
    for mechanism in mechanisms {
        hello += &format!("MECH\t{mechanism}\tplaintext\n");
    }
    hello += "SPID\t1\nCUID\t1\nCOOKIE\t0123456789abcdef0123456789abcdef\nDONE\n";
    if stream.write_all(hello.as_bytes()).await.is_err() {
        return;
    }
    let mut line = String::new();
    while stream.read_line(&mut line).await.unwrap_or(0) > 0 {
        let words: Vec<&str> = line.trim_end().split('\t').collect();
        if let ["AUTH", id, mechanism, ..] = words[..] {
            let first = words
                .iter()
                .find_map(|word| word.strip_prefix("resp="))
                .map(str::to_owned);
            let (id, mechanism) = (id.to_owned(), mechanism.to_owned());
            let given = match mechanism.as_str() {
                "PLAIN" => match first {
                    Some(first) => decode(&first),
                    None => ask(&mut stream, &id, "").await,
                },
                _ => {
                    let user = match first {
                        Some(first) => decode(&first),
                        None => ask(&mut stream, &id, "Username:").await,
                    };
                    format!("\0{user}\0{}", ask(&mut stream, &id, "Password:").await)
                }
            };
            let right = given == format!("\0{USER}\0{PASSWORD}");
            asked.lock().unwrap().push(format!("{mechanism} {right}"));
            let verdict = if right { "OK" } else { "FAIL" };
            let answer = format!("{verdict}\t{id}\tuser={USER}\n");
            if stream.write_all(answer.as_bytes()).await.is_err() {
                return;
            }
        }
        line.clear();
    }
}

/// One challenge, and what the client answers.
async fn ask(stream: &mut BufReader<UnixStream>, id: &str, challenge: &str) -> String {
    let question = format!("CONT\t{id}\t{}\n", STANDARD.encode(challenge));
    stream.write_all(question.as_bytes()).await.unwrap();
    let mut line = String::new();
    stream.read_line(&mut line).await.unwrap();
    decode(line.trim_end().rsplit('\t').next().unwrap_or_default())
}

fn decode(text: &str) -> String {
    String::from_utf8(STANDARD.decode(text).unwrap_or_default()).unwrap_or_default()
}

/// The user it knows.
pub const USER: &str = "holdfast";
/// The user's password.
pub const PASSWORD: &str = "pass word\u{e9}";
