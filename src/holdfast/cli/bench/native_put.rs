//! The limit of holding: a native client that puts the same bytes into the same bucket, signed by
//! the same library.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use holdfast_core::custody::store::s3::S3Settings;
use holdfast_core::ports::new_id;
use http::{Request, header};
use http_body_util::Full;
use rusty_s3::{Bucket, Credentials, S3Action, UrlStyle};
use url::Position;

use super::load::Target;
use crate::native::Native;

/// PUTs of `body`, each under a key of its own in the folder `queue/native/`.
pub fn target(settings: &S3Settings, address: SocketAddr, body: Bytes) -> Result<Target> {
    let url = settings.url.parse()?;
    let (name, region) = (settings.bucket.clone(), settings.region.clone());
    let bucket = Bucket::new(url, UrlStyle::Path, name, region).context("the bucket")?;
    let credentials = Credentials::new(&settings.access_key, &settings.secret_key);
    let native = Native::new()?;
    let host = address.to_string();
    let request = move || {
        let key = format!("{FOLDER}/{}.eml", new_id(&native));
        let url = bucket.put_object(Some(&credentials), &key).sign(SIGNED_FOR);
        let request = Request::put(&url[Position::BeforePath..]).header(header::HOST, &host);
        Ok(request.body(Full::new(body.clone()))?)
    };
    Ok(Target {
        address,
        request: Arc::new(request),
        status: 200,
    })
}

/// Where its objects lie.
pub const FOLDER: &str = "queue/native";
const SIGNED_FOR: Duration = Duration::from_secs(900);
