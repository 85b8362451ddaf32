//! What a release is compared with: Postfix giving back what it had deferred, and `smtp-source`
//! handing the same messages straight to the same sink.

use std::time::Duration;

use anyhow::{Context, Result};

use super::{PATIENCE, Postfix, TRIAL, arrived, count, feed, measure};
use crate::cli::bench::child::Server;
use crate::cli::bench::load::{Measured, Plan};

/// Deferred first, then flushed: until the sink has the last of them.
pub async fn flush(postfix: &mut Postfix, sink: &mut Server, plan: &Plan) -> Result<Measured> {
    let rate = match postfix.flushes {
        Some(rate) => rate,
        None => flush_some(postfix, sink, TRIAL, plan).await?.rate(),
    };
    let measured = flush_some(postfix, sink, count(rate, plan), plan).await?;
    postfix.flushes = Some(measured.rate());
    Ok(measured)
}

async fn flush_some(
    postfix: &Postfix,
    sink: &mut Server,
    count: u64,
    plan: &Plan,
) -> Result<Measured> {
    let port = sink.address().port();
    let running = postfix.start(port, "defer_transports = smtp\n").await?;
    feed(postfix, postfix.address, count, plan).await?;
    let deferred = async {
        while postfix.deferred()? < count {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        anyhow::Ok(())
    };
    let deferred = tokio::time::timeout(PATIENCE, deferred).await;
    deferred.with_context(|| format!("{count} were accepted and not all are deferred"))??;
    postfix.configure(port, "")?;
    postfix.command("reload").await?;
    // Until its queue manager has read that; the time is not counted.
    tokio::time::sleep(RELOADING).await;
    let expected = sink.count().await? + count;
    let work = async {
        postfix.command("flush").await?;
        arrived(sink, expected).await
    };
    let measured = measure(postfix.master()?, count, work).await?;
    drop(running);
    Ok(measured)
}

/// No mail system between: as fast as this sink can be fed over SMTP.
pub async fn direct(postfix: &mut Postfix, sink: &mut Server, plan: &Plan) -> Result<Measured> {
    let rate = match postfix.feeds {
        Some(rate) => rate,
        None => direct_some(postfix, sink, TRIAL, plan).await?.rate(),
    };
    let measured = direct_some(postfix, sink, count(rate, plan), plan).await?;
    postfix.feeds = Some(measured.rate());
    Ok(measured)
}

async fn direct_some(
    postfix: &Postfix,
    sink: &mut Server,
    count: u64,
    plan: &Plan,
) -> Result<Measured> {
    let (address, expected) = (sink.address(), sink.count().await? + count);
    let work = async {
        feed(postfix, address, count, plan).await?;
        arrived(sink, expected).await
    };
    measure(std::process::id(), count, work).await
}

const RELOADING: Duration = Duration::from_secs(1);
