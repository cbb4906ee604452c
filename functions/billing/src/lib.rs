//! Plans, subscriptions, payments, and the features that not all plans include.

mod input;
mod overage;
mod premium;
mod view;
mod white_label;

use app::PlanChange;
use domain::{
    Plan,
    auth::permission::{ReadOrg, WriteBilling},
};
use http_api::{Api, Body, Created, Ctx, Json, May, Result};
use input::{CheckoutInput, PlanInput, PortalInput};
use view::{InvoiceView, PageView, PlanView, PreviewView, SubscriptionView};

/// The operations of this function.
pub fn api() -> Api {
    let billing = Api::new("Billing")
        .at("/api/v1")
        .get(
            "/billing/plans",
            list_plans,
            "List the plans. With their limits, features and list prices.",
        )
        .get(
            "/billing/subscription",
            get_subscription,
            "Get the subscription of the organization. With the plan that applies, its limits, and what exceeds them.",
        )
        .put(
            "/billing/subscription",
            update_subscription,
            "Update the plan of the subscription. Takes effect immediately; the next invoice contains the \
             difference for the rest of the period.",
        )
        .post(
            "/billing/subscription/preview",
            preview_subscription,
            "Preview an update of the plan. What the next invoice would contain.",
        )
        .post(
            "/billing/subscription/cancel",
            cancel_subscription,
            "Cancel the subscription. The plan stays until the end of the paid period.",
        )
        .post(
            "/billing/subscription/resume",
            resume_subscription,
            "Resume a canceled subscription. Until the end of the paid period.",
        )
        .post(
            "/billing/checkout",
            create_checkout,
            "Create a checkout session. The page on which the organization subscribes to a plan; repeating the \
             request returns the same page while it is open.",
        )
        .post(
            "/billing/portal",
            create_portal,
            "Create a session of the customer portal. The page on which the organization changes its payment \
             method, sees its invoices and cancels.",
        )
        .get(
            "/billing/invoices",
            list_invoices,
            "List the invoices of the organization. The newest 24.",
        );
    billing.merge(overage::api()).merge(premium::api())
}

async fn list_plans() -> Json<Vec<PlanView>> {
    Json(Plan::ALL.into_iter().map(PlanView::from).collect())
}

async fn get_subscription(app: Ctx, member: May<ReadOrg>) -> Result<Json<SubscriptionView>> {
    Ok(Json(app.subscription_of(&member.org).await?.into()))
}

async fn update_subscription(
    app: Ctx,
    member: May<WriteBilling>,
    Body(input): Body<PlanInput>,
) -> Result<Json<SubscriptionView>> {
    let change = PlanChange { plan: input.plan()? };
    let found = app.change_plan(&member.org, &member.actor(), change).await?;
    Ok(Json(found.into()))
}

async fn preview_subscription(
    app: Ctx,
    member: May<WriteBilling>,
    Body(input): Body<PlanInput>,
) -> Result<Json<PreviewView>> {
    let change = PlanChange { plan: input.plan()? };
    let preview = app.preview_plan_change(&member.org, &member.actor(), change).await?;
    Ok(Json(preview.into()))
}

async fn cancel_subscription(app: Ctx, member: May<WriteBilling>) -> Result<Json<SubscriptionView>> {
    let found = app.end_with_period(&member.org, &member.actor(), true).await?;
    Ok(Json(found.into()))
}

async fn resume_subscription(app: Ctx, member: May<WriteBilling>) -> Result<Json<SubscriptionView>> {
    let found = app.end_with_period(&member.org, &member.actor(), false).await?;
    Ok(Json(found.into()))
}

async fn create_checkout(
    app: Ctx,
    member: May<WriteBilling>,
    Body(input): Body<CheckoutInput>,
) -> Result<Created<PageView>> {
    let new = input.into_new_checkout()?;
    let page = app.create_checkout(&member.org, &member.actor(), &new).await?;
    Ok(Created(page.into()))
}

async fn create_portal(
    app: Ctx,
    member: May<WriteBilling>,
    Body(input): Body<PortalInput>,
) -> Result<Created<PageView>> {
    let page = app
        .create_portal(&member.org, &member.actor(), &input.return_url)
        .await?;
    Ok(Created(page.into()))
}

async fn list_invoices(app: Ctx, member: May<WriteBilling>) -> Result<Json<Vec<InvoiceView>>> {
    let found = app.invoices(&member.org).await?;
    Ok(Json(found.into_iter().map(InvoiceView::from).collect()))
}
