//! A store in S3, or anything that speaks its API.
//!
//! `rusty-s3` signs (query signatures, unsigned payload: hashing a body before sending it would
//! cost more than sending it) and reads listings; what stands here is when to try again and what
//! an answer means. Conditional writes are tried out once at first use, because some servers
//! accept the header and ignore it: then conditions are checked by reading first, and `/readyz`
//! says so.
//!
//! Sources: AWS S3 API reference (PutObject, GetObject, DeleteObject, ListObjectsV2, error codes).

use std::cell::Cell;
use std::time::Duration;

use bytes::Bytes;
use rusty_s3::actions::ObjectIdentifier;
use rusty_s3::{Bucket, Credentials, S3Action, UrlStyle, actions};

use super::{
    Condition, Conditional, Object, Page, Put, Store, StoreError, StoreErrorKind, Version,
};
use crate::limits;
use crate::ports::{Clock, HttpClient, HttpFailureKind, HttpRequest, HttpResponse, jitter};

/// Where the bucket is and how it is opened.
#[derive(Clone)]
pub struct S3Settings {
    /// The endpoint, such as `https://s3.eu-central-1.amazonaws.com`.
    pub url: String,
    /// The bucket.
    pub bucket: String,
    /// The region.
    pub region: String,
    /// `https://bucket.host/key` instead of `https://host/bucket/key`.
    pub virtual_host: bool,
    /// The access key; with the secret one empty, requests are not signed.
    pub access_key: String,
    /// The secret key.
    pub secret_key: String,
}

/// Objects in a bucket.
pub struct S3Store<C> {
    client: C,
    bucket: Bucket,
    credentials: Option<Credentials>,
    conditional: Cell<Conditional>,
}

impl<C: HttpClient + Clock> S3Store<C> {
    /// A store in this bucket. The error names the setting that is wrong.
    pub fn new(settings: &S3Settings, client: C) -> Result<Self, String> {
        let url: url::Url = settings
            .url
            .parse()
            .map_err(|error| format!("storage_url: {error}"))?;
        if !matches!(url.path(), "" | "/") || url.query().is_some() {
            return Err("storage_url: it is scheme://host:port and nothing more; Spin's grants have no paths".into());
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(
                "storage_url: keys belong into storage_access_key and storage_secret_key".into(),
            );
        }
        if settings.access_key.is_empty() != settings.secret_key.is_empty() {
            return Err(
                "storage_access_key and storage_secret_key: one is set and the other is not".into(),
            );
        }
        let style = if settings.virtual_host {
            UrlStyle::VirtualHost
        } else {
            UrlStyle::Path
        };
        let bucket = Bucket::new(url, style, settings.bucket.clone(), settings.region.clone())
            .map_err(|_| {
                "storage_url, storage_bucket: together they make no URL of http or https".to_owned()
            })?;
        let credentials = (!settings.secret_key.is_empty())
            .then(|| Credentials::new(settings.access_key.clone(), settings.secret_key.clone()));
        Ok(Self {
            client,
            bucket,
            credentials,
            conditional: Cell::new(Conditional::Unknown),
        })
    }

    /// Signs and sends until there is an answer worth having, or time or tries are used up.
    async fn send<'a, A: S3Action<'a>>(
        &'a self,
        method: &'static str,
        mut action: A,
        headers: &[(&'static str, String)],
        body: &[Bytes],
        most: usize,
    ) -> Result<HttpResponse, StoreError> {
        for (name, value) in headers {
            action.headers_mut().insert(*name, value.clone());
        }
        let started = self.client.now();
        let transfer = transfer_time(body, most);
        let mut wait = limits::STORAGE_BACKOFF;
        let mut trouble = String::new();
        for attempt in 1..=limits::STORAGE_TRIES {
            let now = self.client.now();
            let left = (limits::STORAGE_BUDGET + transfer).saturating_sub(now.since(started));
            if attempt > 1 && left.is_zero() {
                break;
            }
            let time = jiff::Timestamp::from_millisecond(now.millis()).unwrap_or_default();
            let request = HttpRequest {
                method,
                url: action.sign_with_time(SIGNATURE_LIFE, &time).into(),
                headers: headers.to_vec(),
                body: body.to_vec(),
                connect: limits::STORAGE_CONNECT.min(left.max(MINIMUM)),
                reply: (limits::STORAGE_REPLY + transfer).min(left.max(MINIMUM)),
                // What an error says may be longer than what was asked for.
                most: most.max(ANSWER_BYTES),
            };
            match self.client.send(request).await {
                Ok(response) if response.body.len() > most && response.status < 300 => {
                    return Err(too_long(most));
                }
                Ok(response) if !retried(&response) => return Ok(response),
                Ok(response) => trouble = said(&response),
                Err(failure) if failure.kind == HttpFailureKind::NotGranted => {
                    let detail = "the host's grants do not let us reach storage_url";
                    return Err(StoreError::new(StoreErrorKind::Denied, detail));
                }
                Err(failure) if failure.kind == HttpFailureKind::TooLong => {
                    return Err(too_long(most));
                }
                Err(failure) => trouble = failure.detail,
            }
            if attempt < limits::STORAGE_TRIES {
                self.client
                    .sleep(wait / 2 + wait * u32::from(jitter(&self.client)) / 512)
                    .await;
                wait = wait.saturating_mul(2);
            }
        }
        Err(StoreError::new(StoreErrorKind::Unavailable, trouble))
    }

    async fn put_if(
        &self,
        key: &str,
        body: &[Bytes],
        condition: &Condition,
    ) -> Result<Put, StoreError> {
        let headers = match condition {
            Condition::Always => vec![],
            Condition::Absent => vec![("if-none-match", "*".to_owned())],
            Condition::Unchanged(version) => vec![("if-match", version.0.clone())],
        };
        let action = actions::PutObject::new(&self.bucket, self.credentials.as_ref(), key);
        let response = self
            .send("PUT", action, &headers, body, ANSWER_BYTES)
            .await?;
        match response.status {
            200..=299 => match response.etag {
                Some(etag) => Ok(Put::Written(Version(etag))),
                None => Err(StoreError::new(
                    StoreErrorKind::Damaged,
                    "a write was answered without an ETag",
                )),
            },
            412 => Ok(Put::Conflict),
            // If-Match on what is not there.
            404 if matches!(condition, Condition::Unchanged(_)) && !no_bucket(&response) => {
                Ok(Put::Conflict)
            }
            _ => Err(refused(&response)),
        }
    }

    /// Creates an object twice; a store that has conditions refuses the second.
    async fn try_out(&self) -> Result<Conditional, StoreError> {
        let body = [Bytes::from_static(
            b"Holdfast tries out conditional writes here.\n",
        )];
        for _ in 0..2 {
            match self.put_if(TRY_OUT_KEY, &body, &Condition::Absent).await {
                Ok(Put::Conflict) => return Ok(Conditional::Yes),
                Ok(Put::Written(_)) => {}
                Err(error)
                    if error.detail.starts_with("501") || error.detail.starts_with("400") =>
                {
                    return Ok(Conditional::No);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(Conditional::No)
    }

    /// The condition checked by reading: all that can be done where the store has none.
    async fn holds_by_reading(&self, key: &str, condition: &Condition) -> Result<bool, StoreError> {
        let action = actions::HeadObject::new(&self.bucket, self.credentials.as_ref(), key);
        let response = self.send("HEAD", action, &[], &[], ANSWER_BYTES).await?;
        let current = match response.status {
            200..=299 => response.etag.map(Version),
            404 => None,
            _ => return Err(refused(&response)),
        };
        Ok(match condition {
            Condition::Always => true,
            Condition::Absent => current.is_none(),
            Condition::Unchanged(version) => current.as_ref() == Some(version),
        })
    }

    async fn read(
        &self,
        key: &str,
        headers: &[(&'static str, String)],
        most: usize,
    ) -> Result<Option<HttpResponse>, StoreError> {
        let action = actions::GetObject::new(&self.bucket, self.credentials.as_ref(), key);
        let response = self.send("GET", action, headers, &[], most).await?;
        match response.status {
            200..=299 => Ok(Some(response)),
            404 if !no_bucket(&response) => Ok(None),
            _ => Err(refused(&response)),
        }
    }
}

impl<C: HttpClient + Clock> Store for S3Store<C> {
    async fn get(&self, key: &str, most: usize) -> Result<Option<Object>, StoreError> {
        let Some(response) = self.read(key, &[], most).await? else {
            return Ok(None);
        };
        let etag = response.etag.unwrap_or_default();
        Ok(Some(Object {
            bytes: response.body,
            version: Version(etag),
        }))
    }

    async fn peek(&self, key: &str, first: usize) -> Result<Option<Bytes>, StoreError> {
        let range = [("range", format!("bytes=0-{}", first.saturating_sub(1)))];
        match self.read(key, &range, first.max(ANSWER_BYTES)).await {
            Ok(found) => Ok(found.map(|r| r.body.slice(..first.min(r.body.len())))),
            // A range into an empty object cannot be satisfied (RFC 9110, 15.5.17).
            Err(error) if error.detail.starts_with("416") => Ok(Some(Bytes::new())),
            Err(error) => Err(error),
        }
    }

    async fn put(
        &self,
        key: &str,
        body: &[Bytes],
        condition: Condition,
    ) -> Result<Put, StoreError> {
        if condition != Condition::Always && self.conditional().await? == Conditional::No {
            if !self.holds_by_reading(key, &condition).await? {
                return Ok(Put::Conflict);
            }
            return self.put_if(key, body, &Condition::Always).await;
        }
        self.put_if(key, body, &condition).await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        let action = actions::DeleteObject::new(&self.bucket, self.credentials.as_ref(), key);
        let response = self.send("DELETE", action, &[], &[], ANSWER_BYTES).await?;
        match response.status {
            200..=299 => Ok(()),
            404 if !no_bucket(&response) => Ok(()),
            _ => Err(refused(&response)),
        }
    }

    async fn delete_all(&self, keys: &[String]) -> Result<(), StoreError> {
        for some in keys.chunks(DELETES) {
            let named = some.iter().cloned().map(ObjectIdentifier::new);
            let named: Vec<_> = named.collect();
            let signing =
                actions::DeleteObjects::new(&self.bucket, self.credentials.as_ref(), named.iter());
            let mut action = signing.clone();
            action.set_quiet(true);
            let (body, md5) = action.body_with_md5();
            let headers = [
                ("content-md5", md5),
                ("content-type", "application/xml".into()),
            ];
            let body = [Bytes::from(body)];
            let response = self
                .send("POST", signing, &headers, &body, LISTING_BYTES)
                .await?;
            let all = (200..=299).contains(&response.status)
                && !response.body.windows(ERROR.len()).any(|part| part == ERROR);
            // Some stores do not know this request, or leave some undone.
            if !all {
                super::one_by_one(self, some).await?;
            }
        }
        Ok(())
    }

    async fn list(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page, StoreError> {
        let mut action = actions::ListObjectsV2::new(&self.bucket, self.credentials.as_ref());
        action.with_prefix(prefix.to_owned());
        action.with_max_keys(limit.clamp(1, limits::LIST_PAGE));
        if let Some(after) = after {
            action.with_start_after(after.to_owned());
        }
        let response = self.send("GET", action, &[], &[], LISTING_BYTES).await?;
        if !(200..=299).contains(&response.status) {
            return Err(refused(&response));
        }
        let text = std::str::from_utf8(&response.body).map_err(|_| not_a_listing())?;
        let listing = actions::ListObjectsV2::parse_response(text).map_err(|_| not_a_listing())?;
        let more = listing.next_continuation_token.is_some();
        let keys: Vec<String> = listing
            .contents
            .into_iter()
            .map(|object| object.key)
            .collect();
        // A store that passes over what was asked would have mail released on another's route, or
        // the same page read for ever.
        let asked_for = |key: &String| {
            key.starts_with(prefix) && after.is_none_or(|after| key.as_str() > after)
        };
        if !keys.iter().all(asked_for) {
            return Err(not_a_listing());
        }
        Ok(Page { keys, more })
    }

    async fn conditional(&self) -> Result<Conditional, StoreError> {
        if self.conditional.get() == Conditional::Unknown {
            self.conditional.set(self.try_out().await?);
        }
        Ok(self.conditional.get())
    }
}

/// Answers that another try may better: too busy, broken, or two conditional writes at once.
fn retried(response: &HttpResponse) -> bool {
    matches!(response.status, 408 | 425 | 429 | 500 | 502 | 503 | 504)
        || (response.status == 409
            && code(response).as_deref() == Some("ConditionalRequestConflict"))
}

fn too_long(most: usize) -> StoreError {
    StoreError::new(StoreErrorKind::Damaged, format!("longer than {most} bytes"))
}

fn refused(response: &HttpResponse) -> StoreError {
    let kind = match response.status {
        507 => StoreErrorKind::Unavailable,
        400..=499 => StoreErrorKind::Denied,
        _ => StoreErrorKind::Unavailable,
    };
    StoreError::new(kind, said(response))
}

fn no_bucket(response: &HttpResponse) -> bool {
    code(response).as_deref() == Some("NoSuchBucket")
}

/// The status, and S3's own code where there is one.
fn said(response: &HttpResponse) -> String {
    match code(response) {
        Some(code) => format!("{} {code}", response.status),
        None => format!("{} without a reason", response.status),
    }
}

/// `<Code>` of an error document; a word, never its message, which can quote what was signed.
fn code(response: &HttpResponse) -> Option<String> {
    let text = std::str::from_utf8(&response.body).ok()?;
    let (_, rest) = text.split_once("<Code>")?;
    let (code, _) = rest.split_once("</Code>")?;
    let word = code.len() <= 64 && code.bytes().all(|b| b.is_ascii_alphanumeric());
    word.then(|| code.to_owned())
}

fn not_a_listing() -> StoreError {
    StoreError::new(
        StoreErrorKind::Damaged,
        "the answer to a listing is not one",
    )
}

/// A second for each mebibyte that may have to travel, within a bound.
fn transfer_time(body: &[Bytes], most: usize) -> Duration {
    let bytes: usize = body.iter().map(Bytes::len).sum::<usize>() + most;
    let millis = u64::try_from(bytes / 1024).unwrap_or(u64::MAX);
    Duration::from_millis(millis).min(limits::STORAGE_TRANSFER)
}

/// A signed URL works that long: longer than any request takes, and clocks differ.
const SIGNATURE_LIFE: Duration = Duration::from_secs(900);
/// The last try gets at least this long.
const MINIMUM: Duration = Duration::from_millis(500);
/// Objects named in one request to remove them (S3's DeleteObjects takes 1,000).
const DELETES: usize = 500;
/// How its answer begins to tell of an object that was not removed.
const ERROR: &[u8] = b"<Error>";
/// Answers to writes, and error documents.
const ANSWER_BYTES: usize = 65_536;
/// 1,000 keys with all that S3 says about them.
const LISTING_BYTES: usize = 4_194_304;
/// The object on which conditional writes are tried out.
const TRY_OUT_KEY: &str = "leases/conditional-writes.txt";

#[cfg(test)]
mod tests;
