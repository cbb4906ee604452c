//! A user's settings and their personal API key.

use std::time::Duration;

use domain::{Actor, ApiKey, Error, Membership, OrgRole, Permission, Plan, Quota, Result, Secret, Settings, User};
use futures::future::BoxFuture;
use store::{KeyCreated, SettingsChange};

use crate::{App, Identity, NewKey, api_keys::key_limit, auth::sign_in::ENDED, orgs::NO_ORG};

/// Settings, with related values that they do not contain.
#[derive(Debug)]
pub struct SettingsFound {
    /// The settings.
    pub settings: Settings,
    /// The personal API key, unless it is revoked.
    pub key: Option<ApiKey>,
    /// The plan of the personal organization.
    pub plan: Plan,
    /// The daily limit.
    pub quota: Quota,
}

impl App {
    /// Returns the settings of a user, or the defaults if they have none.
    pub fn settings<'a>(&'a self, user: &'a User) -> BoxFuture<'a, Result<SettingsFound>> {
        Box::pin(async move {
            let settings = self.store.settings(&user.id, self.clock.now()).await?;
            self.settings_with(user, settings).await
        })
    }

    /// Changes settings.
    pub fn change_settings<'a>(
        &'a self,
        user: &'a User,
        change: &'a SettingsChange,
    ) -> BoxFuture<'a, Result<SettingsFound>> {
        Box::pin(async move {
            let now = self.clock.now();
            self.store.settings(&user.id, now).await?;
            let changed = self.store.change_settings(&user.id, change, now).await?;
            let settings = changed.ok_or_else(|| Error::unavailable("the settings were removed in the meantime"))?;
            self.settings_with(user, settings).await
        })
    }

    /// Replaces the personal API key, or creates the first one; the old one is rejected from the next request on.
    ///
    /// # Errors
    /// Returns [`Error::Conflict`] `key_rotated` if another request replaced it concurrently.
    pub fn regenerate_personal_key<'a>(
        &'a self,
        identity: &'a Identity,
        actor: &'a Actor,
    ) -> BoxFuture<'a, Result<Secret>> {
        Box::pin(async move {
            let user = &identity.user;
            let settings = self.store.settings(&user.id, self.clock.now()).await?;
            let membership = Membership {
                org: user.personal_org.clone(),
                member: user.id.clone(),
                role: OrgRole::Owner,
                joined_at: user.created_at,
            };
            if let Some(old) = self.personal_key(user, &settings).await? {
                let keys = self.api_keys_for(identity, &membership, actor.clone());
                return Ok(keys.rotate(&old.id, Duration::ZERO).await?.secret);
            }
            let is_held = |it: &&Permission| {
                it.is_granted_to(OrgRole::Member) && (user.email_verified || !it.needs_verified_address())
            };
            let of_members = Permission::ALL.iter().filter(is_held);
            let mut made = self.draft_key(
                user,
                &membership,
                &identity.credential,
                NewKey {
                    name: "Personal API key".to_owned(),
                    scopes: Some(of_members.copied().collect()),
                    ..NewKey::default()
                },
            )?;
            made.key.personal = true;
            let entry = self.key_entry(actor, "api_key.created", None, Some(&made.key)).await?;
            let keys = self.store.api_keys(&membership.org);
            match keys
                .create(&made.key, &membership, Some(settings.api_key.as_ref()), &entry)
                .await?
            {
                KeyCreated::Done => Ok(made.secret),
                KeyCreated::Full => Err(key_limit()),
                KeyCreated::Ended => Err(ENDED),
                KeyCreated::Left => Err(NO_ORG),
                KeyCreated::Changed => Err(Error::conflict(
                    "key_rotated",
                    "This key was just replaced by another request.",
                )),
            }
        })
    }

    async fn settings_with(&self, user: &User, settings: Settings) -> Result<SettingsFound> {
        let org = self.store.orgs().get(&user.personal_org).await?;
        Ok(SettingsFound {
            key: self.personal_key(user, &settings).await?,
            plan: org.map_or(Plan::Free, |found| found.org.plan),
            quota: self.quota(&user.id).await?,
            settings,
        })
    }

    /// Returns the personal key named in the settings, unless it was revoked, erased, or ended with all credentials of
    /// its user.
    async fn personal_key(&self, user: &User, settings: &Settings) -> Result<Option<ApiKey>> {
        let Some(id) = &settings.api_key else { return Ok(None) };
        let key = self.store.api_keys(&user.personal_org).get(id).await?;
        Ok(key.filter(|key| key.revoked_at.is_none() && user.accepts_key(key)))
    }
}
