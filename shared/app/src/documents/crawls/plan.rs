//! What a crawl has found so far, as an object between two steps.

use std::io::{Read as _, Write as _};

use domain::{Crawl, Error, Result};
use flate2::{Compression, read::GzDecoder, write::GzEncoder};

use crate::App;

impl App {
    /// Returns what the steps before have found. If that is gone, the run begins again: its documents exist already.
    pub(super) async fn plan_of_crawl(&self, crawl: &Crawl) -> Result<fetch::crawl::Crawl> {
        let stored = match &crawl.plan_key {
            Some(key) => self.objects.get(key).await?,
            None => None,
        };
        match stored {
            Some(bytes) => decoded(&bytes),
            None => self.new_plan(crawl).await,
        }
    }

    async fn new_plan(&self, crawl: &Crawl) -> Result<fetch::crawl::Crawl> {
        let options = fetch::crawl::Options {
            start: crawl.options.url.clone(),
            max_depth: crawl.options.depth,
            max_pages: crawl.options.max_pages,
            sitemap: crawl.options.sitemap,
            hosts: crawl.options.hosts.clone(),
            include: crawl.options.include.clone(),
            exclude: crawl.options.exclude.clone(),
        };
        let plan = fetch::crawl::Crawl::new(options);
        let mut plan = plan.ok_or_else(|| Error::internal("the address of a crawl is none"))?;
        if crawl.run > 1 {
            let pages = self.store.crawls(&crawl.org).pages(&crawl.id).await?;
            plan.add_known(pages.into_iter().map(|page| (page.url, page.depth)));
        }
        Ok(plan)
    }

    pub(super) async fn store_plan(&self, key: &str, plan: &fetch::crawl::Crawl) -> Result<()> {
        self.objects.put(key, encoded(plan)?.into(), "application/gzip").await
    }

    /// Deletes what a run has found, which nothing needs any more. Best effort: it is deleted with the crawl.
    pub(super) async fn delete_plans(&self, crawl: &Crawl) {
        let folder = Crawl::folder(&crawl.org, &crawl.id);
        if let Err(error) = self.objects.delete_below(&folder).await {
            tracing::warn!(crawl_id = %crawl.id, %error, "crawl.plan_left");
        }
    }

    /// Deletes what was found before one step. Best effort: it is deleted with the crawl.
    pub(super) async fn delete_plan(&self, crawl: &Crawl, key: &str) {
        if let Err(error) = self.objects.delete(key).await {
            tracing::warn!(crawl_id = %crawl.id, %error, "crawl.plan_left");
        }
    }
}

fn encoded(plan: &fetch::crawl::Crawl) -> Result<Vec<u8>> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    let json = serde_json::to_vec(plan).map_err(Error::internal)?;
    packed.write_all(&json).map_err(Error::internal)?;
    packed.finish().map_err(Error::internal)
}

fn decoded(bytes: &[u8]) -> Result<fetch::crawl::Crawl> {
    let mut json = Vec::new();
    GzDecoder::new(bytes).read_to_end(&mut json).map_err(Error::internal)?;
    serde_json::from_slice(&json).map_err(Error::internal)
}
