//! What mails say.

use model::{Mail, MailId, Secret, Timestamp, User};

/// How long a link to set a password works, in minutes.
pub(crate) const RESET_MINUTES: u64 = 30;
/// How long a link that verifies an address works, in hours.
pub(crate) const VERIFY_HOURS: u64 = 48;

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

pub(crate) fn email_taken(id: &MailId, user: &User, url: &str) -> Mail {
    let text = format!(
        "Somebody wanted to create an account with this address, which has one already. If it was you, sign in, or \
         ask for a new password, at\n\n{url}\n\nIf it was not you, there is nothing to do.\n"
    );
    mail(id, user, "You have an account already", text)
}

/// Whose limit a mail is about.
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

fn mail(id: &MailId, user: &User, subject: &str, text: String) -> Mail {
    Mail {
        id: id.clone(),
        to: user.email.clone(),
        subject: subject.to_owned(),
        // The name is somebody's own choice and may be anything, a link too: a stranger's mail does not carry it.
        text,
    }
}
