//! Objects in Stripe's shapes, of versions of the API before and since 2025-03-31.

use serde_json::{Value, json};

/// The version of the API in which objects of events are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EventVersion {
    /// Before 2025-03-31: a subscription has the period, an invoice names its subscription.
    Earlier,
    /// Since then: items have the period, an invoice has a parent.
    #[default]
    Later,
}

impl EventVersion {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Earlier => "2024-06-20",
            Self::Later => "2026-10-28.endive",
        }
    }

    /// Writes an object in this version.
    pub(crate) fn written(self, object: &Value) -> Value {
        let mut object = object.clone();
        if self == Self::Later {
            return object;
        }
        match object["object"].as_str() {
            Some("subscription") => {
                for name in ["current_period_start", "current_period_end"] {
                    object[name] = object["items"]["data"][0][name].clone();
                    if let Some(item) = object["items"]["data"][0].as_object_mut() {
                        item.remove(name);
                    }
                }
            }
            Some("invoice") => {
                object["subscription"] = object["parent"]["subscription_details"]["subscription"].clone();
                if let Some(invoice) = object.as_object_mut() {
                    invoice.remove("parent");
                }
            }
            _ => {}
        }
        object
    }
}

pub(crate) fn price(id: &str, amount: u64) -> Value {
    json!({"id": id, "object": "price", "active": true, "currency": "usd", "livemode": false, "type": "recurring",
        "unit_amount": amount, "recurring": {"interval": "month", "interval_count": 1, "usage_type": "licensed"}})
}

/// What a new subscription is made of.
pub(crate) struct NewSubscription<'a> {
    pub(crate) id: &'a str,
    pub(crate) item: &'a str,
    pub(crate) customer: &'a str,
    pub(crate) intended: &'a Value,
    pub(crate) status: &'a str,
    pub(crate) now: i64,
    pub(crate) period_end: i64,
}

pub(crate) fn subscription(new: &NewSubscription<'_>) -> Value {
    let text = |name: &str| new.intended[name].as_str().unwrap_or_default();
    let amount = new.intended["amount"].as_u64().unwrap_or_default();
    let trial_end = (new.status == "trialing").then_some(new.period_end);
    json!({
        "id": new.id, "object": "subscription", "livemode": false, "created": new.now, "customer": new.customer,
        "status": new.status, "cancel_at": null, "cancel_at_period_end": false, "canceled_at": null,
        "collection_method": "charge_automatically", "currency": "usd", "ended_at": null, "trial_end": trial_end,
        "metadata": new.intended["metadata"],
        "items": {"object": "list", "has_more": false, "data": [{
            "id": new.item, "object": "subscription_item", "created": new.now, "quantity": new.intended["quantity"],
            "current_period_start": new.now, "current_period_end": new.period_end, "subscription": new.id,
            "price": price(text("price"), amount),
        }]},
    })
}

pub(crate) fn invoice(id: &str, subscription: &Value, status: &str, amount: u64, now: i64) -> Value {
    json!({
        "id": id, "object": "invoice", "livemode": false, "created": now, "customer": subscription["customer"],
        "number": format!("P-{}", id.trim_start_matches("in_")), "status": status, "currency": "usd",
        "total": amount, "amount_due": if status == "paid" { 0 } else { amount },
        "amount_paid": if status == "paid" { amount } else { 0 },
        "hosted_invoice_url": format!("https://invoice.stripe.com/i/{id}"),
        "invoice_pdf": format!("https://pay.stripe.com/invoice/{id}/pdf"),
        "parent": {"type": "subscription_details",
            "subscription_details": {"subscription": subscription["id"], "metadata": subscription["metadata"]}},
        "lines": {"object": "list", "has_more": false, "data": [
            {"object": "line_item", "description": "Subscription", "amount": amount}]},
    })
}
