//! The log of deliveries.

use app::DeliveryFilter;
use domain::{
    DeliveryStatus, EventType, WebhookDeliveryId, WebhookId,
    auth::permission::{ReadWebhooks, WriteWebhooks},
};
use http_api::{Accepted, Api, Ctx, Json, Listing, May, Paging, Path, Query, Result};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    input::WebhookPath,
    view::{DeliveryDetails, DeliveryView},
};

/// Adds the operations of this module.
pub(crate) fn operations(api: Api) -> Api {
    api.get(
        "/webhooks/{webhook_id}/deliveries",
        list_webhook_deliveries,
        "List the deliveries of a webhook. Newest first, those of the last 30 days, each with its last attempt.",
    )
    .get(
        "/webhooks/{webhook_id}/deliveries/{delivery_id}",
        get_webhook_delivery,
        "Get a delivery. With its attempts and the body of its requests, without texts of conversations.",
    )
    .post(
        "/webhooks/{webhook_id}/deliveries/{delivery_id}/replay",
        replay_webhook_delivery,
        "Replay a finished delivery. The event is sent anew, under the same `webhook-id`.",
    )
}

/// The parameters `{webhook_id}` and `{delivery_id}`.
#[derive(Deserialize, JsonSchema)]
struct DeliveryPath {
    webhook_id: WebhookId,
    delivery_id: WebhookDeliveryId,
}

/// Which deliveries are listed.
#[derive(Deserialize, JsonSchema)]
struct DeliveryQuery {
    /// Only deliveries with this status.
    status: Option<DeliveryStatus>,
    /// Only deliveries of events of this type.
    event_type: Option<EventType>,
}

async fn list_webhook_deliveries(
    app: Ctx,
    member: May<ReadWebhooks>,
    Path(path): Path<WebhookPath>,
    Query(query): Query<DeliveryQuery>,
    page: Paging,
) -> Result<Listing<DeliveryView>> {
    let filter = DeliveryFilter {
        status: query.status,
        event_type: query.event_type,
    };
    let found = app
        .webhook_deliveries(&member.org.org, &path.webhook_id, filter, &page)
        .await?;
    page.answer(found.map(DeliveryView::of))
}

async fn get_webhook_delivery(
    app: Ctx,
    member: May<ReadWebhooks>,
    Path(path): Path<DeliveryPath>,
) -> Result<Json<DeliveryDetails>> {
    let found = app
        .webhook_delivery(&member.org.org, &path.webhook_id, &path.delivery_id)
        .await?;
    Ok(Json(DeliveryDetails::of(found)))
}

async fn replay_webhook_delivery(
    app: Ctx,
    member: May<WriteWebhooks>,
    Path(path): Path<DeliveryPath>,
) -> Result<Accepted<DeliveryView>> {
    let delivery = app
        .replay_delivery(&member.org.org, &path.webhook_id, &path.delivery_id)
        .await?;
    Ok(Accepted(DeliveryView::of(delivery)))
}
