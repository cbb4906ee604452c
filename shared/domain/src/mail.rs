//! Email, and the messages by which it is asked for.

use serde::{Deserialize, Serialize};

use crate::{Email, MailId, Timestamp, UserId};

/// An email as it is sent: plain text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mail {
    /// What makes a repeated delivery the same email.
    pub id: MailId,
    /// Whom it is for.
    pub to: Email,
    /// Its subject.
    pub subject: String,
    /// Its text.
    pub text: String,
    /// Whose words are in it, where they are not those of whom it is for: an erasure of them finds it by that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<UserId>,
}

/// The body of a message in the queue `send_mail`.
///
/// Emails about an address that someone typed carry that address only. The worker looks for the account, so that the
/// request takes the same time and does the same whether there is one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum MailMessage {
    /// An email that is written already.
    Mail(Mail),
    /// Someone forgot the password of the account with this address, if there is one.
    PasswordReset {
        /// ID of the email.
        id: MailId,
        /// The address that was typed.
        email: Email,
    },
    /// An account has to show that its address is its own.
    VerifyEmail {
        /// ID of the email.
        id: MailId,
        /// The account.
        user: UserId,
    },
    /// The person of an account has to show that the address that it is to have is theirs.
    VerifyNewEmail {
        /// ID of the email.
        id: MailId,
        /// The account.
        user: UserId,
        /// The address.
        email: Email,
    },
    /// An account is to have another address: its present one is told before that happens.
    EmailChangeRequested {
        /// ID of the email.
        id: MailId,
        /// The account.
        user: UserId,
    },
    /// An email that is written already: all credentials of an account ended. Whoever signed up with an address can cause
    /// it, so the address gets few of them.
    AccessReset(Mail),
    /// An account has another address than the one that is told.
    AddressChanged {
        /// ID of the email.
        id: MailId,
        /// The account.
        user: UserId,
        /// The address before.
        email: Email,
        /// The epoch of the account's credentials that the change began.
        epoch: u64,
        /// Until when the change can be taken back; none when the address was never shown to be the account's own.
        restorable_until: Option<Timestamp>,
    },
    /// A share of a limit on tokens is used.
    TokenAlert {
        /// ID of the email.
        id: MailId,
        /// Who is told.
        user: UserId,
        /// Name of the organization whose limit it is; none for the own one.
        org: Option<String>,
        /// The share.
        percent: u8,
        /// Tokens used.
        used: u64,
        /// The limit.
        limit: u64,
        /// When it begins anew.
        resets_at: Timestamp,
    },
    /// A limit on tokens that was used up begins anew.
    TokensBack {
        /// ID of the email.
        id: MailId,
        /// Who is told.
        user: UserId,
        /// Name of the organization whose limit it is; none for the own one.
        org: Option<String>,
    },
    /// Someone wanted to sign up with the address of an account.
    EmailTaken {
        /// ID of the email.
        id: MailId,
        /// The address that was typed.
        email: Email,
    },
}

impl MailMessage {
    /// ID of the email that is asked for.
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
            | Self::EmailTaken { id, .. } => id,
        }
    }
}
