//! Saved prompts of users, and those that the platform's admins offer to everyone.

use domain::{
    Actor, Error, OrgId, Page, PageRequest, PromptId, PromptVersion, Result, SystemPrompt, User, UserId, UserPrompt,
    prompt::{LATEST, MAX_LABELS, MAX_VERSIONS, parse_label},
};
use futures::future::BoxFuture;
use serde_json::json;
use store::OptimisticRetry;

use crate::{App, audit::audit_event::AuditEvent};

const PROMPT_NOT_FOUND: Error = Error::NotFound("prompt");
const NOT_OWNER: Error = Error::Forbidden {
    code: "not_owner",
    detail: "This prompt is shared with you. Only its owner can change it.",
};

/// A change of a prompt.
#[derive(Debug, Clone, Default)]
pub struct PromptChange {
    /// New name; an empty one removes it.
    pub name: Option<String>,
    /// New text, which becomes the next version unless it equals that of the latest one.
    pub text: Option<String>,
    /// Whether members of the organization can read it.
    pub shared: Option<bool>,
}

impl App {
    /// Lists the prompts of `user` in an organization, newest first.
    pub fn list_prompts<'a>(
        &'a self,
        org: &'a OrgId,
        user: &'a UserId,
        page: &'a PageRequest,
    ) -> BoxFuture<'a, Result<Page<UserPrompt>>> {
        Box::pin(async move { self.store.user_prompts(org, user).list(page).await })
    }

    /// Lists the prompts of `user` and those that other members share, newest first.
    pub fn list_shared_prompts<'a>(
        &'a self,
        org: &'a OrgId,
        user: &'a UserId,
        page: &'a PageRequest,
    ) -> BoxFuture<'a, Result<Page<UserPrompt>>> {
        Box::pin(async move { self.store.user_prompts(org, user).list_shared(page).await })
    }

    /// Returns a prompt visible to `user`.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`].
    pub fn prompt<'a>(
        &'a self,
        org: &'a OrgId,
        user: &'a UserId,
        id: &'a PromptId,
    ) -> BoxFuture<'a, Result<UserPrompt>> {
        Box::pin(async move {
            self.store
                .user_prompts(org, user)
                .get(id)
                .await?
                .ok_or(PROMPT_NOT_FOUND)
        })
    }

    /// Lists the versions of a prompt visible to `user`, newest first.
    pub fn prompt_versions<'a>(
        &'a self,
        org: &'a OrgId,
        user: &'a UserId,
        id: &'a PromptId,
        page: &'a PageRequest,
    ) -> BoxFuture<'a, Result<Page<PromptVersion>>> {
        Box::pin(async move {
            let prompt = self.prompt(org, user, id).await?;
            self.store.user_prompts(org, user).versions(&prompt.id, page).await
        })
    }

    /// Deletes a prompt, whoever owns it: for services, which act for all users.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`].
    pub fn delete_prompt_of_any<'a>(&'a self, id: &'a PromptId) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let owner = self.store.owner_of_prompt(id).await?;
            let (org, user) = owner.ok_or(PROMPT_NOT_FOUND)?;
            self.delete_prompt(&org, &user, id).await
        })
    }

    /// Lists the platform's prompts, newest first.
    pub fn list_system_prompts<'a>(&'a self, page: &'a PageRequest) -> BoxFuture<'a, Result<Page<SystemPrompt>>> {
        Box::pin(async move { self.store.system_prompts().list(page).await })
    }

    /// Returns a prompt of the platform.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`].
    pub fn system_prompt<'a>(&'a self, id: &'a PromptId) -> BoxFuture<'a, Result<SystemPrompt>> {
        Box::pin(async move { self.store.system_prompts().get(id).await?.ok_or(PROMPT_NOT_FOUND) })
    }

    /// Saves a prompt for `user`.
    pub fn create_prompt<'a>(
        &'a self,
        org: &'a OrgId,
        user: &'a UserId,
        new: PromptChange,
    ) -> BoxFuture<'a, Result<UserPrompt>> {
        Box::pin(async move {
            let now = self.clock.now();
            let prompt = UserPrompt {
                id: self.ids.make()?,
                org: org.clone(),
                user: user.clone(),
                name: new.name.and_then(shown),
                text: new.text.unwrap_or_default(),
                version: 1,
                labels: [].into(),
                shared: new.shared.unwrap_or_default(),
                revision: 0,
                created_at: now,
                updated_at: now,
            };
            self.store.user_prompts(org, user).create(&prompt).await?;
            Ok(prompt)
        })
    }

    /// Changes a prompt of `user`.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`], [`Error::Forbidden`] `not_owner` for a prompt shared by someone else,
    /// [`Error::Conflict`] `version_limit`.
    pub fn change_prompt<'a>(
        &'a self,
        org: &'a OrgId,
        user: &'a UserId,
        id: &'a PromptId,
        change: &'a PromptChange,
    ) -> BoxFuture<'a, Result<UserPrompt>> {
        self.revise(org, user, id, |prompt| {
            if let Some(name) = &change.name {
                prompt.name = shown(name.clone());
            }
            prompt.shared = change.shared.unwrap_or(prompt.shared);
            if let Some(text) = change.text.as_ref().filter(|text| **text != prompt.text) {
                if prompt.version == MAX_VERSIONS {
                    let detail = format!("A prompt can have at most {MAX_VERSIONS} versions. Create a new prompt.");
                    return Err(Error::conflict("version_limit", detail));
                }
                prompt.text.clone_from(text);
                prompt.version += 1;
            }
            Ok(())
        })
    }

    /// Assigns a label to a version of a prompt of `user`, or removes it.
    ///
    /// # Errors
    /// Returns the errors of [`App::change_prompt`], [`Error::Invalid`] for an invalid label or version,
    /// [`Error::Conflict`] `label_limit`.
    pub fn label_prompt<'a>(
        &'a self,
        org: &'a OrgId,
        user: &'a UserId,
        id: &'a PromptId,
        label: &'a str,
        version: Option<u32>,
    ) -> BoxFuture<'a, Result<UserPrompt>> {
        self.revise(org, user, id, move |prompt| {
            let label = parse_label(label)?;
            let Some(version) = version else {
                let removed = prompt.labels.remove(label);
                return removed.map(|_| ()).ok_or(Error::NotFound("label"));
            };
            if !(1..=prompt.version).contains(&version) {
                return Err(Error::invalid("/version", "is not a version of this prompt"));
            }
            prompt.labels.insert(label.to_owned(), version);
            if prompt.labels.len() > MAX_LABELS {
                let detail = format!("A prompt can have at most {MAX_LABELS} labels. Remove one first.");
                return Err(Error::conflict("label_limit", detail));
            }
            Ok(())
        })
    }

    /// Deletes a prompt of `user`.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`], [`Error::Forbidden`] `not_owner` for a prompt shared by someone else.
    pub fn delete_prompt<'a>(
        &'a self,
        org: &'a OrgId,
        user: &'a UserId,
        id: &'a PromptId,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let prompts = self.store.user_prompts(org, user);
            if prompts.delete(id, self.clock.now()).await? {
                return Ok(());
            }
            Err(prompts.get(id).await?.map_or(PROMPT_NOT_FOUND, |_| NOT_OWNER))
        })
    }

    /// Returns a version of a prompt visible to `user`, by number or label; the latest if `None`.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] for an unknown prompt, version or label.
    pub fn prompt_version<'a>(
        &'a self,
        org: &'a OrgId,
        user: &'a UserId,
        id: &'a PromptId,
        named: Option<&'a str>,
    ) -> BoxFuture<'a, Result<(UserPrompt, PromptVersion)>> {
        Box::pin(async move {
            let prompt = self.prompt(org, user, id).await?;
            let number = match named {
                None | Some(LATEST) => prompt.version,
                Some(name) => match number_of_version(name) {
                    Some(number) => number,
                    None => *prompt.labels.get(name).ok_or(Error::NotFound("label"))?,
                },
            };
            let version = self.store.user_prompts(org, user).version(id, number).await?;
            Ok((prompt, version.ok_or(Error::NotFound("version"))?))
        })
    }

    /// Changes a prompt based on its latest state, and retries after a conflict.
    fn revise<'a>(
        &'a self,
        org: &'a OrgId,
        user: &'a UserId,
        id: &'a PromptId,
        change: impl Fn(&mut UserPrompt) -> Result<()> + Send + Sync + 'a,
    ) -> BoxFuture<'a, Result<UserPrompt>> {
        Box::pin(async move {
            let prompts = self.store.user_prompts(org, user);
            let mut retry = OptimisticRetry::to_change("a prompt");
            loop {
                retry.next().await?;
                let before = prompts.get(id).await?.ok_or(PROMPT_NOT_FOUND)?;
                if before.user != *user {
                    return Err(NOT_OWNER);
                }
                let mut after = before.clone();
                change(&mut after)?;
                if after == before {
                    return Ok(before);
                }
                after.revision += 1;
                after.updated_at = self.clock.now();
                if prompts.change(&before, &after).await? {
                    return Ok(after);
                }
            }
        })
    }

    /// Creates a platform prompt.
    pub fn create_system_prompt<'a>(
        &'a self,
        admin: &'a User,
        actor: &'a Actor,
        new: PromptChange,
    ) -> BoxFuture<'a, Result<SystemPrompt>> {
        Box::pin(async move {
            let now = self.clock.now();
            let prompt = SystemPrompt {
                id: self.ids.make()?,
                name: new.name.and_then(shown),
                text: new.text.unwrap_or_default(),
                created_at: now,
                updated_at: now,
            };
            let entry = self.entry(actor, &admin.personal_org, of("system_prompt.created", &prompt.id))?;
            self.store.system_prompts().create(&prompt, &entry).await?;
            Ok(prompt)
        })
    }

    /// Changes a platform prompt. Of two concurrent changes, the last one wins.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`].
    pub fn change_system_prompt<'a>(
        &'a self,
        admin: &'a User,
        actor: &'a Actor,
        id: &'a PromptId,
        change: PromptChange,
    ) -> BoxFuture<'a, Result<SystemPrompt>> {
        Box::pin(async move {
            let prompts = self.store.system_prompts();
            let mut prompt = prompts.get(id).await?.ok_or(PROMPT_NOT_FOUND)?;
            let fields = [("name", change.name.is_some()), ("text", change.text.is_some())];
            let fields: Vec<_> = fields
                .iter()
                .filter(|(_, given)| *given)
                .map(|(name, _)| name)
                .collect();
            if let Some(name) = change.name {
                prompt.name = shown(name);
            }
            prompt.text = change.text.unwrap_or(prompt.text);
            prompt.updated_at = self.clock.now();
            let event = of("system_prompt.changed", id).after(json!({ "fields": fields }));
            let entry = self.entry(actor, &admin.personal_org, event)?;
            if prompts.change(&prompt, &entry).await? {
                Ok(prompt)
            } else {
                Err(PROMPT_NOT_FOUND)
            }
        })
    }

    /// Deletes a platform prompt.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`].
    pub fn delete_system_prompt<'a>(
        &'a self,
        admin: &'a User,
        actor: &'a Actor,
        id: &'a PromptId,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let entry = self.entry(actor, &admin.personal_org, of("system_prompt.deleted", id))?;
            if self.store.system_prompts().delete(id, &entry).await? {
                Ok(())
            } else {
                Err(PROMPT_NOT_FOUND)
            }
        })
    }
}

/// Returns a name, or `None` for an empty one.
fn shown(name: String) -> Option<String> {
    Some(name).filter(|name| !name.trim().is_empty())
}

fn of<'a>(action: &'a str, prompt: &'a PromptId) -> AuditEvent<'a> {
    AuditEvent::new(action, "system_prompt", prompt.as_str())
}

/// Returns the version number that a name represents in canonical form.
fn number_of_version(name: &str) -> Option<u32> {
    name.parse().ok().filter(|number: &u32| number.to_string() == name)
}
