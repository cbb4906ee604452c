//! People who sign in through Clerk (<https://clerk.com/docs/backend-requests/handling/manual-jwt>).
//!
//! Clerk says who somebody is; role, status and everything else are ours. The first session of a person makes their
//! account, or finds the one with the address that Clerk has verified.

mod jwks;
mod token;
mod webhook;

use futures::future::BoxFuture;
use model::{
    Actor, Email, Error, Membership, Org, OrgId, OrgRole, Plan, PlatformRole, Result, Secret, User, UserId, UserStatus,
    audit::ActorKind, time::after,
};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use std::time::Duration;
use store::{EventMarker, Linked};

pub(crate) use token::Verifier;
pub use webhook::SignedEvent;

use crate::{App, Credential, Identity, Subject};

/// For so long a session that was ended here is remembered. Clerk's own sessions live for a week unless configured
/// otherwise.
const REMEMBER_SIGN_OUT: Duration = Duration::from_hours(366 * 24);
/// How often a write that somebody else got in the way of is tried again.
const MAX_ATTEMPTS: u32 = 8;

const ENDED: Error = Error::Unauthorized {
    code: "session_ended",
    detail: "The session has ended; sign in again.",
};

/// A person as Clerk, or somebody who speaks for it, describes them.
#[derive(Debug, Clone)]
pub struct ClerkPerson {
    /// Their id at Clerk.
    id: String,
    /// Their address.
    email: Option<Email>,
    /// Whether Clerk has verified that the address is theirs.
    verified: bool,
    /// Their name.
    name: Option<String>,
}

impl ClerkPerson {
    /// A person with this id at Clerk. An address counts as not verified until [`ClerkPerson::verified`].
    ///
    /// # Errors
    /// [`Error::NotFound`] for what is no id of Clerk.
    pub fn new(id: &str, email: Option<Email>, name: Option<&str>) -> Result<Self> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if !(1..=100).contains(&id.len()) || !id.bytes().all(plain) {
            return Err(Error::NotFound("person at Clerk"));
        }
        let name = name.map(str::trim).filter(|name| !name.is_empty());
        Ok(Self {
            id: id.to_owned(),
            email,
            verified: false,
            name: name.map(|name| name.chars().take(User::MAX_NAME).collect()),
        })
    }

    /// The same person, whose address Clerk has verified.
    #[must_use]
    pub fn verified(self) -> Self {
        Self { verified: true, ..self }
    }

    /// Their address; one that can receive nothing (RFC 2606) while none is known.
    fn address(&self) -> Result<Email> {
        if let Some(email) = &self.email {
            return Ok(email.clone());
        }
        // Ids differ in case and addresses do not, so the id itself would not do.
        let digest = hex::encode(Sha256::digest(self.id.as_bytes()));
        Email::parse(&format!("{}@clerk.invalid", &digest[..32]))
    }
}

impl App {
    /// Who presents this session token of Clerk.
    pub(crate) async fn authenticate_with_clerk(&self, token: &Secret) -> Result<Identity> {
        let session = self.clerk.verify(token, self.clock.now_ms()).await?;
        let Some(user) = self.account_of(&session.person, None, None, None).await? else {
            return Err(ENDED);
        };
        let found = self.store.clerk().account(&user, &session.id).await?;
        let (user, _) = found.filter(|(user, ended)| user.is_active() && !ended).ok_or(ENDED)?;
        Ok(Identity {
            user,
            credential: Credential::Clerk(session.id),
            token: token.clone(),
        })
    }

    /// Ends a session of Clerk here: its tokens are refused from the next request on, whatever Clerk says.
    pub(crate) async fn sign_out_of_clerk(&self, user: &UserId, session: &str) -> Result<()> {
        let until = after(self.clock.now(), REMEMBER_SIGN_OUT);
        self.store.clerk().sign_out(user, session, until).await
    }

    /// The account of a person at Clerk, made when there is none.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a person or an account that was deleted, [`Error::Conflict`] `email_taken`.
    pub fn person_at_clerk<'a>(&'a self, person: &'a ClerkPerson, actor: &'a Actor) -> BoxFuture<'a, Result<User>> {
        Box::pin(async move {
            let absent = Error::NotFound("user");
            match self.account_of(person, Some(actor), None, None).await? {
                Some(user) => self.live_account(&user).await?.ok_or(absent),
                None => Err(absent),
            }
        })
    }

    /// The account of a person; none when Clerk has deleted them. `actor`: who makes it; the person when absent.
    async fn account_of(
        &self,
        person: &ClerkPerson,
        actor: Option<&Actor>,
        updated_ms: Option<i64>,
        event: Option<&EventMarker>,
    ) -> Result<Option<UserId>> {
        for _ in 0..MAX_ATTEMPTS {
            if let Some(link) = self.store.clerk().link(&person.id).await? {
                return Ok(link.user.filter(|_| link.deleted_at.is_none()));
            }
            let owner = match &person.email {
                Some(email) => self.store.accounts().by_email(&email.fingerprint()).await?,
                None => None,
            };
            let linked = match owner {
                None => self.create_account_of(person, actor, updated_ms, event).await?,
                Some(owner) if person.verified && !owner.user.is_active() => return Err(ENDED),
                Some(owner) if person.verified => {
                    self.give_account_to(person, &owner.user, actor, updated_ms, event)
                        .await?
                }
                Some(_) => break,
            };
            if let (Linked::Done, Some(user)) = linked {
                return Ok(Some(user));
            }
        }
        Err(Error::conflict(
            "email_taken",
            "An account with this e-mail address exists; it is linked once Clerk has verified the address.",
        ))
    }

    async fn create_account_of(
        &self,
        person: &ClerkPerson,
        actor: Option<&Actor>,
        updated_ms: Option<i64>,
        event: Option<&EventMarker>,
    ) -> Result<(Linked, Option<UserId>)> {
        let now = self.clock.now();
        let email = person.address()?;
        let org: OrgId = self.ids.make()?;
        let known_by = match (&person.name, &person.email) {
            (Some(name), _) => name.clone(),
            (None, Some(email)) => email.local_part().to_owned(),
            (None, None) => "New user".to_owned(),
        };
        let user = User {
            id: self.ids.make()?,
            email,
            name: known_by,
            role: PlatformRole::User,
            status: UserStatus::Active,
            personal_org: org.clone(),
            stripe_customer_id: None,
            email_verified: person.verified,
            session_epoch: 0,
            created_at: now,
        };
        let org = Org {
            slug: org.0.clone(),
            id: org.clone(),
            name: format!("{} (personal)", user.name),
            personal: true,
            plan: Plan::Free,
            time_zone: "UTC".to_owned(),
            downgrade_model: None,
            fallback_models: Vec::new(),
            created_at: now,
        };
        let owner = Membership {
            org: org.id.clone(),
            member: user.id.clone(),
            role: OrgRole::Owner,
            joined_at: now,
        };
        let after = json!({"role": user.role, "status": user.status, "through": "clerk"});
        let entry = self.clerk_entry(&user, actor, "user.created", after)?;
        let new = (&user, &org, &owner);
        let clerk = self.store.clerk();
        let linked = clerk.create(&person.id, new, updated_ms, event, &entry).await?;
        Ok((linked, Some(user.id)))
    }

    /// Links an account that exists. If its address was never shown to be its owner's, somebody else may have
    /// signed up with it to wait for the person: what they know and hold opens nothing from here on.
    async fn give_account_to(
        &self,
        person: &ClerkPerson,
        user: &User,
        actor: Option<&Actor>,
        updated_ms: Option<i64>,
        event: Option<&EventMarker>,
    ) -> Result<(Linked, Option<UserId>)> {
        let clerk = self.store.clerk();
        let keep = clerk.is_verified(&user.id).await?;
        let after = json!({"clerk": "linked", "password_removed": !keep});
        let entry = self.clerk_entry(user, actor, "user.clerk_linked", after)?;
        if !keep {
            clerk.end_sessions(&user.id).await?;
        }
        let linked = clerk.attach(&person.id, user, keep, updated_ms, event, &entry).await?;
        // Those that began meanwhile, with the password that is gone now.
        if !keep && linked == Linked::Done {
            clerk.end_sessions(&user.id).await?;
        }
        Ok((linked, Some(user.id.clone())))
    }

    fn clerk_entry(
        &self,
        user: &User,
        actor: Option<&Actor>,
        action: &str,
        after: serde_json::Value,
    ) -> Result<model::AuditEntry> {
        let themselves = Actor {
            kind: ActorKind::User,
            id: Some(user.id.0.clone()),
            ..Actor::system()
        };
        let subject = Subject {
            kind: "user",
            id: user.id.as_str(),
        };
        let actor = actor.cloned().unwrap_or(themselves);
        let entry = self.audit_entry(&user.personal_org, actor, action, subject)?;
        Ok(model::AuditEntry { after, ..entry })
    }
}
