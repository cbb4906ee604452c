//! What an organization may use: the one check of features, for every group of operations.

use domain::{Feature, OrgId, Result};
use futures::future::BoxFuture;

use crate::App;

impl App {
    /// Requires that the plan of an organization includes a feature.
    ///
    /// # Errors
    /// Returns [`domain::Error::Forbidden`] `plan_required`, or [`domain::Error::NotFound`] if the organization was
    /// deleted.
    pub fn require_feature<'a>(&'a self, org: &'a OrgId, feature: Feature) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            if self.plan_of(org).await?.includes(feature) {
                Ok(())
            } else {
                Err(feature.plan_required())
            }
        })
    }
}
