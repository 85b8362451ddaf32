//! A primary reached by SMTP: core's dialogue driven over a socket, and sessions kept for the next
//! message.
//!
//! The dialogue decides what is said; here are the socket, TLS and the clock. Each step has its
//! own limit, and all steps up to the end of data share the message's budget: a sender is waiting.

use std::cell::RefCell;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use holdfast_core::limits;
use holdfast_core::ports::Delivery;
use holdfast_core::routing::Route;
use holdfast_core::routing::primary::{Credentials, Target, TlsPolicy};
use holdfast_core::smtp::{
    self, Attempt, Content, Envelope, Failure, FailureKind, HelloName, Session, Settings, Step,
    Transaction, Want,
};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;

use crate::tcp::{Tcp, TcpError};
use crate::tls::{self, Tls};

/// A conversation that is ready for a message.
pub struct Ready {
    session: Session,
    wire: Wire,
    messages: u32,
    reused: bool,
}

/// What this instance keeps between messages: idle sessions and TLS settings. Only a cache.
#[derive(Default)]
pub struct Sessions {
    idle: RefCell<HashMap<String, Vec<(Ready, Instant)>>>,
    tls: RefCell<HashMap<String, Arc<ClientConfig>>>,
}

impl Sessions {
    /// Takes an idle session to this address, or opens one.
    pub async fn open(
        &self,
        hostname: &str,
        route: &Route,
        address: usize,
        budget: Duration,
    ) -> Result<Ready, Failure> {
        match self.take_idle(&key(route, address)) {
            Some(ready) => Ok(ready),
            None => self.open_new(hostname, route, address, budget, false).await,
        }
    }

    /// Gives one message to it.
    pub async fn deliver(
        &self,
        hostname: &str,
        route: &Route,
        address: usize,
        ready: Ready,
        delivery: &Delivery<'_>,
    ) -> Attempt {
        let reused = ready.reused;
        let limits = Limits::for_message(route, delivery);
        let attempt = self.one(route, address, ready, delivery, &limits).await;
        // The server had closed the idle session meanwhile: that says nothing about its health.
        if reused && attempt.untouched() {
            return match self
                .open_new(hostname, route, address, limits.left(), false)
                .await
            {
                Ok(fresh) => self.one(route, address, fresh, delivery, &limits).await,
                Err(failure) => Attempt::failed(delivery.envelope.recipients.len(), failure),
            };
        }
        attempt
    }

    /// Speaks as far as a message would need, says good-bye.
    pub async fn probe(
        &self,
        hostname: &str,
        route: &Route,
        address: usize,
    ) -> Result<(), Failure> {
        self.open_new(hostname, route, address, limits::FORWARD_BUDGET, true)
            .await
            .map(drop)
    }

    async fn one(
        &self,
        route: &Route,
        address: usize,
        mut ready: Ready,
        delivery: &Delivery<'_>,
        limits: &Limits,
    ) -> Attempt {
        let count = delivery.envelope.recipients.len();
        let transaction = match transaction(delivery) {
            Ok(transaction) => transaction,
            Err(failure) => return Attempt::failed(count, failure),
        };
        if let Err(error) = ready.session.submit(transaction) {
            return Attempt::failed(count, ours(Step::Mail, error.to_string()));
        }
        ready.drive(limits).await;
        let attempt = ready.session.take_outcome();
        ready.messages += 1;
        self.keep(key(route, address), ready);
        attempt.unwrap_or_else(|| {
            Attempt::failed(
                count,
                ours(Step::Mail, "the dialogue ended without a word".into()),
            )
        })
    }

    async fn open_new(
        &self,
        hostname: &str,
        route: &Route,
        address: usize,
        budget: Duration,
        probe: bool,
    ) -> Result<Ready, Failure> {
        let Some(Target::Smtp { at, implicit_tls }) =
            route.primaries.get(address).map(|p| p.target.clone())
        else {
            return Err(ours(Step::Connect, "not an SMTP address".into()));
        };
        let secure = self.secure(route, at).map_err(|reason| Failure {
            kind: FailureKind::Tls,
            step: Step::Tls,
            detail: reason,
        })?;
        let limits = Limits::for_opening(route, budget);
        let opened = Ready::open(
            hostname,
            route,
            at,
            implicit_tls,
            route.tls,
            secure.clone(),
            &limits,
            probe,
        )
        .await;
        match opened {
            // RFC 3207 asks for no more than trying; a handshake that fails here is worth no mail.
            Err(failure)
                if route.tls == TlsPolicy::Opportunistic
                    && failure.kind == FailureKind::Tls
                    && !implicit_tls =>
            {
                Ready::open(
                    hostname,
                    route,
                    at,
                    implicit_tls,
                    TlsPolicy::Off,
                    secure,
                    &limits,
                    probe,
                )
                .await
            }
            opened => opened,
        }
    }

    fn secure(&self, route: &Route, at: SocketAddr) -> Result<Secure, String> {
        let known = self.tls.borrow().get(route.name.as_str()).cloned();
        let config = match known {
            Some(config) => config,
            None => {
                let config = tls::config(route.tls, &route.trust)?;
                self.tls
                    .borrow_mut()
                    .insert(route.name.to_string(), config.clone());
                config
            }
        };
        Ok(Secure {
            config,
            name: tls::name(&route.trust, at.ip())?,
        })
    }

    fn take_idle(&self, key: &str) -> Option<Ready> {
        let mut idle = self.idle.borrow_mut();
        let sessions = idle.get_mut(key)?;
        sessions.retain(|(_, since)| since.elapsed() < limits::SESSION_IDLE);
        let (mut ready, _) = sessions.pop()?;
        ready.reused = true;
        Some(ready)
    }

    fn keep(&self, key: String, mut ready: Ready) {
        if !matches!(ready.session.want(), Want::Ready)
            || ready.messages >= limits::SESSION_MESSAGES
        {
            return;
        }
        let mut idle = self.idle.borrow_mut();
        let sessions = idle.entry(key).or_default();
        if sessions.len() < limits::SESSIONS_IDLE {
            sessions.push((ready, Instant::now()));
        }
    }
}

#[derive(Clone)]
struct Secure {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
}

/// The bytes' way, in the clear or not.
enum Wire {
    Plain(Tcp),
    Secure(Box<Tls>),
    Gone,
}

impl Wire {
    async fn read(&mut self, time: Duration) -> Result<Vec<u8>, TcpError> {
        match self {
            Self::Plain(tcp) => tcp.read(time).await,
            Self::Secure(tls) => tls.read(time).await,
            Self::Gone => Ok(Vec::new()),
        }
    }

    async fn write(&mut self, bytes: Bytes, time: Duration) -> Result<(), TcpError> {
        match self {
            Self::Plain(tcp) => tcp.write(bytes.into(), time).await,
            Self::Secure(tls) => tls.write(&bytes, time).await,
            Self::Gone => Err(TcpError::new(FailureKind::Closed, "the connection is gone")),
        }
    }
}

impl Ready {
    #[allow(clippy::too_many_arguments)]
    async fn open(
        hostname: &str,
        route: &Route,
        at: SocketAddr,
        implicit_tls: bool,
        policy: TlsPolicy,
        secure: Secure,
        limits: &Limits,
        probe: bool,
    ) -> Result<Self, Failure> {
        let settings = settings(hostname, route, implicit_tls, policy)?;
        let failed = |step| {
            move |error: TcpError| Failure {
                kind: error.kind,
                step,
                detail: error.detail,
            }
        };
        let tcp = Tcp::connect(at, limits.time(Step::Connect))
            .await
            .map_err(failed(Step::Connect))?;
        let wire = if implicit_tls {
            let time = limits.time(Step::Tls);
            let tls = Tls::start(tcp, secure.config.clone(), secure.name.clone(), time).await;
            Wire::Secure(Box::new(tls.map_err(failed(Step::Tls))?))
        } else {
            Wire::Plain(tcp)
        };
        let session = if probe {
            Session::probe(settings)
        } else {
            Session::new(settings)
        };
        let mut ready = Self {
            session,
            wire,
            messages: 0,
            reused: false,
        };
        ready.drive_with(limits, Some(&secure)).await;
        match ready.session.take_outcome() {
            Some(Attempt {
                failure: Some(failure),
                ..
            }) => Err(failure),
            _ => Ok(ready),
        }
    }

    async fn drive(&mut self, limits: &Limits) {
        self.drive_with(limits, None).await;
    }

    /// Does what the dialogue wants until it is ready or done.
    async fn drive_with(&mut self, limits: &Limits, secure: Option<&Secure>) {
        let mut awaited = None;
        loop {
            match self.session.want() {
                Want::Write { bytes, step } => {
                    awaited = None;
                    self.write(bytes, limits.time(step)).await;
                }
                Want::Read(step) => {
                    let deadline = match awaited {
                        // The time is for the whole reply: one that trickles in is no answer.
                        // Replies to RCPT are many, and share the budget.
                        Some((known, deadline)) if known == step && step != Step::Rcpt => deadline,
                        _ => Instant::now() + limits.time(step),
                    };
                    awaited = Some((step, deadline));
                    self.read(deadline).await;
                }
                Want::StartTls => self.start_tls(secure, limits.time(Step::Tls)).await,
                Want::Ready | Want::Done => return,
            }
        }
    }

    async fn read(&mut self, deadline: Instant) {
        let time = deadline.saturating_duration_since(Instant::now());
        match self.wire.read(time.max(AT_LEAST)).await {
            Ok(bytes) if bytes.is_empty() => self.session.closed(),
            Ok(bytes) => self.session.received(&bytes),
            Err(error) if error.kind == FailureKind::Timeout => self.session.timed_out(),
            Err(_) => self.session.closed(),
        }
    }

    async fn write(&mut self, bytes: Bytes, time: Duration) {
        match self.wire.write(bytes, time).await {
            Ok(()) => {}
            Err(error) if error.kind == FailureKind::Timeout => self.session.timed_out(),
            Err(_) => {
                // Servers say why before they close.
                if let Ok(bytes) = self.wire.read(limits::QUIT).await {
                    self.session.received(&bytes);
                }
                self.session.closed();
            }
        }
    }

    async fn start_tls(&mut self, secure: Option<&Secure>, time: Duration) {
        let (Wire::Plain(tcp), Some(secure)) =
            (std::mem::replace(&mut self.wire, Wire::Gone), secure)
        else {
            self.session.tls_failed("TLS was asked for twice");
            return;
        };
        match Tls::start(tcp, secure.config.clone(), secure.name.clone(), time).await {
            Ok(tls) => {
                self.wire = Wire::Secure(Box::new(tls));
                self.session.tls_started();
            }
            Err(error) => self.session.tls_failed(&error.detail),
        }
    }
}

/// The time of each step, and what is left of the budgets.
struct Limits {
    connect: Duration,
    reply: Duration,
    data_end: Duration,
    began: Instant,
    /// For all before the content is sent.
    budget: Duration,
    /// For all of it.
    rest: Duration,
}

impl Limits {
    fn for_message(route: &Route, delivery: &Delivery<'_>) -> Self {
        Self {
            rest: delivery.rest,
            ..Self::for_opening(route, delivery.budget)
        }
    }

    fn for_opening(route: &Route, budget: Duration) -> Self {
        let times = route.timeouts;
        Self {
            connect: times.connect,
            reply: times.reply,
            data_end: times.data_end,
            began: Instant::now(),
            budget,
            rest: budget,
        }
    }

    fn left(&self) -> Duration {
        self.budget.saturating_sub(self.began.elapsed())
    }

    fn time(&self, step: Step) -> Duration {
        let rest = self.rest.saturating_sub(self.began.elapsed());
        let time = match step {
            Step::Connect => self.connect.min(self.left()),
            // The end of data keeps its time: giving up there makes the message uncertain.
            Step::DataBlock => limits::DATA_BLOCK.min(rest.saturating_sub(limits::REPLY)),
            Step::DataEnd => self.data_end.min(rest),
            Step::Quit => limits::QUIT,
            _ => self.reply.min(self.left()),
        };
        time.max(AT_LEAST)
    }
}

fn key(route: &Route, address: usize) -> String {
    format!("{}/{address}", route.name)
}

fn settings(
    hostname: &str,
    route: &Route,
    implicit_tls: bool,
    policy: TlsPolicy,
) -> Result<Settings, Failure> {
    let misfit = |error: smtp::SettingsError| ours(Step::Ehlo, error.to_string());
    let credentials = match &route.credentials {
        Some(Credentials::Password { username, password }) => {
            Some(smtp::Credentials::new(username, password).map_err(misfit)?)
        }
        _ => None,
    };
    let tls = match policy {
        TlsPolicy::Required => smtp::TlsPolicy::Required,
        TlsPolicy::Opportunistic => smtp::TlsPolicy::Opportunistic,
        TlsPolicy::Off => smtp::TlsPolicy::Off,
    };
    let hello = HelloName::new(hostname).map_err(misfit)?;
    // `tls = "off"` with credentials is the operator's word that the link is safe by other means.
    let plaintext_auth = route.tls == TlsPolicy::Off;
    Ok(Settings {
        hello,
        tls,
        tls_active: implicit_tls,
        credentials,
        plaintext_auth,
    })
}

fn transaction(delivery: &Delivery<'_>) -> Result<Transaction, Failure> {
    let recipients = delivery
        .envelope
        .recipients
        .iter()
        .map(|recipient| recipient.as_str().to_owned());
    let envelope = Envelope::new(delivery.envelope.sender_path(), recipients)
        .map_err(|error| ours(Step::Mail, error.to_string()))?
        .with_dsn(delivery.envelope.dsn.clone());
    Ok(Transaction {
        envelope,
        content: Content::new(delivery.parts.clone()),
    })
}

fn ours(step: Step, detail: String) -> Failure {
    Failure {
        kind: FailureKind::Protocol,
        step,
        detail,
    }
}

/// A step that is due gets a moment even when the budget is used up: its timer decides, not luck.
const AT_LEAST: Duration = Duration::from_millis(1);
