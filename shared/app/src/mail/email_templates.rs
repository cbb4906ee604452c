//! What emails say.

use std::fmt::Write as _;

use domain::{ApiKey, Email, Mail, MailId, Secret, Timestamp, User};

/// How long a link to set a password works, in minutes.
pub(crate) const RESET_MINUTES: u64 = 30;
/// How long a link that verifies an address works, in hours.
pub(crate) const VERIFY_HOURS: u64 = 48;
/// How long a link that gives an earlier address back works, in hours.
pub(crate) const RESTORE_HOURS: u64 = domain::CredentialEpochs::RESTORABLE_HOURS;
/// Keys that an email lists; the others are counted.
const MAX_LISTED_KEYS: usize = 50;

pub(crate) fn password_reset(id: &MailId, user: &User, url: &str, token: &Secret) -> Mail {
    let text = format!(
        "Somebody asked for a new password for the account with this address. To choose one, open\n\n\
         {url}/reset-password?token={token}\n\n\
         The link works once and for {RESET_MINUTES} minutes. If it was not you, there is nothing to do: the password \
         stays as it is.\n",
        token = token.expose(),
    );
    mail(id, user, "Choose a new password", text)
}

pub(crate) fn verify_email(id: &MailId, user: &User, url: &str, token: &Secret) -> Mail {
    let text = format!(
        "To confirm that this address is yours, open\n\n\
         {url}/verify-email?token={token}\n\n\
         The link works once and for {VERIFY_HOURS} hours. If you have no account with us, somebody mistyped their \
         address; there is nothing to do.\n",
        token = token.expose(),
    );
    mail(id, user, "Confirm your address", text)
}

/// To the address that an account is to have.
pub(crate) fn verify_new_email(id: &MailId, user: &User, to: &Email, url: &str, token: &Secret) -> Mail {
    let text = format!(
        "Somebody wants to give their account this e-mail address. If it was you, sign in to the account and confirm \
         the address at\n\n\
         {url}/change-email?token={token}\n\n\
         The link works once and for {VERIFY_HOURS} hours. If it was not you, there is nothing to do: the account does \
         not get this address.\n",
        token = token.expose(),
    );
    Mail {
        // An erasure finds it by its account: the address is of no one before it is confirmed.
        about: Some(user.id.clone()),
        ..mail_to(id, to, "Confirm your new address", text)
    }
}

/// To the address that an account has and is to have no longer.
pub(crate) fn email_change_requested(id: &MailId, user: &User) -> Mail {
    let text = "Somebody who knows the password of your account wants to give it another e-mail address. That happens \
                once they confirm the new address.\n\n\
                If it was you, there is nothing to do. If it was not you, ask for a new password: that ends the change, \
                and all sessions and API keys of the account.\n";
    mail(id, user, "Your e-mail address is to be changed", text.to_owned())
}

pub(crate) fn email_taken(id: &MailId, user: &User, url: &str) -> Mail {
    let text = format!(
        "Somebody wanted to create an account with this address, which has one already. If it was you, sign in, or \
         ask for a new password, at\n\n{url}\n\nIf it was not you, there is nothing to do.\n"
    );
    mail(id, user, "You have an account already", text)
}

/// To the address that an account had before. `restore`: the token of a link that takes the change back.
pub(crate) fn address_changed(id: &MailId, to: &Email, url: &str, restore: Option<&Secret>) -> Mail {
    let way_back = match restore {
        Some(token) => format!(
            "If it was not you, somebody else has your password. Take the change back at\n\n\
             {url}/restore-email?token={token}\n\n\
             The link works once and for {RESTORE_HOURS} hours. It ends all sessions and API keys of the account, and \
             you get a mail to choose a new password.\n",
            token = token.expose(),
        ),
        None => "If you do not know of an account with this address, there is nothing to do.\n".to_owned(),
    };
    let text = format!("The account with this address has another e-mail address now.\n\n{way_back}");
    mail_to(id, to, "Your e-mail address was changed", text)
}

/// That all credentials ended. Keys are named by their ends: what they are called is words of whoever made them.
pub(crate) fn access_reset(id: &MailId, user: &User, revoked: &[ApiKey], kept: &[ApiKey]) -> Mail {
    let mut text = "All sessions, links in earlier mails and exports of your account have ended.\n".to_owned();
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
            "\nAPI keys of yours in shared organizations that still work ({}):\n\n{}\nIf you do not know one of them, \
             revoke it, or sign out everywhere with `revoke_org_keys`.\n",
            kept.len(),
            listed(kept),
        );
    }
    text.push_str("\nIf it was not you, ask for a new password.\n");
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

/// Whose limit an email is about.
fn whose(org: Option<&str>) -> String {
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
    let whose = whose(org);
    let text = format!(
        "{taken} of {limit} tokens are used of {whose}. It begins anew at {resets_at}.\n\n\
         Questions that need more tokens than are left are refused until then.\n"
    );
    mail(id, user, &format!("{percent}% of your tokens are used"), text)
}

pub(crate) fn tokens_back(id: &MailId, user: &User, org: Option<&str>) -> Mail {
    let whose = whose(org);
    let text = format!("A new day has begun, and with it {whose}: you can ask questions again.\n");
    mail(id, user, "Your tokens are back", text)
}

/// The name of a person is their own choice and may be anything, a link too: a stranger's email does not carry it.
fn mail(id: &MailId, user: &User, subject: &str, text: String) -> Mail {
    mail_to(id, &user.email, subject, text)
}

fn mail_to(id: &MailId, to: &Email, subject: &str, text: String) -> Mail {
    Mail {
        id: id.clone(),
        to: to.clone(),
        subject: subject.to_owned(),
        text,
        about: None,
    }
}
