//! Who asks a model, and who pays.

use domain::{Chatbot, ChatbotId, Error, Membership, Org, OrgId, Result, User, UserId};
use llm::catalog;

use crate::{
    Credential, Identity, KeyGrant,
    ai::completions::{chatbot_model, is_chatbot},
};

const NOT_ALLOWED: Error = Error::Forbidden {
    code: "model_not_allowed",
    detail: "This API key may not ask this model.",
};

impl KeyGrant {
    /// Whether a name is among the models it may ask, by whichever of its names.
    fn reaches(&self, model: &str) -> bool {
        self.models.as_ref().is_none_or(|models| {
            let asked = catalog::resolve(model);
            models.iter().any(|allowed| catalog::resolve(allowed) == asked)
        })
    }
}

impl Identity {
    /// Whether the caller may have a chatbot answer with `model`: a key that may ask the chatbot, but not the model, would
    /// reach it so.
    ///
    /// # Errors
    /// [`Error::Forbidden`] `model_not_allowed` for a key that may not ask it.
    pub fn check_delegation(&self, model: &str) -> Result<()> {
        match &self.credential {
            Credential::Key(grant) if !grant.reaches(model) => Err(NOT_ALLOWED),
            Credential::Key(_) | Credential::Session(_) | Credential::Clerk(_) => Ok(()),
        }
    }
}

/// Who asks, and whose limits count.
#[derive(Debug, Clone)]
pub struct BillingContext {
    /// The organization.
    pub org: OrgId,
    /// The person.
    pub user: UserId,
    /// The personal organization of the person: their days begin with its days.
    pub personal_org: OrgId,
    /// Most tokens of the person in a day, where someone set it.
    pub daily_limit: Option<u64>,
    /// The API key, when one asks.
    pub key: Option<KeyGrant>,
    /// The chatbot that answers.
    pub chatbot: Option<ChatbotId>,
    /// Most tokens of the chatbot in a day.
    pub chatbot_cap: Option<u64>,
}

impl BillingContext {
    /// A caller in an organization.
    pub fn of(identity: &Identity, membership: &Membership) -> Self {
        let key = match &identity.credential {
            Credential::Key(grant) => Some(grant.clone()),
            Credential::Session(_) | Credential::Clerk(_) => None,
        };
        Self {
            key,
            ..Self::user(&identity.user, &membership.org)
        }
    }

    /// A person in an organization, for whom someone else calls.
    pub fn user(user: &User, org: &OrgId) -> Self {
        Self {
            org: org.clone(),
            user: user.id.clone(),
            personal_org: user.personal_org.clone(),
            daily_limit: user.daily_limit,
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
        let mut billing = self.with_chatbot(bot);
        if !billing.reaches(&chatbot_model(&bot.id)) {
            billing.may_ask(&bot.settings.model)?;
        } else if let Some(key) = &mut billing.key {
            key.models = None;
        }
        Ok(billing)
    }

    /// The organization as the request read it already, where it did.
    pub(crate) fn known_org(&self) -> Option<&Org> {
        let known = self.key.as_ref().map(|key| key.org.as_ref());
        known.filter(|known| known.id == self.org)
    }

    /// Whether the key, if one asks, may ask this model. Names of chatbots were put into the names of their models
    /// before, where they are understood.
    pub(crate) fn may_ask(&self, model: &str) -> Result<()> {
        if is_chatbot(model) {
            let detail = "names a chatbot, which cannot answer here: begin a chat session with it";
            return Err(Error::invalid("/model", detail));
        }
        if catalog::resolve(model).model.is_empty() {
            return Err(Error::invalid(
                "/model",
                "needs the name of a model behind its provider",
            ));
        }
        if self.reaches(model) { Ok(()) } else { Err(NOT_ALLOWED) }
    }

    /// Whether a name is among the models of the key, by whichever of its names.
    fn reaches(&self, model: &str) -> bool {
        self.key.as_ref().is_none_or(|key| key.reaches(model))
    }
}
