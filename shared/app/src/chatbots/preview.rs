//! Previews: answers of a chatbot that is still being set up, for its editors, and of a published one, for visitors.
//! Nothing is stored but what they cost.

use domain::{
    Chatbot, ChatbotId, ChatbotSettings, DocumentId, Membership, Network, OrgId, OrgRole, Result, User, UserId,
    UserStatus,
};
use futures::future::BoxFuture;
use llm::Message;

use super::NO_CHATBOT;
use crate::{App, BillingContext, Completion, CompletionRequest, GenerationOptions, Identity};

/// Who asks, what answers, and who pays.
#[derive(Debug, Clone)]
pub struct Preview {
    /// The chatbot. It has no ID if it is not the stored one.
    pub chatbot: Chatbot,
    billing: BillingContext,
}

impl App {
    /// Returns the chatbot that a member previews: a stored one or a new one, with these documents instead of its own.
    /// Its settings may be changed.
    ///
    /// # Errors
    /// Returns [`NotFound`](domain::Error::NotFound) for an unknown chatbot or document, [`Invalid`](domain::Error::Invalid) for too many documents.
    pub fn preview_of_member<'a>(
        &'a self,
        identity: &'a Identity,
        member: &'a Membership,
        id: Option<&'a ChatbotId>,
        documents: Option<Vec<DocumentId>>,
    ) -> BoxFuture<'a, Result<Preview>> {
        Box::pin(async move {
            let mut billing = BillingContext::of(identity, member);
            let now = self.clock.now();
            let mut chatbot = match id {
                Some(id) => {
                    let chatbot = self.chatbot(&member.org, id).await?;
                    billing = billing.with_chatbot(&chatbot);
                    chatbot
                }
                None => Chatbot {
                    id: ChatbotId(String::new()),
                    org: member.org.clone(),
                    created_by: identity.user.id.clone(),
                    name: String::new(),
                    description: None,
                    settings: ChatbotSettings::default(),
                    documents: Vec::new(),
                    published: None,
                    created_at: now,
                    updated_at: now,
                },
            };
            if let Some(documents) = documents {
                chatbot.documents = self.known_documents(&member.org, documents).await?;
                chatbot.id = ChatbotId(String::new());
            }
            Ok(Preview { chatbot, billing })
        })
    }

    /// Returns a published chatbot for a visitor, counting the request of their network. Who created it pays, or an
    /// owner of the organization if that member left.
    ///
    /// # Errors
    /// Returns [`NotFound`](domain::Error::NotFound) for a chatbot that is not published, [`Limit`](domain::Error::Limit) for too many requests.
    pub fn preview_of_visitor<'a>(
        &'a self,
        network: Option<&'a Network>,
        id: &'a ChatbotId,
    ) -> BoxFuture<'a, Result<Preview>> {
        Box::pin(async move {
            if let Some(network) = network {
                self.count_request_of_network(network).await?;
            }
            let published = self.store.published_chatbot(id).await?;
            let chatbot = published.and_then(Chatbot::as_published).ok_or(NO_CHATBOT)?;
            let payer = self.payer(&chatbot.org, &chatbot.created_by).await?.ok_or(NO_CHATBOT)?;
            let billing = BillingContext::user(&payer, &chatbot.org).with_chatbot(&chatbot);
            Ok(Preview { chatbot, billing })
        })
    }

    /// Answers the last of `messages`.
    ///
    /// # Errors
    /// Returns the errors of [`App::complete_whole`].
    pub fn preview(&self, preview: Preview, messages: Vec<Message>) -> BoxFuture<'_, Result<Completion>> {
        let Preview { chatbot, billing } = preview;
        let asked = CompletionRequest {
            model: chatbot.settings.model.clone(),
            messages,
            options: GenerationOptions::default(),
        };
        self.complete_whole_as(billing, Some(chatbot), asked)
    }

    /// Returns the account that visitors are charged to: who created what they use, or an owner of the organization if
    /// that member left.
    pub(crate) async fn payer(&self, org: &OrgId, creator: &UserId) -> Result<Option<User>> {
        let accounts = self.store.accounts();
        let is_member = accounts.membership(org, creator).await?.is_some();
        let mut payer = None;
        if is_member {
            payer = accounts.get(creator).await?;
        }
        if payer.is_none() {
            let members = self.store.orgs().members(org).await?;
            if let Some(owner) = members.iter().find(|member| member.role == OrgRole::Owner) {
                payer = accounts.get(&owner.member).await?;
            }
        }
        Ok(payer.filter(|payer| payer.status == UserStatus::Active))
    }
}
