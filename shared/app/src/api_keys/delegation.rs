//! What a caller may give to a key, and which keys a key may decide on.

use std::collections::BTreeSet;

use domain::{ApiKey, ApiKeyId, Error, Permission, Result, User};

use super::ApiKeyService;
use crate::Credential;

const ABOVE: Error = Error::Forbidden {
    code: "not_yours",
    detail: "A key cannot change or revoke its ancestors. Sign in to do that.",
};

impl ApiKeyService<'_> {
    pub(super) fn holds(&self, permission: Permission) -> bool {
        permission.is_granted_to(self.membership.role) && self.identity.reaches(permission)
    }

    /// A key must not exceed the permissions of whoever holds its secret.
    pub(super) fn check_within_permissions(&self, key: &ApiKey) -> Result<()> {
        if !key.scopes.iter().all(|scope| self.holds(*scope)) {
            return Err(Error::Forbidden {
                code: "scope_not_held",
                detail: "A key cannot have a scope that you, or the key you use, do not have.",
            });
        }
        reject_unverified(&self.identity.user, &key.scopes)?;
        let Credential::Key(grant) = &self.identity.credential else {
            return Ok(());
        };
        let models = match (&grant.models, &key.models) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(own), Some(asked)) => asked.iter().all(|model| own.contains(model)),
        };
        let within = |own: Option<u64>, asked: Option<u64>| own.is_none_or(|own| asked.is_some_and(|it| it <= own));
        let end = grant
            .expires_at
            .is_none_or(|own| key.expires_at.is_some_and(|end| end <= own));
        let rate_limit = within(
            grant.least_requests().map(u64::from),
            key.requests_per_minute.map(u64::from),
        );
        if models && end && rate_limit && within(grant.least_budget(), key.token_budget) {
            Ok(())
        } else {
            Err(Error::Forbidden {
                code: "limit_not_held",
                detail: "A key cannot have wider limits (models, budget, requests, expiry) than the key you use.",
            })
        }
    }

    /// A key can only show secrets of itself and its descendants: another key's secret would give access to that key's
    /// limits.
    pub(super) fn check_own_or_descendant(&self, key: &ApiKey) -> Result<()> {
        match &self.identity.credential {
            Credential::Key(grant) if grant.id != key.id && !key.ancestors.contains(&grant.id) => {
                Err(Error::Forbidden {
                    code: "not_yours",
                    detail: "A key can rotate only itself and its descendants. Sign in to rotate this one.",
                })
            }
            Credential::Key(_) | Credential::Session(_) | Credential::Clerk(_) => Ok(()),
        }
    }

    /// A key cannot decide on its ancestors.
    pub(super) fn check_not_ancestor(&self, id: &ApiKeyId) -> Result<()> {
        match &self.identity.credential {
            Credential::Key(grant) if grant.above.iter().any(|key| key.id == *id) => Err(ABOVE),
            Credential::Key(_) | Credential::Session(_) | Credential::Clerk(_) => Ok(()),
        }
    }

    /// A change may narrow any key; what it widens must be within the caller's permissions.
    pub(super) fn check_not_widened(&self, old: &ApiKey, new: &ApiKey) -> Result<()> {
        let widened = ApiKey {
            scopes: new.scopes.difference(&old.scopes).copied().collect(),
            ..new.clone()
        };
        let limits_of = |key: &ApiKey| {
            let models = key.models.clone();
            (models, key.token_budget, key.requests_per_minute, key.expires_at)
        };
        let limits = limits_of(old) == limits_of(new);
        if widened.scopes.is_empty() && limits {
            Ok(())
        } else {
            self.check_within_permissions(&widened)
        }
    }
}

/// Rejects scopes that reach beyond the content every member works with unless the user has proven ownership of their
/// address.
///
/// # Errors
/// Returns [`Error::Forbidden`] `email_not_verified`.
fn reject_unverified(user: &User, scopes: &BTreeSet<Permission>) -> Result<()> {
    if user.email_verified || !scopes.iter().any(|scope| scope.needs_verified_address()) {
        return Ok(());
    }
    Err(Error::Forbidden {
        code: "email_not_verified",
        detail: "Keys with administrative scopes need a verified email address. Verify yours with the link in the \
                 email, or request another one with POST /api/v1/auth/verify-email/request.",
    })
}
