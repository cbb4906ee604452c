//! Webhooks: endpoints of an organization that receive its events.

mod deliveries;
mod input;
mod view;

use domain::{
    EventType,
    auth::permission::{ReadWebhooks, WriteWebhooks},
};
use http_api::{Accepted, Api, Body, Created, Ctx, Json, May, NoContent, Path, Result};
use input::{NewWebhookInput, Replay, WebhookPatch, WebhookPath};
use view::{DeliveryView, EventTypeView, NewWebhookView, WebhookView};

/// The operations of this function.
pub fn api() -> Api {
    let api = Api::new("Webhooks")
        .at("/api/v1")
        .post(
            "/webhooks",
            create_webhook,
            "Create a webhook. Events of the organization are sent to its URL as signed requests (Standard Webhooks). \
             `secret` is shown only once. The plan limits the number of webhooks.",
        )
        .get(
            "/webhooks",
            list_webhooks,
            "List webhooks. Newest first, without their secrets.",
        )
        .get(
            "/webhooks/events",
            list_webhook_events,
            "List the types of events. The section `webhooks` of this document has the schema and an example of each.",
        )
        .get(
            "/webhooks/{webhook_id}",
            get_webhook,
            "Get a webhook. Its secret is not shown again.",
        )
        .patch(
            "/webhooks/{webhook_id}",
            update_webhook,
            "Update a webhook. Omitted fields stay unchanged; `events` null means all types. Enabling one that the \
             system disabled starts it again.",
        )
        .delete(
            "/webhooks/{webhook_id}",
            delete_webhook,
            "Delete a webhook. Nothing more is sent to it, and its deliveries are not shown any more.",
        )
        .post(
            "/webhooks/{webhook_id}/rotate-secret",
            rotate_webhook_secret,
            "Rotate the secret of a webhook. The new secret is shown only once; for 24 hours, requests have a \
             signature by each of the two.",
        )
        .post(
            "/webhooks/{webhook_id}/test",
            test_webhook,
            "Send a test event to a webhook. Its type is `webhook.test`; the response is its delivery.",
        )
        .post(
            "/webhooks/{webhook_id}/replay",
            replay_webhook,
            "Replay the finished deliveries of a webhook since a time. It happens in the background, once for each \
             delivery, under the same `webhook-id`.",
        );
    deliveries::operations(EventType::ALL.iter().fold(api, |api, kind| view::document(api, *kind)))
}

async fn create_webhook(
    app: Ctx,
    member: May<WriteWebhooks>,
    Body(new): Body<NewWebhookInput>,
) -> Result<Created<NewWebhookView>> {
    let made = app
        .create_webhook(&member.org, &member.actor(), new.into_new()?)
        .await?;
    Ok(Created(NewWebhookView::of(made, app.clock.now())))
}

async fn list_webhooks(app: Ctx, member: May<ReadWebhooks>) -> Result<Json<Vec<WebhookView>>> {
    let (found, now) = (app.webhooks(&member.org.org).await?, app.clock.now());
    Ok(Json(
        found.into_iter().map(|found| WebhookView::of(found, now)).collect(),
    ))
}

async fn list_webhook_events(_: May<ReadWebhooks>) -> Json<Vec<EventTypeView>> {
    Json(EventType::ALL.iter().copied().map(EventTypeView::of).collect())
}

async fn get_webhook(app: Ctx, member: May<ReadWebhooks>, Path(path): Path<WebhookPath>) -> Result<Json<WebhookView>> {
    let found = app.webhook(&member.org.org, &path.webhook_id).await?;
    Ok(Json(WebhookView::of(found, app.clock.now())))
}

async fn update_webhook(
    app: Ctx,
    member: May<WriteWebhooks>,
    Path(path): Path<WebhookPath>,
    Body(change): Body<WebhookPatch>,
) -> Result<Json<WebhookView>> {
    let (org, actor) = (&member.org.org, member.actor());
    app.change_webhook(org, &actor, &path.webhook_id, change.into_change()?)
        .await?;
    let found = app.webhook(org, &path.webhook_id).await?;
    Ok(Json(WebhookView::of(found, app.clock.now())))
}

async fn delete_webhook(app: Ctx, member: May<WriteWebhooks>, Path(path): Path<WebhookPath>) -> Result<NoContent> {
    app.delete_webhook(&member.org.org, &member.actor(), &path.webhook_id)
        .await?;
    Ok(NoContent)
}

async fn rotate_webhook_secret(
    app: Ctx,
    member: May<WriteWebhooks>,
    Path(path): Path<WebhookPath>,
) -> Result<Json<NewWebhookView>> {
    let rotated = app
        .rotate_webhook_secret(&member.org.org, &member.actor(), &path.webhook_id)
        .await?;
    Ok(Json(NewWebhookView::of(rotated, app.clock.now())))
}

async fn test_webhook(
    app: Ctx,
    member: May<WriteWebhooks>,
    Path(path): Path<WebhookPath>,
) -> Result<Accepted<DeliveryView>> {
    let delivery = app.test_webhook(&member.org.org, &path.webhook_id).await?;
    Ok(Accepted(DeliveryView::of(delivery)))
}

async fn replay_webhook(
    app: Ctx,
    member: May<WriteWebhooks>,
    Path(path): Path<WebhookPath>,
    Body(replay): Body<Replay>,
) -> Result<Accepted<Replay>> {
    let (org, actor) = (&member.org.org, member.actor());
    app.replay_webhook(org, &actor, &path.webhook_id, replay.since, replay.only_failed)
        .await?;
    Ok(Accepted(replay))
}
