//! Prompts that people keep, and those that the platform's admins offer to everyone.

use domain::{
    Actor, Error, OrgId, PromptId, PromptVersion, Result, SystemPrompt, User, UserId, UserPrompt,
    prompt::{LATEST, MAX_LABELS, MAX_VERSIONS, parse_label},
};
use futures::future::BoxFuture;
use serde_json::json;
use store::{SystemPrompts, UserPrompts};

use crate::{App, audit::audit_event::AuditEvent};

const PROMPT_NOT_FOUND: Error = Error::NotFound("prompt");
const NOT_OWNER: Error = Error::Forbidden {
    code: "not_owner",
    detail: "This prompt is shared with you; only its owner changes it.",
};
/// How often a change is tried again that another one overtook.
const MAX_ATTEMPTS: u32 = 40;

/// What a prompt is to be.
#[derive(Debug, Clone, Default)]
pub struct PromptChange {
    /// New name; an empty one removes it.
    pub name: Option<String>,
    /// New text: it becomes the next version unless it is the text of the latest one.
    pub text: Option<String>,
    /// Whether members of the organization may read it.
    pub shared: Option<bool>,
}

impl App {
    /// The prompts that `user` sees in an organization they were proven to belong to.
    pub fn user_prompts(&self, org: &OrgId, user: &UserId) -> UserPrompts {
        self.store.user_prompts(org, user)
    }

    /// The prompts among which this one is, whoever's it is: for callers that act for everyone.
    pub fn user_prompts_with<'a>(&'a self, id: &'a PromptId) -> BoxFuture<'a, Result<Option<UserPrompts>>> {
        Box::pin(async move {
            let owner = self.store.owner_of_prompt(id).await?;
            Ok(owner.map(|(org, user)| self.user_prompts(&org, &user)))
        })
    }

    /// The prompts of the platform.
    pub fn system_prompts(&self) -> SystemPrompts {
        self.store.system_prompts()
    }

    /// Keeps a prompt for `user`.
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
            self.user_prompts(org, user).create(&prompt).await?;
            Ok(prompt)
        })
    }

    /// Changes a prompt of `user`.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Forbidden`] `not_owner` for one that someone else shares,
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
                    let detail = format!("A prompt has {MAX_VERSIONS} versions at most; make a new one.");
                    return Err(Error::conflict("version_limit", detail));
                }
                prompt.text.clone_from(text);
                prompt.version += 1;
            }
            Ok(())
        })
    }

    /// Points a label to a version of a prompt of `user`, or removes it.
    ///
    /// # Errors
    /// Those of [`App::change_prompt`]; [`Error::Invalid`] for a label or a version that cannot be,
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
                return Err(Error::invalid("/version", "is no version of this prompt"));
            }
            prompt.labels.insert(label.to_owned(), version);
            if prompt.labels.len() > MAX_LABELS {
                let detail = format!("A prompt has {MAX_LABELS} labels at most; remove one first.");
                return Err(Error::conflict("label_limit", detail));
            }
            Ok(())
        })
    }

    /// Deletes a prompt of `user`.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Forbidden`] `not_owner` for one that someone else shares.
    pub fn delete_prompt<'a>(
        &'a self,
        org: &'a OrgId,
        user: &'a UserId,
        id: &'a PromptId,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let prompts = self.user_prompts(org, user);
            if prompts.delete(id, self.clock.now()).await? {
                return Ok(());
            }
            Err(prompts.get(id).await?.map_or(PROMPT_NOT_FOUND, |_| NOT_OWNER))
        })
    }

    /// A version of a prompt that `user` sees, by its number or its label; the latest when none is named.
    ///
    /// # Errors
    /// [`Error::NotFound`] for the prompt, the version or the label.
    pub fn prompt_version<'a>(
        &'a self,
        prompts: &'a UserPrompts,
        id: &'a PromptId,
        named: Option<&'a str>,
    ) -> BoxFuture<'a, Result<(UserPrompt, PromptVersion)>> {
        Box::pin(async move {
            let prompt = prompts.get(id).await?.ok_or(PROMPT_NOT_FOUND)?;
            let number = match named {
                None | Some(LATEST) => prompt.version,
                Some(name) => match number_of_version(name) {
                    Some(number) => number,
                    None => *prompt.labels.get(name).ok_or(Error::NotFound("label"))?,
                },
            };
            let version = prompts.version(id, number).await?;
            Ok((prompt, version.ok_or(Error::NotFound("version"))?))
        })
    }

    /// Changes a prompt from its latest state, again when another change was faster.
    fn revise<'a>(
        &'a self,
        org: &'a OrgId,
        user: &'a UserId,
        id: &'a PromptId,
        change: impl Fn(&mut UserPrompt) -> Result<()> + Send + Sync + 'a,
    ) -> BoxFuture<'a, Result<UserPrompt>> {
        Box::pin(async move {
            let prompts = self.user_prompts(org, user);
            for _ in 0..MAX_ATTEMPTS {
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
            Err(Error::unavailable("a prompt is changed by too many at once"))
        })
    }

    /// Offers a prompt to everyone.
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
            self.system_prompts().create(&prompt, &entry).await?;
            Ok(prompt)
        })
    }

    /// Changes a prompt of the platform. Of two changes at once the last one stays.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub fn change_system_prompt<'a>(
        &'a self,
        admin: &'a User,
        actor: &'a Actor,
        id: &'a PromptId,
        change: PromptChange,
    ) -> BoxFuture<'a, Result<SystemPrompt>> {
        Box::pin(async move {
            let prompts = self.system_prompts();
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

    /// Deletes a prompt of the platform.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub fn delete_system_prompt<'a>(
        &'a self,
        admin: &'a User,
        actor: &'a Actor,
        id: &'a PromptId,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let entry = self.entry(actor, &admin.personal_org, of("system_prompt.deleted", id))?;
            if self.system_prompts().delete(id, &entry).await? {
                Ok(())
            } else {
                Err(PROMPT_NOT_FOUND)
            }
        })
    }
}

/// A name, unless it is an empty one, which stands for none.
fn shown(name: String) -> Option<String> {
    Some(name).filter(|name| !name.trim().is_empty())
}

fn of<'a>(action: &'a str, prompt: &'a PromptId) -> AuditEvent<'a> {
    AuditEvent::new(action, "system_prompt", prompt.as_str())
}

/// The number that a name is, as numbers are written.
fn number_of_version(name: &str) -> Option<u32> {
    name.parse().ok().filter(|number: &u32| number.to_string() == name)
}
