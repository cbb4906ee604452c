//! Texts of emails about payments.

use std::fmt::Write as _;

use domain::{BillingNotice, InvoiceNotice, Mail, MailId, User};

use super::email_templates::mail;

/// Composes an email to an owner. `org`: the name of a shared organization.
pub(super) fn billing(id: &MailId, user: &User, org: Option<&str>, notice: &BillingNotice, url: &str) -> Mail {
    let whose = org.map_or_else(
        || "your personal organization".to_owned(),
        |org| format!("the organization {org}"),
    );
    match notice {
        BillingNotice::PlanChanged { from, to, exceeded } => {
            let mut text = format!("The plan of {whose} changed from {} to {}.\n", from.name(), to.name());
            if !exceeded.is_empty() {
                text.push_str(
                    "\nNothing was deleted, and everything stays readable. Some of it exceeds the new plan, and no more \
                     can be added:\n\n",
                );
                for sentence in exceeded {
                    let _ = writeln!(text, "  {sentence}");
                }
                let _ = write!(text, "\nDelete some of it, or choose a larger plan at\n\n{url}\n");
            }
            mail(id, user, &format!("Your plan is now {}", to.name()), text)
        }
        BillingNotice::Paid { invoice } => {
            let amount = amount(invoice);
            let mut text = format!("The payment of {amount} for {whose} was received.\n");
            add_page(&mut text, invoice);
            mail(id, user, &format!("Receipt for {amount}"), text)
        }
        BillingNotice::PaymentFailed { invoice, plan_until } => {
            let mut text = format!(
                "The payment of {} for {whose} failed. It will be attempted again.\n",
                amount(invoice)
            );
            if let Some(until) = plan_until {
                let _ = write!(
                    text,
                    "\nThe plan stays until {until}. After that, the plan FREE applies until the payment is made; \
                     nothing is deleted.\n"
                );
            }
            let _ = write!(
                text,
                "\nTo change the payment method, open the customer portal at\n\n{url}\n"
            );
            add_page(&mut text, invoice);
            mail(id, user, "Your payment failed", text)
        }
    }
}

fn add_page(text: &mut String, invoice: &InvoiceNotice) {
    if let Some(page) = &invoice.url {
        let _ = write!(text, "\nThe invoice:\n\n{page}\n");
    }
}

fn amount(invoice: &InvoiceNotice) -> String {
    let currency = invoice.currency.to_uppercase();
    // Currencies without a smaller unit: <https://docs.stripe.com/currencies#zero-decimal>.
    if ZERO_DECIMAL.contains(&currency.as_str()) {
        return format!("{currency} {}", invoice.amount_cents);
    }
    format!(
        "{currency} {}.{:02}",
        invoice.amount_cents / 100,
        invoice.amount_cents % 100
    )
}

const ZERO_DECIMAL: [&str; 16] = [
    "BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_the_digits_of_their_currency() {
        let of = |amount_cents, currency: &str| {
            amount(&InvoiceNotice {
                amount_cents,
                currency: currency.to_owned(),
                url: None,
            })
        };
        assert_eq!(of(2_905, "usd"), "USD 29.05");
        assert_eq!(of(500, "jpy"), "JPY 500");
    }
}
