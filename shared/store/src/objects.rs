//! The bucket: uploaded files and search segments.

use std::time::Duration;

use aws_sdk_s3::{
    Client,
    operation::get_object::GetObjectError,
    presigning::PresigningConfig,
    primitives::ByteStream,
    types::{CompletedMultipartUpload, CompletedPart},
};
use bytes::Bytes;
use model::{Error, Result};

/// One bucket.
#[derive(Debug, Clone)]
pub struct Objects {
    s3: Client,
    bucket: std::sync::Arc<str>,
}

impl Objects {
    /// The bucket called `bucket`. With an endpoint override the path style is used, because bucket names of a
    /// local endpoint have no DNS entry.
    pub fn new(config: &aws_types::SdkConfig, bucket: &str) -> Self {
        let path_style = config.endpoint_url().is_some();
        let config = aws_sdk_s3::config::Builder::from(config)
            .force_path_style(path_style)
            .build();
        Self {
            s3: Client::from_conf(config),
            bucket: bucket.into(),
        }
    }

    /// Creates the bucket if need be.
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

    /// Whether the bucket answers.
    pub async fn is_reachable(&self) -> bool {
        self.s3.head_bucket().bucket(&*self.bucket).send().await.is_ok()
    }

    /// Stores an object; the SDK adds a checksum that the bucket verifies.
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

    /// Reads an object; none when there is none.
    pub async fn get(&self, key: &str) -> Result<Option<Bytes>> {
        let object = match self.s3.get_object().bucket(&*self.bucket).key(key).send().await {
            Ok(object) => object,
            Err(error) if error.as_service_error().is_some_and(GetObjectError::is_no_such_key) => return Ok(None),
            Err(error) => return Err(Error::unavailable(error)),
        };
        Ok(Some(
            object.body.collect().await.map_err(Error::unavailable)?.into_bytes(),
        ))
    }

    /// Deletes an object; one that is not there is no error.
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

    /// Keys and sizes of all objects whose key starts with `prefix`.
    pub async fn list(&self, prefix: &str) -> Result<Vec<(String, u64)>> {
        let list = self.s3.list_objects_v2().bucket(&*self.bucket).prefix(prefix);
        let mut pages = list.into_paginator().send();
        let mut found = Vec::new();
        while let Some(page) = pages.next().await {
            for object in page.map_err(Error::unavailable)?.contents.unwrap_or_default() {
                let size = object
                    .size
                    .and_then(|size| u64::try_from(size).ok())
                    .unwrap_or_default();
                found.extend(object.key.map(|key| (key, size)));
            }
        }
        Ok(found)
    }

    /// Deletes every object whose key starts with `prefix`.
    pub async fn delete_below(&self, prefix: &str) -> Result<()> {
        for (key, _) in self.list(prefix).await? {
            self.delete(&key).await?;
        }
        Ok(())
    }

    /// A URL from which anybody who has it can download an object for `ttl`, under the name `file_name`.
    pub async fn download_url(&self, key: &str, file_name: &str, ttl: Duration) -> Result<String> {
        let config = PresigningConfig::expires_in(ttl).map_err(Error::internal)?;
        let get = self.s3.get_object().bucket(&*self.bucket).key(key);
        let get = get.response_content_disposition(format!("attachment; filename=\"{file_name}\""));
        let request = get.presigned(config).await.map_err(Error::unavailable)?;
        Ok(request.uri().to_owned())
    }

    /// Begins an upload in parts: of the object nothing shows until it is finished.
    pub async fn begin_multipart(&self, key: &str, content_type: &str) -> Result<MultipartUpload> {
        let create = self.s3.create_multipart_upload().bucket(&*self.bucket).key(key);
        let made = create
            .content_type(content_type)
            .send()
            .await
            .map_err(Error::unavailable)?;
        let id = made
            .upload_id
            .ok_or_else(|| Error::unavailable("an upload got no id"))?;
        Ok(MultipartUpload {
            objects: self.clone(),
            key: key.to_owned(),
            id,
            parts: Vec::new(),
            bytes: 0,
        })
    }
}

/// An upload in parts. One that is dropped unfinished is removed by the bucket's lifecycle rule.
#[derive(Debug)]
pub struct MultipartUpload {
    objects: Objects,
    key: String,
    id: String,
    parts: Vec<CompletedPart>,
    bytes: u64,
}

impl MultipartUpload {
    /// Adds a part; all but the last are 5 MiB and more.
    pub async fn part(&mut self, bytes: Bytes) -> Result<()> {
        let number = i32::try_from(self.parts.len() + 1).map_err(Error::internal)?;
        self.bytes += bytes.len() as u64;
        let upload = self
            .objects
            .s3
            .upload_part()
            .bucket(&*self.objects.bucket)
            .key(&self.key);
        let upload = upload
            .upload_id(&self.id)
            .part_number(number)
            .body(ByteStream::from(bytes));
        let sent = upload.send().await.map_err(Error::unavailable)?;
        let part = CompletedPart::builder()
            .part_number(number)
            .set_e_tag(sent.e_tag)
            .build();
        self.parts.push(part);
        Ok(())
    }

    /// Makes the object appear; answers its size in bytes.
    pub async fn finish(self) -> Result<u64> {
        let whole = CompletedMultipartUpload::builder().set_parts(Some(self.parts)).build();
        let complete = self
            .objects
            .s3
            .complete_multipart_upload()
            .bucket(&*self.objects.bucket);
        let complete = complete.key(&self.key).upload_id(&self.id).multipart_upload(whole);
        complete.send().await.map_err(Error::unavailable)?;
        Ok(self.bytes)
    }
}
