//! The bucket: uploaded files and search segments.

use aws_sdk_s3::{Client, operation::get_object::GetObjectError, primitives::ByteStream};
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

    /// Deletes every object whose key starts with `prefix`.
    pub async fn delete_below(&self, prefix: &str) -> Result<()> {
        let list = self.s3.list_objects_v2().bucket(&*self.bucket).prefix(prefix);
        let mut pages = list.into_paginator().send();
        while let Some(page) = pages.next().await {
            for object in page.map_err(Error::unavailable)?.contents.unwrap_or_default() {
                if let Some(key) = object.key {
                    self.delete(&key).await?;
                }
            }
        }
        Ok(())
    }
}
