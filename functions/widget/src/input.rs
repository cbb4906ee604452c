//! Request bodies.

use app::{Contact, Handover};
use domain::{
    ChatbotId, Email, Error, MessageId, Rating, Result, Secret, WebsiteConfig, integrations::visitor::Visitor,
};
use garde::Validate;
use http_api::{not_blank, readable_text};
use schemars::JsonSchema;
use serde::Deserialize;

/// A new session.
#[derive(Deserialize, Validate, JsonSchema)]
#[garde(allow_unvalidated)]
#[schemars(rename = "WidgetSessionRequest")]
pub(crate) struct NewSession {
    /// The chatbot, as in the path.
    pub(crate) chatbot_id: Option<ChatbotId>,
    /// Who the visitor is: a JWT that their site signed (HS256) with the identity secret of the integration, with `sub`
    /// and `exp`, and perhaps `name` and `email`.
    pub(crate) identity: Option<Secret>,
}

/// A question of a visitor.
#[derive(Deserialize, Validate, JsonSchema)]
#[garde(allow_unvalidated)]
#[schemars(rename = "WidgetMessageRequest")]
pub(crate) struct NewQuestion {
    /// The token of the session.
    pub(crate) session_id: Secret,
    /// The question.
    #[garde(length(chars, max = WebsiteConfig::MAX_QUESTION), custom(not_blank))]
    #[schemars(regex(pattern = http_api::NOT_BLANK))]
    pub(crate) message: String,
    /// Stream the answer as events; the same as `Accept: text/event-stream`.
    #[serde(default)]
    pub(crate) stream: bool,
}

/// A rating of an answer.
#[derive(Deserialize, Validate, JsonSchema)]
#[garde(allow_unvalidated)]
#[schemars(rename = "WidgetRating")]
pub(crate) struct NewRating {
    /// The token of the session.
    pub(crate) session_id: Secret,
    /// The answer.
    pub(crate) message_id: MessageId,
    /// The rating: good or bad; null to remove it.
    pub(crate) rating: Option<Rating>,
    /// A comment.
    #[garde(length(chars, max = Visitor::MAX_NOTE), inner(custom(readable_text)))]
    #[schemars(regex(pattern = http_api::READABLE_TEXT))]
    pub(crate) comment: Option<String>,
}

/// The address of a visitor.
#[derive(Deserialize, Validate, JsonSchema)]
#[garde(allow_unvalidated)]
#[schemars(rename = "WidgetLead")]
pub(crate) struct NewContact {
    /// The token of the session.
    pub(crate) session_id: Secret,
    /// Name.
    #[garde(length(chars, max = Visitor::MAX_NAME), inner(custom(readable_text)))]
    #[schemars(regex(pattern = http_api::READABLE_TEXT))]
    name: Option<String>,
    /// Address of email.
    #[garde(length(chars, max = Visitor::MAX_EMAIL))]
    #[schemars(email)]
    email: String,
    /// What they want.
    #[garde(length(chars, max = Visitor::MAX_NOTE), inner(custom(readable_text)))]
    #[schemars(regex(pattern = http_api::READABLE_TEXT))]
    message: Option<String>,
}

/// The wish for a person.
#[derive(Deserialize, Validate, JsonSchema)]
#[garde(allow_unvalidated)]
#[schemars(rename = "WidgetHandover")]
pub(crate) struct NewHandover {
    /// The token of the session.
    pub(crate) session_id: Secret,
    /// Address of email for the reply.
    #[garde(length(chars, max = Visitor::MAX_EMAIL))]
    #[schemars(email)]
    email: Option<String>,
    /// What they want.
    #[garde(length(chars, max = Visitor::MAX_NOTE), inner(custom(readable_text)))]
    #[schemars(regex(pattern = http_api::READABLE_TEXT))]
    message: Option<String>,
}

fn given(text: Option<String>) -> Option<String> {
    text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

fn address(email: &str) -> Result<String> {
    let invalid = |_| Error::invalid("/email", "must be an address such as ada@example.com");
    Email::parse(email).map(|email| email.to_string()).map_err(invalid)
}

impl NewContact {
    /// Returns what the visitor left.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`] at `/email`.
    pub(crate) fn contact(self) -> Result<Contact> {
        Ok(Contact {
            name: given(self.name),
            email: address(&self.email)?,
            note: given(self.message),
        })
    }
}

impl NewHandover {
    /// Returns what the visitor wants.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`] at `/email`.
    pub(crate) fn handover(self) -> Result<Handover> {
        Ok(Handover {
            email: given(self.email).as_deref().map(address).transpose()?,
            note: given(self.message),
        })
    }
}
