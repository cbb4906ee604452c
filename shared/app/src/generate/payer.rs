//! Who asks a model, and who pays.

use llm::catalog;
use model::{Chatbot, ChatbotId, Error, Membership, OrgId, Result, User, UserId};

use crate::{
    Credential, Identity, KeyGrant,
    completions::{chatbot_model, is_chatbot},
};

/// Who asks, and whose limits count.
#[derive(Debug, Clone)]
pub struct Payer {
    /// The organization.
    pub org: OrgId,
    /// The person.
    pub user: UserId,
    /// The personal organization of the person: their days begin with its days.
    pub personal_org: OrgId,
    /// The API key, when one asks.
    pub key: Option<KeyGrant>,
    /// The chatbot that answers.
    pub chatbot: Option<ChatbotId>,
    /// Most tokens of the chatbot in a day.
    pub chatbot_cap: Option<u64>,
}

impl Payer {
    /// A caller in an organization.
    pub fn of(identity: &Identity, place: &Membership) -> Self {
        let key = match &identity.credential {
            Credential::Key(grant) => Some(grant.clone()),
            Credential::Session(_) | Credential::Clerk(_) => None,
        };
        Self {
            key,
            ..Self::user(&identity.user, &place.org)
        }
    }

    /// A person in an organization, for whom somebody else calls.
    pub fn user(user: &User, org: &OrgId) -> Self {
        Self {
            org: org.clone(),
            user: user.id.clone(),
            personal_org: user.personal_org.clone(),
            key: None,
            chatbot: None,
            chatbot_cap: None,
        }
    }

    /// The same, with the chatbot that answers.
    #[must_use]
    pub fn with_chatbot(self, bot: &Chatbot) -> Self {
        Self {
            chatbot: Some(bot.id.clone()),
            chatbot_cap: bot.settings.daily_token_cap,
            ..self
        }
    }

    /// The same, with the chatbot that answers with its own model: a key that may ask the chatbot need not know which
    /// that is.
    ///
    /// # Errors
    /// [`Error::Forbidden`] `model_not_allowed` for a key that may ask neither.
    pub fn asking(self, bot: &Chatbot) -> Result<Self> {
        let mut payer = self.with_chatbot(bot);
        if !payer.reaches(&chatbot_model(&bot.id)) {
            payer.may_ask(&bot.settings.model)?;
        } else if let Some(key) = &mut payer.key {
            key.models = None;
        }
        Ok(payer)
    }

    /// Whether the key, if one asks, may ask this model. Names of chatbots were put into the names of their models
    /// before, where they are understood.
    pub(crate) fn may_ask(&self, model: &str) -> Result<()> {
        if is_chatbot(model) {
            let detail = "names a chatbot, which cannot answer here: begin a chat session with it";
            return Err(Error::invalid("/model", detail));
        }
        if self.reaches(model) {
            return Ok(());
        }
        Err(Error::Forbidden {
            code: "model_not_allowed",
            detail: "This API key may not ask this model.",
        })
    }

    /// Whether a name is among the models of the key, by whichever of its names.
    fn reaches(&self, model: &str) -> bool {
        let allowed = self.key.as_ref().and_then(|key| key.models.as_ref());
        allowed.is_none_or(|models| {
            let asked = catalog::resolve(model);
            models.iter().any(|allowed| catalog::resolve(allowed) == asked)
        })
    }
}
