//! Sign-in sessions.

use domain::{Page, PageRequest, Result, Session, SessionId, User, UserId};

use crate::{
    Store,
    auth::accounts::session_item,
    keys,
    table::item::{Item, ListFilter, conditional_or_own, from_item, n, s},
    tables,
};

/// Sign-in sessions, by user.
#[derive(Debug, Clone)]
pub struct Sessions(Store);

impl Store {
    /// Returns access to sign-in sessions.
    pub fn sessions(&self) -> Sessions {
        Sessions(self.clone())
    }
}

impl Sessions {
    /// Stores a new session.
    pub async fn begin(&self, session: &Session) -> Result<bool> {
        self.0.identity().put_new(session_item(session)?).await
    }

    /// Returns a session, unless it was revoked.
    pub async fn get(&self, user: &UserId, session: &SessionId) -> Result<Option<Session>> {
        self.0.identity().get(keys::session(user, session)).await
    }

    /// Replaces `old` by `new`. Returns `false` if another request rotated or revoked it first.
    pub async fn rotate(&self, old: &Session, new: &Session) -> Result<bool> {
        let update = self
            .0
            .identity()
            .update(&keys::session(&old.user, &old.id))
            .update_expression(
                "SET generation = :new, signing_key = :key, rotated_at = :at, expires_at = :end, #ttl = :ttl",
            )
            .condition_expression("generation = :old")
            .expression_attribute_names("#ttl", tables::TTL)
            .expression_attribute_values(":old", n(old.generation))
            .expression_attribute_values(":new", n(new.generation))
            .expression_attribute_values(":key", s(&new.signing_key))
            .expression_attribute_values(":at", s(new.rotated_at.to_string()))
            .expression_attribute_values(":end", s(new.expires_at.to_string()))
            .expression_attribute_values(":ttl", n(new.expires_at.as_second()));
        // Two rotations in the same instant produce the same session.
        let is_own = |item: &Item| {
            item.get("generation") == Some(&n(new.generation))
                && item.get("rotated_at") == Some(&s(new.rotated_at.to_string()))
        };
        Ok(conditional_or_own(update, is_own).await?.is_some())
    }

    /// Lists the sessions of an account that were not revoked, newest first, possibly including expired ones.
    pub async fn list(&self, user: &User, page: &PageRequest) -> Result<Page<Session>> {
        let condition = if user.session_epoch == 0 {
            "attribute_not_exists(epoch) OR epoch = :epoch"
        } else {
            "epoch = :epoch"
        };
        let narrow = ListFilter::of(condition, vec![(":epoch", n(user.session_epoch))]);
        let found = self.0.identity();
        let found = found.list(keys::user(&user.id), keys::SESSIONS, page, narrow).await?;
        Ok(Page {
            items: found.items.into_iter().map(from_item).collect::<Result<_>>()?,
            next: found.next,
        })
    }

    /// Removes the sessions of an account that a revocation of all sessions ended.
    pub async fn remove_ended(&self, user: &User) -> Result<()> {
        let table = self.0.identity();
        let sessions: Vec<Session> = table.all_below(&keys::user(&user.id), keys::SESSIONS).await?;
        for session in sessions.iter().filter(|session| session.epoch < user.session_epoch) {
            table.delete(&keys::session(&user.id, &session.id)).await?;
        }
        Ok(())
    }

    /// Revokes a session: its tokens are refused from the next request on.
    pub async fn revoke(&self, user: &UserId, session: &SessionId) -> Result<bool> {
        self.0.identity().delete_first(&keys::session(user, session)).await
    }
}
