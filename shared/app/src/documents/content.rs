//! What a document contains: its file as a download, and its text as it is searched.

use std::{sync::Arc, time::Duration};

use domain::{Document, DocumentId, DocumentKind, Error, OrgId, Page, PageRequest, Result, Timestamp, time::after};
use futures::future::BoxFuture;
use retrieval::{Segment, SourceLocation};

use super::{NO_DOCUMENT, upload::kind_of};
use crate::App;

/// How long a link to a file works.
const LINK: Duration = Duration::from_mins(15);

/// The file of a document, as it is downloaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentFile {
    key: String,
    /// The name to save it under.
    pub file_name: String,
    /// Its media type.
    pub media_type: &'static str,
    /// Its size, in bytes.
    pub size_bytes: u64,
}

/// A link to a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DownloadLink {
    /// The URL. Whoever has it can read the file.
    pub url: String,
    /// When it expires.
    pub expires_at: Timestamp,
}

/// A passage of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentPassage {
    /// Its number, from 1.
    pub number: u32,
    /// The page that it is on.
    pub page: Option<u32>,
    /// The path of headings that it is below.
    pub heading: Option<String>,
    /// Its text, without what it repeats of the passage before it.
    pub text: String,
}

fn not_ready() -> Error {
    Error::conflict(
        "not_ready",
        "The text of this document is not available yet. Try again when its status is `ready`.",
    )
}

impl App {
    /// Returns the file of a document. That of a web page is its text, because the page was written by strangers for a
    /// browser; every other file is what was uploaded or fetched.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`], or [`Error::Conflict`] `not_ready` for a page that is not read yet.
    pub fn document_file<'a>(&'a self, org: &'a OrgId, id: &'a DocumentId) -> BoxFuture<'a, Result<DocumentFile>> {
        Box::pin(async move {
            let document = self.document(org, id).await?;
            if document.web.is_some() && document.kind == DocumentKind::Html {
                return self.text_file(&document).await;
            }
            if document.unfetched().is_some() {
                return Err(not_ready());
            }
            Ok(DocumentFile {
                key: document.file_key(),
                media_type: harmless_type(document.kind),
                file_name: document.file_name,
                size_bytes: document.size_bytes,
            })
        })
    }

    /// Returns the file of a version of a document.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`], also for a version that is not kept, and the errors of [`App::document_file`].
    pub fn version_file<'a>(
        &'a self,
        org: &'a OrgId,
        id: &'a DocumentId,
        number: u32,
    ) -> BoxFuture<'a, Result<DocumentFile>> {
        Box::pin(async move {
            let document = self.document(org, id).await?;
            let version = self.store.documents(org).version(&document, number).await?;
            let version = version.ok_or(Error::NotFound("version"))?;
            if document.web.is_some() && number == document.version {
                return self.document_file(org, id).await;
            }
            Ok(DocumentFile {
                key: version.source,
                media_type: harmless_type(version.kind),
                file_name: version.file_name,
                size_bytes: version.size_bytes,
            })
        })
    }

    /// Returns a link to a file for some minutes. `disposition`: the `Content-Disposition` that the download has.
    ///
    /// # Errors
    /// Returns an error if the link cannot be signed.
    pub fn link_to_document<'a>(
        &'a self,
        file: &'a DocumentFile,
        disposition: &'a str,
    ) -> BoxFuture<'a, Result<DownloadLink>> {
        Box::pin(async move {
            let link = self
                .objects
                .download_link(&file.key, disposition, file.media_type, LINK);
            Ok(DownloadLink {
                url: link.await?,
                expires_at: after(self.clock.now(), LINK),
            })
        })
    }

    /// Returns the passages of a document in reading order: the text in which chatbots search.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`], or [`Error::Conflict`] `not_ready` if it was never indexed.
    pub fn document_text<'a>(
        &'a self,
        org: &'a OrgId,
        id: &'a DocumentId,
        page: &'a PageRequest,
    ) -> BoxFuture<'a, Result<Page<DocumentPassage>>> {
        Box::pin(async move {
            let document = self.document(org, id).await?;
            let segment = self.segment_of(&document).await?;
            // A cursor is encrypted, so its text is a number that was given out, maybe of an earlier generation.
            let first = page
                .after
                .as_deref()
                .and_then(|after| after.parse::<u32>().ok())
                .unwrap_or(0);
            let end = u32::try_from(segment.len()).unwrap_or(u32::MAX);
            let last = end.min(first.saturating_add(u32::from(page.limit)));
            Ok(Page {
                items: (first..last).filter_map(|number| passage(&segment, number)).collect(),
                next: (last < end).then(|| last.to_string()),
            })
        })
    }

    /// Stores the text of a web page as a file beside it.
    async fn text_file(&self, document: &Document) -> Result<DocumentFile> {
        let segment = self.segment_of(document).await?;
        let text = whole_text(&segment);
        let key = Document::text_key(&document.org, &document.id);
        let size_bytes = text.len() as u64;
        let media_type = "text/plain; charset=utf-8";
        self.objects.put(&key, text.into(), media_type).await?;
        let stem = document
            .file_name
            .rsplit_once('.')
            .map_or(&*document.file_name, |(stem, _)| stem);
        Ok(DocumentFile {
            key,
            file_name: format!("{stem}.txt"),
            media_type,
            size_bytes,
        })
    }

    async fn segment_of(&self, document: &Document) -> Result<Arc<Segment>> {
        let key = document.segment.clone().ok_or_else(not_ready)?;
        // None if it was replaced or deleted meanwhile.
        let segment = self.segments.load(vec![key]).await?.pop().flatten();
        segment.ok_or(NO_DOCUMENT)
    }
}

/// Returns the media type of a download. No browser shows a file of this type as a page, whatever it contains.
fn harmless_type(kind: DocumentKind) -> &'static str {
    match kind {
        DocumentKind::Html | DocumentKind::Eml => "application/octet-stream",
        DocumentKind::Txt | DocumentKind::Md | DocumentKind::Code | DocumentKind::Csv => "text/plain",
        kind => kind_of(kind).content_type(),
    }
}

fn passage(segment: &Segment, number: u32) -> Option<DocumentPassage> {
    let chunk = segment.get(number)?;
    let text = chunk.text.get(chunk.overlap as usize..).unwrap_or(&chunk.text);
    let (page, heading) = match &chunk.place {
        SourceLocation::Page(page) => (Some(*page), None),
        SourceLocation::Heading(path) => (None, Some(path.clone())),
        SourceLocation::Whole => (None, None),
    };
    Some(DocumentPassage {
        number: number + 1,
        page,
        heading,
        text: text.trim().to_owned(),
    })
}

/// Returns all passages, with each heading above the text below it.
fn whole_text(segment: &Segment) -> String {
    let mut text = String::new();
    let mut above = None;
    for passage in (0..u32::try_from(segment.len()).unwrap_or(u32::MAX)).filter_map(|number| passage(segment, number)) {
        if passage.heading != above {
            if !text.is_empty() {
                text.push('\n');
            }
            if let Some(heading) = &passage.heading {
                text.push_str(heading);
                text.push_str("\n\n");
            }
            above = passage.heading;
        }
        text.push_str(&passage.text);
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use retrieval::{Chunk, Language};

    use super::*;

    #[test]
    fn the_text_has_each_heading_once_and_repeats_nothing() {
        let chunk = |heading: &str, text: &str, overlap| Chunk {
            place: SourceLocation::Heading(heading.to_owned()),
            text: text.to_owned(),
            overlap,
            language: Language::English,
        };
        let segment = Segment::build(&[
            chunk("Lamps", "One. Two.", 0),
            chunk("Lamps", "Two. Three.", 4),
            chunk("Lamps > Care", "Four.", 0),
        ]);
        assert_eq!(
            whole_text(&segment),
            "Lamps\n\nOne. Two.\nThree.\n\nLamps > Care\n\nFour.\n"
        );
    }
}
