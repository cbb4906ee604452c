//! The caller of a model, and the account that is charged.

use domain::{Chatbot, ChatbotId, Error, Membership, Org, OrgId, Result, User, UserId};
use llm::catalog;

use crate::{
    Credential, Identity, KeyGrant,
    ai::completions::{chatbot_model, is_chatbot},
};

const NOT_ALLOWED: Error = Error::Forbidden {
    code: "model_not_allowed",
    detail: "This API key is not allowed to use this model.",
};

impl KeyGrant {
    /// Returns whether a model is in the key's allow-list, by any of its names.
    fn reaches(&self, model: &str) -> bool {
        self.models.as_ref().is_none_or(|models| {
            let asked = catalog::resolve(model);
            models.iter().any(|allowed| catalog::resolve(allowed) == asked)
        })
    }
}

impl Identity {
    /// Checks that the caller may configure a chatbot to answer with `model`; otherwise a key that may use the chatbot
    /// but not the model would gain access to it.
    ///
    /// # Errors
    /// Returns [`Error::Forbidden`] `model_not_allowed` for a key that may not use it.
    pub fn check_delegation(&self, model: &str) -> Result<()> {
        match &self.credential {
            Credential::Key(grant) if !grant.reaches(model) => Err(NOT_ALLOWED),
            Credential::Key(_) | Credential::Session(_) | Credential::Clerk(_) => Ok(()),
        }
    }
}

/// The caller, and whose limits apply.
#[derive(Debug, Clone)]
pub struct BillingContext {
    /// The organization.
    pub org: OrgId,
    /// The user.
    pub user: UserId,
    /// The user's personal organization, whose time zone defines the user's days.
    pub personal_org: OrgId,
    /// Maximum number of tokens of the user per day, if set.
    pub daily_limit: Option<u64>,
    /// The API key, if one was used.
    pub key: Option<KeyGrant>,
    /// The chatbot that answers, if any.
    pub chatbot: Option<ChatbotId>,
    /// Maximum number of tokens of the chatbot per day.
    pub chatbot_cap: Option<u64>,
}

impl BillingContext {
    /// Returns the context of a caller in an organization.
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

    /// Returns the context of a user in an organization on whose behalf someone else calls.
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

    /// Returns the context with the chatbot that answers.
    #[must_use]
    pub fn with_chatbot(self, bot: &Chatbot) -> Self {
        Self {
            chatbot: Some(bot.id.clone()),
            chatbot_cap: bot.settings.daily_token_cap,
            ..self
        }
    }

    /// Returns the context with the chatbot that answers with its own model. A key that may use the chatbot needs no
    /// access to that model.
    ///
    /// # Errors
    /// Returns [`Error::Forbidden`] `model_not_allowed` for a key that may use neither.
    pub fn asking(self, bot: &Chatbot) -> Result<Self> {
        let billing = self.with_chatbot(bot);
        if billing.reaches(&chatbot_model(&bot.id)) {
            return Ok(billing.without_model());
        }
        billing.may_ask(&bot.settings.model)?;
        Ok(billing)
    }

    /// Returns the context of an answer that no model writes: a key that may use its chatbot needs no access to a model.
    #[must_use]
    pub(crate) fn without_model(mut self) -> Self {
        if let Some(key) = &mut self.key {
            key.models = None;
        }
        self
    }

    /// Returns the organization if the request has already read it.
    pub(crate) fn known_org(&self) -> Option<&Org> {
        let known = self.key.as_ref().map(|key| key.org.as_ref());
        known.filter(|known| known.id == self.org)
    }

    /// Checks that the key, if one was used, may use this model. Chatbot names are resolved to their models beforehand
    /// where they are supported.
    pub(crate) fn may_ask(&self, model: &str) -> Result<()> {
        if is_chatbot(model) {
            let detail = "names a chatbot, which cannot answer here; create a chat session with it";
            return Err(Error::invalid("/model", detail));
        }
        if catalog::resolve(model).model.is_empty() {
            return Err(Error::invalid("/model", "must name a model after its provider"));
        }
        if self.reaches(model) { Ok(()) } else { Err(NOT_ALLOWED) }
    }

    /// Returns whether a model is in the key's allow-list, by any of its names.
    fn reaches(&self, model: &str) -> bool {
        self.key.as_ref().is_none_or(|key| key.reaches(model))
    }
}
