//! Accounts and the personal organization that comes with each.

use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem};
use model::{Email, Error, Membership, Org, OrgId, Result, Session, SessionId, User, UserId};
use serde::{Deserialize, Serialize};

use crate::{
    Store,
    item::{self, ABSENT, Item, Transaction, from_item, n, primary, s, to_item, transact},
    keys, tables,
};

/// Accounts, by address and by id.
#[derive(Debug, Clone)]
pub struct Accounts(Store);

/// What became of a sign-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registered {
    /// The account, its organization and its first session exist.
    Created,
    /// Another account has this address; nothing was written.
    EmailTaken,
}

/// What signing in needs of an account.
#[derive(Debug)]
pub struct SignIn {
    /// The account.
    pub user: User,
    /// Argon2id hash in PHC string format; none when the account has no password.
    pub password_hash: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Owner {
    user: UserId,
}

#[derive(Deserialize)]
struct SlugOwner {
    org: OrgId,
}

impl Store {
    /// Accounts, by address and by id.
    pub fn accounts(&self) -> Accounts {
        Accounts(self.clone())
    }
}

impl Accounts {
    /// Creates an account, its personal organization, its membership and its first session, or nothing at all.
    pub async fn register(
        &self,
        user: &User,
        password_hash: &str,
        org: &Org,
        owner: &Membership,
        session: &Session,
    ) -> Result<Registered> {
        let table = &self.0.tables().identity;
        let put = |item: Item| {
            let put = Put::builder()
                .table_name(table)
                .set_item(Some(item))
                .condition_expression(ABSENT)
                .build();
            put.map(|put| TransactWriteItem::builder().put(put).build())
                .map_err(Error::internal)
        };
        let mut profile = to_item(&keys::profile(&user.id), user)?;
        profile.insert("password_hash".to_owned(), s(password_hash));
        // Sparse attributes of the index `admin_list`, which lists accounts month by month.
        profile.insert("kind".to_owned(), s("user"));
        profile.insert("month".to_owned(), s(&user.created_at.to_string()[..7]));
        let address = to_item(
            &keys::email(&user.email.fingerprint()),
            &Owner { user: user.id.clone() },
        )?;
        let parts = vec![
            put(address)?,
            put(profile)?,
            put(to_item(&keys::org(&org.id), org)?)?,
            put(to_item(&keys::membership(&owner.org, &owner.member), owner)?)?,
            put(session_item(session)?)?,
        ];
        match transact(&self.0.db, parts).await? {
            Transaction::Done => Ok(Registered::Created),
            Transaction::Refused(_) => Ok(Registered::EmailTaken),
        }
    }

    /// The account with this address.
    pub async fn by_email(&self, email: &Email) -> Result<Option<SignIn>> {
        let Some(owner) = self
            .0
            .identity()
            .get::<Owner>(keys::email(&email.fingerprint()))
            .await?
        else {
            return Ok(None);
        };
        let Some(item) = self.0.identity().get_raw(keys::profile(&owner.user), true).await? else {
            return Ok(None);
        };
        let password_hash = item.get("password_hash").and_then(|hash| hash.as_s().ok()).cloned();
        Ok(Some(SignIn {
            user: from_item(item)?,
            password_hash,
        }))
    }

    /// The account with this id.
    pub async fn get(&self, user: &UserId) -> Result<Option<User>> {
        self.0.identity().get(keys::profile(user)).await
    }

    /// The account and one of its sessions, in one round trip: what every authenticated request asks for.
    pub async fn with_session(&self, user: &UserId, session: &SessionId) -> Result<Option<(User, Session)>> {
        let table = &self.0.tables().identity;
        let wanted = aws_sdk_dynamodb::types::KeysAndAttributes::builder()
            .keys(primary(&keys::profile(user)))
            .keys(primary(&keys::session(user, session)))
            .consistent_read(true)
            .build()
            .map_err(Error::internal)?;
        let answer = self
            .0
            .db
            .batch_get_item()
            .request_items(table, wanted)
            .send()
            .await
            .map_err(item::failed)?;
        if answer.unprocessed_keys.is_some_and(|keys| !keys.is_empty()) {
            return Err(Error::unavailable("the identity table left keys unread"));
        }
        let (mut profile, mut found) = (None, None);
        for item in answer.responses.unwrap_or_default().into_values().flatten() {
            match item.get("sk").map(AttributeValue::as_s) {
                Some(Ok(sk)) if sk == "PROFILE" => profile = Some(from_item(item)?),
                _ => found = Some(from_item(item)?),
            }
        }
        Ok(profile.zip(found))
    }

    /// The place of `user` in the organization with this id.
    pub async fn membership(&self, org: &OrgId, user: &UserId) -> Result<Option<Membership>> {
        self.0.identity().get(keys::membership(org, user)).await
    }

    /// The organization with this slug.
    pub async fn org_by_slug(&self, slug: &str) -> Result<Option<OrgId>> {
        Ok(self
            .0
            .identity()
            .get::<SlugOwner>(keys::slug(slug))
            .await?
            .map(|found| found.org))
    }
}

/// A session as an item that is swept some time after its end.
pub(crate) fn session_item(session: &Session) -> Result<Item> {
    let mut item = to_item(&keys::session(&session.user, &session.id), session)?;
    item.insert(tables::TTL.to_owned(), n(session.expires_at.as_second()));
    Ok(item)
}
