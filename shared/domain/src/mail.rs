//! Email, and the messages that request it.

use serde::{Deserialize, Serialize};

use crate::{DisabledReason, Email, InvoiceNotice, MailId, OrgId, Plan, Timestamp, UserId, WebhookId};

/// An email: plain text, and the look of the organization that writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mail {
    /// Identifies the email, so that a repeated delivery is recognized.
    pub id: MailId,
    /// Its recipient.
    pub to: Email,
    /// Its subject.
    pub subject: String,
    /// Its text.
    pub text: String,
    /// The user whose words it contains, if that is not the recipient. An erasure of that user finds the email by this
    /// field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<UserId>,
    /// The organization in whose name it is written; the product's own if `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub org_id: Option<OrgId>,
    /// The look of that organization, added when the email is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branding: Option<MailBranding>,
}

/// What an organization changes about an email.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailBranding {
    /// The sender's name.
    pub from_name: Option<String>,
    /// The text as HTML.
    pub html: String,
}

/// The body of a message in the queue `send_mail`.
///
/// An email about a typed address carries only that address. The worker looks up the account, so that the request takes
/// the same time and does the same whether or not there is one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum MailMessage {
    /// An email with its final text.
    Mail(Mail),
    /// A password reset was requested for the account with this address, if there is one.
    PasswordReset {
        /// ID of the email.
        id: MailId,
        /// The address as typed.
        email: Email,
    },
    /// An account must prove ownership of its address.
    VerifyEmail {
        /// ID of the email.
        id: MailId,
        /// The account.
        user: UserId,
    },
    /// The user of an account must prove ownership of its new address.
    VerifyNewEmail {
        /// ID of the email.
        id: MailId,
        /// The account.
        user: UserId,
        /// The new address.
        email: Email,
    },
    /// A change of the address was requested: the current one is notified before it happens.
    EmailChangeRequested {
        /// ID of the email.
        id: MailId,
        /// The account.
        user: UserId,
    },
    /// An email with its final text: all credentials of an account ended. Anyone who signed up with an address can
    /// trigger it, so the number per address is limited.
    AccessReset(Mail),
    /// The address of an account changed: the previous one is notified.
    AddressChanged {
        /// ID of the email.
        id: MailId,
        /// The account.
        user: UserId,
        /// The previous address.
        email: Email,
        /// The epoch of the account's credentials that the change started.
        epoch: u64,
        /// Until when the change can be undone; `None` if the account never proved ownership of the previous address.
        restorable_until: Option<Timestamp>,
    },
    /// A share of a token limit is used.
    TokenAlert {
        /// ID of the email.
        id: MailId,
        /// The recipient.
        user: UserId,
        /// Name of the organization that has the limit; `None` for the user's own limit.
        org: Option<String>,
        /// Its ID.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        org_id: Option<OrgId>,
        /// The share, in percent.
        percent: u8,
        /// Tokens used.
        used: u64,
        /// The limit.
        limit: u64,
        /// When the limit resets.
        resets_at: Timestamp,
    },
    /// An exhausted token limit was reset.
    TokensBack {
        /// ID of the email.
        id: MailId,
        /// The recipient.
        user: UserId,
        /// Name of the organization that has the limit; `None` for the user's own limit.
        org: Option<String>,
        /// Its ID.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        org_id: Option<OrgId>,
    },
    /// An owner of an organization is told about its payments.
    Billing {
        /// ID of the email.
        id: MailId,
        /// The recipient.
        user: UserId,
        /// Name of the organization; `None` for the user's personal one.
        org: Option<String>,
        /// ID of the organization, unless it is the user's personal one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        org_id: Option<OrgId>,
        /// What happened.
        notice: BillingNotice,
    },
    /// A webhook was disabled because its receiver does not work.
    WebhookDisabled {
        /// ID of the email.
        id: MailId,
        /// The recipient, an administrator.
        user: UserId,
        /// Name of the organization.
        org: Option<String>,
        /// Its ID.
        org_id: OrgId,
        /// The webhook.
        webhook_id: WebhookId,
        /// The reason.
        reason: DisabledReason,
    },
    /// Someone tried to sign up with the address of an existing account.
    EmailTaken {
        /// ID of the email.
        id: MailId,
        /// The address as typed.
        email: Email,
    },
}

/// What an organization's owners are told about its payments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "notice", rename_all = "snake_case")]
pub enum BillingNotice {
    /// The plan changed.
    PlanChanged {
        /// The plan before.
        from: Plan,
        /// The plan now.
        to: Plan,
        /// Limits of the smaller plan that are exceeded, as sentences.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        exceeded: Vec<String>,
    },
    /// An invoice was paid.
    Paid {
        /// The invoice.
        invoice: InvoiceNotice,
    },
    /// A payment failed.
    PaymentFailed {
        /// The invoice.
        invoice: InvoiceNotice,
        /// Until when the plan stays, if that is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        plan_until: Option<Timestamp>,
    },
}

impl MailMessage {
    /// Returns the ID of the requested email.
    pub fn id(&self) -> &MailId {
        match self {
            Self::Mail(mail) | Self::AccessReset(mail) => &mail.id,
            Self::PasswordReset { id, .. }
            | Self::VerifyEmail { id, .. }
            | Self::VerifyNewEmail { id, .. }
            | Self::EmailChangeRequested { id, .. }
            | Self::AddressChanged { id, .. }
            | Self::TokenAlert { id, .. }
            | Self::TokensBack { id, .. }
            | Self::Billing { id, .. }
            | Self::WebhookDisabled { id, .. }
            | Self::EmailTaken { id, .. } => id,
        }
    }
}
