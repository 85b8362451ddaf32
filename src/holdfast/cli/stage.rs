//! A stage for `demo` and `bench`: secrets of one run, and the settings that connect the
//! application with the parts around it. Nothing of it outlives the run.

use std::collections::BTreeMap;

use bytes::Bytes;
use holdfast_core::custody::store::s3::S3Settings;
use holdfast_core::ports::Clock;
use sha2::{Digest, Sha256};

use crate::native::Native;

/// The secrets of one run.
#[derive(Clone)]
pub struct Secrets {
    pub partner_key: String,
    pub storage_access_key: String,
    pub storage_secret_key: String,
    pub operator_token: String,
    pub tick_token: String,
}

impl Secrets {
    /// Draws them.
    pub fn draw(native: &Native) -> Self {
        let secret = || {
            let mut bytes = [0; 16];
            native.random(&mut bytes);
            hex(&bytes)
        };
        Self {
            partner_key: secret(),
            storage_access_key: secret(),
            storage_secret_key: secret(),
            operator_token: secret(),
            tick_token: secret(),
        }
    }

    /// The application's variables: mail for example.org goes to `primary`, held mail to
    /// `storage_url`. `more` is added to the route.
    pub fn variables(
        &self,
        primary: &str,
        storage_url: &str,
        more: &str,
    ) -> BTreeMap<String, String> {
        let key = hex(&Sha256::digest(&self.partner_key));
        let config = format!(
            "[[route]]\nname = \"{ROUTE}\"\ndomains = [\"example.org\"]\nprimary = \"{primary}\"\n\
             tls = \"off\"\n{more}\n[[partner]]\nname = \"demo\"\nkey_sha256 = \"{key}\"\n"
        );
        let grant = primary.replace("smtp://", "tcp://");
        let grant = match grant.starts_with("tcp://") {
            true => ("primary_hosts", grant),
            false => ("primary_url_host", grant),
        };
        [
            ("config", config),
            grant,
            ("storage_url", storage_url.to_owned()),
            ("storage_access_key", self.storage_access_key.clone()),
            ("storage_secret_key", self.storage_secret_key.clone()),
            ("operator_token", self.operator_token.clone()),
            ("tick_token", self.tick_token.clone()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }

    /// How the bucket is opened by hand.
    pub fn bucket(&self, storage_url: &str) -> S3Settings {
        S3Settings {
            url: storage_url.to_owned(),
            bucket: BUCKET.to_owned(),
            region: "us-east-1".to_owned(),
            virtual_host: false,
            access_key: self.storage_access_key.clone(),
            secret_key: self.storage_secret_key.clone(),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    format!("{:x}", Bytes::copy_from_slice(bytes))
}

/// The route of these runs.
pub const ROUTE: &str = "demo";
/// The bucket of these runs; the variables' default.
pub const BUCKET: &str = "holdfast";

#[cfg(test)]
mod tests {
    use super::*;
    use holdfast_core::config::Config;

    #[test]
    fn the_settings_are_ones_holdfast_takes() {
        let secrets = Secrets::draw(&Native::new().unwrap());
        let health = "[route.health]\nconsecutive_failures = 1";
        let variables = secrets.variables("smtp://127.0.0.1:9", "http://127.0.0.1:8", health);
        let config = Config::parse(&variables["config"], "").unwrap();
        assert_eq!(config.routes[0].health.consecutive_failures, 1);
        assert_eq!(variables["primary_hosts"], "tcp://127.0.0.1:9");
        let http = secrets.variables("http://127.0.0.1:9", "", "");
        assert_eq!(http["primary_url_host"], "http://127.0.0.1:9");
        assert_ne!(secrets.operator_token, secrets.tick_token);
    }
}
