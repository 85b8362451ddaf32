//! TLS over a [`Tcp`] connection, with rustls, which does no I/O of its own.
//!
//! Whom to believe is the route's word: a name under public or private authorities, a pinned
//! public key, or (opportunistic) anybody, which keeps out those who only listen.

use std::fmt;
use std::io::{Read as _, Write as _};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use holdfast_core::routing::primary::{TlsPolicy, Trust};
use holdfast_core::smtp::FailureKind;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, RootCertStore, SignatureScheme,
};
use sha2::{Digest as _, Sha256};

use crate::tcp::{Tcp, TcpError};

/// A connection that speaks TLS.
pub struct Tls {
    tcp: Tcp,
    session: ClientConnection,
}

impl Tls {
    /// Makes the handshake.
    pub async fn start(
        mut tcp: Tcp,
        config: Arc<ClientConfig>,
        name: ServerName<'static>,
        time: Duration,
    ) -> Result<Self, TcpError> {
        let mut session = ClientConnection::new(config, name).map_err(failed)?;
        while session.is_handshaking() {
            flush(&mut session, &mut tcp, time).await?;
            if session.is_handshaking() && session.wants_read() {
                let read = feed(&mut session, &mut tcp, time).await;
                if read.is_err() {
                    // The alert that says why goes out if it still can.
                    let _ = flush(&mut session, &mut tcp, time).await;
                }
                if read? == 0 {
                    return Err(TcpError::new(
                        FailureKind::Tls,
                        "closed the connection during the TLS handshake",
                    ));
                }
            }
        }
        flush(&mut session, &mut tcp, time).await?;
        Ok(Self { tcp, session })
    }

    /// Reads what there is; nothing means that the other side closed.
    pub async fn read(&mut self, time: Duration) -> Result<Vec<u8>, TcpError> {
        loop {
            let mut plain = vec![0; READ_BYTES];
            match self.session.reader().read(&mut plain) {
                Ok(count) => {
                    plain.truncate(count);
                    return Ok(plain);
                }
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(_) => return Ok(Vec::new()),
            }
            if feed(&mut self.session, &mut self.tcp, time).await? == 0 {
                return Ok(Vec::new());
            }
            flush(&mut self.session, &mut self.tcp, time).await?;
        }
    }

    /// Writes all of `bytes`.
    pub async fn write(&mut self, bytes: &[u8], time: Duration) -> Result<(), TcpError> {
        for piece in bytes.chunks(PIECE_BYTES) {
            self.session
                .writer()
                .write_all(piece)
                .map_err(|error| failed_io(&error))?;
            flush(&mut self.session, &mut self.tcp, time).await?;
        }
        Ok(())
    }
}

async fn flush(
    session: &mut ClientConnection,
    tcp: &mut Tcp,
    time: Duration,
) -> Result<(), TcpError> {
    let mut out = Vec::new();
    while session.wants_write() {
        session
            .write_tls(&mut out)
            .map_err(|error| failed_io(&error))?;
    }
    if out.is_empty() {
        Ok(())
    } else {
        tcp.write(out, time).await
    }
}

/// Gives the session what arrives next; the number of bytes that were read.
async fn feed(
    session: &mut ClientConnection,
    tcp: &mut Tcp,
    time: Duration,
) -> Result<usize, TcpError> {
    let bytes = tcp.read(time).await?;
    let mut rest = &bytes[..];
    while !rest.is_empty() {
        session
            .read_tls(&mut rest)
            .map_err(|error| failed_io(&error))?;
        session.process_new_packets().map_err(failed)?;
    }
    Ok(bytes.len())
}

/// In our own words: printing rustls' errors brings 70 KB of names into the component.
fn failed(error: rustls::Error) -> TcpError {
    let words = match error {
        rustls::Error::InvalidCertificate(reason) => certificate(&reason),
        rustls::Error::NoCertificatesPresented => "the primary showed no certificate",
        rustls::Error::PeerIncompatible(_) => {
            "no TLS version or cipher in common (1.2 and 1.3 are spoken here)"
        }
        rustls::Error::AlertReceived(_) => "the primary ended the handshake with an alert",
        rustls::Error::InvalidMessage(_) | rustls::Error::InappropriateMessage { .. } => {
            "what it speaks is not TLS"
        }
        rustls::Error::General(_) => "its public key is not one of tls_pins",
        _ => "the handshake failed",
    };
    TcpError::new(FailureKind::Tls, format!("TLS: {words}"))
}

fn certificate(reason: &rustls::CertificateError) -> &'static str {
    use rustls::CertificateError as Reason;
    match reason {
        Reason::Expired | Reason::ExpiredContext { .. } => "its certificate has expired",
        Reason::NotValidYet | Reason::NotValidYetContext { .. } => {
            "its certificate is not valid yet"
        }
        Reason::UnknownIssuer => {
            "its certificate is from an authority that is not believed (tls_ca, tls_pins)"
        }
        Reason::NotValidForName | Reason::NotValidForNameContext { .. } => {
            "its certificate is for another name (tls_name)"
        }
        Reason::Revoked => "its certificate was revoked",
        Reason::BadSignature => "its certificate has a bad signature",
        _ => "its certificate cannot be used",
    }
}

fn failed_io(_: &std::io::Error) -> TcpError {
    TcpError::new(FailureKind::Tls, "TLS: the connection broke")
}

/// What rustls needs to know for a route. The error names the configuration that is wrong.
pub fn config(policy: TlsPolicy, trust: &Trust) -> Result<Arc<ClientConfig>, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|_| "the TLS provider has no safe versions".to_owned())?;
    let belief = if !trust.pins.is_empty() {
        Some(Belief::Pinned(trust.pins.clone()))
    } else if policy == TlsPolicy::Opportunistic {
        Some(Belief::Anybody)
    } else {
        None
    };
    let config = match belief {
        Some(belief) => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Believer { belief, provider }))
            .with_no_client_auth(),
        None => builder
            .with_root_certificates(authorities(trust)?)
            .with_no_client_auth(),
    };
    Ok(Arc::new(config))
}

/// The name a certificate must carry.
pub fn name(trust: &Trust, ip: IpAddr) -> Result<ServerName<'static>, String> {
    match &trust.name {
        Some(name) => ServerName::try_from(name.clone())
            .map_err(|_| format!("tls_name: {name:?} is not a host name")),
        None => Ok(ServerName::IpAddress(ip.into())),
    }
}

fn authorities(trust: &Trust) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    match &trust.authorities {
        None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Some(pem) => {
            for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
                let certificate = certificate.map_err(|_| bad_ca())?;
                roots
                    .add(certificate)
                    .map_err(|error| format!("tls_ca: {error}"))?;
            }
        }
    }
    Ok(roots)
}

fn bad_ca() -> String {
    "tls_ca: one of its certificates cannot be read".into()
}

/// Whom to believe where it is not an authority.
enum Belief {
    Pinned(Vec<[u8; 32]>),
    Anybody,
}

struct Believer {
    belief: Belief,
    provider: Arc<CryptoProvider>,
}

impl fmt::Debug for Believer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Believer")
    }
}

impl ServerCertVerifier for Believer {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Belief::Pinned(pins) = &self.belief else {
            return Ok(ServerCertVerified::assertion());
        };
        let certificate = webpki::EndEntityCert::try_from(end_entity).map_err(|_| {
            rustls::Error::InvalidCertificate(rustls::CertificateError::BadEncoding)
        })?;
        let key: [u8; 32] = Sha256::digest(&*certificate.subject_public_key_info()).into();
        if pins.contains(&key) {
            return Ok(ServerCertVerified::assertion());
        }
        Err(rustls::Error::General(
            "its public key is not one of tls_pins".into(),
        ))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(
            message,
            certificate,
            signed,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(
            message,
            certificate,
            signed,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

const READ_BYTES: usize = 4_096;
/// rustls buffers 64 KiB of plain text at most.
const PIECE_BYTES: usize = 32_768;
