//! Checkpoints: the pages of a document that earlier runs have read or transcribed, as an object beside its file.

use std::io::{Read as _, Write as _};

use domain::{Document, Error, Result, documents::document::Checkpoint};
use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use reading::{format_pages, parse_pages};
use retrieval::PageText;

use crate::App;

/// The pages of a document so far.
pub(super) struct Pages(Vec<PageText>);

impl Pages {
    /// Parses the lines of a checkpoint or a run.
    pub(super) fn parse(lines: &[u8]) -> Result<Self> {
        let pages = parse_pages(lines).ok_or_else(|| Error::internal("the pages of a document are damaged"))?;
        Ok(Self(pages))
    }

    /// Returns whether all pages of the file are read.
    pub(super) fn are_read(&self) -> bool {
        self.0.last().is_some_and(|page| page.number >= page.of)
    }

    /// Returns the number of transcribed pages.
    pub(super) fn transcribed(&self) -> u32 {
        count(
            self.0
                .iter()
                .filter(|page| page.is_transcribed && !page.is_image && !page.text.is_empty()),
        )
    }

    /// Returns the numbers of the pages that are still to be transcribed.
    pub(super) fn scans(&self) -> impl Iterator<Item = u32> {
        let scans = self.0.iter().filter(|page| page.is_scan() && !page.is_transcribed);
        scans.map(|page| page.number)
    }

    pub(super) fn set(&mut self, number: u32, text: Option<String>) {
        if let Some(page) = self.0.iter_mut().find(|page| page.number == number) {
            page.is_transcribed = true;
            if let Some(text) = text {
                page.is_image = false;
                page.text = text;
            }
        }
    }
}

fn count<T>(items: impl Iterator<Item = T>) -> u32 {
    u32::try_from(items.count()).unwrap_or(u32::MAX)
}

impl App {
    /// Returns the pages that earlier runs have read; nothing if their object is gone, so that reading begins again.
    pub(super) async fn earlier_pages(&self, document: &Document) -> Result<Vec<u8>> {
        let Some(checkpoint) = &document.checkpoint else {
            return Ok(Vec::new());
        };
        match self.objects.get(&checkpoint.key).await? {
            Some(bytes) => unpacked(&bytes),
            None => Ok(Vec::new()),
        }
    }

    /// Stores the pages of a document as its checkpoint.
    pub(super) async fn store_pages(&self, document: &Document, pages: &Pages) -> Result<Checkpoint> {
        let (read, of) = pages.0.last().map_or((0, 0), |page| (page.number, page.of));
        let transcribed = count(pages.0.iter().filter(|page| page.is_transcribed));
        let open = if pages.are_read() { count(pages.scans()) } else { 0 };
        let key = Document::checkpoint_key(&document.org, &document.id, document.want, read + transcribed);
        let lines = format_pages(&pages.0).map_err(Error::internal)?;
        self.objects
            .put(&key, packed(&lines)?.into(), "application/gzip")
            .await?;
        Ok(Checkpoint {
            key,
            pages: read - open,
            of,
        })
    }

    /// Deletes the pages of earlier runs, which nothing needs any more. Best effort: they are deleted with the document.
    pub(super) async fn delete_checkpoint(&self, document: &Document) {
        if let Some(checkpoint) = &document.checkpoint
            && let Err(error) = self.objects.delete(&checkpoint.key).await
        {
            tracing::warn!(document_id = %document.id, %error, "index.checkpoint_left");
        }
    }
}

fn packed(pages: &[u8]) -> Result<Vec<u8>> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(pages).map_err(Error::internal)?;
    packed.finish().map_err(Error::internal)
}

fn unpacked(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut pages = Vec::new();
    GzDecoder::new(bytes).read_to_end(&mut pages).map_err(Error::internal)?;
    Ok(pages)
}
