//! Sessions of visitors.

use std::time::Duration;

use domain::{
    ChatbotId, Conversation, ConversationChannel, ConversationId, Error, IntegrationId, Network, OrgId, Result, Secret,
    Timestamp, User, UserId, rate_limit::WIDGET_SESSIONS, time::after,
};
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use store::keys;

use super::{PAUSED, Website};
use crate::{App, auth::tokens::ISSUER};

/// Audience of these tokens: no other kind of token is accepted as one, and none of these elsewhere.
const AUDIENCE: &str = "parlance-widget";
/// How long a session lasts.
const LIFETIME: Duration = Duration::from_hours(24 * 7);

pub(super) const EXPIRED: Error = Error::Unauthorized {
    code: "session_expired",
    detail: "The conversation has ended. Begin a new one.",
};

/// A session that was begun.
#[derive(Debug)]
pub struct WidgetSession {
    /// The token that stands for it.
    pub id: Secret,
    /// First message of the chatbot.
    pub welcome_message: Option<String>,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// A visitor with a session, on a page that may embed the chatbot.
#[derive(Debug, Clone)]
pub struct Visit {
    pub(super) website: Website,
    pub(super) conversation: Conversation,
    /// The account that is charged, and whose chat session the conversation is.
    pub(super) payer: User,
}

#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    /// The account whose chat session the conversation is.
    sub: UserId,
    org: OrgId,
    integration: IntegrationId,
    chatbot: ChatbotId,
    conversation: ConversationId,
    origin: String,
    iat: i64,
    exp: i64,
}

impl App {
    /// Begins a session of a visitor. `identity`: who they are by their site.
    ///
    /// # Errors
    /// Returns [`Error::TooMany`] `too_many_sessions`, [`Error::Unauthorized`] `identity_required` or
    /// `identity_invalid`, and [`Error::Forbidden`] `widget_paused` if nobody can be charged.
    pub fn begin_widget_session<'a>(
        &'a self,
        website: &'a Website,
        network: Option<&'a Network>,
        identity: Option<&'a Secret>,
    ) -> BoxFuture<'a, Result<WidgetSession>> {
        Box::pin(async move {
            let integration = &website.integration;
            if let Some(network) = network {
                let detail = "Too many conversations were begun from your network. Please try again later.";
                let key = keys::widget_sessions(&integration.id, network);
                self.count_against(&key, WIDGET_SESSIONS, "too_many_sessions", detail)
                    .await?;
            }
            let visitor = self.visitor(integration, identity).await?;
            let payer = self.website_payer(website).await?;
            let now = self.clock.now();
            let conversation = Conversation {
                id: self.ids.make()?,
                org: integration.org.clone(),
                user: payer.id.clone(),
                chatbot: Some(website.chatbot.id.clone()),
                title: None,
                pinned: false,
                model: None,
                channel: Some(ConversationChannel::Website),
                visitor,
                documents: Vec::new(),
                head: None,
                rev: 0,
                created_at: now,
                updated_at: now,
            };
            let expires_at = after(now, LIFETIME);
            let claims = Claims {
                iss: ISSUER.to_owned(),
                aud: AUDIENCE.to_owned(),
                sub: payer.id.clone(),
                org: integration.org.clone(),
                integration: integration.id.clone(),
                chatbot: website.chatbot.id.clone(),
                conversation: conversation.id.clone(),
                origin: website.origin.clone(),
                iat: now.as_second(),
                exp: expires_at.as_second(),
            };
            let id = self.signing_keys().await?.sign_claims(&claims, now)?;
            self.conversations(&conversation.org, &conversation.user)
                .create(&conversation)
                .await?;
            Ok(WidgetSession {
                id,
                welcome_message: website.chatbot.settings.welcome_message.clone(),
                expires_at,
            })
        })
    }

    /// Returns the visitor of a session on a page.
    ///
    /// # Errors
    /// Returns [`Error::Unauthorized`] `session_expired` for every token that is not one of this page and chatbot, and
    /// if its conversation was deleted.
    pub fn visit<'a>(&'a self, website: Website, session: &'a Secret) -> BoxFuture<'a, Result<Visit>> {
        Box::pin(async move {
            let claims: Claims = self
                .verify_claims(session, AUDIENCE)
                .await
                .map_err(|error| match error {
                    Error::Unauthorized { .. } => EXPIRED,
                    error => error,
                })?;
            let integration = &website.integration;
            let is_here = claims.origin == website.origin
                && claims.chatbot == website.chatbot.id
                && claims.integration == integration.id
                && claims.org == integration.org;
            if !is_here || self.clock.now().as_second() >= claims.exp {
                return Err(EXPIRED);
            }
            let payer = self.website_payer(&website).await?;
            // Who is charged has changed: the conversation is that of another account.
            if payer.id != claims.sub {
                return Err(EXPIRED);
            }
            let conversation = self
                .conversations(&claims.org, &payer.id)
                .get(&claims.conversation)
                .await?
                .ok_or(EXPIRED)?;
            Ok(Visit {
                website,
                conversation,
                payer,
            })
        })
    }

    /// Returns the account that is charged for what visitors ask.
    async fn website_payer(&self, website: &Website) -> Result<User> {
        let integration = &website.integration;
        if let Some(payer) = self.payer(&integration.org, &integration.created_by).await? {
            return Ok(payer);
        }
        let detail = "The account that created this integration is no longer active. Create the integration again.";
        self.fail_integration(integration, "no_account", detail).await?;
        Err(PAUSED)
    }
}
