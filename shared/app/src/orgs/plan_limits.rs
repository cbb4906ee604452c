//! Enforcing plan limits when something is created or stored.

use domain::{Entitlements, Error, OrgId, Result};

use crate::{App, orgs::NO_ORG};

impl App {
    /// Returns what an organization may use.
    pub(crate) async fn entitlements_of(&self, org: &OrgId) -> Result<Entitlements> {
        let found = self.store.orgs().get(org).await?.ok_or(NO_ORG)?;
        Ok(found.org.entitlements(self.clock.now()))
    }

    /// Frees capacity for a document of this size if `own` has none left, by releasing announced files whose uploads
    /// have expired.
    ///
    /// # Errors
    /// Returns [`Error::Limit`] if there are none.
    pub(crate) async fn free_capacity(&self, org: &OrgId, size_bytes: u64, own: &Entitlements) -> Result<()> {
        if self.release_ended_uploads(org).await? {
            return Ok(());
        }
        // A concurrent request may have freed capacity.
        let exceeded = self.store.documents(org).exceeded(size_bytes, own).await?;
        exceeded.map_or(Ok(()), |limit| Err(Error::plan_limit(limit)))
    }

    /// Releases announced files whose uploads have expired. Returns whether there were any.
    pub(crate) async fn release_ended_uploads(&self, org: &OrgId) -> Result<bool> {
        let uploads = self.store.pending_uploads(org);
        let ended = uploads.ended(self.clock.now()).await?;
        for upload in &ended {
            // The sweep finds files that arrive after this.
            if uploads.release(upload).await? {
                self.objects.delete(&upload.file_key()).await?;
            }
        }
        Ok(!ended.is_empty())
    }
}
