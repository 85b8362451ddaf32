//! Whom to believe in a TLS handshake with a primary: the route's word, as the components take it.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use holdfast_core::routing::primary::{TlsPolicy, Trust};
use rustls::SignatureScheme;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore};
use sha2::{Digest as _, Sha256};
use tokio_rustls::TlsConnector;

/// The connector of a route. The error names the configuration that is wrong.
pub fn connector(policy: TlsPolicy, trust: &Trust) -> Result<TlsConnector, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let pins = (!trust.pins.is_empty()).then(|| trust.pins.clone());
    let config = if pins.is_some() || policy == TlsPolicy::Opportunistic {
        builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Believer { pins, provider }))
            .with_no_client_auth()
    } else {
        builder
            .with_root_certificates(authorities(trust)?)
            .with_no_client_auth()
    };
    Ok(Arc::new(config).into())
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
    let Some(pem) = &trust.authorities else {
        let public = webpki_roots::TLS_SERVER_ROOTS.iter().cloned();
        return Ok(RootCertStore::from_iter(public));
    };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        let certificate = certificate.map_err(|error| format!("tls_ca: {error}"))?;
        let added = roots.add(certificate);
        added.map_err(|error| format!("tls_ca: {error}"))?;
    }
    Ok(roots)
}

/// Believes pinned keys, or, where there are none, anybody (RFC 7435).
struct Believer {
    pins: Option<Vec<[u8; 32]>>,
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
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(pins) = &self.pins else {
            return Ok(ServerCertVerified::assertion());
        };
        let certificate = webpki::EndEntityCert::try_from(end_entity)
            .map_err(|_| Error::InvalidCertificate(CertificateError::BadEncoding))?;
        let key: [u8; 32] = Sha256::digest(&*certificate.subject_public_key_info()).into();
        if pins.contains(&key) {
            return Ok(ServerCertVerified::assertion());
        }
        Err(Error::General(
            "its public key is not one of tls_pins".into(),
        ))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let known = &self.provider.signature_verification_algorithms;
        known.supported_schemes()
    }
}
