//! The widget: visitors of a web site talk to a chatbot, at the expense of the organization.
//!
//! A visitor has no account. What they may do follows from the page they are on, whose origin an integration allows, and
//! from their session: a signed token that names chatbot, integration, origin and conversation. Everything is charged to
//! the creator of the integration, whose chat session the conversation is.

mod ask;
mod contact;
mod identity;
mod session;

use domain::{
    Chatbot, ChatbotId, Error, Integration, IntegrationStatus, Result, integrations::website::WidgetAppearance,
};
use futures::future::BoxFuture;

pub use self::{
    ask::VisitorAnswer,
    contact::{Contact, Handover},
    session::{Visit, WidgetSession},
};
use crate::App;

/// The page is not one of those that may embed the widget.
const ORIGIN_NOT_ALLOWED: Error = Error::Forbidden {
    code: "origin_not_allowed",
    detail: "This page may not embed the chatbot. Add its origin to `allowed_origins` of the integration.",
};

/// The organization has paused the integration, or nobody can be charged.
const PAUSED: Error = Error::Forbidden {
    code: "widget_paused",
    detail: "This chatbot is not available at the moment. Please try again later.",
};

/// A chatbot on a web site, as visitors of one page reach it.
#[derive(Debug, Clone)]
pub struct Website {
    /// The integration that allows the page.
    pub(crate) integration: Integration,
    /// The chatbot as visitors see it.
    pub(crate) chatbot: Chatbot,
    /// Origin of the page.
    pub(crate) origin: String,
}

impl Website {
    /// Returns the ID of the chatbot.
    pub fn chatbot_id(&self) -> &ChatbotId {
        &self.chatbot.id
    }
}

/// What the widget shows before a visitor writes.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of its own")]
pub struct WidgetConfig {
    /// The chatbot.
    pub chatbot_id: ChatbotId,
    /// Its name.
    pub name: String,
    /// Its first message.
    pub welcome_message: Option<String>,
    /// Questions that are offered.
    pub suggested_questions: Vec<String>,
    /// What it looks like.
    pub appearance: WidgetAppearance,
    /// Whether visitors may rate answers.
    pub feedback: bool,
    /// Whether visitors may leave their name and address.
    pub lead_form: bool,
    /// Whether visitors may ask for a person.
    pub handover: bool,
    /// Whether only visitors whom the site has signed in may ask.
    pub identity_required: bool,
    /// Whether the product's name stands below.
    pub powered_by: bool,
}

impl App {
    /// Returns the chatbot that a page of this origin embeds, as its browser sent it.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] if the chatbot is on no web site, [`Error::Forbidden`] `origin_not_allowed`, and
    /// [`Error::Forbidden`] `widget_paused` while the integration is paused.
    pub fn website<'a>(&'a self, chatbot: &'a ChatbotId, origin: Option<&'a str>) -> BoxFuture<'a, Result<Website>> {
        Box::pin(async move {
            let integrations = self.store.websites_of(chatbot).await?;
            if integrations.is_empty() {
                return Err(Error::NotFound("chatbot"));
            }
            let origin = origin.ok_or(ORIGIN_NOT_ALLOWED)?;
            let mut allowing = integrations.into_iter().filter(|it| it.website.allows(origin));
            let first = allowing.next().ok_or(ORIGIN_NOT_ALLOWED)?;
            // Several may allow the same page; one that is paused does not silence the others.
            let is_active = |it: &Integration| it.status == IntegrationStatus::Active;
            let integration = if is_active(&first) {
                first
            } else {
                allowing.find(is_active).ok_or(PAUSED)?
            };
            let Some(chatbot) = self.store.chatbots(&integration.org).get(chatbot).await? else {
                let detail = "The chatbot of this integration was deleted. Choose another one.";
                self.fail_integration(&integration, "chatbot_deleted", detail).await?;
                return Err(Error::NotFound("chatbot"));
            };
            Ok(Website {
                integration,
                chatbot: chatbot.clone().as_published().unwrap_or(chatbot),
                origin: origin.to_owned(),
            })
        })
    }

    /// Returns what the widget shows on a page.
    pub fn widget_config<'a>(&'a self, website: &'a Website) -> BoxFuture<'a, Result<WidgetConfig>> {
        Box::pin(async move {
            let (config, chatbot) = (&website.integration.website, &website.chatbot);
            let mut appearance = config.appearance.clone();
            appearance.title.get_or_insert_with(|| chatbot.name.clone());
            appearance.color = appearance.color.or_else(|| chatbot.settings.color.clone());
            Ok(WidgetConfig {
                chatbot_id: chatbot.id.clone(),
                name: chatbot.name.clone(),
                welcome_message: chatbot.settings.welcome_message.clone(),
                suggested_questions: chatbot.settings.suggested_questions.clone(),
                appearance,
                feedback: config.feedback,
                lead_form: config.lead_form,
                handover: config.handover,
                identity_required: config.identity_required,
                powered_by: !self.hides_branding(&website.integration).await?,
            })
        })
    }

    async fn hides_branding(&self, integration: &Integration) -> Result<bool> {
        let look = self.look_of(&integration.org).await?;
        Ok(look.is_some_and(|look| look.hide_branding))
    }
}
