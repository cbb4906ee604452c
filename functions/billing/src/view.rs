//! Plans, subscriptions and invoices as clients see them.

use app::{InvoiceFound, PaymentPage, PlanChangePreview, PreviewLine, SubscriptionFound};
use domain::{
    Feature, Plan, SubscriptionStatus, Timestamp,
    billing::{
        offer::{OFFER_VERSION, Price},
        overage::TokenPack,
    },
    orgs::{entitlements::LimitSources, plan::Limits},
};
use schemars::JsonSchema;
use serde::Serialize;

/// A plan.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "PlanOffer")]
pub(crate) struct PlanView {
    /// Its name, as in a checkout.
    plan_type: Plan,
    /// Its name for people.
    name: &'static str,
    /// List price without tax.
    price: Price,
    limits: Limits,
    /// How tokens beyond the daily limit are sold, if the organization wants that; null if they are not.
    token_pack: Option<TokenPack>,
    features: Vec<Feature>,
    /// Day on which a limit, a price or a feature of any plan last changed.
    version: &'static str,
}

impl From<Plan> for PlanView {
    fn from(plan: Plan) -> Self {
        Self {
            plan_type: plan,
            name: match plan {
                Plan::Free => "Free",
                Plan::Pro => "Pro",
                Plan::Team => "Team",
            },
            price: plan.price(),
            limits: plan.limits(),
            token_pack: plan.token_pack(),
            features: plan.features(),
            version: OFFER_VERSION,
        }
    }
}

/// The plan of an organization, and the subscription behind it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "OrgSubscription")]
pub(crate) struct SubscriptionView {
    org_id: String,
    /// The plan that applies.
    plan_type: Plan,
    /// Status of the subscription; null if there was never one.
    status: Option<SubscriptionStatus>,
    /// The plan that the subscription is for; null without one.
    subscribed_plan_type: Option<Plan>,
    /// Number of units that are paid: seats where the price is one per seat. Null without a subscription.
    quantity: Option<u32>,
    /// When the paid period ends, or the trial.
    current_period_end: Option<Timestamp>,
    /// Whether the subscription ends with its paid period.
    cancel_at_period_end: bool,
    /// When the trial ends.
    trial_end: Option<Timestamp>,
    /// When the plan ends unless the overdue payment is made; null if no payment is overdue.
    grace_ends_at: Option<Timestamp>,
    /// ID of the organization's customer at the payment provider.
    stripe_customer_id: Option<String>,
    /// ID of the subscription at the payment provider.
    stripe_subscription_id: Option<String>,
    limits: Limits,
    /// Where each limit comes from: the plan, or an override by the operator.
    limit_sources: LimitSources,
    features: Vec<Feature>,
    /// Features that the operator gave or took, whatever the plan includes.
    overridden_features: Vec<Feature>,
    /// When the plan's limits and features apply again; null without overrides, or if they do not end.
    overridden_until: Option<Timestamp>,
    seats: SubscriptionSeats,
    /// Limits that are exceeded, after a change to a smaller plan. Everything stays readable; more cannot be added.
    exceeded_limits: Vec<ExceededLimit>,
}

/// Seats of an organization.
#[derive(Serialize, JsonSchema)]
struct SubscriptionSeats {
    /// Members and pending invitations.
    used: u32,
    /// Maximum number.
    limit: u32,
}

/// An exceeded limit of a plan.
#[derive(Serialize, JsonSchema)]
struct ExceededLimit {
    /// What is limited, for example `documents`.
    resource: &'static str,
    /// The amount in use.
    used: u64,
    /// The maximum amount.
    limit: u64,
}

impl From<SubscriptionFound> for SubscriptionView {
    fn from(found: SubscriptionFound) -> Self {
        let subscription = found.account.subscription;
        let subscription = subscription.as_ref();
        let own = found.own;
        let limits = own.limits;
        let mut exceeded: Vec<_> = found
            .exceeded
            .iter()
            .map(|limit| ExceededLimit {
                resource: limit.resource.name(),
                used: limit.used,
                limit: limit.limit,
            })
            .collect();
        if found.seats > limits.seats {
            exceeded.push(ExceededLimit {
                resource: "seats",
                used: found.seats.into(),
                limit: limits.seats.into(),
            });
        }
        Self {
            org_id: found.org_id.0,
            plan_type: own.plan,
            status: subscription.map(|one| one.status),
            subscribed_plan_type: subscription.and_then(|one| one.plan),
            quantity: subscription.map(|one| one.quantity),
            current_period_end: subscription.and_then(|one| one.current_period_end),
            cancel_at_period_end: subscription.is_some_and(|one| one.cancel_at.is_some()),
            trial_end: subscription.and_then(|one| one.trial_end),
            grace_ends_at: found.grace_ends_at,
            stripe_customer_id: found.account.customer_id,
            stripe_subscription_id: subscription.map(|one| one.id.clone()),
            features: own.features(),
            limit_sources: own.sources,
            overridden_features: own.overridden_features(),
            overridden_until: found.overridden_until,
            seats: SubscriptionSeats {
                used: found.seats,
                limit: limits.seats,
            },
            limits,
            exceeded_limits: exceeded,
        }
    }
}

/// A page of the payment provider.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "PaymentPage")]
pub(crate) struct PageView {
    /// Its address. Send the person there.
    url: String,
    /// The same as `url`, for a checkout session; null for the customer portal.
    checkout_url: Option<String>,
    /// ID of the checkout session; null for the customer portal.
    session_id: Option<String>,
    /// Until when it can be used; null if that is not known.
    expires_at: Option<Timestamp>,
}

impl From<PaymentPage> for PageView {
    fn from(page: PaymentPage) -> Self {
        Self {
            checkout_url: page.session_id.as_ref().map(|_| page.url.clone()),
            url: page.url,
            session_id: page.session_id,
            expires_at: page.expires_at,
        }
    }
}

/// What a change of plan costs.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "PlanChangePreview")]
pub(crate) struct PreviewView {
    plan_type: Plan,
    /// Number of units: seats where the price is one per seat.
    quantity: u32,
    /// Total of the next invoice, in hundredths of the currency's unit; negative for a credit.
    total_cents: i64,
    /// ISO 4217 code in lower case.
    currency: String,
    /// Lines of the next invoice.
    lines: Vec<PreviewLineView>,
}

/// A line of an invoice.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "PreviewLine")]
struct PreviewLineView {
    /// What it is for.
    description: Option<String>,
    /// Hundredths of the currency's unit; negative for a credit.
    amount_cents: i64,
}

impl From<PlanChangePreview> for PreviewView {
    fn from(preview: PlanChangePreview) -> Self {
        let line = |line: PreviewLine| PreviewLineView {
            description: line.description,
            amount_cents: line.amount_cents,
        };
        Self {
            plan_type: preview.plan,
            quantity: preview.quantity,
            total_cents: preview.total_cents,
            currency: preview.currency,
            lines: preview.lines.into_iter().map(line).collect(),
        }
    }
}

/// An invoice.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Invoice")]
pub(crate) struct InvoiceView {
    id: String,
    /// Its number; null for a draft.
    number: Option<String>,
    /// `draft`, `open`, `paid`, `uncollectible` or `void`.
    status: Option<String>,
    /// Hundredths of the currency's unit.
    total_cents: i64,
    /// What is still to be paid, in the same.
    due_cents: i64,
    /// ISO 4217 code in lower case.
    currency: String,
    /// Its page at the payment provider.
    url: Option<String>,
    /// Its file.
    pdf_url: Option<String>,
    created_at: Timestamp,
}

impl From<InvoiceFound> for InvoiceView {
    fn from(found: InvoiceFound) -> Self {
        Self {
            id: found.id,
            number: found.number,
            status: found.status,
            total_cents: found.total_cents,
            due_cents: found.due_cents,
            currency: found.currency,
            url: found.url,
            pdf_url: found.pdf_url,
            created_at: found.created_at,
        }
    }
}
