//! The actions of S3 that Holdfast needs, on [`Files`]; s3s reads the requests, verifies the signatures
//! and writes the answers. What is not here is answered with `NotImplemented`.

use std::io::{self, ErrorKind};
use std::sync::Arc;

use bytes::Bytes;
use futures::TryStreamExt as _;
use futures::stream;
use s3s::dto::{
    DeleteObjectInput, DeleteObjectOutput, DeleteObjectsInput, DeleteObjectsOutput, DeletedObject,
    ETag, ETagCondition, GetObjectInput, GetObjectOutput, HeadBucketInput, HeadBucketOutput,
    HeadObjectInput, HeadObjectOutput, ListObjectsV2Input, ListObjectsV2Output, Object,
    PutObjectInput, PutObjectOutput, StreamingBlob, Timestamp,
};
use s3s::{S3, S3Error, S3ErrorCode, S3Request, S3Response, S3Result, s3_error};

use super::files::{Condition, Digest, Files};

/// S3 over files.
pub struct Actions(pub Arc<Files>);

#[async_trait::async_trait]
impl S3 for Actions {
    async fn head_bucket(
        &self,
        request: S3Request<HeadBucketInput>,
    ) -> S3Result<S3Response<HeadBucketOutput>> {
        self.bucket(&request.input.bucket)?;
        Ok(S3Response::new(HeadBucketOutput::default()))
    }

    async fn get_object(
        &self,
        request: S3Request<GetObjectInput>,
    ) -> S3Result<S3Response<GetObjectOutput>> {
        let input = request.input;
        let name = self.name(&input.bucket, &input.key)?;
        let range = input.range;
        let read = self.on_disk(move |files| {
            files.read(&name, |size| match range {
                Some(range) => range.check(size).map_err(|error| Failed::S3(error.into())),
                None => Ok(0..size),
            })
        });
        let (facts, part, bytes) = read.await?.ok_or_else(|| s3_error!(NoSuchKey))?;
        let content_range =
            range.map(|_| format!("bytes {}-{}/{}", part.start, part.end - 1, facts.size));
        let length = bytes.len();
        let body = stream::iter([Ok::<_, io::Error>(bytes)]);
        Ok(S3Response::new(GetObjectOutput {
            body: Some(StreamingBlob::wrap(body)),
            content_length: Some(length as i64),
            content_range,
            e_tag: Some(etag(&facts.digest)),
            last_modified: Some(Timestamp::from(facts.modified)),
            ..GetObjectOutput::default()
        }))
    }

    async fn head_object(
        &self,
        request: S3Request<HeadObjectInput>,
    ) -> S3Result<S3Response<HeadObjectOutput>> {
        let name = self.name(&request.input.bucket, &request.input.key)?;
        let facts = self.on_disk(move |files| Ok::<_, Failed>(files.facts(&name)?));
        let facts = facts.await?.ok_or_else(|| s3_error!(NoSuchKey))?;
        Ok(S3Response::new(HeadObjectOutput {
            content_length: Some(facts.size as i64),
            e_tag: Some(etag(&facts.digest)),
            last_modified: Some(Timestamp::from(facts.modified)),
            ..HeadObjectOutput::default()
        }))
    }

    async fn put_object(
        &self,
        request: S3Request<PutObjectInput>,
    ) -> S3Result<S3Response<PutObjectOutput>> {
        let input = request.input;
        let name = self.name(&input.bucket, &input.key)?;
        let condition = condition(input.if_match, input.if_none_match)?;
        let body: Vec<Bytes> = match input.body {
            Some(body) => body.try_collect().await.map_err(incomplete)?,
            None => Vec::new(),
        };
        let written =
            self.on_disk(move |files| Ok::<_, Failed>(files.write(&name, &body, &condition)?));
        let digest = written
            .await?
            .ok_or_else(|| s3_error!(PreconditionFailed))?;
        Ok(S3Response::new(PutObjectOutput {
            e_tag: Some(etag(&digest)),
            ..PutObjectOutput::default()
        }))
    }

    async fn delete_object(
        &self,
        request: S3Request<DeleteObjectInput>,
    ) -> S3Result<S3Response<DeleteObjectOutput>> {
        let name = self.name(&request.input.bucket, &request.input.key)?;
        let removed = self.on_disk(move |files| Ok::<_, Failed>(files.remove(&name)?));
        removed.await?;
        Ok(S3Response::new(DeleteObjectOutput::default()))
    }

    async fn delete_objects(
        &self,
        request: S3Request<DeleteObjectsInput>,
    ) -> S3Result<S3Response<DeleteObjectsOutput>> {
        let input = request.input;
        let keys = input.delete.objects.into_iter().map(|object| object.key);
        let keys: Vec<String> = keys.collect();
        let names: S3Result<Vec<_>> = keys
            .iter()
            .map(|key| self.name(&input.bucket, key))
            .collect();
        let names = names?;
        let removed = self.on_disk(move |files| {
            let removed: io::Result<()> = names.iter().try_for_each(|name| files.remove(name));
            Ok::<_, Failed>(removed?)
        });
        removed.await?;
        let quiet = input.delete.quiet.unwrap_or_default();
        let deleted = keys.into_iter().map(|key| DeletedObject {
            key: Some(key),
            ..DeletedObject::default()
        });
        Ok(S3Response::new(DeleteObjectsOutput {
            deleted: (!quiet).then(|| deleted.collect()),
            ..DeleteObjectsOutput::default()
        }))
    }

    async fn list_objects_v2(
        &self,
        request: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        let input = request.input;
        self.bucket(&input.bucket)?;
        if input.delimiter.is_some() {
            return Err(s3_error!(NotImplemented, "listing with a delimiter"));
        }
        let most = input.max_keys.unwrap_or(PAGE).clamp(0, PAGE);
        let after = input
            .start_after
            .clone()
            .max(input.continuation_token.clone());
        let (bucket, prefix) = (input.bucket.clone(), input.prefix.clone());
        let listed = self.on_disk(move |files| {
            let (prefix, after) = (prefix.unwrap_or_default(), after.unwrap_or_default());
            Ok::<_, Failed>(files.list(&bucket, &prefix, &after, most as usize)?)
        });
        let (objects, more) = listed.await?;
        let last = objects.last().map(|object| object.key.clone());
        let objects = objects.into_iter().map(|object| Object {
            key: Some(object.key),
            size: Some(object.size as i64),
            last_modified: Some(Timestamp::from(object.modified)),
            ..Object::default()
        });
        let contents: Vec<_> = objects.collect();
        Ok(S3Response::new(ListObjectsV2Output {
            key_count: Some(contents.len() as i32),
            contents: (!contents.is_empty()).then_some(contents),
            max_keys: Some(most),
            is_truncated: Some(more),
            next_continuation_token: last.filter(|_| more),
            continuation_token: input.continuation_token,
            name: Some(input.bucket),
            prefix: input.prefix,
            start_after: input.start_after,
            ..ListObjectsV2Output::default()
        }))
    }
}

impl Actions {
    fn bucket(&self, bucket: &str) -> S3Result<()> {
        match self.0.has_bucket(bucket) {
            true => Ok(()),
            false => Err(s3_error!(NoSuchBucket)),
        }
    }

    fn name(&self, bucket: &str, key: &str) -> S3Result<String> {
        self.bucket(bucket)?;
        Ok(format!("{bucket}/{key}"))
    }

    /// Does what waits for the disk where waiting harms nobody.
    async fn on_disk<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Files) -> Result<T, Failed> + Send + 'static,
    ) -> S3Result<T> {
        let files = self.0.clone();
        let done = tokio::task::spawn_blocking(move || work(&files)).await;
        done.map_err(S3Error::internal_error)?.map_err(Failed::into)
    }
}

fn condition(
    unchanged: Option<ETagCondition>,
    absent: Option<ETagCondition>,
) -> S3Result<Condition> {
    match (unchanged, absent) {
        (None, None) => Ok(Condition::Always),
        (None, Some(ETagCondition::Any)) => Ok(Condition::Absent),
        (Some(ETagCondition::Any), None) => Ok(Condition::Present),
        (Some(ETagCondition::ETag(etag)), None) => match digest(&etag) {
            Some(digest) => Ok(Condition::Unchanged(digest)),
            None => Err(s3_error!(PreconditionFailed)),
        },
        _ => Err(s3_error!(NotImplemented, "such a condition")),
    }
}

fn incomplete(source: s3s::StdError) -> S3Error {
    S3Error::with_source(S3ErrorCode::IncompleteBody, source)
}

fn etag(digest: &Digest) -> ETag {
    ETag::Strong(digest.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn digest(etag: &ETag) -> Option<Digest> {
    let text = etag
        .as_strong()
        .filter(|text| text.is_ascii() && text.len() == 32)?;
    let mut digest = Digest::default();
    for (at, byte) in digest.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok()?;
    }
    Some(digest)
}

/// Why an action failed.
enum Failed {
    /// S3 has a word for it.
    S3(S3Error),
    /// The disk failed.
    Disk(io::Error),
}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Self {
        Self::Disk(error)
    }
}

impl From<Failed> for S3Error {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::S3(error) => error,
            Failed::Disk(error) if error.kind() == ErrorKind::InvalidFilename => {
                s3_error!(error, InvalidArgument, "a key that cannot be a file's name")
            }
            Failed::Disk(error) => S3Error::with_source(S3ErrorCode::InternalError, error.into()),
        }
    }
}

/// The largest page of a listing, as S3 has it.
const PAGE: i32 = 1_000;
