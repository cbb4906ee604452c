//! The bucket: uploaded files, search segments and archives.

use std::time::{Duration, SystemTime};

use aws_sdk_s3::{
    Client,
    operation::get_object::GetObjectError,
    presigning::PresigningConfig,
    primitives::ByteStream,
    types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart},
};
use bytes::Bytes;
use domain::{Clock, Error, Result};

/// An S3 bucket.
#[derive(Debug, Clone)]
pub struct Objects {
    s3: Client,
    bucket: std::sync::Arc<str>,
    clock: Clock,
}

/// A multipart upload. The object exists, complete, once the last part is there.
#[derive(Debug)]
pub struct MultipartUpload {
    key: String,
    id: String,
    parts: Vec<CompletedPart>,
}

/// A presigned request to put one object.
#[derive(Debug)]
pub struct PresignedPut {
    /// URL.
    pub url: String,
    /// Headers that are part of the signature and must be sent.
    pub headers: Vec<(String, String)>,
}

impl Objects {
    /// Creates a client of the bucket called `bucket`. With an endpoint override it uses path-style addressing, because
    /// bucket names of a local endpoint have no DNS entry.
    pub fn new(config: &aws_types::SdkConfig, bucket: &str, clock: Clock) -> Self {
        let path_style = config.endpoint_url().is_some();
        let config = aws_sdk_s3::config::Builder::from(config)
            .force_path_style(path_style)
            .build();
        Self {
            s3: Client::from_conf(config),
            bucket: bucket.into(),
            clock,
        }
    }

    /// Creates the bucket if it does not exist.
    pub async fn create_bucket(&self) -> Result<()> {
        if !self.is_reachable().await {
            self.s3
                .create_bucket()
                .bucket(&*self.bucket)
                .send()
                .await
                .map_err(Error::unavailable)?;
        }
        Ok(())
    }

    /// Returns whether the bucket responds.
    pub async fn is_reachable(&self) -> bool {
        self.s3.head_bucket().bucket(&*self.bucket).send().await.is_ok()
    }

    /// Stores an object; the SDK adds a checksum that S3 verifies.
    pub async fn put(&self, key: &str, body: Bytes, content_type: &str) -> Result<()> {
        let put = self
            .s3
            .put_object()
            .bucket(&*self.bucket)
            .key(key)
            .content_type(content_type);
        put.body(ByteStream::from(body))
            .send()
            .await
            .map_err(Error::unavailable)?;
        Ok(())
    }

    /// Begins a multipart upload.
    pub async fn begin_upload(&self, key: &str, content_type: &str) -> Result<MultipartUpload> {
        let create = self.s3.create_multipart_upload().bucket(&*self.bucket).key(key);
        // S3 accepts parts with checksums, which the SDK adds, only if the upload was begun with them.
        let create = create.checksum_algorithm(ChecksumAlgorithm::Crc32);
        let begun = create.content_type(content_type).send().await;
        let id = begun.map_err(Error::unavailable)?.upload_id;
        Ok(MultipartUpload {
            key: key.to_owned(),
            id: id.ok_or_else(|| Error::internal("an upload without an id"))?,
            parts: Vec::new(),
        })
    }

    /// Uploads a part, of 5 MB or more unless it is the last one.
    pub async fn upload_part(&self, upload: &mut MultipartUpload, bytes: Bytes) -> Result<()> {
        let number = i32::try_from(upload.parts.len() + 1).map_err(Error::internal)?;
        let part = self
            .s3
            .upload_part()
            .bucket(&*self.bucket)
            .key(&upload.key)
            .upload_id(&upload.id)
            .part_number(number)
            .body(ByteStream::from(bytes));
        let sent = part.send().await.map_err(Error::unavailable)?;
        let part = CompletedPart::builder()
            .part_number(number)
            .set_e_tag(sent.e_tag)
            .set_checksum_crc32(sent.checksum_crc32);
        upload.parts.push(part.build());
        Ok(())
    }

    /// Completes the upload.
    pub async fn finish_upload(&self, upload: MultipartUpload) -> Result<()> {
        let parts = CompletedMultipartUpload::builder()
            .set_parts(Some(upload.parts))
            .build();
        let complete = self
            .s3
            .complete_multipart_upload()
            .bucket(&*self.bucket)
            .key(upload.key)
            .upload_id(upload.id)
            .multipart_upload(parts);
        complete.send().await.map_err(Error::unavailable)?;
        Ok(())
    }

    /// Aborts an upload and removes its parts.
    pub async fn abandon_upload(&self, upload: MultipartUpload) -> Result<()> {
        let abort = self.s3.abort_multipart_upload().bucket(&*self.bucket);
        let abort = abort.key(upload.key).upload_id(upload.id);
        abort.send().await.map_err(Error::unavailable)?;
        Ok(())
    }

    /// Returns the time for which a presigned URL is valid from now on.
    fn presigning(&self, valid_for: Duration) -> Result<PresigningConfig> {
        let now = u64::try_from(self.clock.now_ms()).map_err(Error::internal)?;
        let now = SystemTime::UNIX_EPOCH + Duration::from_millis(now);
        let config = PresigningConfig::builder().start_time(now).expires_in(valid_for);
        config.build().map_err(Error::internal)
    }

    /// Returns a presigned URL that reads an object and is valid this long.
    pub async fn link(&self, key: &str, valid_for: Duration) -> Result<String> {
        let valid = self.presigning(valid_for)?;
        let get = self.s3.get_object().bucket(&*self.bucket).key(key);
        let link = get.presigned(valid).await.map_err(Error::unavailable)?;
        Ok(link.uri().to_owned())
    }

    /// Returns a presigned URL that downloads an object as a file, with these values of `Content-Disposition` and
    /// `Content-Type` instead of those that it was stored with.
    pub async fn download_link(
        &self,
        key: &str,
        disposition: &str,
        content_type: &str,
        valid_for: Duration,
    ) -> Result<String> {
        let valid = self.presigning(valid_for)?;
        let get = self.s3.get_object().bucket(&*self.bucket).key(key);
        let get = get
            .response_content_disposition(disposition)
            .response_content_type(content_type)
            .response_cache_control("private, no-store");
        let link = get.presigned(valid).await.map_err(Error::unavailable)?;
        Ok(link.uri().to_owned())
    }

    /// Returns a presigned request that puts an object of exactly this length and media type, if none exists with this
    /// key. It also expires with the credentials it was signed with: those of a function are valid for hours.
    pub async fn presign_put(
        &self,
        key: &str,
        content_type: &str,
        length: u64,
        valid_for: Duration,
    ) -> Result<PresignedPut> {
        let valid = self.presigning(valid_for)?;
        let put = self.s3.put_object().bucket(&*self.bucket).key(key);
        let put = put
            .content_type(content_type)
            .content_length(i64::try_from(length).map_err(Error::internal)?)
            .if_none_match("*");
        let signed = put.presigned(valid).await.map_err(Error::unavailable)?;
        let headers = signed.headers();
        Ok(PresignedPut {
            url: signed.uri().to_owned(),
            headers: headers
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        })
    }

    /// Returns an object, or `None` if it does not exist.
    pub async fn get(&self, key: &str) -> Result<Option<Bytes>> {
        match self.read(key).await? {
            None => Ok(None),
            Some(body) => Ok(Some(body.collect().await.map_err(Error::unavailable)?.into_bytes())),
        }
    }

    /// Returns an object as a stream, or `None` if it does not exist.
    pub async fn read(&self, key: &str) -> Result<Option<ByteStream>> {
        match self.s3.get_object().bucket(&*self.bucket).key(key).send().await {
            Ok(object) => Ok(Some(object.body)),
            Err(error) if error.as_service_error().is_some_and(GetObjectError::is_no_such_key) => Ok(None),
            Err(error) => Err(Error::unavailable(error)),
        }
    }

    /// Deletes an object; succeeds if it does not exist.
    pub async fn delete(&self, key: &str) -> Result<()> {
        self.s3
            .delete_object()
            .bucket(&*self.bucket)
            .key(key)
            .send()
            .await
            .map_err(Error::unavailable)?;
        Ok(())
    }

    /// Deletes every object whose key starts with `prefix`.
    pub async fn delete_below(&self, prefix: &str) -> Result<()> {
        let mut next = Some(None);
        while let Some(after) = next {
            let (keys, more) = self.keys_below(prefix, after).await?;
            for key in keys {
                self.delete(&key).await?;
            }
            next = more.map(Some);
        }
        Ok(())
    }

    /// Returns some keys that start with `prefix`, after `after`, and where the next ones begin.
    pub async fn keys_below(&self, prefix: &str, after: Option<String>) -> Result<(Vec<String>, Option<String>)> {
        let list = self.s3.list_objects_v2().bucket(&*self.bucket).prefix(prefix);
        let page = list.set_start_after(after).send().await.map_err(Error::unavailable)?;
        let found = page.contents.unwrap_or_default().into_iter();
        let keys: Vec<String> = found.filter_map(|object| object.key).collect();
        let more = (page.is_truncated == Some(true)).then(|| keys.last().cloned());
        Ok((keys, more.flatten()))
    }
}
