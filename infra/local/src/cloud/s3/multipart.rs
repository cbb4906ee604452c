//! Multipart uploads: they are assembled in the staging area under a name made from bucket and key, so that
//! an upload id works only for the object it was made for.

use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, CompleteMultipartUploadInput, CompleteMultipartUploadOutput,
    CreateMultipartUploadInput, CreateMultipartUploadOutput,
};
use s3s::{S3, S3Request, S3Response, S3Result, s3_error};

use super::guard::{Guarded, Staged};
use super::objects::STAGING;

impl Guarded {
    pub(super) async fn begin_upload(
        &self,
        mut request: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        let (bucket, key) = (request.input.bucket.clone(), request.input.key.clone());
        self.check(&bucket, &key)?;
        STAGING.clone_into(&mut request.input.bucket);
        request.input.key = assembly(&bucket, &key);
        let mut response = self.files.create_multipart_upload(request).await?;
        response.output.bucket = Some(bucket);
        response.output.key = Some(key);
        Ok(response)
    }

    /// An upload with this id was begun for this object and is neither finished nor abandoned.
    pub(super) fn check_upload(&self, bucket: &str, key: &str, upload_id: &str) -> S3Result<()> {
        self.check(bucket, key)?;
        let known =
            uuid::Uuid::try_parse(upload_id).is_ok() && self.objects.has_upload(&assembly(bucket, key), upload_id);
        if known {
            return Ok(());
        }
        Err(s3_error!(
            NoSuchUpload,
            "The specified multipart upload does not exist."
        ))
    }

    pub(super) async fn finish_upload(
        &self,
        mut request: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        let input = &mut request.input;
        let (bucket, key) = (input.bucket.clone(), input.key.clone());
        let (if_match, if_none_match) = (input.if_match.take(), input.if_none_match.take());
        let _completing = self.completing.lock().await;
        self.check_upload(&bucket, &key, &input.upload_id)?;
        let staged = Staged {
            objects: &self.objects,
            key: assembly(&bucket, &key),
        };
        STAGING.clone_into(&mut input.bucket);
        input.key.clone_from(&staged.key);
        let mut response = self.files.complete_multipart_upload(request).await?;
        // s3s-fs keeps the last fields back in a future, to show how a slow answer could be kept alive.
        if let Some(rest) = response.output.future.take() {
            response.output = rest.await?;
        }
        self.commit(staged, &bucket, &key, if_match.as_ref(), if_none_match.as_ref())
            .await?;
        response.output.bucket = Some(bucket);
        response.output.key = Some(key);
        Ok(response)
    }

    pub(super) async fn abandon_upload(
        &self,
        mut request: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        let input = &mut request.input;
        self.check_upload(&input.bucket, &input.key, &input.upload_id)?;
        input.key = assembly(&input.bucket, &input.key);
        STAGING.clone_into(&mut input.bucket);
        self.files.abort_multipart_upload(request).await
    }
}

/// A short name for any bucket and key: the metadata of an upload has a longer file name than that of an object.
fn assembly(bucket: &str, key: &str) -> String {
    use s3s::crypto::{Checksum as _, Md5};
    hex::encode(Md5::checksum(format!("{bucket}/{key}").as_bytes()))
}
