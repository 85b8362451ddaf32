//! The deployment's settings as a host gives them: texts by name, some of them empty, read into
//! types in one way for the components and for `holdfast check`.

use crate::config::Config;
use crate::custody::store::s3::S3Settings;

/// The configuration, and whether anybody wrote one.
#[derive(Clone, Debug)]
pub struct Configured {
    /// The configuration.
    pub config: Config,
    /// Nobody did: this is the local-only one, and only this machine may submit.
    pub unconfigured: bool,
}

/// Reads `config` and `primary_credentials`. The error names the key and the reason.
pub async fn config(
    get: impl AsyncFn(&str) -> Result<String, String>,
) -> Result<Configured, String> {
    let document = get("config").await?;
    let credentials = get("primary_credentials").await?;
    let unconfigured = document.trim().is_empty();
    let document = if unconfigured { LOCAL_ONLY } else { &document };
    let config = Config::parse(document, &credentials).map_err(|error| error.to_string())?;
    Ok(Configured {
        config,
        unconfigured,
    })
}

/// Reads the settings of the storage; an empty URL is the host's own key-value store.
pub async fn storage(
    get: impl AsyncFn(&str) -> Result<String, String>,
) -> Result<S3Settings, String> {
    let style = get("storage_style").await?;
    let virtual_host = match style.as_str() {
        "" | "path" => false,
        "virtual-host" => true,
        other => {
            return Err(format!(
                "storage_style: {other:?} is neither path nor virtual-host"
            ));
        }
    };
    Ok(S3Settings {
        url: get("storage_url").await?,
        bucket: or(get("storage_bucket").await?, "holdfast"),
        region: or(get("storage_region").await?, "us-east-1"),
        virtual_host,
        access_key: get("storage_access_key").await?,
        secret_key: get("storage_secret_key").await?,
    })
}

fn or(value: String, default: &str) -> String {
    if value.is_empty() {
        default.to_owned()
    } else {
        value
    }
}

/// The configuration of those who have none: one route to a mail server on this machine, and a
/// partner whose key everybody knows (`demo-key`), admitted from this machine only.
const LOCAL_ONLY: &str = r#"
[[route]]
name = "demo"
domains = ["example.org"]
primary = "smtp://127.0.0.1:2525"
tls = "off"
[[partner]]
name = "demo"
key_sha256 = "c48a01f49fd0f2cc404bc3cbbc80e91457a3d41bb429a695243de4c61794155c"
"#;

#[cfg(test)]
mod tests {
    use super::*;
    use futures::executor::block_on;

    async fn nothing(_: &str) -> Result<String, String> {
        Ok(String::new())
    }

    #[test]
    fn without_settings_mail_is_for_this_machine_alone() {
        let configured = block_on(config(nothing)).unwrap();
        assert!(configured.unconfigured);
        let primary = &configured.config.routes[0].primaries[0];
        assert_eq!(primary.text, "smtp://127.0.0.1:2525");
        let storage = block_on(storage(nothing)).unwrap();
        assert_eq!(
            (storage.url.as_str(), storage.bucket.as_str()),
            ("", "holdfast")
        );
    }

    #[test]
    fn a_style_nobody_knows_is_refused_by_its_name() {
        let get = async |name: &str| {
            let value = if name == "storage_style" { "odd" } else { "" };
            Ok(value.to_owned())
        };
        let Err(error) = block_on(storage(get)) else {
            panic!("it is taken");
        };
        assert!(
            error.contains("storage_style") && error.contains("virtual-host"),
            "{error}"
        );
    }
}
