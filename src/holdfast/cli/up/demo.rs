//! What a first try has around the application: storage, a mail system, keys, and the settings that
//! connect them.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use anyhow::Result;
use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::keys::Keys;
use crate::cli::texts;
use crate::demo_primary::{DemoPrimary, Inbox};
use crate::embedded_s3::{EmbeddedS3, S3Options};

/// The surroundings, running.
pub struct Demo {
    storage: EmbeddedS3,
    inbox: Inbox,
    address: SocketAddr,
    /// `None` while it is stopped.
    primary: Option<DemoPrimary>,
}

impl Demo {
    /// Starts them with their data under `folder`, and adds the variables that lead to them; those
    /// that were given stay as they are.
    pub async fn start(folder: &Path, variables: &mut BTreeMap<String, String>) -> Result<Self> {
        let keys = Keys::open(folder.join("keys"))?;
        let access_key = keys.get("storage_access_key")?;
        let secret_key = keys.get("storage_secret_key")?;
        let storage = S3Options::new(folder.join("s3"), &access_key, &secret_key);
        let storage = EmbeddedS3::start(storage).await?;
        let inbox = Inbox::with_hook(0, texts::received);
        let primary = start_primary(&inbox).await?;
        let address = primary.address();
        let settings = [
            ("config", config(address)),
            ("primary_hosts", format!("tcp://{address}")),
            ("storage_url", storage.url()),
            ("storage_access_key", access_key),
            ("storage_secret_key", secret_key),
            ("operator_token", keys.get("operator_token")?),
            ("tick_token", keys.get("tick_token")?),
            ("scim_token", keys.get("scim_token")?),
            ("session_key", keys.get("session_key")?),
        ];
        for (name, value) in settings {
            variables.entry(name.to_owned()).or_insert(value);
        }
        Ok(Self {
            storage,
            inbox,
            address,
            primary: Some(primary),
        })
    }

    /// Where the mail system listens, or will again.
    pub fn primary_address(&self) -> SocketAddr {
        self.address
    }

    /// Stops the mail system as a power cut would, or starts it again.
    pub async fn toggle_primary(&mut self) {
        match self.primary.take() {
            Some(primary) => {
                primary.stop().await;
                texts::primary_stopped();
            }
            None => match DemoPrimary::start(self.address, self.inbox.clone()).await {
                Ok(primary) => {
                    self.primary = Some(primary);
                    texts::primary_started();
                }
                Err(error) => texts::primary_not_started(&error),
            },
        }
    }

    /// Stops everything.
    pub async fn stop(self) {
        if let Some(primary) = self.primary {
            primary.stop().await;
        }
        self.storage.stop().await;
    }
}

/// On the usual port, or a free one if that is taken.
async fn start_primary(inbox: &Inbox) -> Result<DemoPrimary> {
    let at = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    match DemoPrimary::start(at(PRIMARY_PORT), inbox.clone()).await {
        Ok(primary) => Ok(primary),
        Err(_) => DemoPrimary::start(at(0), inbox.clone()).await,
    }
}

/// One route, one partner whose key is `demo-key`.
fn config(primary: SocketAddr) -> String {
    let key = Bytes::copy_from_slice(&Sha256::digest(PARTNER_KEY));
    format!(
        r#"# What is written in the webmail goes to the same mail system, whomever it is for.
outbound = "demo"

[[route]]
name = "demo"
domains = ["example.org"]
primary = "smtp://{primary}"
tls = "off"
# So that there is something to see before anything breaks.
access = "always"
copies = "on"

[[partner]]
name = "demo"
key_sha256 = "{key:x}"

[webmail]
name = "Example"
"#
    )
}

const PARTNER_KEY: &str = "demo-key";
const PRIMARY_PORT: u16 = 2525;

#[cfg(test)]
mod tests {
    use tokio::net::TcpStream;

    use super::*;

    #[tokio::test]
    async fn the_variables_lead_to_what_runs_and_the_primary_can_be_toggled() {
        let folder = tempfile::tempdir().unwrap();
        let mut variables = BTreeMap::from([("tick_token".to_owned(), "mine".to_owned())]);
        let mut demo = Demo::start(folder.path(), &mut variables).await.unwrap();
        assert_eq!(variables["tick_token"], "mine", "what was given stays");
        assert_eq!(variables["storage_url"], demo.storage.url());
        let address = demo.primary_address();
        assert_eq!(variables["primary_hosts"], format!("tcp://{address}"));
        assert!(variables["config"].contains(&format!("smtp://{address}")));
        let is_up = async || TcpStream::connect(address).await.is_ok();
        assert!(is_up().await);
        demo.toggle_primary().await;
        assert!(!is_up().await);
        demo.toggle_primary().await;
        assert!(is_up().await);
        demo.stop().await;
        assert!(!is_up().await);
    }

    #[test]
    fn the_config_is_one_holdfast_takes() {
        let text = config("127.0.0.1:2525".parse().unwrap());
        let document: toml::Table = toml::from_str(&text).unwrap();
        assert_eq!(
            document["route"][0]["primary"].as_str(),
            Some("smtp://127.0.0.1:2525")
        );
        // printf demo-key | sha256sum
        let expected = "c48a01f49fd0f2cc404bc3cbbc80e91457a3d41bb429a695243de4c61794155c";
        assert_eq!(
            document["partner"][0]["key_sha256"].as_str(),
            Some(expected)
        );
    }
}
