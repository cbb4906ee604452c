//! Users who sign in through Clerk (<https://clerk.com/docs/backend-requests/handling/manual-jwt>).
//!
//! Clerk authenticates the user; role, status and everything else are stored here. A user's first session creates their
//! account, or links the one with the address that Clerk has verified.

mod complete;
mod jwks;
mod token;
mod webhook;

use domain::{
    Actor, AuditEntry, ClerkName, CredentialEpochs, Email, Error, KeptKeys, Result, Secret, User, UserId,
    audit::ActorKind, time::after,
};
use futures::future::BoxFuture;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::time::Duration;
use store::{ClerkLink, ClerkSession, EventMarker, Linked, OptimisticRetry, Revoked, RevokedBy};

pub(crate) use token::Verifier;
pub use webhook::SignedEvent;

use crate::{
    App, Credential, Identity, audit::audit_event::AuditEvent, auth::new_account::Draft, auth::sign_in::ENDED,
};

/// How long a session is remembered after its first request, or after it was ended here. Clerk's own sessions last a
/// week unless configured otherwise.
const REMEMBER_SESSION: Duration = Duration::from_hours(366 * 24);
/// Name of an account while its user's name is unknown.
const UNNAMED: &str = "New user";

/// A user as described by Clerk or a backend that acts for it.
#[derive(Debug, Clone)]
pub struct ClerkPerson {
    /// Their Clerk ID.
    id: String,
    /// Their address.
    email: Option<Email>,
    /// Whether Clerk has verified the address.
    verified: bool,
    /// Their name.
    name: Option<String>,
}

impl ClerkPerson {
    /// Returns a user with this Clerk ID. Their address counts as unverified until [`ClerkPerson::verified`].
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] for an invalid Clerk ID.
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

    /// Returns the same user with their address marked as verified by Clerk.
    #[must_use]
    pub fn verified(self) -> Self {
        Self { verified: true, ..self }
    }

    /// Returns whether Clerk has verified this address. An undeliverable one belongs to nobody.
    fn has_verified(&self, address: &Email) -> bool {
        self.verified && address.is_deliverable() && self.email.as_ref().is_some_and(|email| email.is_same(address))
    }

    /// Returns their address, or an undeliverable one (RFC 2606) while none is known.
    fn address(&self) -> Result<Email> {
        if let Some(email) = &self.email {
            return Ok(email.clone());
        }
        self.placeholder_address()
    }

    /// Returns the account's address while its user's is unknown.
    fn placeholder_address(&self) -> Result<Email> {
        // IDs are case-sensitive and addresses are not, so the ID itself cannot be used.
        let digest = hex::encode(Sha256::digest(self.id.as_bytes()));
        Email::parse(&format!("{}@clerk.invalid", &digest[..32]))
    }
}

/// The account of a Clerk user.
struct PersonAccount {
    user: UserId,
    /// Whether this request created or linked it, and so knows no more than it was created from.
    is_new: bool,
}

impl App {
    /// Returns the caller who presents this Clerk session token.
    pub(crate) async fn authenticate_with_clerk(&self, token: &Secret) -> Result<Identity> {
        let session = self.clerk.verify(token, self.clock.now_ms()).await?;
        let clerk = self.store.clerk();
        // Most users have a valid link, which is checked with the account that is read anyway.
        let linked = match clerk.link(&session.person.id).await? {
            Some(link) if link.deleted_at.is_none() => match &link.user {
                Some(user) => clerk
                    .account(user, &session.id)
                    .await?
                    .filter(|(user, _)| link.leads_to(user)),
                None => None,
            },
            _ => None,
        };
        let (found, is_new) = if linked.is_some() {
            (linked, false)
        } else {
            let account = self.account_of(&session.person, None, None, None).await?.ok_or(ENDED)?;
            (clerk.account(&account.user, &session.id).await?, account.is_new)
        };
        let (user, known) = found.filter(|(user, _)| user.is_active()).ok_or(ENDED)?;
        match known {
            ClerkSession::Of(epoch) if epoch == user.session_epoch => {}
            ClerkSession::New => {
                self.remember_clerk_session(&user, &session.id, user.session_epoch)
                    .await?;
            }
            // Ended here, alone or with all others. Clerk continues to issue tokens for it.
            ClerkSession::Of(_) | ClerkSession::Ended => return Err(ENDED),
        }
        let user = if is_new {
            user
        } else {
            self.completed(&session.person, user, None).await?
        };
        Ok(Identity {
            user,
            credential: Credential::Clerk(session.id),
            token: token.clone(),
        })
    }

    /// Records the account's epoch of a Clerk session: incrementing the epoch ends it, as it does our own sessions.
    pub(crate) async fn remember_clerk_session(&self, user: &User, session: &str, epoch: u64) -> Result<()> {
        let until = after(self.clock.now(), REMEMBER_SESSION);
        self.store.clerk().know_session(&user.id, session, epoch, until).await
    }

    /// Ends a Clerk session here: its tokens are rejected from the next request on, even if Clerk still accepts them.
    pub(crate) async fn sign_out_of_clerk(&self, user: &UserId, session: &str) -> Result<()> {
        let until = after(self.clock.now(), REMEMBER_SESSION);
        self.store.clerk().sign_out(user, session, until).await
    }

    /// Returns the account of a Clerk user, creating or completing it if necessary.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] for a deleted user or account, [`Error::Conflict`] `email_taken`.
    pub fn person_at_clerk<'a>(&'a self, person: &'a ClerkPerson, actor: &'a Actor) -> BoxFuture<'a, Result<User>> {
        Box::pin(async move {
            let absent = Error::NotFound("user");
            let account = self.account_of(person, Some(actor), None, None).await?;
            let Some(account) = account else { return Err(absent) };
            let user = self.live_account(&account.user).await?.ok_or(absent)?;
            if account.is_new {
                return Ok(user);
            }
            self.completed(person, user, Some(actor)).await
        })
    }

    /// Returns a user's link unless it is void: the account's credentials have ended since, by someone other than its
    /// creator. For a void link that a new one may replace, returns its generation.
    async fn clerk_link(&self, person: &str) -> Result<(Option<ClerkLink>, Option<u64>)> {
        let Some(link) = self.store.clerk().link(person).await? else {
            return Ok((None, None));
        };
        let linked = match &link.user {
            Some(user) if link.deleted_at.is_none() => self.store.accounts().get(user).await?,
            _ => None,
        };
        Ok(match linked {
            Some(user) if !link.leads_to(&user) => (None, Some(link.generation)),
            _ => (Some(link), None),
        })
    }

    /// Returns a user's account, or `None` if Clerk has deleted the user. `actor`: who creates it; the user if `None`.
    async fn account_of(
        &self,
        person: &ClerkPerson,
        actor: Option<&Actor>,
        updated_ms: Option<i64>,
        event: Option<&EventMarker>,
    ) -> Result<Option<PersonAccount>> {
        let mut retry = OptimisticRetry::to_change("an account");
        loop {
            retry.next().await?;
            let (link, replaced) = self.clerk_link(&person.id).await?;
            if let Some(link) = link {
                let user = link.user.filter(|_| link.deleted_at.is_none());
                return Ok(user.map(|user| PersonAccount { user, is_new: false }));
            }
            // After that only a verified address proves whose account it is.
            let shows_address = person.email.as_ref().is_some_and(|email| person.has_verified(email));
            if replaced.is_some() && !shows_address {
                return Err(ENDED);
            }
            let owner = match &person.email {
                Some(email) => self.store.accounts().by_email(&email.fingerprint()).await?,
                None => None,
            };
            let linked = match owner {
                None => {
                    self.create_account_of(person, replaced, actor, updated_ms, event)
                        .await?
                }
                Some(owner) if person.verified && !owner.user.is_active() => return Err(ENDED),
                // The account has its person.
                Some(owner) if owner.has_clerk_link && owner.user.owner_is_known() => break,
                Some(owner) if person.verified => {
                    self.link_account(person, replaced, &owner.user, actor, updated_ms, event)
                        .await?
                }
                Some(_) => break,
            };
            if let (Linked::Done, Some(user)) = linked {
                return Ok(Some(PersonAccount { user, is_new: true }));
            }
        }
        Err(Error::conflict(
            "email_taken",
            "An account with this email address already exists. It is linked once Clerk has verified the address.",
        ))
    }

    async fn create_account_of(
        &self,
        person: &ClerkPerson,
        replaced: Option<u64>,
        actor: Option<&Actor>,
        updated_ms: Option<i64>,
        event: Option<&EventMarker>,
    ) -> Result<(Linked, Option<UserId>)> {
        let known_by = match (&person.name, &person.email) {
            (Some(name), _) => name.clone(),
            (None, Some(email)) => email.local_part().to_owned(),
            (None, None) => UNNAMED.to_owned(),
        };
        let mut draft = self.draft_account(person.address()?, known_by)?;
        draft.user.email_verified = person.has_verified(&draft.user.email);
        draft.user.credentials = CredentialEpochs::of_new_account(draft.user.email_verified);
        draft.user.clerk_name = Some(ClerkName {
            text: draft.user.name.clone(),
            made_up: person.name.is_none(),
        });
        let Draft { user, org, owner } = draft;
        let after = json!({"role": user.role, "status": user.status, "through": "clerk"});
        let entry = self.clerk_entry(&user, actor, "user.created", after)?;
        let new = (&user, &org, &owner);
        let clerk = self.store.clerk();
        let linked = clerk
            .create(&person.id, new, replaced, updated_ms, event, &entry)
            .await?;
        Ok((linked, Some(user.id)))
    }

    /// Links an existing account. If its owner is not known, someone else may have signed up with the address in
    /// advance: their password and credentials stop working.
    async fn link_account(
        &self,
        person: &ClerkPerson,
        replaced: Option<u64>,
        user: &User,
        actor: Option<&Actor>,
        updated_ms: Option<i64>,
        event: Option<&EventMarker>,
    ) -> Result<(Linked, Option<UserId>)> {
        let after = json!({"clerk": "linked", "password_removed": !user.owner_is_known()});
        let entry = self.clerk_entry(user, actor, "user.clerk_linked", after)?;
        let linked = if user.owner_is_known() {
            let clerk = self.store.clerk();
            clerk
                .attach(&person.id, user, replaced, updated_ms, event, &entry)
                .await?
        } else {
            let by = RevokedBy::ClerkPerson {
                person: &person.id,
                replaced,
                verified: person.has_verified(&user.email),
                updated_ms,
                event,
            };
            match self.revoke_credentials(user, by, KeptKeys::None, &entry).await? {
                Revoked::Done => Linked::Done,
                Revoked::PersonKnown => Linked::PersonKnown,
                Revoked::AccountChanged | Revoked::AddressTaken => Linked::AccountMoved,
            }
        };
        Ok((linked, Some(user.id.clone())))
    }

    /// `actor`: who does it; the user if `None`.
    fn clerk_entry(&self, user: &User, actor: Option<&Actor>, action: &str, after: Value) -> Result<AuditEntry> {
        let themselves = Actor {
            kind: ActorKind::User,
            id: Some(user.id.0.clone()),
            ..Actor::system()
        };
        let event = AuditEvent::to_user(action, &user.id).after(after);
        self.entry(actor.unwrap_or(&themselves), &user.personal_org, event)
    }
}
