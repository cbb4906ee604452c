//! What platform admins do with accounts.

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
    detail: "Another platform admin has to do this to your account.",
};

impl App {
    /// One account; none when it was deleted.
    pub fn live_account<'a>(&'a self, user: &'a UserId) -> BoxFuture<'a, Result<Option<User>>> {
        Box::pin(async move {
            let found = self.store.accounts().get(user).await?;
            Ok(found.filter(|user| user.status != UserStatus::Deleted))
        })
    }

    /// All accounts of the platform, newest first.
    pub fn list_users<'a>(
        &'a self,
        filter: &'a UserFilter,
        page: &'a PageRequest,
    ) -> BoxFuture<'a, Result<Page<User>>> {
        let now = self.clock.now();
        Box::pin(async move { self.store.users().list(filter, now, page).await })
    }

    /// Gives an account a platform role; it counts from the next request on.
    ///
    /// # Errors
    /// [`Error::Forbidden`] `own_account` for the own account, so that a platform never loses its last admin.
    pub fn set_role<'a>(
        &'a self,
        actor: &'a Actor,
        user: &'a UserId,
        role: PlatformRole,
    ) -> BoxFuture<'a, Result<User>> {
        self.stand(actor, user, "user.role_changed", move |user| User { role, ..user })
    }

    /// Lets an account in or keeps it out, from the next request on.
    ///
    /// # Errors
    /// [`Error::Forbidden`] `own_account` for the own account.
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
                    // Someone changed it first, so what it means to change it has to be looked at again.
                    AccountAdminChange::Moved => {}
                }
            }
        })
    }
}
