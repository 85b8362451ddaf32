//! Whether the bucket does all that Holdfast asks of it: tried with one small object, which is
//! removed again.

use anyhow::{Result, anyhow, bail};
use bytes::Bytes;
use holdfast_core::custody::store::s3::{S3Settings, S3Store};
use holdfast_core::custody::store::{
    Condition, Conditional, Put, Store, StoreError, StoreErrorKind,
};
use holdfast_core::ports::new_id;

use super::findings::Findings;
use crate::native::Native;

/// Writes, reads, lists and deletes; then asks for conditional writes.
pub async fn check(
    settings: &S3Settings,
    native: Native,
    unconfigured: bool,
    findings: &mut Findings,
) {
    if settings.url.is_empty() {
        let what = "storage_url is empty: held mail goes into the host's key-value store, which \
                    only the host can reach and which is for trying out";
        let mend = match unconfigured {
            true => "",
            false => "set storage_url, storage_access_key and storage_secret_key",
        };
        return findings.note("storage", what, mend);
    }
    let key = format!("leases/check-{}.txt", new_id(&native));
    let store = match S3Store::new(settings, native) {
        Ok(store) => store,
        Err(reason) => return findings.problem("storage", &reason, "correct its value"),
    };
    let place = format!("{}, bucket {}", settings.url, settings.bucket);
    match round_trip(&store, &key).await {
        Ok(()) => findings.ok(
            "storage",
            &format!("{place}: writes, reads, lists and deletes"),
        ),
        Err(error) => {
            let mend = error.downcast_ref().map_or("", mend);
            return findings.problem("storage", &format!("{place}: {error}"), mend);
        }
    }
    match store.conditional().await {
        Ok(Conditional::Yes) => findings.ok("storage", "conditional writes hold"),
        Ok(_) => findings.note(
            "storage",
            "conditional writes do not hold; every promise does, but two writers at once may make \
             a duplicate",
            "use a store that has them (AWS, R2, MinIO and others)",
        ),
        Err(error) => findings.problem("storage", &error.to_string(), mend(&error)),
    }
}

async fn round_trip(store: &impl Store, key: &str) -> Result<()> {
    let body = Bytes::from_static(b"Holdfast checks the storage here.\n");
    let written = store
        .put(key, std::slice::from_ref(&body), Condition::Always)
        .await;
    if written.map_err(|error| at("writing", error))? == Put::Conflict {
        bail!("an unconditional write was answered with a conflict");
    }
    let read = store.get(key, READ_BYTES).await;
    if read
        .map_err(|error| at("reading", error))?
        .map(|object| object.bytes)
        != Some(body)
    {
        bail!("what was written is not what is read");
    }
    let listed = store.list(key, None, 1).await;
    if !listed
        .map_err(|error| at("listing", error))?
        .keys
        .contains(&key.to_owned())
    {
        bail!("what was written is not in the listing");
    }
    let deleted = store.delete(key).await;
    deleted.map_err(|error| at("deleting", error))?;
    let gone = store.get(key, READ_BYTES).await;
    match gone.map_err(|error| at("reading", error))? {
        None => Ok(()),
        Some(_) => Err(anyhow!("what was deleted is still read")),
    }
}

/// Says what was done when it happened.
fn at(what: &str, mut error: StoreError) -> StoreError {
    error.detail = format!("{what}: {}", error.detail);
    error
}

fn mend(error: &StoreError) -> &'static str {
    let detail = error.detail.as_str();
    let says = |code: &str| detail.contains(code);
    match error.kind {
        _ if says("NoSuchBucket") => "create the bucket, or correct storage_bucket",
        _ if says("InvalidAccessKeyId") => "correct storage_access_key",
        _ if says("SignatureDoesNotMatch") => "correct storage_secret_key (and storage_region)",
        _ if says("RequestTimeTooSkewed") => "set this machine's clock",
        StoreErrorKind::Denied => {
            "let this key read, write, list and delete in the bucket; correct storage_region and \
             storage_style"
        }
        StoreErrorKind::Unavailable => "start the storage, or correct storage_url",
        StoreErrorKind::Damaged => "storage_url leads to something that is not S3; correct it",
    }
}

/// An error document is longer than the object.
const READ_BYTES: usize = 65_536;
