//! A certificate authority of our own, and certificates for mail servers.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rcgen::{KeyUsagePurpose, date_time_ymd};

/// An authority that nobody knows.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A server's certificate with its key.
pub struct Certified {
    /// The certificate.
    pub certificate: rcgen::Certificate,
    /// Its key.
    pub key: KeyPair,
}

impl Authority {
    /// A new one, of a name that no other has.
    pub fn new() -> Self {
        static MADE: AtomicUsize = AtomicUsize::new(1);
        let name = format!("Holdfast test authority {}", MADE.fetch_add(1, Relaxed));
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![
            KeyUsagePurpose::KeyCertSign,
            KeyUsagePurpose::DigitalSignature,
        ];
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// Its own certificate, as `tls_ca` wants it.
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate for the server of this name or IP address.
    pub fn certify(&self, name: &str) -> Certified {
        self.sign(CertificateParams::new([name.to_owned()]).unwrap())
    }

    /// One that ran out years ago.
    pub fn certify_expired(&self, name: &str) -> Certified {
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.not_before = date_time_ymd(2001, 1, 1);
        params.not_after = date_time_ymd(2002, 1, 1);
        self.sign(params)
    }

    fn sign(&self, params: CertificateParams) -> Certified {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &*self.0).unwrap();
        Certified { certificate, key }
    }
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}
