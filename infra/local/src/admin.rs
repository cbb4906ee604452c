//! `parlance admin`: manual operations for operators of an installation.
//!
//! No HTTP operation can create the first platform admin. `grant` needs AWS credentials that may write the tables, and
//! an existing account with a verified address, because anyone can register with an address before its owner does.

use aws_config::SdkConfig;
use domain::{Actor, AuditEntry, Clock, Email, Error, Ids, OrgId, PlatformRole, Result, User, audit::AuditSource};
use serde_json::json;
use store::{Store, Tables};

/// Makes the account with this address a platform admin, with an entry in the audit log, and returns the account. An
/// account that is already an admin stays as it is.
///
/// # Errors
/// If the account does not exist, is disabled, or has an unverified address.
pub async fn grant(sdk: &SdkConfig, tables: Tables, email: &str, clock: &Clock) -> Result<User> {
    let email = Email::parse(email)?;
    let accounts = Store::new(sdk, tables).accounts();
    let found = accounts.by_email(&email.fingerprint()).await?;
    let user = found.ok_or(Error::NotFound("account"))?.user;
    if !user.is_active() {
        return Err(Error::conflict("account_disabled", "the account is disabled"));
    }
    if user.role == PlatformRole::Admin {
        return Ok(user);
    }
    if !user.email_verified {
        let detail = "the address was not verified: let its owner open the link in the mail of the sign-up first";
        return Err(Error::conflict("email_unverified", detail));
    }
    let entry = AuditEntry {
        id: Ids::new(clock.clone()).make()?,
        tenant: user.personal_org.clone(),
        actor: Actor::system(),
        action: "user.role_changed".to_owned(),
        subject_kind: "user".to_owned(),
        subject: user.id.0.clone(),
        before: json!({"role": user.role}),
        after: json!({"role": PlatformRole::Admin, "by": "operator"}),
        sealed: None,
        source: AuditSource::Server,
        created_at: clock.now(),
        event: None,
    };
    if accounts.grant_platform_admin(&user, &entry).await? {
        Ok(User {
            role: PlatformRole::Admin,
            ..user
        })
    } else {
        Err(Error::conflict(
            "account_changed",
            "The account was changed by another request. Try again.",
        ))
    }
}

/// Has the next request that changes them recount the chatbots, documents and bytes of an organization.
///
/// # Errors
/// If the table does not respond.
pub async fn recount_resources(sdk: &SdkConfig, app: String, org: &OrgId) -> Result<()> {
    let tables = Tables {
        app,
        ..tables(String::new(), String::new())
    };
    Store::new(sdk, tables).recount_resources(org).await
}

/// Returns the two tables that granting the first admin needs.
#[must_use]
pub fn tables(identity: String, audit: String) -> Tables {
    let unused = String::new;
    Tables {
        identity,
        audit,
        app: unused(),
        usage: unused(),
        ephemeral: unused(),
    }
}
