//! A mail system that speaks SMTP: well by itself, and as badly as a test tells it to.
//!
//! It is a server that knows the protocol, so that a test says only what is odd: at which stage,
//! and what happens there instead of the usual reply. What it took is remembered with whether the
//! client was told so, which is the difference between delivered and uncertain.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};

use super::until;

/// Where in a conversation something odd happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Before the server's first words.
    Greeting,
    /// EHLO.
    Ehlo,
    /// HELO, which clients try when EHLO is refused.
    Helo,
    /// STARTTLS.
    StartTls,
    /// MAIL.
    Mail,
    /// RCPT.
    Rcpt,
    /// DATA, not with BDAT.
    Data,
    /// The message has arrived whole: its final dot, or its last BDAT chunk.
    End,
}

/// All stages that every message passes.
pub const STAGES: [Stage; 6] = [
    Stage::Greeting,
    Stage::Ehlo,
    Stage::Mail,
    Stage::Rcpt,
    Stage::Data,
    Stage::End,
];

/// What happens there.
#[derive(Clone, Debug)]
pub enum Act {
    /// This reply instead of the usual one.
    Reply(String),
    /// This reply, and the connection is closed.
    ReplyAndClose(String),
    /// The usual reply, in so many pieces as it has bytes.
    Drip(Duration),
    /// One byte after the other of a reply that never ends.
    DripForever(Duration),
    /// A reply of one line with so many bytes.
    Flood(usize),
    /// The connection is closed.
    Close,
    /// Nothing, ever.
    Silent,
    /// The usual reply when the test gives a permit.
    Gate(Arc<Semaphore>),
}

impl Act {
    /// [`Act::Reply`].
    pub fn reply(text: &str) -> Self {
        Self::Reply(text.to_owned())
    }
}

/// A message that arrived whole.
#[derive(Clone, Debug)]
pub struct Taken {
    /// The envelope sender.
    pub from: String,
    /// The envelope recipients.
    pub to: Vec<String>,
    /// The message as it arrived, without dot-stuffing.
    pub bytes: Vec<u8>,
    /// Whether it came by BDAT.
    pub bdat: bool,
    /// Whether the 250 went out; without it the client cannot know.
    pub confirmed: bool,
}

#[derive(Default)]
struct Rules {
    extensions: Vec<String>,
    acts: Vec<(Stage, Act)>,
    poison: Vec<(Vec<u8>, String)>,
    recipients: Vec<(String, String)>,
    pace: Option<usize>,
}

#[derive(Default)]
struct Seen {
    taken: Vec<Taken>,
    commands: Vec<String>,
    connections: usize,
}

#[derive(Clone, Default)]
struct Shared {
    rules: Arc<Mutex<Rules>>,
    seen: Arc<Mutex<Seen>>,
}

/// The server. What it took outlives its being stopped.
pub struct Peer {
    address: SocketAddr,
    shared: Shared,
    accepting: Option<JoinHandle<()>>,
}

impl Peer {
    /// A server with the usual extensions, CHUNKING among them.
    pub async fn start() -> Self {
        Self::offering(&[
            "PIPELINING",
            "8BITMIME",
            "SMTPUTF8",
            "ENHANCEDSTATUSCODES",
            "CHUNKING",
        ])
        .await
    }

    /// A server that offers these extensions.
    pub async fn offering(extensions: &[&str]) -> Self {
        let shared = Shared::default();
        let own = |text: &&str| (*text).to_owned();
        shared.rules.lock().unwrap().extensions = extensions.iter().map(own).collect();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let accepting = Some(tokio::spawn(accept(listener, shared.clone())));
        Self {
            address,
            shared,
            accepting,
        }
    }

    /// Where it listens, or will again.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// As a route's `primary`.
    pub fn url(&self) -> String {
        format!("smtp://{}", self.address)
    }

    /// From now on, `act` at `stage`; acts at other stages are forgotten.
    pub fn only(&self, stage: Stage, act: Act) {
        self.shared.rules.lock().unwrap().acts = vec![(stage, act)];
    }

    /// From now on it behaves.
    pub fn behave(&self) {
        let mut rules = self.shared.rules.lock().unwrap();
        rules.acts.clear();
        rules.poison.clear();
        rules.recipients.clear();
        rules.pace = None;
    }

    /// A message that contains `marker` gets this reply at its end.
    pub fn refuse_content(&self, marker: &str, reply: &str) {
        let poison = (marker.as_bytes().to_vec(), reply.to_owned());
        self.shared.rules.lock().unwrap().poison.push(poison);
    }

    /// Content is read at this many bytes a second.
    pub fn slow_content(&self, bytes_per_second: usize) {
        self.shared.rules.lock().unwrap().pace = Some(bytes_per_second);
    }

    /// This recipient gets this reply.
    pub fn refuse_recipient(&self, address: &str, reply: &str) {
        let recipient = (address.to_owned(), reply.to_owned());
        self.shared.rules.lock().unwrap().recipients.push(recipient);
    }

    /// All that arrived whole, confirmed or not, in order.
    pub fn taken(&self) -> Vec<Taken> {
        self.shared.seen.lock().unwrap().taken.clone()
    }

    /// All command lines, in the order they came in.
    pub fn commands(&self) -> Vec<String> {
        self.shared.seen.lock().unwrap().commands.clone()
    }

    /// How many connections were made to it.
    pub fn connections(&self) -> usize {
        self.shared.seen.lock().unwrap().connections
    }

    /// Stops as a machine stops: connections are cut, new ones refused.
    pub async fn stop(&mut self) {
        if let Some(accepting) = self.accepting.take() {
            accepting.abort();
            accepting.await.ok();
        }
    }

    /// Starts again, at the same address.
    pub async fn start_again(&mut self) {
        self.stop().await;
        let mut listener = None;
        // For a moment the port may be somebody's, as the near end of a connection.
        until("the peer's port is free", async || {
            listener = TcpListener::bind(self.address).await.ok();
            listener.is_some()
        })
        .await;
        let accepting = accept(listener.unwrap(), self.shared.clone());
        self.accepting = Some(tokio::spawn(accepting));
    }

    /// Cuts the connections there are; new ones are served.
    pub async fn cut(&mut self) {
        self.start_again().await;
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        if let Some(accepting) = &self.accepting {
            accepting.abort();
        }
    }
}

async fn accept(listener: TcpListener, shared: Shared) {
    // Dropped with this future, and the connections with it.
    let mut sessions = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                stream.set_nodelay(true).ok();
                shared.seen.lock().unwrap().connections += 1;
                let session = Session {
                    stream: BufReader::new(stream),
                    shared: shared.clone(),
                    from: None,
                    to: Vec::new(),
                    chunks: Vec::new(),
                    owed: Duration::ZERO,
                };
                sessions.spawn(session.run());
            }
            Some(_) = sessions.join_next() => {}
        }
    }
}

struct Session {
    stream: BufReader<TcpStream>,
    shared: Shared,
    from: Option<String>,
    to: Vec<String>,
    chunks: Vec<u8>,
    /// Time that was not slept yet.
    owed: Duration,
}

/// The code of the reply that went out; none when the conversation is over.
type Said = Option<u16>;

impl Session {
    async fn run(mut self) {
        let mut said = self.say(Stage::Greeting, "220 peer.example ESMTP").await;
        while said.is_some() {
            let mut line = Vec::new();
            match self.stream.read_until(b'\n', &mut line).await {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            self.shared.seen.lock().unwrap().commands.push(line.clone());
            said = self.command(&line).await;
        }
    }

    async fn command(&mut self, line: &str) -> Said {
        let verb = line.split(' ').next().unwrap_or_default();
        match verb.to_ascii_uppercase().as_str() {
            "EHLO" => {
                self.forget();
                let reply = self.ehlo();
                self.say(Stage::Ehlo, &reply).await
            }
            "HELO" => {
                self.forget();
                self.say(Stage::Helo, "250 peer.example").await
            }
            "STARTTLS" => self.say(Stage::StartTls, "454 4.7.0 no TLS here").await,
            "MAIL" => {
                let said = self.say(Stage::Mail, "250 2.1.0 ok").await;
                if said == Some(250) {
                    self.from = Some(path(line));
                }
                said
            }
            "RCPT" if self.from.is_none() => self.write("503 5.5.1 MAIL first").await,
            "RCPT" => self.rcpt(line).await,
            "DATA" if self.to.is_empty() => self.write("554 5.5.1 no valid recipients").await,
            "DATA" => match self.say(Stage::Data, "354 go on").await {
                Some(354) => self.data().await,
                said => said,
            },
            "BDAT" => self.bdat(line).await,
            "RSET" => {
                self.forget();
                self.write("250 2.0.0 ok").await
            }
            "QUIT" => {
                self.write("221 2.0.0 bye").await;
                None
            }
            _ => self.write("500 5.5.2 what?").await,
        }
    }

    fn ehlo(&self) -> String {
        let mut lines = vec!["peer.example".to_owned()];
        lines.extend(self.shared.rules.lock().unwrap().extensions.clone());
        let last = lines.len() - 1;
        let line = |(at, text): (usize, &String)| {
            let mark = if at == last { ' ' } else { '-' };
            format!("250{mark}{text}")
        };
        let lines: Vec<_> = lines.iter().enumerate().map(line).collect();
        lines.join("\r\n")
    }

    async fn rcpt(&mut self, line: &str) -> Said {
        let recipient = path(line);
        let refusal = {
            let rules = self.shared.rules.lock().unwrap();
            let refused = rules.recipients.iter().find(|(who, _)| *who == recipient);
            refused.map(|(_, reply)| reply.clone())
        };
        if let Some(refusal) = refusal {
            return self.write(&refusal).await;
        }
        let said = self.say(Stage::Rcpt, "250 2.1.5 ok").await;
        if said == Some(250) {
            self.to.push(recipient);
        }
        said
    }

    async fn data(&mut self) -> Said {
        let mut message = Vec::new();
        loop {
            let mut line = Vec::new();
            // Only CRLF ends a line here: a bare LF is content.
            while !line.ends_with(b"\r\n") {
                if self.stream.read_until(b'\n', &mut line).await.ok()? == 0 {
                    return None;
                }
            }
            if line == b".\r\n" {
                break;
            }
            message.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
            self.pace(line.len()).await;
        }
        self.end(message, false).await
    }

    async fn bdat(&mut self, line: &str) -> Said {
        let mut words = line.split(' ').skip(1);
        let length: usize = words.next()?.parse().ok()?;
        let mut chunk = vec![0; length];
        for part in chunk.chunks_mut(65_536) {
            self.stream.read_exact(part).await.ok()?;
            self.pace(part.len()).await;
        }
        if self.to.is_empty() {
            return self.write("554 5.5.1 no valid recipients").await;
        }
        self.chunks.extend_from_slice(&chunk);
        match words.next() {
            Some(_) => {
                let message = std::mem::take(&mut self.chunks);
                self.end(message, true).await
            }
            None => self.write("250 2.0.0 go on").await,
        }
    }

    /// Takes the time that so many bytes of content take.
    async fn pace(&mut self, bytes: usize) {
        let pace = self.shared.rules.lock().unwrap().pace;
        if let Some(pace) = pace {
            self.owed += Duration::from_secs_f64(bytes as f64 / pace as f64);
            if self.owed > Duration::from_millis(50) {
                tokio::time::sleep(std::mem::take(&mut self.owed)).await;
            }
        }
    }

    async fn end(&mut self, bytes: Vec<u8>, bdat: bool) -> Said {
        let poison = {
            let rules = self.shared.rules.lock().unwrap();
            let found = |(marker, _): &&(Vec<u8>, String)| {
                bytes.windows(marker.len()).any(|part| part == &marker[..])
            };
            rules
                .poison
                .iter()
                .find(found)
                .map(|(_, reply)| reply.clone())
        };
        let taken = Taken {
            from: self.from.clone().unwrap_or_default(),
            to: self.to.clone(),
            bytes,
            bdat,
            confirmed: false,
        };
        self.forget();
        if let Some(reply) = poison {
            return self.write(&reply).await;
        }
        let refusal = matches!(self.act(Stage::End),
            Some(Act::Reply(text) | Act::ReplyAndClose(text)) if !text.starts_with('2'));
        if refusal {
            return self.say(Stage::End, "").await;
        }
        let at = {
            let mut seen = self.shared.seen.lock().unwrap();
            seen.taken.push(taken);
            seen.taken.len() - 1
        };
        let said = self.say(Stage::End, "250 2.0.0 taken").await;
        self.shared.seen.lock().unwrap().taken[at].confirmed = said == Some(250);
        said
    }

    fn forget(&mut self) {
        self.from = None;
        self.to.clear();
        self.chunks.clear();
    }

    fn act(&self, stage: Stage) -> Option<Act> {
        let rules = self.shared.rules.lock().unwrap();
        let act = rules.acts.iter().find(|(at, _)| *at == stage);
        act.map(|(_, act)| act.clone())
    }

    /// The usual reply, or what the test wants instead.
    async fn say(&mut self, stage: Stage, usual: &str) -> Said {
        match self.act(stage) {
            None => self.write(usual).await,
            Some(Act::Reply(text)) => self.write(&text).await,
            Some(Act::ReplyAndClose(text)) => {
                self.write(&text).await;
                None
            }
            Some(Act::Drip(pause)) => {
                for byte in format!("{usual}\r\n").bytes() {
                    self.write_bytes(&[byte]).await?;
                    tokio::time::sleep(pause).await;
                }
                code(usual)
            }
            Some(Act::DripForever(pause)) => {
                self.write_bytes(b"250 ").await?;
                loop {
                    self.write_bytes(b"x").await?;
                    tokio::time::sleep(pause).await;
                }
            }
            Some(Act::Flood(length)) => {
                self.write_bytes(b"250 ").await?;
                self.write_bytes(&vec![b'x'; length]).await?;
                self.write("").await;
                None
            }
            Some(Act::Close) => None,
            Some(Act::Silent) => std::future::pending().await,
            Some(Act::Gate(gate)) => {
                gate.acquire().await.ok()?.forget();
                self.write(usual).await
            }
        }
    }

    async fn write(&mut self, text: &str) -> Said {
        self.write_bytes(format!("{text}\r\n").as_bytes()).await?;
        Some(code(text).unwrap_or(0))
    }

    async fn write_bytes(&mut self, bytes: &[u8]) -> Option<()> {
        self.stream.get_mut().write_all(bytes).await.ok()
    }
}

fn code(reply: &str) -> Said {
    reply.get(..3)?.parse().ok()
}

/// What stands between `<` and the last `>`.
fn path(line: &str) -> String {
    let start = line.find('<').map_or(0, |at| at + 1);
    let end = line.rfind('>').unwrap_or(line.len());
    line.get(start..end).unwrap_or_default().to_owned()
}
