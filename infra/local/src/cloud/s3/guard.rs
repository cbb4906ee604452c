//! The layer between the S3 API and `s3s-fs`.

use std::io;
use std::path::PathBuf;

use futures::TryStreamExt as _;
use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, CompleteMultipartUploadInput, CompleteMultipartUploadOutput,
    ContentEncoding, CopyObjectInput, CopyObjectOutput, CopySource, CreateBucketInput, CreateBucketOutput,
    CreateMultipartUploadInput, CreateMultipartUploadOutput, DeleteBucketInput, DeleteBucketOutput, DeleteObjectInput,
    DeleteObjectOutput, DeleteObjectsInput, DeleteObjectsOutput, DeletedObject, ETagCondition, Error,
    GetBucketLocationInput, GetBucketLocationOutput, GetObjectInput, GetObjectOutput, HeadBucketInput,
    HeadBucketOutput, HeadObjectInput, HeadObjectOutput, IfMatch, IfNoneMatch, ListBucketsInput, ListBucketsOutput,
    ListObjectsInput, ListObjectsOutput, ListObjectsV2Input, ListObjectsV2Output, ListPartsInput, ListPartsOutput,
    PutObjectInput, PutObjectOutput, StreamingBlob, UploadPartInput, UploadPartOutput,
};
use s3s::{S3, S3Error, S3Request, S3Response, S3Result, s3_error};
use s3s_fs::FileSystem;
use tokio::sync::{Mutex, RwLock};

use super::objects::{Objects, STAGING, is_absent};
use crate::cloud::new_id;

/// Objects up to this size are served from memory: `s3s-fs` reads files in pieces of 4 KB.
const READ_WHOLE: i64 = 4 * 1024 * 1024;

const UNMET: &str = "At least one of the pre-conditions you specified did not hold";

/// See the [module](super).
pub(super) struct Guarded {
    pub(super) files: FileSystem,
    pub(super) objects: Objects,
    /// Written while objects are created, removed or change their metadata; read while they are read.
    pub(super) names: RwLock<()>,
    /// One multipart upload is completed at a time: `s3s-fs` stores the metadata of the result by its key.
    pub(super) completing: Mutex<()>,
}

impl Guarded {
    pub(super) fn new(files: FileSystem, objects: Objects) -> Self {
        Self {
            files,
            objects,
            names: RwLock::default(),
            completing: Mutex::default(),
        }
    }

    pub(super) fn check_bucket(&self, bucket: &str) -> S3Result<()> {
        if self.objects.bucket(bucket).is_dir() {
            return Ok(());
        }
        Err(s3_error!(NoSuchBucket, "The specified bucket does not exist"))
    }

    /// Checks that a bucket exists and that a key stays inside it.
    pub(super) fn check(&self, bucket: &str, key: &str) -> S3Result<()> {
        self.check_bucket(bucket)?;
        if key.split('/').any(|segment| matches!(segment, "" | "." | "..")) {
            let reason = "the embedded S3 takes no key with an empty segment, `.` or `..`";
            return Err(s3_error!(InvalidArgument, "{reason}"));
        }
        if Objects::fits(bucket, key) {
            return Ok(());
        }
        Err(s3_error!(KeyTooLongError, "Your key is too long"))
    }

    /// Checks that an object exists, which a folder with the same name is not.
    fn check_object(&self, bucket: &str, key: &str) -> S3Result<()> {
        self.check(bucket, key)?;
        if self.objects.object(bucket, key).is_file() {
            return Ok(());
        }
        Err(s3_error!(NoSuchKey, "The specified key does not exist."))
    }

    /// Checks the conditions of a read, which `s3s-fs` does not support.
    fn check_read(
        &self,
        (bucket, key): (&str, &str),
        if_match: Option<&IfMatch>,
        if_none_match: Option<&IfNoneMatch>,
    ) -> S3Result<()> {
        self.check_object(bucket, key)?;
        let tag = self.objects.e_tag(bucket, key);
        let is = |condition: &ETagCondition| match condition {
            ETagCondition::Any => true,
            ETagCondition::ETag(wanted) => tag.as_deref() == Some(wanted.value()),
        };
        if if_match.is_some_and(|condition| !is(condition)) {
            return Err(s3_error!(PreconditionFailed, "{UNMET}"));
        }
        if if_none_match.is_some_and(is) {
            return Err(s3_error!(NotModified));
        }
        Ok(())
    }

    /// Moves a staged object into place unless a condition fails.
    pub(super) async fn commit(
        &self,
        staged: Staged<'_>,
        bucket: &str,
        key: &str,
        if_match: Option<&IfMatch>,
        if_none_match: Option<&IfNoneMatch>,
    ) -> S3Result<()> {
        let _names = self.names.write().await;
        self.check_bucket(bucket)?;
        let exists = self.objects.object(bucket, key).is_file();
        let refused = match (if_match, if_none_match) {
            (_, Some(condition)) if condition.is_any() => exists,
            (_, Some(_)) => {
                return Err(s3_error!(NotImplemented, "If-None-Match takes `*` only"));
            }
            (Some(_), _) if !exists => return Err(s3_error!(NoSuchKey)),
            (Some(ETagCondition::ETag(wanted)), _) => {
                self.objects.e_tag(bucket, key).as_deref() != Some(wanted.value())
            }
            _ => false,
        };
        if refused {
            return Err(s3_error!(PreconditionFailed, "{UNMET}"));
        }
        self.objects.commit(&staged.key, bucket, key).map_err(clash)
    }
}

/// A key that is a folder of another key is impossible on a file system.
fn clash(error: io::Error) -> S3Error {
    match error.kind() {
        io::ErrorKind::IsADirectory | io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
            let reason = "the embedded S3 cannot hold a key that is a folder of another one";
            s3_error!(InvalidArgument, "{reason}")
        }
        _ => {
            tracing::error!(%error, "s3.file_not_written");
            S3Error::internal_error(error)
        }
    }
}

/// A file in the staging area, removed if it is not committed, even if the client disconnects.
pub(super) struct Staged<'a> {
    pub(super) objects: &'a Objects,
    pub(super) key: String,
}

impl<'a> Staged<'a> {
    pub(super) fn new(objects: &'a Objects) -> Self {
        Self { objects, key: new_id() }
    }
}

impl Drop for Staged<'_> {
    fn drop(&mut self) {
        if let Err(error) = self.objects.remove(STAGING, &self.key) {
            tracing::warn!(%error, "an unfinished object was left behind until the next start");
        }
    }
}

/// Reads a body to its end. A client that is still sending would otherwise see a broken connection, not the error.
async fn drain(body: Option<StreamingBlob>) {
    if let Some(mut body) = body {
        while let Ok(Some(_)) = body.try_next().await {}
    }
}

/// Removes `aws-chunked`, which describes the transfer, not the object. AWS removes it too.
fn without_chunked(encoding: Option<ContentEncoding>) -> Option<ContentEncoding> {
    let encoding = encoding?;
    let kept: Vec<_> = encoding
        .split(',')
        .map(str::trim)
        .filter(|part| *part != "aws-chunked")
        .collect();
    Some(kept.join(",")).filter(|kept| !kept.is_empty())
}

async fn read_whole(path: PathBuf) -> io::Result<StreamingBlob> {
    let bytes = tokio::task::spawn_blocking(move || std::fs::read(path)).await??;
    Ok(StreamingBlob::from(s3s::Body::from(bytes)))
}

#[async_trait::async_trait]
impl S3 for Guarded {
    async fn put_object(&self, mut request: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
        let (bucket, key) = (request.input.bucket.clone(), request.input.key.clone());
        if let Err(error) = self.check(&bucket, &key) {
            drain(request.input.body.take()).await;
            return Err(error);
        }
        let staged = Staged::new(&self.objects);
        let input = &mut request.input;
        input.content_encoding = without_chunked(input.content_encoding.take());
        let (if_match, if_none_match) = (input.if_match.take(), input.if_none_match.take());
        STAGING.clone_into(&mut input.bucket);
        input.key.clone_from(&staged.key);
        let response = self.files.put_object(request).await?;
        self.commit(staged, &bucket, &key, if_match.as_ref(), if_none_match.as_ref())
            .await?;
        Ok(response)
    }

    async fn copy_object(&self, mut request: S3Request<CopyObjectInput>) -> S3Result<S3Response<CopyObjectOutput>> {
        let (bucket, key) = (request.input.bucket.clone(), request.input.key.clone());
        self.check(&bucket, &key)?;
        if let CopySource::Bucket { bucket, key, .. } = &request.input.copy_source {
            self.check_object(bucket, key)?;
        }
        let staged = Staged::new(&self.objects);
        STAGING.clone_into(&mut request.input.bucket);
        request.input.key.clone_from(&staged.key);
        let response = {
            let _names = self.names.read().await;
            self.files.copy_object(request).await?
        };
        self.commit(staged, &bucket, &key, None, None).await?;
        Ok(response)
    }

    async fn get_object(&self, request: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
        let _names = self.names.read().await;
        let input = &request.input;
        let at = (input.bucket.as_str(), input.key.as_str());
        self.check_read(at, input.if_match.as_ref(), input.if_none_match.as_ref())?;
        let path = self.objects.object(at.0, at.1);
        let whole = input.range.is_none();
        let mut response = self.files.get_object(request).await?;
        if whole
            && response
                .output
                .content_length
                .is_some_and(|length| length <= READ_WHOLE)
        {
            response.output.body = Some(read_whole(path).await.map_err(S3Error::internal_error)?);
        }
        Ok(response)
    }

    async fn head_object(&self, request: S3Request<HeadObjectInput>) -> S3Result<S3Response<HeadObjectOutput>> {
        let _names = self.names.read().await;
        let input = &request.input;
        let at = (input.bucket.as_str(), input.key.as_str());
        self.check_read(at, input.if_match.as_ref(), input.if_none_match.as_ref())?;
        self.files.head_object(request).await
    }

    async fn delete_object(&self, request: S3Request<DeleteObjectInput>) -> S3Result<S3Response<DeleteObjectOutput>> {
        let _names = self.names.write().await;
        let (bucket, key) = (&request.input.bucket, &request.input.key);
        self.check(bucket, key)?;
        self.objects.remove(bucket, key).map_err(S3Error::internal_error)?;
        Ok(S3Response::new(DeleteObjectOutput::default()))
    }

    async fn delete_objects(
        &self,
        request: S3Request<DeleteObjectsInput>,
    ) -> S3Result<S3Response<DeleteObjectsOutput>> {
        let DeleteObjectsInput { bucket, delete, .. } = request.input;
        let _names = self.names.write().await;
        self.check_bucket(&bucket)?;
        let (mut deleted, mut errors) = (Vec::new(), Vec::new());
        for object in delete.objects {
            let key = object.key;
            let removed = self
                .check(&bucket, &key)
                .and_then(|()| self.objects.remove(&bucket, &key).map_err(S3Error::internal_error));
            match removed {
                Ok(()) => deleted.push(DeletedObject {
                    key: Some(key),
                    ..DeletedObject::default()
                }),
                Err(error) => errors.push(Error {
                    key: Some(key),
                    code: Some(error.code().as_str().to_owned()),
                    message: error.message().map(str::to_owned),
                    ..Error::default()
                }),
            }
        }
        let quiet = delete.quiet.unwrap_or(false);
        Ok(S3Response::new(DeleteObjectsOutput {
            deleted: (!quiet).then_some(deleted),
            errors: (!errors.is_empty()).then_some(errors),
            ..DeleteObjectsOutput::default()
        }))
    }

    async fn list_objects_v2(
        &self,
        request: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        let _names = self.names.read().await;
        self.check_bucket(&request.input.bucket)?;
        self.files.list_objects_v2(request).await
    }

    async fn list_objects(&self, request: S3Request<ListObjectsInput>) -> S3Result<S3Response<ListObjectsOutput>> {
        let _names = self.names.read().await;
        self.check_bucket(&request.input.bucket)?;
        self.files.list_objects(request).await
    }

    async fn list_buckets(&self, request: S3Request<ListBucketsInput>) -> S3Result<S3Response<ListBucketsOutput>> {
        let _names = self.names.read().await;
        self.files.list_buckets(request).await
    }

    async fn head_bucket(&self, request: S3Request<HeadBucketInput>) -> S3Result<S3Response<HeadBucketOutput>> {
        self.files.head_bucket(request).await
    }

    async fn get_bucket_location(
        &self,
        request: S3Request<GetBucketLocationInput>,
    ) -> S3Result<S3Response<GetBucketLocationOutput>> {
        self.files.get_bucket_location(request).await
    }

    async fn create_bucket(&self, request: S3Request<CreateBucketInput>) -> S3Result<S3Response<CreateBucketOutput>> {
        let _names = self.names.write().await;
        if self.check_bucket(&request.input.bucket).is_ok() {
            let reason = "Your previous request to create the named bucket succeeded and you already own it.";
            return Err(s3_error!(BucketAlreadyOwnedByYou, "{reason}"));
        }
        self.files.create_bucket(request).await
    }

    async fn delete_bucket(&self, request: S3Request<DeleteBucketInput>) -> S3Result<S3Response<DeleteBucketOutput>> {
        let _names = self.names.write().await;
        self.check_bucket(&request.input.bucket)?;
        match std::fs::remove_dir(self.objects.bucket(&request.input.bucket)) {
            Ok(()) => Ok(S3Response::new(DeleteBucketOutput::default())),
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {
                Err(s3_error!(BucketNotEmpty, "The bucket you tried to delete is not empty"))
            }
            Err(error) if is_absent(&error) => Err(s3_error!(NoSuchBucket)),
            Err(error) => Err(S3Error::internal_error(error)),
        }
    }

    async fn create_multipart_upload(
        &self,
        request: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        self.begin_upload(request).await
    }

    async fn upload_part(&self, request: S3Request<UploadPartInput>) -> S3Result<S3Response<UploadPartOutput>> {
        self.add_part(request).await
    }

    async fn list_parts(&self, request: S3Request<ListPartsInput>) -> S3Result<S3Response<ListPartsOutput>> {
        self.upload(&request.input.bucket, &request.input.key, &request.input.upload_id)?;
        self.files.list_parts(request).await
    }

    async fn complete_multipart_upload(
        &self,
        request: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        self.finish_upload(request).await
    }

    async fn abort_multipart_upload(
        &self,
        request: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        self.abandon_upload(request).await
    }
}
