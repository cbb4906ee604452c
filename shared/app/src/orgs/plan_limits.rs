//! Enforcing plan limits when something is created or stored.

use domain::{Error, OrgId, Plan, Result};

use crate::{App, orgs::NO_ORG};

impl App {
    /// Returns an organization's plan.
    pub(crate) async fn plan_of(&self, org: &OrgId) -> Result<Plan> {
        Ok(self.store.orgs().get(org).await?.ok_or(NO_ORG)?.org.plan)
    }

    /// Frees capacity for a document of this size if `plan` has none left, by releasing announced files whose uploads
    /// have expired.
    ///
    /// # Errors
    /// Returns [`Error::Limit`] if there are none.
    pub(crate) async fn free_capacity(&self, org: &OrgId, size_bytes: u64, plan: Plan) -> Result<()> {
        if self.release_ended_uploads(org).await? {
            return Ok(());
        }
        // A concurrent request may have freed capacity.
        let exceeded = self.store.documents(org).exceeded(size_bytes, plan).await?;
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
