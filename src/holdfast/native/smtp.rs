//! A probe of an SMTP primary: core's dialogue as far as a message would need, over tokio.

use std::net::SocketAddr;
use std::time::Duration;

use holdfast_core::limits;
use holdfast_core::routing::Route;
use holdfast_core::routing::primary::{Credentials, TlsPolicy};
use holdfast_core::smtp::{
    self, Attempt, Capabilities, Failure, FailureKind, HelloName, Session, Settings, Step, Want,
};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::tls;

/// What a primary that could take a message said about itself.
pub struct Found {
    /// Whether the conversation was encrypted.
    pub tls: bool,
    /// Its extensions.
    pub offers: Capabilities,
}

/// Connects, greets, starts TLS and authenticates as the route says, and says good-bye.
pub async fn probe(
    hostname: &str,
    route: &Route,
    at: SocketAddr,
    implicit_tls: bool,
) -> Result<Found, Failure> {
    let found = try_with(hostname, route, at, implicit_tls, route.tls).await;
    match found {
        // RFC 3207 asks for no more than trying.
        Err(failure)
            if failure.kind == FailureKind::Tls
                && route.tls == TlsPolicy::Opportunistic
                && !implicit_tls =>
        {
            try_with(hostname, route, at, false, TlsPolicy::Off).await
        }
        found => found,
    }
}

async fn try_with(
    hostname: &str,
    route: &Route,
    at: SocketAddr,
    implicit_tls: bool,
    policy: TlsPolicy,
) -> Result<Found, Failure> {
    let unusable = |detail| failure(FailureKind::Tls, Step::Tls, detail);
    let secure = (
        tls::connector(route.tls, &route.trust).map_err(unusable)?,
        tls::name(&route.trust, at.ip()).map_err(unusable)?,
    );
    let settings = settings(hostname, route, implicit_tls, policy)?;
    let mut wire = connect(at, route.timeouts.connect).await?;
    if implicit_tls {
        wire = start_tls(wire, &secure, route.timeouts.reply)
            .await
            .map_err(unusable)?;
    }
    let session = drive(
        Session::probe(settings),
        wire,
        &secure,
        route.timeouts.reply,
    );
    // Each step has its limit; together they have a submission's.
    let session = timeout(limits::FORWARD_BUDGET, session).await;
    let mut session = session.map_err(|_| {
        let detail = "the whole conversation took too long".to_owned();
        failure(FailureKind::Timeout, Step::Ehlo, detail)
    })?;
    match session.take_outcome() {
        Some(Attempt {
            failure: Some(failure),
            ..
        }) => Err(failure),
        _ => Ok(Found {
            tls: session.tls_active(),
            offers: session.capabilities().clone(),
        }),
    }
}

/// A connection, in the clear or not.
type Wire = Box<dyn Stream>;

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

async fn connect(at: SocketAddr, time: Duration) -> Result<Wire, Failure> {
    let refused = |detail| failure(FailureKind::Connect, Step::Connect, detail);
    match timeout(time, TcpStream::connect(at)).await {
        Ok(Ok(stream)) => Ok(Box::new(stream)),
        Ok(Err(error)) => Err(refused(error.to_string())),
        Err(_) => Err(refused(format!("no connection within {time:?}"))),
    }
}

async fn start_tls(
    wire: Wire,
    (connector, name): &(TlsConnector, ServerName<'static>),
    time: Duration,
) -> Result<Wire, String> {
    match timeout(time, connector.connect(name.clone(), wire)).await {
        Ok(Ok(stream)) => Ok(Box::new(stream)),
        Ok(Err(error)) => Err(format!("TLS: {error}")),
        Err(_) => Err(format!("TLS: no handshake within {time:?}")),
    }
}

/// Does what the dialogue wants until it is over.
async fn drive(
    mut session: Session,
    mut wire: Wire,
    secure: &(TlsConnector, ServerName<'static>),
    reply: Duration,
) -> Session {
    let mut buffer = vec![0; 4096];
    loop {
        match session.want() {
            Want::Write { bytes, step } => {
                match timeout(time(step, reply), wire.write_all(&bytes)).await {
                    Ok(Ok(())) => {}
                    Ok(Err(_)) => session.closed(),
                    Err(_) => session.timed_out(),
                }
            }
            Want::Read(step) => match timeout(time(step, reply), wire.read(&mut buffer)).await {
                Ok(Ok(read @ 1..)) => session.received(&buffer[..read]),
                Ok(Ok(0) | Err(_)) => session.closed(),
                Err(_) => session.timed_out(),
            },
            Want::StartTls => match start_tls(wire, secure, reply).await {
                Ok(secured) => {
                    wire = secured;
                    session.tls_started();
                }
                Err(why) => {
                    session.tls_failed(&why);
                    return session;
                }
            },
            Want::Ready | Want::Done => return session,
        }
    }
}

fn time(step: Step, reply: Duration) -> Duration {
    match step {
        Step::Quit => limits::QUIT,
        _ => reply,
    }
}

fn settings(
    hostname: &str,
    route: &Route,
    tls_active: bool,
    policy: TlsPolicy,
) -> Result<Settings, Failure> {
    let unusable =
        |error: smtp::SettingsError| failure(FailureKind::Protocol, Step::Ehlo, error.to_string());
    let credentials = match &route.credentials {
        Some(Credentials::Password { username, password }) => {
            Some(smtp::Credentials::new(username, password).map_err(unusable)?)
        }
        _ => None,
    };
    Ok(Settings {
        hello: HelloName::new(hostname).map_err(unusable)?,
        tls: match policy {
            TlsPolicy::Required => smtp::TlsPolicy::Required,
            TlsPolicy::Opportunistic => smtp::TlsPolicy::Opportunistic,
            TlsPolicy::Off => smtp::TlsPolicy::Off,
        },
        tls_active,
        credentials,
        plaintext_auth: route.tls == TlsPolicy::Off,
    })
}

fn failure(kind: FailureKind, step: Step, detail: String) -> Failure {
    Failure { kind, step, detail }
}
