//! The memory of one large message: delivered, and held, each by a host that did little else.

use std::path::Path;

use anyhow::Result;

use super::child::Server;
use super::load;
use super::part::Part;
use super::scenario::{closed_port, message, storage, submission};
use crate::cli::stage::Secrets;
use crate::native::Native;

/// Bytes of memory beyond the idle host's, at most.
pub struct Large {
    pub size: u64,
    pub delivered: u64,
    pub held: u64,
}

/// Measures both.
pub async fn measure(manifest: &Path) -> Result<Large> {
    let folder = tempfile::tempdir()?;
    let secrets = Secrets::draw(&Native::new()?);
    let sink = Server::start(Part::SmtpSink).await?;
    let storage = storage(&folder, &secrets, true).await?;
    let storage_url = format!("http://{}", storage.address());
    let one = async |primary: String, status| {
        let variables = secrets.variables(&primary, &storage_url, "");
        let host = Server::start(Part::Host {
            manifest: manifest.to_owned(),
            variables,
            listen: None,
        });
        let host = host.await?;
        let key = &secrets.partner_key;
        load::once(&submission(&host, key, message(SMALL), status)).await?;
        let idle = host.memory()?;
        host.forget_peak()?;
        load::once(&submission(&host, key, message(SIZE), status)).await?;
        let peak = host.peak()?;
        host.stop().await;
        Ok::<_, anyhow::Error>(peak.saturating_sub(idle))
    };
    let delivered = one(format!("smtp://{}", sink.address()), 200).await?;
    let held = one(format!("smtp://127.0.0.1:{}", closed_port()?), 202).await?;
    sink.stop().await;
    storage.stop().await;
    Ok(Large {
        size: SIZE as u64,
        delivered,
        held,
    })
}

/// 25 MB, as large as a message may be unless the configuration says otherwise.
const SIZE: usize = 26_214_400;
const SMALL: usize = 2_000;
