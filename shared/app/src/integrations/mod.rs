//! Integrations: where else a chatbot answers, and who may change that.

pub(crate) mod slack;
pub(crate) mod widget;

use domain::{
    Actor, ChatbotId, Error, EventData, Integration, IntegrationId, IntegrationProblem, IntegrationStatus,
    IntegrationType, Membership, OrgId, Page, PageRequest, Purge, Result, SlackConfig, UserId, WebhookEvent,
    WebsiteConfig, webhooks::data::IntegrationErrorEvent,
};
use futures::future::BoxFuture;
use serde_json::json;
use store::{OptimisticRetry, ReadIntegration, SavedIntegration};

use crate::{App, audit::audit_event::AuditEvent};

const NO_INTEGRATION: Error = Error::NotFound("integration");
const NOT_YOURS: Error = Error::Forbidden {
    code: "not_yours",
    detail: "Only the creator of this integration, or an owner or admin of the organization, can change it.",
};

/// An integration to create.
#[derive(Debug, Clone)]
pub struct NewIntegration {
    /// Where it answers.
    pub kind: IntegrationType,
    /// Display name.
    pub name: String,
    /// The chatbot that answers.
    pub chatbot: Option<ChatbotId>,
    /// Settings of the type `slack`.
    pub slack: SlackConfig,
    /// Settings of the type `website`.
    pub website: WebsiteConfig,
}

/// A change of an integration. Absent fields stay as they are.
#[derive(Debug, Clone, Default)]
pub struct IntegrationChange {
    /// New name.
    pub name: Option<String>,
    /// `active` or `paused`.
    pub status: Option<IntegrationStatus>,
    /// Another chatbot; `Some(None)` for none.
    pub chatbot: Option<Option<ChatbotId>>,
    /// New settings of the type `slack`.
    pub slack: Option<SlackConfig>,
    /// New settings of the type `website`.
    pub website: Option<WebsiteConfig>,
}

impl App {
    /// Returns integrations of an organization, newest first; with `creator`, only those of this user.
    pub fn list_integrations<'a>(
        &'a self,
        org: &'a OrgId,
        creator: Option<&'a UserId>,
        page: &'a PageRequest,
    ) -> BoxFuture<'a, Result<Page<Integration>>> {
        Box::pin(async move { self.store.integrations(org).list(page, creator).await })
    }

    /// Returns an integration of an organization.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`].
    pub fn integration<'a>(&'a self, org: &'a OrgId, id: &'a IntegrationId) -> BoxFuture<'a, Result<Integration>> {
        Box::pin(async move { Ok(self.read_integration(org, id).await?.integration) })
    }

    async fn read_integration(&self, org: &OrgId, id: &IntegrationId) -> Result<ReadIntegration> {
        self.store.integrations(org).get(id).await?.ok_or(NO_INTEGRATION)
    }

    /// Creates an integration. One with Slack is `disconnected` until it is installed.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] for an unknown chatbot, [`Error::Invalid`] for its settings, [`Error::Conflict`]
    /// `too_many_integrations`.
    pub fn create_integration<'a>(
        &'a self,
        member: &'a Membership,
        actor: &'a Actor,
        new: NewIntegration,
    ) -> BoxFuture<'a, Result<Integration>> {
        Box::pin(async move {
            let now = self.clock.now();
            let (slack, website) = (new.slack.checked()?, new.website.checked()?);
            self.known_chatbots(&member.org, new.chatbot.iter().chain(slack.channels.values()))
                .await?;
            let integration = Integration {
                id: self.ids.make()?,
                org: member.org.clone(),
                created_by: member.member.clone(),
                kind: new.kind,
                name: new.name.trim().to_owned(),
                chatbot_id: new.chatbot,
                status: match new.kind {
                    IntegrationType::Slack => IntegrationStatus::Disconnected,
                    IntegrationType::Website => IntegrationStatus::Active,
                },
                problem: None,
                slack,
                website,
                connection: None,
                bot_token: None,
                signing_secret: None,
                identity_secret: None,
                created_at: now,
                updated_at: now,
            };
            let event = AuditEvent::new("integration.created", "integration", integration.id.as_str());
            let entry = self.entry(actor, &member.org, event.after(json!({"type": new.kind.name()})))?;
            if self
                .store
                .integrations(&member.org)
                .create(&integration, &entry)
                .await?
            {
                Ok(integration)
            } else {
                let detail = format!(
                    "This organization has {} integrations. Delete one before you create another.",
                    Integration::MAX
                );
                Err(Error::conflict("too_many_integrations", detail))
            }
        })
    }

    /// Changes an integration.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`], also for an unknown chatbot, [`Error::Forbidden`] `not_yours`, [`Error::Invalid`],
    /// and [`Error::Conflict`] `not_connected`.
    pub fn update_integration<'a>(
        &'a self,
        member: &'a Membership,
        actor: &'a Actor,
        id: &'a IntegrationId,
        change: IntegrationChange,
    ) -> BoxFuture<'a, Result<Integration>> {
        Box::pin(async move {
            let slack = change.slack.map(SlackConfig::checked).transpose()?;
            let website = change.website.map(WebsiteConfig::checked).transpose()?;
            let of_channels = slack.iter().flat_map(|slack| slack.channels.values());
            let named = change.chatbot.iter().flatten().chain(of_channels);
            self.known_chatbots(&member.org, named).await?;
            let make = |integration: &mut Integration| {
                if let Some(status) = change.status {
                    integration.status = integration.requested_status(status)?;
                    if status == IntegrationStatus::Active {
                        integration.problem = None;
                    }
                }
                if let Some(name) = &change.name {
                    name.trim().clone_into(&mut integration.name);
                }
                integration.chatbot_id = change.chatbot.clone().unwrap_or(integration.chatbot_id.take());
                integration.slack = slack.clone().unwrap_or_else(|| std::mem::take(&mut integration.slack));
                integration.website = website
                    .clone()
                    .unwrap_or_else(|| std::mem::take(&mut integration.website));
                Ok(())
            };
            self.change_integration((&member.org, id), Some(member), (actor, "integration.updated"), make)
                .await
        })
    }

    /// Deletes an integration. What people asked through it stays in the chat sessions of its creator.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`], [`Error::Forbidden`] `not_yours`.
    pub fn delete_integration<'a>(
        &'a self,
        member: &'a Membership,
        actor: &'a Actor,
        id: &'a IntegrationId,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let mut retry = OptimisticRetry::to_change("an integration");
            loop {
                retry.next().await?;
                let read = self.read_integration(&member.org, id).await?;
                if !member.may_change(&read.integration.created_by) {
                    return Err(NOT_YOURS);
                }
                let event = AuditEvent::new("integration.deleted", "integration", id.as_str());
                let event = event.before(json!({"type": read.integration.kind.name()}));
                let entry = self.entry(actor, &member.org, event)?;
                let integrations = self.store.integrations(&member.org);
                if integrations.delete(&read, &entry, self.clock.now()).await? {
                    self.revoke_slack_token(&read.integration).await;
                    let purge = Purge::Integration {
                        org_id: member.org.clone(),
                        integration_id: id.clone(),
                    };
                    self.queue_purge(&purge).await;
                    return Ok(());
                }
            }
        })
    }

    /// Changes an integration despite concurrent writes. `member`: who must be allowed to. The entry is added if the
    /// state or the workspace changes, or if it is not the system that changes it.
    async fn change_integration(
        &self,
        (org, id): (&OrgId, &IntegrationId),
        member: Option<&Membership>,
        (actor, action): (&Actor, &str),
        change: impl Fn(&mut Integration) -> Result<()>,
    ) -> Result<Integration> {
        let mut retry = OptimisticRetry::to_change("an integration");
        loop {
            retry.next().await?;
            let read = self.read_integration(org, id).await?;
            if member.is_some_and(|member| !member.may_change(&read.integration.created_by)) {
                return Err(NOT_YOURS);
            }
            let mut changed = read.integration.clone();
            change(&mut changed)?;
            if changed == read.integration {
                return Ok(changed);
            }
            changed.updated_at = self.clock.now();
            let promised = self.error_event(&read.integration, &changed).await?;
            let event = AuditEvent::new(action, "integration", id.as_str())
                .promise(promised)
                .before(json!({"status": read.integration.status}))
                .after(json!({"status": changed.status, "chatbot_id": changed.chatbot_id}));
            let entry = self.entry(actor, org, event)?;
            let saved = self.store.integrations(org).save(&read, &changed, Some(&entry)).await?;
            match saved {
                SavedIntegration::Done => return Ok(changed),
                SavedIntegration::Overtaken => {}
                SavedIntegration::TeamTaken => {
                    return Err(Error::conflict(
                        "workspace_taken",
                        "This workspace of Slack is connected to another integration. Delete that one first.",
                    ));
                }
            }
        }
    }

    /// Returns the event of an integration that stops working, if a webhook wants it.
    async fn error_event(&self, before: &Integration, after: &Integration) -> Result<Option<Box<WebhookEvent>>> {
        let has_failed = matches!(after.status, IntegrationStatus::Error | IntegrationStatus::Disconnected);
        let Some(problem) = after
            .problem
            .as_ref()
            .filter(|_| has_failed && before.problem != after.problem)
        else {
            return Ok(None);
        };
        let data = EventData::IntegrationError(IntegrationErrorEvent {
            integration_id: after.id.clone(),
            integration_type: after.kind,
            code: problem.code.clone(),
            detail: problem.detail.clone(),
        });
        let occurrence = format!("{} {} {}", after.id, problem.code, problem.at);
        self.event(&after.org, data, &occurrence).await
    }

    /// Records why an integration does not answer.
    async fn fail_integration(&self, failed: &Integration, code: &str, detail: &str) -> Result<()> {
        let problem = IntegrationProblem {
            code: code.to_owned(),
            detail: detail.to_owned(),
            at: self.clock.now(),
        };
        let place = (&failed.org, &failed.id);
        let actor = Actor::system();
        let changed = self.change_integration(place, None, (&actor, "integration.failed"), |integration| {
            // Installed again while the call that failed was on its way.
            if integration.connection != failed.connection {
                return Ok(());
            }
            let is_known = integration
                .problem
                .as_ref()
                .is_some_and(|known| known.code == problem.code);
            if integration.status == IntegrationStatus::Active || !is_known {
                integration.status = IntegrationStatus::Error;
                integration.problem = Some(problem.clone());
            }
            Ok(())
        });
        match changed.await {
            // Deleted in the meantime.
            Ok(_) | Err(Error::NotFound(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn known_chatbots(&self, org: &OrgId, ids: impl Iterator<Item = &ChatbotId>) -> Result<()> {
        let mut ids: Vec<&ChatbotId> = ids.collect();
        ids.sort_unstable();
        ids.dedup();
        for id in ids {
            self.chatbot(org, id).await?;
        }
        Ok(())
    }

    /// Removes what was stored for a deleted integration.
    pub(crate) async fn purge_integration(&self, org: &OrgId, id: &IntegrationId) -> Result<()> {
        if self.store.integrations(org).get(id).await?.is_some() {
            return Ok(());
        }
        let threads = store::keys::slack_threads(id);
        let rows = store::Partition::part(store::TableName::App, store::keys::tenant(org), threads);
        self.store.erase(&rows).await
    }
}
