//! Erasure: removes data that was already deleted and inaccessible, and what ended credentials leave behind.
//!
//! The purge entry is written with the tombstone, in one transaction, and removed when nothing is left. If a worker
//! dies in between, the next run continues with the remaining data.

use std::time::Duration;

use domain::{Chatbot, Error, Purge, Result, UserId, UserStatus};
use futures::{StreamExt as _, future::BoxFuture, stream};
use jiff::tz::TimeZone;
use store::{Partition, TableName, keys};

use crate::{App, platform::batch_outcome::BatchOutcome, users::data_inventory::account_of_user};

impl App {
    /// Queues a purge that has an entry. If the queue fails, the relay sends it later.
    pub(crate) async fn queue_purge(&self, purge: &Purge) {
        if let Err(error) = self.queues.send(purge).await {
            tracing::warn!(
                purge = purge.id(),
                error = &error as &dyn std::error::Error,
                "purge.not_queued"
            );
        }
    }

    /// Completes the outstanding purge entries; returns their number.
    ///
    /// # Errors
    /// Returns an error if a service does not respond; the next run handles the rest, and all other entries are still
    /// processed.
    pub(crate) async fn purge_promised(&self) -> Result<usize> {
        let due = self.store.purges().due(self.clock.now_ms()).await?;
        let mut kept = BatchOutcome::default();
        for purge in &due {
            let done = self.purge(purge).await.map(|()| 1);
            kept.count(
                done,
                |error| tracing::warn!(purge = purge.id(), %error, "purge.not_done"),
            );
        }
        kept.end()
    }

    /// Returns [`Error::InProgress`] while calls of the user are running, which takes a few minutes at most. Otherwise
    /// others who share a limit with the user would not be charged for the generated text, and would wait in vain for
    /// the reservation.
    async fn check_no_running_calls(&self, user: &UserId) -> Result<()> {
        let now = self.clock.now();
        // In any time zone, a reservation younger than a call belongs to one of these days.
        let today = now.to_zoned(TimeZone::UTC).date();
        for day in [today.yesterday(), Ok(today), today.tomorrow()].into_iter().flatten() {
            for reservation in self.store.ledger().reservations(user, day).await? {
                let left = reservation.terms.until_ms - now.as_millisecond();
                if left > 0 {
                    return Err(Error::InProgress {
                        detail: "calls of the user are still running",
                        retry_after: Duration::from_millis(left.unsigned_abs()),
                    });
                }
                self.settle_overdue(&reservation).await?;
            }
        }
        Ok(())
    }

    /// Removes everything that `purge` names, and then its entry. Idempotent.
    ///
    /// # Errors
    /// Returns an error if a service does not respond; the queue must then deliver the message again.
    pub fn purge<'a>(&'a self, purge: &'a Purge) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            match purge {
                // The address and the ID of the personal organization are in the profile, which is removed last.
                Purge::User { user_id, orgs } => {
                    match self.store.accounts().get(user_id).await? {
                        Some(user) if user.status == UserStatus::Deleted => {
                            self.check_no_running_calls(user_id).await?;
                            let mut addresses = self.former_addresses(user_id).await?;
                            addresses.push(user.email.clone());
                            self.mailer.forget(user_id, &addresses).await?;
                            self.store.accounts().free_held_addresses(user_id).await?;
                            for org in orgs.iter().chain(&self.left_orgs_with_keys(user_id).await?) {
                                self.forget_keys_of_member(org, user_id).await?;
                            }
                            self.close_billing(&user.personal_org).await?;
                            self.erase(self.inventory_of_user(user_id, &user.personal_org, orgs))
                                .await?;
                        }
                        // Only deleted data is removed, whatever a message says.
                        Some(_) => {}
                        // An earlier run was interrupted between the profile and the items stored after it.
                        None => {
                            let account = stream::once(async { Ok(account_of_user(user_id)) });
                            self.erase(account.boxed()).await?;
                        }
                    }
                }
                Purge::Org { org_id } => {
                    if self.store.orgs().get(org_id).await?.is_none() {
                        self.close_billing(org_id).await?;
                        self.erase(self.inventory_of_org(org_id)).await?;
                    }
                }
                Purge::Document { org_id, document_id } => self.purge_document(org_id, document_id).await?,
                Purge::Chatbot { org_id, chatbot_id } => {
                    if self.store.chatbots(org_id).get(chatbot_id).await?.is_none() {
                        self.objects.delete_below(&Chatbot::folder(org_id, chatbot_id)).await?;
                        let unanswered = keys::unanswered_questions(chatbot_id);
                        let unanswered = Partition::part(TableName::App, keys::tenant(org_id), unanswered);
                        self.store.erase(&unanswered).await?;
                    }
                }
                Purge::Integration { org_id, integration_id } => {
                    self.purge_integration(org_id, integration_id).await?;
                }
                Purge::DataSource { org_id, data_source_id } => {
                    self.purge_data_source(org_id, data_source_id).await?;
                }
                Purge::Crawl {
                    org_id,
                    crawl_id,
                    with_documents,
                } => self.purge_crawl(org_id, crawl_id, with_documents.as_ref()).await?,
                Purge::Credentials {
                    user_id,
                    ended_at,
                    mail_id,
                } => self.clear_credentials(user_id, *ended_at, mail_id).await?,
                // A member who has rejoined keeps their data.
                Purge::Member { org_id, user_id } => {
                    let membership = self.store.accounts().membership(org_id, user_id).await?;
                    let since = membership.as_ref().map(|membership| membership.joined_at);
                    self.revoke_keys_of_member(org_id, user_id, since).await?;
                    if membership.is_none() {
                        self.erase(self.inventory_of_member(org_id, user_id)).await?;
                    }
                }
            }
            tracing::info!(purge = purge.id(), "purge.done");
            self.store.purges().remove(purge).await
        })
    }
}
