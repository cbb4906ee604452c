//! Accounts, and the personal organization of each.

use aws_sdk_dynamodb::types::TransactWriteItem;
use domain::{AuditEntry, Email, Membership, Org, OrgId, Result, Session, SessionId, Timestamp, User, UserId};
use serde::{Deserialize, Serialize};

use crate::{
    Store,
    keys::{self, Key},
    orgs::DELETED_AT,
    table::item::{Item, Transaction, from_item, n, s, to_item},
    tables,
};

/// Accounts, by email address and by ID.
#[derive(Debug, Clone)]
pub struct Accounts(pub(crate) Store);

/// The outcome of a sign-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registered {
    /// The account, its organization and its first session were created.
    Created,
    /// Another account has this email address; nothing was written.
    EmailTaken,
}

/// What signing in needs to know about an account.
#[derive(Debug)]
pub struct SignIn {
    /// The account.
    pub user: User,
    /// Argon2id hash in PHC string format; `None` if the account has no password.
    pub password_hash: Option<String>,
    /// Incremented with every new password.
    pub password_version: u64,
    /// Whether it is linked to a Clerk user.
    pub has_clerk_link: bool,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Owner {
    /// The account with this address; `None` if the address is held for its previous account.
    user: Option<UserId>,
    /// The previous account, for which the address is held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    held_for: Option<UserId>,
    /// Until when the address is held, in seconds since the Unix epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    held_until: Option<i64>,
}

impl Owner {
    /// Returns whether the address belongs to, or is held for, an account other than `user`.
    pub(crate) fn is_other_than(&self, user: &UserId, now: Timestamp) -> bool {
        let is_held = self.held_until.is_none_or(|until| now.as_second() < until);
        self.user
            .as_ref()
            .or(self.held_for.as_ref().filter(|_| is_held))
            .is_some_and(|owner| owner != user)
    }
}

#[derive(Serialize)]
struct FormerAddress {
    email: Email,
}

#[derive(Deserialize)]
struct SlugOwner {
    org: OrgId,
}

impl Store {
    /// Returns access to accounts, by email address and by ID.
    pub fn accounts(&self) -> Accounts {
        Accounts(self.clone())
    }
}

impl Accounts {
    /// Creates an account, its personal organization, its membership and, if given, its first session, or nothing at
    /// all.
    pub async fn register(
        &self,
        user: &User,
        password_hash: &str,
        org: &Org,
        owner: &Membership,
        session: Option<&Session>,
        entry: &AuditEntry,
    ) -> Result<Registered> {
        let mut parts = self.parts(user, org, owner, Some(password_hash))?;
        if let Some(session) = session {
            parts.push(self.0.identity().part_put_new(session_item(session)?)?);
            if let Some(network) = &session.network {
                parts.push(
                    self.0
                        .logins()
                        .marker(&user.email.fingerprint(), network, session.created_at)?,
                );
            }
        }
        match self.0.transact_audited(entry, parts).await? {
            Transaction::Done => Ok(Registered::Created),
            Transaction::Refused(_) => Ok(Registered::EmailTaken),
        }
    }

    /// Returns the parts of the transaction that creates an account with its personal organization.
    pub(crate) fn parts(
        &self,
        user: &User,
        org: &Org,
        owner: &Membership,
        password_hash: Option<&str>,
    ) -> Result<Vec<TransactWriteItem>> {
        let mut profile = to_item(&keys::profile(&user.id), user)?;
        // Sparse attributes of the index `admin_list`, which lists accounts month by month.
        profile.insert("kind".to_owned(), s("user"));
        profile.insert("month".to_owned(), s(&user.created_at.to_string()[..7]));
        if let Some(hash) = password_hash {
            profile.insert("password_hash".to_owned(), s(hash));
        }
        let table = self.0.identity();
        Ok(vec![
            self.0.part_take_address(&user.email, &user.id, user.created_at)?,
            table.part_put_new(profile)?,
            table.part_put_new(to_item(&keys::org(&org.id), org)?)?,
            table.part_put_new(to_item(&keys::membership(&owner.org, &owner.member), owner)?)?,
        ])
    }

    /// Returns the account whose email address has this fingerprint. An unknown address costs as many reads as a known
    /// one.
    pub async fn by_email(&self, fingerprint: &str) -> Result<Option<SignIn>> {
        let owner = self.0.identity().get::<Owner>(keys::email(fingerprint)).await?;
        let user = owner.and_then(|owner| owner.user);
        let user = user.unwrap_or_else(|| UserId(fingerprint.to_owned()));
        self.by_id(&user).await
    }

    /// Returns the account with this ID and its password.
    pub async fn by_id(&self, user: &UserId) -> Result<Option<SignIn>> {
        let Some(item) = self.0.identity().get_raw(keys::profile(user), true).await? else {
            return Ok(None);
        };
        let password_hash = item.get("password_hash").and_then(|hash| hash.as_s().ok()).cloned();
        let version = item.get("password_version").and_then(|version| version.as_n().ok());
        Ok(Some(SignIn {
            has_clerk_link: item.contains_key("clerk_id"),
            password_hash,
            password_version: version.and_then(|version| version.parse().ok()).unwrap_or_default(),
            user: from_item(item)?,
        }))
    }

    /// Returns the account with this ID.
    pub async fn get(&self, user: &UserId) -> Result<Option<User>> {
        self.0.identity().get(keys::profile(user)).await
    }

    /// Returns the account and one of its sessions in one round trip, as every authenticated request needs them.
    pub async fn with_session(&self, user: &UserId, session: &SessionId) -> Result<Option<(User, Session)>> {
        let (profile, found) = self.with(user, keys::session(user, session)).await?;
        Ok(profile.zip(found.map(from_item).transpose()?))
    }

    /// Returns the account and the item at `beside` in one round trip.
    pub(crate) async fn with(&self, user: &UserId, beside: Key) -> Result<(Option<User>, Option<Item>)> {
        let (mut profile, mut found) = (None, None);
        let sk = s(&beside.sk);
        for item in self.0.identity().get_many(&[keys::profile(user), beside]).await? {
            if item.get("sk") == Some(&sk) {
                found = Some(item);
            } else {
                profile = Some(from_item(item)?);
            }
        }
        Ok((profile, found))
    }

    /// Returns the accounts among `ids` (at most 100) that exist, in no particular order.
    pub async fn get_many(&self, ids: &[UserId]) -> Result<Vec<User>> {
        let keys: Vec<_> = ids.iter().map(keys::profile).collect();
        let items = self.0.identity().get_many(&keys).await?;
        items.into_iter().map(from_item).collect()
    }

    /// Returns the membership of `user` in the organization, or `None` if the organization was deleted.
    pub async fn membership(&self, org: &OrgId, user: &UserId) -> Result<Option<Membership>> {
        let (place, org) = (keys::membership(org, user), keys::org(org));
        let mut items = self.0.identity().get_many(&[place.clone(), org.clone()]).await?;
        let mut take = |key: Key| {
            let at = items.iter().position(|item| item.get("sk") == Some(&s(&key.sk)))?;
            Some(items.swap_remove(at))
        };
        // An organization that is being erased may be gone before its memberships are.
        if take(org).is_none_or(|org| org.contains_key(DELETED_AT)) {
            return Ok(None);
        }
        take(place).map(from_item).transpose()
    }

    /// Returns the organization with this slug.
    pub async fn org_by_slug(&self, slug: &str) -> Result<Option<OrgId>> {
        Ok(self
            .0
            .identity()
            .get::<SlugOwner>(keys::slug(slug))
            .await?
            .map(|found| found.org))
    }
}

/// Returns the item that makes `email` the unique address of `user`.
pub(crate) fn address_item(email: &Email, user: &UserId) -> Result<Item> {
    let owner = Owner {
        user: Some(user.clone()),
        held_for: None,
        held_until: None,
    };
    to_item(&keys::email(&email.fingerprint()), &owner)
}

/// Returns the item that records an address the account is about to lose, so that an erasure finds what was sent to it.
pub(crate) fn former_address_item(user: &User) -> Result<Item> {
    let former = FormerAddress {
        email: user.email.clone(),
    };
    to_item(&keys::former_email(&user.id, &user.email.fingerprint()), &former)
}

/// Returns a session as an item that TTL removes some time after its end.
pub(crate) fn session_item(session: &Session) -> Result<Item> {
    let mut item = to_item(&keys::session(&session.user, &session.id), session)?;
    item.insert(tables::TTL.to_owned(), n(session.expires_at.as_second()));
    Ok(item)
}
