//! `parlance admin`: what operators of an installation do by hand.
//!
//! The first platform admin: no HTTP operation can make one. It needs AWS credentials that may write the tables. It names an account that exists
//! and whose address was verified, because anybody can register with an address before its owner does.

use aws_config::SdkConfig;
use domain::{Actor, AuditEntry, Clock, Email, Error, Ids, OrgId, PlatformRole, Result, User, audit::AuditSource};
use serde_json::json;
use store::{Store, Tables};

/// Makes the account with this address a platform admin, with an entry in the audit log; answers the account. One that
/// is an admin already is left as it is.
///
/// # Errors
/// When there is no such account, it is disabled, or its address was not verified.
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
    };
    if accounts.grant_platform_admin(&user, &entry).await? {
        Ok(User {
            role: PlatformRole::Admin,
            ..user
        })
    } else {
        Err(Error::conflict(
            "account_changed",
            "the account changed meanwhile; try again",
        ))
    }
}

/// Has the chatbots, documents and bytes of an organization counted anew by the next request that changes them.
///
/// # Errors
/// When the table does not answer.
pub async fn recount_resources(sdk: &SdkConfig, app: String, org: &OrgId) -> Result<()> {
    let tables = Tables {
        app,
        ..tables(String::new(), String::new())
    };
    Store::new(sdk, tables).recount_resources(org).await
}

/// The tables that the first admin needs: these two alone.
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
