//! Who asks a model, and who pays.

use model::{Chatbot, ChatbotId, Error, Membership, OrgId, Result, User, UserId};

use crate::{Credential, Identity, KeyGrant};

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

    /// Whether the key, if one asks, may ask this model.
    pub(super) fn may_ask(&self, model: &str) -> Result<()> {
        let allowed = self.key.as_ref().and_then(|key| key.models.as_ref());
        if allowed.is_none_or(|models| models.iter().any(|allowed| allowed == model)) {
            return Ok(());
        }
        Err(Error::Forbidden {
            code: "model_not_allowed",
            detail: "This API key may not ask this model.",
        })
    }
}
