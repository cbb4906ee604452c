//! Chatbots: who may change them, and the documents they answer from.

pub(crate) mod evaluation;
pub(crate) mod preview;

use domain::{
    Actor, Chatbot, ChatbotId, ChatbotSettings, Document, DocumentId, Error, EventData, Membership, OrgId, Page,
    PageRequest, Purge, Result, UserId, webhooks::data::ChatbotEvent,
};
use futures::future::BoxFuture;
use store::ChatbotChange;

use crate::{App, Identity, audit::audit_event::AuditEvent};

pub(crate) const NO_CHATBOT: Error = Error::NotFound("chatbot");
const NOT_YOURS: Error = Error::Forbidden {
    code: "not_yours",
    detail: "Only the creator of this chatbot, or an owner or admin of the organization, can change it.",
};

/// A request for a new chatbot.
#[derive(Debug, Clone)]
pub struct NewChatbot {
    /// Display name.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// How it answers.
    pub settings: ChatbotSettings,
    /// Whether the caller chose its model, rather than taking the default.
    pub names_model: bool,
    /// The documents it answers from.
    pub documents: Vec<DocumentId>,
}

impl App {
    /// Returns chatbots of an organization, newest first; with `creator`, only those of this user.
    pub fn list_chatbots<'a>(
        &'a self,
        org: &'a OrgId,
        creator: Option<&'a UserId>,
        page: &'a PageRequest,
    ) -> BoxFuture<'a, Result<Page<Chatbot>>> {
        Box::pin(async move { self.store.chatbots(org).list(page, creator).await })
    }

    /// Returns a chatbot of an organization.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`].
    pub fn chatbot<'a>(&'a self, org: &'a OrgId, id: &'a ChatbotId) -> BoxFuture<'a, Result<Chatbot>> {
        Box::pin(async move { self.store.chatbots(org).get(id).await?.ok_or(NO_CHATBOT) })
    }

    /// Returns the documents of a chatbot, newest first.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`].
    pub fn documents_of_chatbot<'a>(
        &'a self,
        org: &'a OrgId,
        id: &'a ChatbotId,
        page: &'a PageRequest,
    ) -> BoxFuture<'a, Result<Page<Document>>> {
        Box::pin(async move {
            let chatbot = self.chatbot(org, id).await?;
            let is_left = |id: &&DocumentId| page.after.as_deref().is_none_or(|after| id.as_str() < after);
            let mut left = chatbot.documents.into_iter().rev();
            let ids: Vec<DocumentId> = left
                .by_ref()
                .filter(|id| is_left(&id))
                .take(page.limit.into())
                .collect();
            let next = left.next().and(ids.last()).map(|last| last.0.clone());
            Ok(Page {
                items: self.store.documents(org).get_many(&ids).await?,
                next,
            })
        })
    }

    /// Creates a chatbot.
    ///
    /// # Errors
    /// Returns [`Error::Forbidden`] `model_not_allowed` for an API key that may not use its model, [`Error::NotFound`]
    /// for an unknown document, [`Error::Invalid`] for too many, and [`Error::Limit`] if the organization has as many
    /// chatbots as its plan allows.
    pub fn create_chatbot<'a>(
        &'a self,
        identity: &'a Identity,
        org: &'a OrgId,
        new: NewChatbot,
    ) -> BoxFuture<'a, Result<Chatbot>> {
        Box::pin(async move {
            if new.names_model {
                identity.check_delegation(&new.settings.model)?;
            }
            if let Some(model) = &new.settings.rerank_model {
                identity.check_delegation(model)?;
            }
            let now = self.clock.now();
            let chatbot = Chatbot {
                id: self.ids.make()?,
                org: org.clone(),
                created_by: identity.user.id.clone(),
                name: new.name.trim().to_owned(),
                description: new.description.filter(|text| !text.trim().is_empty()),
                settings: new.settings,
                documents: self.known_documents(org, new.documents).await?,
                published: None,
                created_at: now,
                updated_at: now,
            };
            let own = self.entitlements_of(org).await?;
            let created = self.store.chatbots(org).create(&chatbot, &own).await?;
            created.map_err(Error::plan_limit)?;
            Ok(chatbot)
        })
    }

    /// Changes a chatbot.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`], also for an unknown document, [`Error::Forbidden`] `not_yours` or
    /// `model_not_allowed`, and [`Error::Invalid`] for too many documents.
    pub fn update_chatbot<'a>(
        &'a self,
        identity: &'a Identity,
        member: &'a Membership,
        id: &'a ChatbotId,
        mut change: ChatbotChange,
    ) -> BoxFuture<'a, Result<Chatbot>> {
        Box::pin(async move {
            self.changeable_chatbot(member, id).await?;
            let is_model = |name: &str| matches!(name, "settings.model" | "settings.rerank_model");
            let models = change.settings.iter().filter(|(name, _)| is_model(name));
            for model in models.filter_map(|(_, model)| model.as_str()) {
                identity.check_delegation(model)?;
            }
            if let Some(documents) = change.documents.take() {
                change.documents = Some(self.known_documents(&member.org, documents).await?);
            }
            let chatbots = self.store.chatbots(&member.org);
            chatbots.update(id, &change, self.clock.now()).await?.ok_or(NO_CHATBOT)
        })
    }

    /// Creates a chatbot with the settings and documents of another. It is not published.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] and the errors of [`App::create_chatbot`].
    pub fn clone_chatbot<'a>(
        &'a self,
        identity: &'a Identity,
        org: &'a OrgId,
        id: &'a ChatbotId,
        name: Option<String>,
    ) -> BoxFuture<'a, Result<Chatbot>> {
        Box::pin(async move {
            let original = self.chatbot(org, id).await?;
            // Documents that are deleted disappear from chatbots a moment later.
            let documents = self.store.documents(org).get_many(&original.documents).await?;
            let new = NewChatbot {
                name: name.unwrap_or_else(|| name_of_copy(&original.name)),
                description: original.description,
                settings: original.settings,
                names_model: true,
                documents: documents.into_iter().map(|document| document.id).collect(),
            };
            self.create_chatbot(identity, org, new).await
        })
    }

    /// Publishes a chatbot: visitors see its name and settings as they are now. Publishing it again replaces what they
    /// see. Changes of its documents need no publication.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`], [`Error::Forbidden`] `not_yours`.
    pub fn publish_chatbot<'a>(
        &'a self,
        member: &'a Membership,
        actor: &'a Actor,
        id: &'a ChatbotId,
    ) -> BoxFuture<'a, Result<Chatbot>> {
        Box::pin(async move {
            let chatbot = self.changeable_chatbot(member, id).await?;
            let data = EventData::ChatbotPublished(ChatbotEvent {
                chatbot_id: id.clone(),
                name: chatbot.name,
            });
            let occurrence = format!("{id} {}", self.clock.now());
            let promised = self.event(&member.org, data, &occurrence).await?;
            let event = AuditEvent::new("chatbot.published", "chatbot", id.as_str()).promise(promised);
            let entry = self.entry(actor, &member.org, event)?;
            let chatbots = self.store.chatbots(&member.org);
            if chatbots.publish(id, self.clock.now(), &entry).await? {
                self.chatbot(&member.org, id).await
            } else {
                Err(NO_CHATBOT)
            }
        })
    }

    /// Ends the publication of a chatbot, if it is published: visitors no longer find it.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`], [`Error::Forbidden`] `not_yours`.
    pub fn unpublish_chatbot<'a>(
        &'a self,
        member: &'a Membership,
        actor: &'a Actor,
        id: &'a ChatbotId,
    ) -> BoxFuture<'a, Result<Chatbot>> {
        Box::pin(async move {
            let chatbot = self.changeable_chatbot(member, id).await?;
            if chatbot.published.is_none() {
                return Ok(chatbot);
            }
            let event = AuditEvent::new("chatbot.unpublished", "chatbot", id.as_str());
            let entry = self.entry(actor, &member.org, event)?;
            self.store.chatbots(&member.org).unpublish(id, &entry).await?;
            self.chatbot(&member.org, id).await
        })
    }

    /// Deletes a chatbot. Its documents stay.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`], [`Error::Forbidden`] `not_yours`.
    pub fn delete_chatbot<'a>(&'a self, member: &'a Membership, id: &'a ChatbotId) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            self.changeable_chatbot(member, id).await?;
            if !self.store.chatbots(&member.org).delete(id, self.clock.now()).await? {
                return Err(NO_CHATBOT);
            }
            let purge = Purge::Chatbot {
                org_id: member.org.clone(),
                chatbot_id: id.clone(),
            };
            self.queue_purge(&purge).await;
            Ok(())
        })
    }

    /// Adds documents to those that a chatbot answers from.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`], also for an unknown document, [`Error::Forbidden`] `not_yours`, and
    /// [`Error::Invalid`] if it would have more than [`Chatbot::MAX_DOCUMENTS`].
    pub fn assign_documents<'a>(
        &'a self,
        member: &'a Membership,
        id: &'a ChatbotId,
        documents: Vec<DocumentId>,
    ) -> BoxFuture<'a, Result<Chatbot>> {
        Box::pin(async move {
            let chatbot = self.changeable_chatbot(member, id).await?;
            let mut documents = self.known_documents(&member.org, documents).await?;
            documents.retain(|id| !chatbot.documents.contains(id));
            let chatbots = self.store.chatbots(&member.org);
            match chatbots.assign(id, &documents, self.clock.now()).await? {
                Some(chatbot) => Ok(chatbot),
                None if chatbots.get(id).await?.is_none() => Err(NO_CHATBOT),
                None => Err(too_many_documents()),
            }
        })
    }

    /// Removes a document from those that a chatbot answers from. The document itself stays.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`], also if the chatbot does not have the document, and [`Error::Forbidden`]
    /// `not_yours`.
    pub fn unassign_document<'a>(
        &'a self,
        member: &'a Membership,
        id: &'a ChatbotId,
        document: &'a DocumentId,
    ) -> BoxFuture<'a, Result<Chatbot>> {
        Box::pin(async move {
            self.changeable_chatbot(member, id).await?;
            let chatbots = self.store.chatbots(&member.org);
            let changed = chatbots.unassign(id, document, self.clock.now()).await?;
            changed.ok_or(Error::NotFound("document"))
        })
    }

    pub(crate) async fn changeable_chatbot(&self, member: &Membership, id: &ChatbotId) -> Result<Chatbot> {
        let chatbot = self.chatbot(&member.org, id).await?;
        if member.may_change(&chatbot.created_by) {
            Ok(chatbot)
        } else {
            Err(NOT_YOURS)
        }
    }

    /// Returns the distinct IDs if all of them are documents of the organization.
    pub(crate) async fn known_documents(&self, org: &OrgId, mut ids: Vec<DocumentId>) -> Result<Vec<DocumentId>> {
        ids.sort_unstable();
        ids.dedup();
        if ids.len() > Chatbot::MAX_DOCUMENTS {
            return Err(too_many_documents());
        }
        let found = self.store.documents(org).get_many(&ids).await?;
        if found.len() == ids.len() {
            Ok(ids)
        } else {
            Err(Error::NotFound("document"))
        }
    }
}

/// Returns the name of a copy, within the maximum length.
fn name_of_copy(name: &str) -> String {
    format!("Copy of {name}").chars().take(Chatbot::MAX_NAME).collect()
}

fn too_many_documents() -> Error {
    Error::invalid(
        "/documents",
        format!("must name at most {} documents", Chatbot::MAX_DOCUMENTS),
    )
}
