//! Account administration by platform admins.

use domain::{Actor, Error, Page, PageRequest, PlatformRole, Result, User, UserId, UserStatus};
use futures::future::BoxFuture;
use serde_json::json;
use store::{AccountAdminChange, UserFilter};

use crate::{App, audit::audit_event::AuditEvent};

const NO_USER: Error = Error::NotFound("user");
pub(crate) const ADMIN_ONLY: Error = Error::Forbidden {
    code: "role_required",
    detail: "Only a platform admin may do this.",
};
pub(crate) const OWN_ACCOUNT: Error = Error::Forbidden {
    code: "own_account",
    detail: "You cannot do this to your own account. Ask another platform admin.",
};

impl App {
    /// Returns an account, or `None` if it was deleted.
    pub fn live_account<'a>(&'a self, user: &'a UserId) -> BoxFuture<'a, Result<Option<User>>> {
        Box::pin(async move {
            let found = self.store.accounts().get(user).await?;
            Ok(found.filter(|user| user.status != UserStatus::Deleted))
        })
    }

    /// Returns all accounts of the platform, newest first.
    pub fn list_users<'a>(
        &'a self,
        filter: &'a UserFilter,
        page: &'a PageRequest,
    ) -> BoxFuture<'a, Result<Page<User>>> {
        let now = self.clock.now();
        Box::pin(async move { self.store.users().list(filter, now, page).await })
    }

    /// Sets an account's platform role, effective from the next request.
    ///
    /// # Errors
    /// Returns [`Error::Forbidden`] `own_account` for the caller's own account, so that a platform never loses its last
    /// admin.
    pub fn set_role<'a>(
        &'a self,
        actor: &'a Actor,
        user: &'a UserId,
        role: PlatformRole,
    ) -> BoxFuture<'a, Result<User>> {
        self.stand(actor, user, "user.role_changed", move |user| User { role, ..user })
    }

    /// Enables or disables an account, effective from the next request.
    ///
    /// # Errors
    /// Returns [`Error::Forbidden`] `own_account` for the caller's own account.
    pub fn set_status<'a>(
        &'a self,
        actor: &'a Actor,
        user: &'a UserId,
        status: UserStatus,
    ) -> BoxFuture<'a, Result<User>> {
        self.stand(actor, user, "user.status_changed", move |user| User { status, ..user })
    }

    fn stand<'a>(
        &'a self,
        actor: &'a Actor,
        id: &'a UserId,
        action: &'static str,
        change: impl Fn(User) -> User + Send + Sync + 'a,
    ) -> BoxFuture<'a, Result<User>> {
        Box::pin(async move {
            let admin = actor.id.clone().map(UserId);
            if admin.as_ref() == Some(id) {
                return Err(OWN_ACCOUNT);
            }
            loop {
                let before = self.live_account(id).await?.ok_or(NO_USER)?;
                let after = change(before.clone());
                if after == before {
                    return Ok(before);
                }
                let of = |user: &User| json!({"role": user.role, "status": user.status});
                let event = AuditEvent::to_user(action, id).before(of(&before)).after(of(&after));
                let entry = self.entry(actor, &before.personal_org, event)?;
                let users = self.store.users();
                match users.change_standing(admin.as_ref(), &before, &after, &entry).await? {
                    AccountAdminChange::Changed => return Ok(after),
                    AccountAdminChange::ActorLost => {
                        return Err(ADMIN_ONLY);
                    }
                    // Someone else changed it first, so the decision is made again.
                    AccountAdminChange::Moved => {}
                }
            }
        })
    }
}
