//! Erasure: removes what was deleted before and has been invisible since.
//!
//! The promise is written with the tombstone, in one transaction, and removed when nothing is left. A worker that
//! dies in between is followed by another delivery, and a lost message by the relay; each goes on where things still are.

use futures::future::BoxFuture;
use model::{Purge, Result};
use store::Partition;

use crate::{App, estate::Visitor};

struct Eraser<'a>(&'a App);

impl Visitor for Eraser<'_> {
    fn items<'b>(&'b mut self, _: &'static str, partition: Partition) -> BoxFuture<'b, Result<()>> {
        self.pointer(partition)
    }

    fn pointer(&mut self, partition: Partition) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move { self.0.store.erase(&partition).await })
    }

    fn objects(&mut self, prefix: String) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move { self.0.objects.delete_below(&prefix).await })
    }
}

impl App {
    /// Removes everything that `purge` names, and then the promise to do so. Doing it twice is harmless.
    pub fn purge<'a>(&'a self, purge: &'a Purge) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let mut eraser = Eraser(self);
            match purge {
                // The id of the personal organization is in the profile, which goes last.
                Purge::User { user_id } => {
                    if let Some(user) = self.store.accounts().get(user_id).await? {
                        self.walk_user(user_id, &user.personal_org, &mut eraser).await?;
                    }
                }
                Purge::Org { org_id } => self.walk_org(org_id, &mut eraser).await?,
                Purge::Member { org_id, user_id } => self.walk_member(org_id, user_id, &mut eraser).await?,
            }
            tracing::info!(purge = purge.id(), "purge.done");
            self.store.purges().remove(purge).await
        })
    }
}
