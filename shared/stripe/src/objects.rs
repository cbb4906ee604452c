//! The parts of Stripe's objects that billing needs.

use serde::{Deserialize, Deserializer};

/// A list.
#[derive(Debug, Clone, Deserialize)]
pub struct List<T> {
    /// Its objects, newest first.
    #[serde(default = "Vec::new")]
    pub data: Vec<T>,
    /// Whether there are more.
    #[serde(default)]
    pub has_more: bool,
}

/// An object of which only the ID matters.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Identified {
    /// Its ID.
    pub id: String,
}

/// A checkout session.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct CheckoutSession {
    /// Its ID.
    pub id: String,
    /// The page on which the customer pays; absent when it is no longer open.
    pub url: Option<String>,
    /// When it can no longer be paid, seconds since the Unix epoch.
    #[serde(default)]
    pub expires_at: Option<i64>,
}

/// A session of the customer portal.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PortalSession {
    /// The page.
    pub url: String,
}

/// A subscription.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Subscription {
    /// Its ID.
    pub id: String,
    /// Its status; new ones may be added.
    pub status: String,
    /// When it was created, seconds since the Unix epoch.
    pub created: i64,
    /// Its prices.
    pub items: List<SubscriptionItem>,
    /// Until API version 2025-03-31, the end of the period of all items.
    #[serde(default)]
    current_period_end: Option<i64>,
    /// When it ends, if it was canceled for a later time.
    #[serde(default)]
    pub cancel_at: Option<i64>,
    /// Whether it ends with its period.
    #[serde(default)]
    pub cancel_at_period_end: bool,
    /// When its trial period ends.
    #[serde(default)]
    pub trial_end: Option<i64>,
}

/// A price of a subscription.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SubscriptionItem {
    /// Its ID.
    pub id: String,
    /// The price.
    pub price: Identified,
    /// Number of units; absent for metered prices.
    #[serde(default)]
    pub quantity: Option<u64>,
    /// Since API version 2025-03-31, the end of the item's period.
    #[serde(default)]
    current_period_end: Option<i64>,
}

impl PartialEq for List<SubscriptionItem> {
    fn eq(&self, other: &Self) -> bool {
        self.data == other.data && self.has_more == other.has_more
    }
}

impl Eq for List<SubscriptionItem> {}

impl Subscription {
    /// Returns the end of the current period, seconds since the Unix epoch: of its items, else its own.
    pub fn period_end(&self) -> Option<i64> {
        let of_items = self.items.data.iter().filter_map(|item| item.current_period_end);
        of_items.max().or(self.current_period_end)
    }

    /// Returns when it ends, if it was canceled for a later time.
    pub fn ends_at(&self) -> Option<i64> {
        let at_period_end = self.cancel_at_period_end.then(|| self.period_end()).flatten();
        self.cancel_at.or(at_period_end)
    }
}

/// An invoice, or the preview of one.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Invoice {
    /// Its ID; previews have none that can be used.
    #[serde(default)]
    pub id: Option<String>,
    /// Its number, once it is final.
    #[serde(default)]
    pub number: Option<String>,
    /// Its status: `draft`, `open`, `paid`, `uncollectible` or `void`.
    #[serde(default)]
    pub status: Option<String>,
    /// Hundredths of the currency's unit; negative for a credit.
    pub total: i64,
    /// What is still to be paid.
    #[serde(default)]
    pub amount_due: i64,
    /// ISO 4217 code in lower case.
    pub currency: String,
    /// When it was created, seconds since the Unix epoch.
    pub created: i64,
    /// Its page.
    #[serde(default)]
    pub hosted_invoice_url: Option<String>,
    /// Its file.
    #[serde(default)]
    pub invoice_pdf: Option<String>,
    /// Its lines.
    #[serde(default, deserialize_with = "lines")]
    pub lines: Vec<InvoiceLine>,
}

/// A line of an invoice.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct InvoiceLine {
    /// What it is for.
    #[serde(default)]
    pub description: Option<String>,
    /// Hundredths of the currency's unit; negative for a credit.
    pub amount: i64,
}

fn lines<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<InvoiceLine>, D::Error> {
    Ok(Option::<List<InvoiceLine>>::deserialize(deserializer)?.map_or_else(Vec::new, |list| list.data))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_period_ends_with_its_items_or_in_earlier_versions_with_the_subscription() {
        let item = json!({"id": "si_1", "price": {"id": "price_1"}, "quantity": 3});
        let earlier = json!({"id": "sub_1", "status": "active", "created": 1, "current_period_end": 30,
            "cancel_at_period_end": true, "cancel_at": null, "items": {"object": "list", "data": [item]}});
        let earlier: Subscription = serde_json::from_value(earlier).unwrap();
        assert_eq!((earlier.period_end(), earlier.ends_at()), (Some(30), Some(30)));

        let item = json!({"id": "si_1", "price": {"id": "price_1"}, "quantity": 3, "current_period_end": 40});
        let later = json!({"id": "sub_1", "status": "on_holiday", "created": 1, "cancel_at": 50,
            "items": {"object": "list", "data": [item], "has_more": false}});
        let later: Subscription = serde_json::from_value(later).unwrap();
        assert_eq!((later.period_end(), later.ends_at()), (Some(40), Some(50)));
        assert_eq!(later.status, "on_holiday");
    }

    #[test]
    fn an_invoice_is_read_with_and_without_lines() {
        let invoice = json!({"total": -500, "currency": "usd", "created": 1, "lines": {"data": [{"amount": -500}]}});
        let invoice: Invoice = serde_json::from_value(invoice).unwrap();
        assert_eq!((invoice.total, invoice.lines.len()), (-500, 1));
        let bare = json!({"total": 1, "currency": "usd", "created": 1});
        assert_eq!(serde_json::from_value::<Invoice>(bare).unwrap().lines, []);
    }
}
