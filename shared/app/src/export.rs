//! Everything of a person as a ZIP of JSON lines, with the files they uploaded.
//!
//! The archive is written in a stream: a part goes to the bucket as soon as it is large enough, so that memory does
//! not grow with what a person has.

use std::{
    collections::BTreeMap,
    io::{self, Write},
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use futures::future::BoxFuture;
use model::{Error, Result};
use serde_json::Value;
use store::{MultipartUpload, Partition};
use zip::{ZipWriter, write::SimpleFileOptions, write::StreamWriter};

use crate::{App, estate::Visitor};

/// A part of the upload, bytes. S3 takes 5 MiB and more.
const PART_BYTES: usize = 8 << 20;
/// Attributes that are secrets, or only mean something to us.
const HIDDEN: [&str; 9] = [
    "password_hash",
    "hash",
    "secret_hash",
    "token_hash",
    "ttl",
    "kind",
    "month",
    "audit_salt",
    "lookup",
];

/// Where the ZIP writer writes; emptied part by part.
#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Buffer {
    fn take(&self, at_least: usize) -> Option<Bytes> {
        let mut bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (bytes.len() >= at_least.max(1)).then(|| Bytes::from(std::mem::take(&mut *bytes)))
    }
}

impl Write for Buffer {
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

/// Writes what a walk finds into an archive in the bucket.
pub(crate) struct Exporter<'a> {
    app: &'a App,
    buffer: Buffer,
    zip: ZipWriter<StreamWriter<Buffer>>,
    upload: MultipartUpload,
    /// How many files of each kind there are: a kind that is met again gets another file.
    files: BTreeMap<&'static str, u32>,
    /// Own exports are not exported.
    skip: String,
}

impl<'a> Exporter<'a> {
    /// Begins the archive `key`. Objects below `skip` are left out.
    pub(crate) async fn begin(app: &'a App, key: &str, skip: &str) -> Result<Self> {
        let buffer = Buffer::default();
        Ok(Self {
            zip: ZipWriter::new_stream(buffer.clone()),
            upload: app.objects.begin_multipart(key, "application/zip").await?,
            buffer,
            app,
            files: BTreeMap::new(),
            skip: skip.to_owned(),
        })
    }

    fn file(&mut self, name: &str) -> Result<()> {
        let options = SimpleFileOptions::default().large_file(true);
        self.zip.start_file(name, options).map_err(Error::internal)
    }

    async fn flush(&mut self) -> Result<()> {
        if let Some(part) = self.buffer.take(PART_BYTES) {
            self.upload.part(part).await?;
        }
        Ok(())
    }

    /// Completes the archive; answers its size in bytes.
    pub(crate) async fn finish(self) -> Result<u64> {
        let Self {
            zip,
            buffer,
            mut upload,
            ..
        } = self;
        zip.finish().map_err(Error::internal)?;
        if let Some(rest) = buffer.take(0) {
            upload.part(rest).await?;
        }
        upload.finish().await
    }
}

impl Visitor for Exporter<'_> {
    fn items<'b>(&'b mut self, what: &'static str, partition: Partition) -> BoxFuture<'b, Result<()>> {
        Box::pin(async move {
            let mut after = None;
            let mut is_open = false;
            loop {
                let portion = self.app.store.portion(&partition, after).await?;
                for (key, mut item) in portion.items {
                    if !is_open {
                        let number = self.files.entry(what).or_default();
                        *number += 1;
                        let name = if *number == 1 {
                            format!("{what}.jsonl")
                        } else {
                            format!("{what}-{number}.jsonl")
                        };
                        self.file(&name)?;
                        is_open = true;
                    }
                    tidy(&key, &mut item);
                    serde_json::to_writer(&mut self.zip, &item).map_err(Error::internal)?;
                    self.zip.write_all(b"\n").map_err(Error::internal)?;
                }
                self.flush().await?;
                after = portion.next;
                if after.is_none() {
                    return Ok(());
                }
            }
        })
    }

    fn pointer(&mut self, _: Partition) -> BoxFuture<'_, Result<()>> {
        Box::pin(async { Ok(()) })
    }

    fn objects(&mut self, prefix: String) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            for (key, _) in self.app.objects.list(&prefix).await? {
                // A segment is made from its document, and can be made again.
                if key.starts_with(&self.skip) || key.ends_with(".seg") {
                    continue;
                }
                let Some(bytes) = self.app.objects.get(&key).await? else {
                    continue;
                };
                self.file(&format!("files/{}", key.trim_start_matches(&prefix)))?;
                self.zip.write_all(&bytes).map_err(Error::internal)?;
                self.flush().await?;
            }
            Ok(())
        })
    }
}

/// Leaves out what is secret or ours, and says what the item is.
fn tidy(key: &str, item: &mut Value) {
    if let Some(fields) = item.as_object_mut() {
        fields.retain(|name, _| !HIDDEN.contains(&name.as_str()));
        fields.insert("item".to_owned(), Value::from(key));
    }
}
