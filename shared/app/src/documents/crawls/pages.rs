//! A page of a crawl: fetched, and stored as a document.

use domain::{
    CrawlEnd, Document, Error, OutboxEntry, Result, WebSource,
    documents::{crawl::CrawledPage, document::NewDocument, outbox::OutboxStep},
};
use fetch::{
    FetchError, Url,
    crawl::{Page, Verdict, url_key},
};
use store::{CrawlEnded, NewPage, PageStored};

use super::{
    super::{
        refresh::{Refetched, Refreshed},
        upload::kind_of,
        web_pages::{PageFile, describe, file_name, name_of},
    },
    steps::StepOf,
};
use crate::App;

impl App {
    /// Fetches a page and makes it a document, or updates the document that it has. Returns how the crawl ends if it
    /// may store no more.
    pub(super) async fn crawl_page(&self, step: &mut StepOf<'_>, url: &Url, depth: u32) -> Result<Option<CrawlEnded>> {
        let crawl = step.crawl;
        let crawls = self.store.crawls(&crawl.org);
        let key = url_key(url);
        let known = crawls.page(&crawl.id, &key).await?;
        let document = match &known {
            Some(known) => self.store.documents(&crawl.org).get(&known.document).await?,
            None => None,
        };
        if known.is_some() && document.is_none() {
            // A user has deleted it, and does not want it back.
            step.tally.refuse(url.as_str(), "document_deleted");
            return Ok(None);
        }
        let before = document.as_ref().and_then(|document| document.web.clone());
        let web = before.unwrap_or_else(|| WebSource::pending(url.to_string()));
        let found = self.fetch_again(&web, &step.own, step.deliveries).await?;
        step.tally.fetched = step.tally.fetched.saturating_add(1);
        match found {
            Refetched::NotModified => step.plan.keep_unchanged(url, web.text_hash.as_deref()),
            Refetched::Failed(error) => {
                let is_gone = document.is_some() && error == FetchError::NotFound;
                if !is_gone {
                    step.tally.refuse(url.as_str(), error.code());
                }
                if let Some(document) = document {
                    let due_ms = document.due_ms;
                    let refreshed = self.apply_refetched(document, Refetched::Failed(error), due_ms).await?;
                    count(step, refreshed);
                }
                return Ok(None);
            }
            Refetched::Content(file) => {
                let refusal = match step.plan.visit(&page_of(&file)) {
                    Verdict::Keep { key: canonical } => {
                        let page = CrawledPage {
                            document: crawl.document_id(&canonical),
                            url: url.to_string(),
                            depth,
                        };
                        return match document {
                            Some(document) => Box::pin(self.update_page(step, document, file)).await,
                            None => Box::pin(self.store_page(step, page, &key, file)).await,
                        };
                    }
                    Verdict::Duplicate => "duplicate",
                    Verdict::Outside => "outside",
                    Verdict::NoIndex => "noindex",
                };
                step.tally.refuse(url.as_str(), refusal);
                return Ok(None);
            }
        }
        if let Some(document) = document {
            let due_ms = document.due_ms;
            let refreshed = self.apply_refetched(document, Refetched::NotModified, due_ms).await?;
            count(step, refreshed);
        }
        Ok(None)
    }

    async fn update_page(
        &self,
        step: &mut StepOf<'_>,
        document: Document,
        file: Box<PageFile>,
    ) -> Result<Option<CrawlEnded>> {
        let due_ms = document.due_ms;
        let refreshed = self.apply_refetched(document, Refetched::Content(file), due_ms).await?;
        count(step, refreshed);
        Ok(None)
    }

    async fn store_page(
        &self,
        step: &mut StepOf<'_>,
        page: CrawledPage,
        key: &str,
        file: Box<PageFile>,
    ) -> Result<Option<CrawlEnded>> {
        let crawl = step.crawl;
        let documents = self.store.documents(&crawl.org);
        let now = self.clock.now();
        let address = Url::parse(&page.url).map_err(Error::internal)?;
        let source = Document::version_key(&crawl.org, &page.document, &self.ids.make()?);
        let new = NewDocument {
            id: page.document.clone(),
            org: crawl.org.clone(),
            created_by: crawl.created_by.clone(),
            name: name_of(&address),
            description: None,
            tags: crawl.tags.clone(),
            file_name: file_name(&address, None, file.kind),
            kind: file.kind,
            size_bytes: 0,
            sha256: String::new(),
        };
        let mut document = Document {
            web: Some(file.web.clone()),
            crawl: Some(crawl.id.clone()),
            source: Some(source.clone()),
            ..Document::new(new, now)
        };
        let bytes = describe(&mut document, (*file).clone(), now);
        document.duplicate_of = self.original_of(&document).await?;
        // The file may never become that of a document: a day later it is removed.
        documents.sweep_later(&document.id, &source, now).await?;
        let content_type = kind_of(document.kind).content_type();
        self.objects.put(&source, bytes, content_type).await?;
        let promise = OutboxEntry {
            document: document.id.clone(),
            org: crawl.org.clone(),
            step: OutboxStep::SendIndexMessage,
            created_ms: now.as_millisecond(),
        };
        let new = NewPage {
            own: &step.own,
            document: &document,
            promise: &promise,
            page: &page,
            key,
        };
        let crawls = self.store.crawls(&crawl.org);
        loop {
            let stored = crawls.store_page(crawl, step.holder, &new).await?;
            if stored == PageStored::Done {
                self.queue_indexing(&promise).await;
                return Ok(None);
            }
            if let PageStored::Full(_) = stored {
                match self.free_capacity(&crawl.org, document.size_bytes, &step.own).await {
                    Ok(()) => continue,
                    Err(Error::Limit(_)) => {}
                    Err(error) => return Err(error),
                }
            }
            if let Err(error) = self.objects.delete(&source).await {
                tracing::warn!(document_id = %document.id, %error, "crawl.file_left_to_sweep");
            }
            return match stored {
                PageStored::Full(_) => Ok(Some(CrawlEnded::Finished(CrawlEnd::PlanLimit))),
                PageStored::Known => Box::pin(self.update_known(step, page, key, file)).await,
                _ => self.stopped(step).await,
            };
        }
    }

    /// Updates the document of a page that was stored before: by a delivery that was not completed, or under another
    /// address.
    async fn update_known(
        &self,
        step: &mut StepOf<'_>,
        page: CrawledPage,
        key: &str,
        file: Box<PageFile>,
    ) -> Result<Option<CrawlEnded>> {
        let documents = self.store.documents(&step.crawl.org);
        let Some(document) = documents.get(&page.document).await? else {
            step.tally.refuse(&page.url, "document_deleted");
            return Ok(None);
        };
        self.store
            .crawls(&step.crawl.org)
            .put_page(&step.crawl.id, key, &page)
            .await?;
        Box::pin(self.update_page(step, document, file)).await
    }

    /// Returns how a crawl ends that may not store a page.
    async fn stopped(&self, step: &StepOf<'_>) -> Result<Option<CrawlEnded>> {
        let crawls = self.store.crawls(&step.crawl.org);
        let current = crawls.get(&step.crawl.id).await?;
        if current.is_some_and(|current| current.stored >= current.options.max_pages) {
            return Ok(Some(CrawlEnded::Finished(CrawlEnd::PageLimit)));
        }
        // It was canceled or deleted, or another delivery has the step: this one changes nothing any more.
        Ok(None)
    }
}

/// Counts what became of a document. In the first run, one that exists was stored by a delivery that is repeated.
fn count(step: &mut StepOf<'_>, refreshed: Refreshed) {
    let tally = &mut step.tally;
    match refreshed {
        Refreshed::Unchanged if step.crawl.run > 1 => tally.unchanged += 1,
        Refreshed::Updated => tally.updated += 1,
        Refreshed::Gone => tally.gone += 1,
        Refreshed::Unchanged | Refreshed::Failed => {}
    }
}

fn page_of(file: &PageFile) -> Page {
    Page {
        url: file.url.clone(),
        canonical: file.page.canonical.clone(),
        links: file.page.links.clone(),
        base: file.page.base.clone(),
        content_hash: file.web.text_hash.clone().unwrap_or_default(),
        is_noindex: file.page.is_noindex,
        is_nofollow: file.page.is_nofollow,
    }
}
