//! The log of deliveries.

use domain::{Error, OrgId, Page, PageRequest, Result, WebhookDelivery, WebhookDeliveryId, WebhookId};
use futures::future::BoxFuture;
use store::DeliveryFilter;

use super::{NO_WEBHOOK, content::body_of};
use crate::App;

pub(super) const NO_DELIVERY: Error = Error::NotFound("delivery");

/// A delivery with the body of its requests.
#[derive(Debug)]
pub struct DeliveryFound {
    /// The delivery.
    pub delivery: WebhookDelivery,
    /// The body, without texts of conversations.
    pub body: String,
}

impl App {
    /// Lists the deliveries of a webhook of the last 30 days, newest first.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`].
    pub fn webhook_deliveries<'a>(
        &'a self,
        org: &'a OrgId,
        id: &'a WebhookId,
        filter: DeliveryFilter,
        page: &'a PageRequest,
    ) -> BoxFuture<'a, Result<Page<WebhookDelivery>>> {
        Box::pin(async move {
            let webhooks = self.store.webhooks(org);
            webhooks.get(id).await?.ok_or(NO_WEBHOOK)?;
            webhooks.deliveries(id, filter, page, self.clock.now()).await
        })
    }

    /// Returns a delivery.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`].
    pub fn webhook_delivery<'a>(
        &'a self,
        org: &'a OrgId,
        webhook: &'a WebhookId,
        id: &'a WebhookDeliveryId,
    ) -> BoxFuture<'a, Result<DeliveryFound>> {
        Box::pin(async move {
            let webhooks = self.store.webhooks(org);
            webhooks.get(webhook).await?.ok_or(NO_WEBHOOK)?;
            let delivery = webhooks
                .delivery(webhook, id, self.clock.now())
                .await?
                .ok_or(NO_DELIVERY)?;
            let event = webhooks.event(&delivery.event).await?.ok_or(NO_DELIVERY)?;
            Ok(DeliveryFound {
                body: body_of(&event)?,
                delivery,
            })
        })
    }
}
