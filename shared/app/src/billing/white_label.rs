//! White-label settings.

use domain::{Actor, Feature, Membership, Org, Result, WhiteLabel, billing::white_label::without_links};
use futures::future::BoxFuture;
use serde_json::json;

use crate::{App, audit::audit_event::AuditEvent, orgs::NO_ORG};

/// The product's own name in emails.
const PRODUCT: &str = "Parlance";

impl App {
    /// Returns the white-label settings of an organization.
    ///
    /// # Errors
    /// Returns [`domain::Error::Forbidden`] `plan_required`.
    pub fn white_label<'a>(&'a self, member: &'a Membership) -> BoxFuture<'a, Result<WhiteLabel>> {
        Box::pin(async move {
            self.require_feature(&member.org, Feature::WhiteLabel).await?;
            self.store.billing().white_label(&member.org).await
        })
    }

    /// Replaces the white-label settings of an organization.
    ///
    /// # Errors
    /// Returns [`domain::Error::Forbidden`] `plan_required`, [`domain::Error::Invalid`] at `/logo_url`.
    pub fn set_white_label<'a>(
        &'a self,
        member: &'a Membership,
        actor: &'a Actor,
        settings: WhiteLabel,
    ) -> BoxFuture<'a, Result<WhiteLabel>> {
        Box::pin(async move {
            let org = &member.org;
            self.require_feature(org, Feature::WhiteLabel).await?;
            if let Some(url) = &settings.logo_url {
                WhiteLabel::check_logo_url(url)?;
            }
            let settings = WhiteLabel {
                updated_at: Some(self.clock.now()),
                ..settings
            };
            let event = AuditEvent::to_org("org.white_label_changed", org)
                .after(json!({"hide_branding": settings.hide_branding}));
            let entry = self.entry(actor, org, event)?;
            if self.store.billing().set_white_label(org, &settings, &entry).await? {
                Ok(settings)
            } else {
                Err(NO_ORG)
            }
        })
    }

    /// Returns the name under which an organization writes to people: its own if it may use that, else the
    /// product's.
    pub(crate) async fn product_name(&self, org: &Org) -> Result<String> {
        if !org.entitlements(self.clock.now()).includes(Feature::WhiteLabel) {
            return Ok(PRODUCT.to_owned());
        }
        let own = self.store.billing().white_label(&org.id).await?.product_name;
        Ok(own.map_or_else(|| PRODUCT.to_owned(), |name| without_links(&name)))
    }
}
