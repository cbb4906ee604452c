//! The steps of a crawl: each is one message and at most one request to the site.
//!
//! The message of the next step is sent before a step is completed, so a crash at any point leaves a message that
//! continues: that of the step, which is done again, or that of the next one, which waits until the step is completed.

use std::time::Duration;

use domain::{
    Crawl, CrawlEnd, CrawlId, CrawlStatus, Entitlements, Error, EventData, IndexFailure, OrgId, Result, WebhookEvent,
    documents::crawl::CrawlTally, webhooks::data::CrawlEvent,
};
use fetch::{
    Conditions, FetchError, Fetched, Limits, Url,
    crawl::{Crawl as Plan, End, Step},
    robots::Robots,
    sitemap::Sitemap,
};
use store::{CrawlEnded, CrawlLease, OptimisticRetry};

use super::super::refresh::{may_try_again, try_again};
use crate::{App, Delivery};

/// When the message of a step comes back that another delivery has.
const BUSY: Duration = Duration::from_secs(10);
/// Limits of the rules of a host.
const ROBOTS: Limits = Limits {
    first_byte: Duration::from_secs(10),
    total: Duration::from_secs(15),
    received_bytes: 1_000_000,
    decompressed_bytes: 1_000_000,
};
/// Limits of a sitemap: those of the protocol when it is decompressed.
const SITEMAP: Limits = Limits {
    first_byte: Duration::from_secs(15),
    total: Duration::from_secs(30),
    received_bytes: 25 * 1024 * 1024,
    decompressed_bytes: 50 * 1024 * 1024,
};

/// A step that is being done.
pub(super) struct StepOf<'a> {
    pub(super) crawl: &'a Crawl,
    pub(super) holder: &'a str,
    /// How often its message was delivered.
    pub(super) deliveries: u32,
    pub(super) plan: Plan,
    /// The limits of the organization.
    pub(super) own: Entitlements,
    pub(super) tally: CrawlTally,
}

impl App {
    /// Does one step of a crawl.
    pub(in super::super) async fn crawl_step(
        &self,
        org: &OrgId,
        id: &CrawlId,
        number: (u32, u32),
        delivery: &Delivery,
    ) -> Result<()> {
        let crawls = self.store.crawls(org);
        let (holder, now) = (delivery.holder(), self.clock.now());
        let crawl = match crawls.lease(id, number, &holder, (now, delivery.lease_end())).await? {
            CrawlLease::Taken(crawl) => *crawl,
            CrawlLease::Over => return Ok(()),
            CrawlLease::Busy => {
                return Err(Error::InProgress {
                    detail: "another delivery has this step of the crawl, or the one before",
                    retry_after: BUSY,
                });
            }
        };
        let step = StepOf {
            plan: self.plan_of_crawl(&crawl).await?,
            own: self.entitlements_of(org).await?,
            tally: crawl.tally.clone(),
            crawl: &crawl,
            holder: &holder,
            deliveries: delivery.receive_count,
        };
        let Err(error) = Box::pin(self.do_step(step)).await else {
            return Ok(());
        };
        if delivery.is_last() {
            self.end_run(&crawl, &holder, &crawl.tally, &CrawlEnded::Failed(our_fault()))
                .await?;
        } else if let Err(left) = crawls.release(id, &holder).await {
            // Best effort: the lease expires by itself.
            tracing::warn!(crawl_id = %id, error = %left, "crawl.lease_left");
        }
        Err(error)
    }

    async fn do_step(&self, mut step: StepOf<'_>) -> Result<()> {
        let next = step.plan.next_step();
        // The step before has counted them.
        step.plan.take_disallowed();
        let (ended, url) = match next {
            Step::Finished(end) => (Some(finished(end)), None),
            Step::Robots { url } => (self.read_robots(&mut step, &url).await?, Some(url)),
            Step::Sitemap { url } => {
                self.read_sitemap(&mut step, &url).await?;
                (None, Some(url))
            }
            Step::Fetch { url, depth } => (Box::pin(self.crawl_page(&mut step, &url, depth)).await?, Some(url)),
        };
        let StepOf {
            crawl,
            holder,
            plan,
            mut tally,
            ..
        } = step;
        let mut ahead = plan.clone();
        let ended = match (ended, ahead.next_step()) {
            (None, Step::Finished(end)) => Some(finished(end)),
            (ended, _) => ended,
        };
        for url in ahead.take_disallowed() {
            tally.refuse(&url, "robots_disallowed");
        }
        tally.found = u32::try_from(plan.found()).unwrap_or(u32::MAX);
        if let Some(ended) = ended {
            return self.end_run(crawl, holder, &tally, &ended).await;
        }
        let next = Crawl {
            step: crawl.step + 1,
            ..crawl.clone()
        };
        let key = crawl.plan_key(next.step);
        self.store_plan(&key, &plan).await?;
        let delay = url.as_ref().map_or(Duration::ZERO, |url| plan.delay(url));
        self.send_step(&next, delay).await?;
        let crawls = self.store.crawls(&crawl.org);
        let is_done = crawls.advance(crawl, holder, (&tally, &key), self.clock.now()).await?;
        match (is_done, &crawl.plan_key) {
            (true, Some(before)) => self.delete_plan(crawl, before).await,
            (true, None) => {}
            (false, _) => self.delete_unused_plan(crawl, &key).await,
        }
        Ok(())
    }

    /// Deletes a plan that was stored in vain: the crawl was canceled, or another delivery has done the step and stored
    /// it under the same name.
    async fn delete_unused_plan(&self, crawl: &Crawl, key: &str) {
        let current = self.store.crawls(&crawl.org).get(&crawl.id).await;
        let is_used = |current: &Crawl| current.plan_key.as_deref() == Some(key);
        if matches!(&current, Ok(current) if !current.as_ref().is_some_and(is_used)) {
            self.delete_plan(crawl, key).await;
        }
    }

    /// Returns the event that a run of a crawl is over, if a webhook wants it.
    pub(super) async fn crawl_completed(
        &self,
        crawl: &Crawl,
        status: CrawlStatus,
    ) -> Result<Option<Box<WebhookEvent>>> {
        let data = EventData::CrawlCompleted(CrawlEvent {
            crawl_id: crawl.id.clone(),
            status,
            documents: crawl.stored,
        });
        self.event(&crawl.org, data, &format!("{} {}", crawl.id, crawl.run))
            .await
    }

    /// Ends the run of a crawl.
    async fn end_run(&self, crawl: &Crawl, holder: &str, tally: &CrawlTally, ended: &CrawlEnded) -> Result<()> {
        let crawls = self.store.crawls(&crawl.org);
        let mut retry = OptimisticRetry::to_change("a crawl");
        loop {
            retry.next().await?;
            let Some(current) = crawls.get(&crawl.id).await? else {
                return Ok(());
            };
            if !current.status.is_active() || (current.run, current.step) != (crawl.run, crawl.step) {
                return Ok(());
            }
            let nothing = current.stored == 0;
            let ended = match (ended, tally.refusals.first()) {
                (CrawlEnded::Finished(_), Some(first)) if nothing => CrawlEnded::Failed(nothing_stored(&first.code)),
                _ => ended.clone(),
            };
            let status = match ended {
                CrawlEnded::Finished(_) => CrawlStatus::Finished,
                CrawlEnded::Failed(_) => CrawlStatus::Failed,
            };
            let event = self.crawl_completed(&current, status).await?;
            let end = (tally, &ended, event.as_deref());
            if crawls.finish(&current, holder, end, self.clock.now()).await? {
                self.delete_plans(crawl).await;
                return Ok(());
            }
            if !crawls.holds(&crawl.id, holder).await? {
                return Ok(());
            }
        }
    }

    /// Reads what a host lets us read. Returns how the crawl ends if its own host does not say.
    async fn read_robots(&self, step: &mut StepOf<'_>, url: &Url) -> Result<Option<CrawlEnded>> {
        let client = self.fetcher.get()?;
        let fetched = client.get(url.as_str(), &Conditions::default(), &ROBOTS).await;
        let robots = match &fetched {
            Err(error) if error.is_transient() => {
                if may_try_again(step.deliveries) {
                    return Err(try_again(error));
                }
                if step.plan.pages() == 0 && step.crawl.step == 0 {
                    return Ok(Some(CrawlEnded::Failed(IndexFailure {
                        code: error.code().to_owned(),
                        detail: error.to_string(),
                    })));
                }
                Robots::disallow_all()
            }
            // The page itself says what is wrong.
            Err(error) if error.is_about_address() => Robots::allow_all(),
            Err(FetchError::HostNotFound | FetchError::CertificateInvalid) => Robots::allow_all(),
            fetched => Robots::from_fetch(fetched),
        };
        step.plan.set_robots(url, robots);
        Ok(None)
    }

    async fn read_sitemap(&self, step: &mut StepOf<'_>, url: &Url) -> Result<()> {
        let client = self.fetcher.get()?;
        let fetched = client.get(url.as_str(), &Conditions::default(), &SITEMAP).await;
        match fetched {
            Ok(Fetched::Content(content)) => match Sitemap::parse(&content.bytes) {
                Ok(sitemap) => step.plan.add_sitemap(&sitemap),
                Err(_) => step.tally.refuse(url.as_str(), "invalid_sitemap"),
            },
            Ok(Fetched::NotModified) => {}
            Err(error) if error.is_transient() && may_try_again(step.deliveries) => return Err(try_again(&error)),
            Err(FetchError::NotFound) => step.tally.refuse(url.as_str(), "no_sitemap"),
            Err(error) => step.tally.refuse(url.as_str(), error.code()),
        }
        Ok(())
    }
}

fn finished(end: End) -> CrawlEnded {
    CrawlEnded::Finished(match end {
        End::Complete => CrawlEnd::Complete,
        End::PageLimit => CrawlEnd::PageLimit,
        End::RequestLimit => CrawlEnd::RequestLimit,
    })
}

fn nothing_stored(code: &str) -> IndexFailure {
    let detail = match code {
        "robots_disallowed" => {
            "The robots.txt of this site does not let us read its pages. Ask its owner to allow ParlanceBot.".to_owned()
        }
        "no_sitemap" | "invalid_sitemap" => {
            "The site has no sitemap that can be read. Give the address of one, or set `depth` to follow links."
                .to_owned()
        }
        _ => "No page of this site could be stored. `refusals` says why, page by page.".to_owned(),
    };
    IndexFailure {
        code: code.to_owned(),
        detail,
    }
}

fn our_fault() -> IndexFailure {
    IndexFailure {
        code: "internal".to_owned(),
        detail: "The crawl ended because of an internal error. Create it again later.".to_owned(),
    }
}
