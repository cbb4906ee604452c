//! A ZIP archive that is uploaded while it is written, so that at most one part is in memory. An archive of a single
//! part is uploaded with one PUT.

use std::{
    io::{self, Write},
    mem,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use domain::{Error, Result};
use store::{MultipartUpload, Objects};
use zip::{
    ZipWriter,
    write::{SimpleFileOptions, StreamWriter},
};

const MEDIA_TYPE: &str = "application/zip";
/// Size of a part, in bytes. S3 accepts 10,000 parts of at least 5 MB.
const PART: usize = 8 * 1024 * 1024;

/// The output buffer: bytes that are not uploaded yet.
#[derive(Debug, Clone, Default)]
struct OutputBuffer(Arc<Mutex<Vec<u8>>>);

impl OutputBuffer {
    fn len(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn take(&self) -> Bytes {
        mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner)).into()
    }
}

impl Write for OutputBuffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// See the [module](self). The complete object exists once [`Archive::finish`] has returned.
pub(crate) struct Archive<'a> {
    objects: &'a Objects,
    zip: ZipWriter<StreamWriter<OutputBuffer>>,
    waiting: OutputBuffer,
    key: String,
    /// Started with the first complete part.
    upload: Option<MultipartUpload>,
    uploaded: u64,
}

impl<'a> Archive<'a> {
    pub(crate) fn begin(objects: &'a Objects, key: &str) -> Self {
        let waiting = OutputBuffer::default();
        Self {
            key: key.to_owned(),
            upload: None,
            zip: ZipWriter::new_stream(waiting.clone()),
            objects,
            waiting,
            uploaded: 0,
        }
    }

    /// Starts a file. Names must be unique.
    pub(crate) fn file(&mut self, name: &str) -> Result<()> {
        self.zip
            .start_file(name, SimpleFileOptions::default())
            .map_err(Error::internal)
    }

    /// Appends to the current file.
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.zip.write_all(bytes).map_err(Error::internal)?;
        if self.waiting.len() >= PART {
            self.send().await?;
        }
        Ok(())
    }

    /// Finishes the archive; returns its size in bytes.
    pub(crate) async fn finish(mut self) -> Result<u64> {
        let zip = mem::replace(&mut self.zip, ZipWriter::new_stream(OutputBuffer::default()));
        zip.finish().map_err(Error::internal)?;
        if self.upload.is_some() {
            self.send().await?;
        }
        if let Some(upload) = self.upload {
            self.objects.finish_upload(upload).await?;
        } else {
            let whole = self.waiting.take();
            self.uploaded = whole.len() as u64;
            self.objects.put(&self.key, whole, MEDIA_TYPE).await?;
        }
        Ok(self.uploaded)
    }

    /// Abandons the archive. What cannot be removed now, the bucket deletes a day later.
    pub(crate) async fn abandon(self) {
        let Some(upload) = self.upload else { return };
        if let Err(error) = self.objects.abandon_upload(upload).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "export.parts_left");
        }
    }

    async fn send(&mut self) -> Result<()> {
        let part = self.waiting.take();
        self.uploaded += part.len() as u64;
        let upload = match &mut self.upload {
            Some(upload) => upload,
            None => self
                .upload
                .insert(self.objects.begin_upload(&self.key, MEDIA_TYPE).await?),
        };
        self.objects.upload_part(upload, part).await
    }
}
