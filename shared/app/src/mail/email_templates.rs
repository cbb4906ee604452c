//! Texts of emails.

use std::fmt::Write as _;

use domain::{ApiKey, DisabledReason, Email, Mail, MailId, Secret, Timestamp, User, WebhookId};

/// Lifetime of a link to set a password, in minutes.
pub(crate) const RESET_MINUTES: u64 = 30;
/// Lifetime of a link that verifies an address, in hours.
pub(crate) const VERIFY_HOURS: u64 = 48;
/// Lifetime of a link that restores a previous address, in hours.
pub(crate) const RESTORE_HOURS: u64 = domain::CredentialEpochs::RESTORABLE_HOURS;
/// Maximum number of keys listed in an email; further ones are only counted.
const MAX_LISTED_KEYS: usize = 50;

pub(crate) fn password_reset(id: &MailId, user: &User, url: &str, token: &Secret) -> Mail {
    let text = format!(
        "Someone requested a new password for the account with this address. To choose one, open\n\n\
         {url}/reset-password?token={token}\n\n\
         The link works once and expires after {RESET_MINUTES} minutes. If this was not you, ignore this email: your \
         password stays unchanged.\n",
        token = token.expose(),
    );
    mail(id, user, "Choose a new password", text)
}

pub(crate) fn verify_email(id: &MailId, user: &User, url: &str, token: &Secret) -> Mail {
    let text = format!(
        "To confirm that this address is yours, open\n\n\
         {url}/verify-email?token={token}\n\n\
         The link works once and expires after {VERIFY_HOURS} hours. If you have no account with us, someone mistyped \
         their address; ignore this email.\n",
        token = token.expose(),
    );
    mail(id, user, "Confirm your address", text)
}

/// Sent to the new address of an account.
pub(crate) fn verify_new_email(id: &MailId, user: &User, to: &Email, url: &str, token: &Secret) -> Mail {
    let text = format!(
        "Someone requested to change the email address of their account to this one. If this was you, sign in to the \
         account and confirm the address at\n\n\
         {url}/change-email?token={token}\n\n\
         The link works once and expires after {VERIFY_HOURS} hours. If this was not you, ignore this email: the account \
         keeps its address.\n",
        token = token.expose(),
    );
    Mail {
        // An erasure finds it by its account: an unconfirmed address belongs to nobody.
        about: Some(user.id.clone()),
        ..mail_to(id, to, "Confirm your new address", text)
    }
}

/// Sent to the current address of an account before it changes.
pub(crate) fn email_change_requested(id: &MailId, user: &User) -> Mail {
    let text = "Someone who knows the password of your account requested to change its email address. The change takes \
                effect when they confirm the new address.\n\n\
                If this was you, ignore this email. If this was not you, request a new password: that cancels the \
                change and ends all sessions and API keys of the account.\n";
    mail(id, user, "Your email address is to be changed", text.to_owned())
}

pub(crate) fn email_taken(id: &MailId, user: &User, url: &str) -> Mail {
    let text = format!(
        "Someone tried to create an account with this address, which already has one. If this was you, sign in or \
         request a new password at\n\n{url}\n\nIf this was not you, ignore this email.\n"
    );
    mail(id, user, "You have an account already", text)
}

/// Sent to the previous address of an account. `restore`: the token of a link that undoes the change.
pub(crate) fn address_changed(id: &MailId, to: &Email, url: &str, restore: Option<&Secret>) -> Mail {
    let undo = match restore {
        Some(token) => format!(
            "If this was not you, someone else knows your password. Undo the change at\n\n\
             {url}/restore-email?token={token}\n\n\
             The link works once and expires after {RESTORE_HOURS} hours. It ends all sessions and API keys of the \
             account, and you receive an email to choose a new password.\n",
            token = token.expose(),
        ),
        None => "If you do not know of an account with this address, ignore this email.\n".to_owned(),
    };
    let text = format!("The email address of the account with this address was changed.\n\n{undo}");
    mail_to(id, to, "Your email address was changed", text)
}

/// Reports that all credentials ended. Keys are identified by prefix and last characters, because their names are free
/// text of whoever created them.
pub(crate) fn access_reset(id: &MailId, user: &User, revoked: &[ApiKey], kept: &[ApiKey]) -> Mail {
    let mut text = "All sessions, links in earlier emails and exports of your account have ended.\n".to_owned();
    if revoked.is_empty() {
        text.push_str("\nNo API key was revoked.\n");
    } else {
        let _ = write!(
            text,
            "\nAPI keys that were revoked ({}):\n\n{}",
            revoked.len(),
            listed(revoked)
        );
    }
    if !kept.is_empty() {
        let _ = write!(
            text,
            "\nAPI keys of yours in shared organizations that still work ({}):\n\n{}\nIf you do not recognize one \
             of them, revoke it, or sign out everywhere with `revoke_org_keys`.\n",
            kept.len(),
            listed(kept),
        );
    }
    text.push_str("\nIf this was not you, request a new password.\n");
    mail(id, user, "Access to your account was reset", text)
}

fn listed(keys: &[ApiKey]) -> String {
    let mut lines = String::new();
    for key in keys.iter().take(MAX_LISTED_KEYS) {
        let ApiKey {
            prefix,
            last_four,
            created_at,
            ..
        } = key;
        let _ = writeln!(lines, "  {prefix}...{last_four}, created at {created_at}");
    }
    if let Some(more) = keys.len().checked_sub(MAX_LISTED_KEYS).filter(|more| *more > 0) {
        let _ = writeln!(lines, "  and {more} more");
    }
    lines
}

/// Returns the name of a limit in a sentence.
fn limit_name(org: Option<&str>) -> String {
    org.map_or_else(
        || "your own daily limit".to_owned(),
        |org| format!("the daily limit of {org}"),
    )
}

pub(crate) fn token_alert(
    id: &MailId,
    user: &User,
    org: Option<&str>,
    (percent, taken, limit): (u8, u64, u64),
    resets_at: Timestamp,
) -> Mail {
    let name = limit_name(org);
    let text = format!(
        "{taken} of {limit} tokens of {name} are used. It resets at {resets_at}.\n\n\
         Until then, questions that need more tokens than are left are rejected.\n"
    );
    mail(id, user, &format!("{percent}% of your tokens are used"), text)
}

pub(crate) fn tokens_back(id: &MailId, user: &User, org: Option<&str>) -> Mail {
    let name = limit_name(org);
    let text = format!("A new day has started and {name} was reset. You can ask questions again.\n");
    mail(id, user, "Your tokens are back", text)
}

/// Sent to the administrators of an organization.
pub(crate) fn webhook_disabled(
    id: &MailId,
    user: &User,
    org: Option<&str>,
    webhook: &WebhookId,
    reason: DisabledReason,
) -> Mail {
    let of = org.map_or_else(String::new, |org| format!(" of {org}"));
    let why = match reason {
        DisabledReason::Failing => "its receiver has accepted no event for five days",
        DisabledReason::Gone => "its receiver answered 410 Gone",
    };
    let text = format!(
        "The webhook {webhook}{of} was disabled because {why}. No more events are sent to it.\n\n\
         When the receiver works again, enable the webhook with PATCH /api/v1/webhooks/{webhook}, and replay what it \
         missed in the last 30 days with POST /api/v1/webhooks/{webhook}/replay.\n"
    );
    mail(id, user, "A webhook was disabled", text)
}

/// Returns an email without the user's name, which is free text that could contain a link and reach a stranger.
pub(super) fn mail(id: &MailId, user: &User, subject: &str, text: String) -> Mail {
    mail_to(id, &user.email, subject, text)
}

fn mail_to(id: &MailId, to: &Email, subject: &str, text: String) -> Mail {
    Mail {
        id: id.clone(),
        to: to.clone(),
        subject: subject.to_owned(),
        text,
        about: None,
        org_id: None,
        branding: None,
    }
}
