//! Tokens beyond the plan.

use app::OverageFound;
use domain::{
    Overage,
    auth::permission::{OwnOrg, ReadOrg},
    billing::overage::TokenPack,
};
use garde::Validate;
use http_api::{Api, Body, Ctx, Json, May, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(crate) fn api() -> Api {
    Api::new("Billing")
        .at("/api/v1")
        .get(
            "/billing/overage",
            get_overage,
            "Get the overage of the organization. Tokens beyond the daily limit are sold in packs: the spending cap, \
             and the packs of this month.",
        )
        .put(
            "/billing/overage",
            update_overage,
            "Update the spending cap for tokens beyond the daily limit. Null stops it. Requires a paid plan and the \
             role owner; a smaller plan and a failed payment stop it too.",
        )
}

/// The spending cap to set.
#[derive(Deserialize, Validate, JsonSchema)]
#[schemars(rename = "OverageUpdate")]
pub(crate) struct OverageInput {
    /// Maximum per calendar month, in hundredths of the currency's unit, at least the price of one pack; null for no
    /// packs.
    #[garde(skip)]
    #[schemars(range(min = 1, max = Overage::MAX_CAP_CENTS))]
    spending_cap_cents: Option<u32>,
}

/// What an organization wants to spend on tokens beyond its daily limit, and has spent.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Overage")]
pub(crate) struct OverageView {
    /// Whether a pack is drawn when the daily limit is used up.
    enabled: bool,
    /// Maximum per calendar month, in hundredths of the currency's unit; null if no packs are drawn.
    spending_cap_cents: Option<u32>,
    /// What a pack has and costs; null if the plan sells none.
    pack: Option<TokenPack>,
    /// The current month in the organization's time zone, as in `2026-11`.
    month: String,
    /// Packs of this month.
    packs: u64,
    /// Their tokens.
    tokens: u64,
    /// What they cost, in hundredths of the currency's unit, without tax.
    amount_cents: u64,
    /// How many of them the payment provider counts already. The others follow within a quarter of an hour.
    reported_packs: u64,
    /// Tokens by which packs extend today's limit.
    extra_tokens_today: u64,
}

impl From<OverageFound> for OverageView {
    fn from(found: OverageFound) -> Self {
        let totals = found.totals;
        Self {
            enabled: found.overage.is_some(),
            spending_cap_cents: found.overage.map(|overage| overage.spending_cap_cents),
            pack: found.pack,
            month: found.month,
            packs: totals.packs,
            tokens: totals.tokens,
            amount_cents: totals.cents,
            reported_packs: totals.reported,
            extra_tokens_today: found.extra_tokens_today,
        }
    }
}

async fn get_overage(app: Ctx, member: May<ReadOrg>) -> Result<Json<OverageView>> {
    Ok(Json(app.overage(&member.org).await?.into()))
}

async fn update_overage(app: Ctx, member: May<OwnOrg>, Body(input): Body<OverageInput>) -> Result<Json<OverageView>> {
    let overage = input
        .spending_cap_cents
        .map(|spending_cap_cents| Overage { spending_cap_cents });
    Ok(Json(
        app.set_overage(&member.org, &member.actor(), overage).await?.into(),
    ))
}
