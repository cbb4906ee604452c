//! Requests of Slack: verified before anything else, and queued. What follows from one is the work of `answer_slack`.

use domain::{
    Error, Integration, IntegrationId, IntegrationStatus, Rating, Result, SlackEvent, SlackMessage, SlackQuestion,
    integrations::slack::SlackFile,
};
use futures::future::BoxFuture;
use slack::{Event, Incoming};

use super::{SIGNING_SECRET, place};
use crate::App;

/// What requests of the platform's app are signed with, or several secrets separated by commas.
const PLATFORM_SECRET: &str = "SLACK_SIGNING_SECRET";
/// Longest text of a question that is passed on, in bytes. Slack allows 40,000 characters.
const MAX_TEXT: usize = 100_000;

const FORGED: Error = Error::Unauthorized {
    code: "signature_invalid",
    detail: "The signature of this request is invalid. Check the signing secret.",
};

/// A request as received; untrusted until its signature is verified.
#[derive(Debug, Clone, Copy)]
pub struct SignedSlackRequest<'a> {
    /// `X-Slack-Request-Timestamp`.
    pub timestamp: &'a str,
    /// `X-Slack-Signature`.
    pub signature: &'a str,
    /// The exact bytes that were signed.
    pub body: &'a [u8],
    /// Organization and ID of the integration that the address names: that of an app of an organization's own.
    pub integration: Option<&'a str>,
}

/// What to respond.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SlackResponse {
    /// Nothing, because nothing follows from the request.
    Received,
    /// Nothing yet: a worker goes on.
    Queued,
    /// The challenge of a new address.
    Challenge(String),
}

/// Whose request it is, as far as an unverified body tells.
struct Sender {
    /// The integration of the workspace, or the one that the address names.
    integration: Option<Integration>,
}

impl Sender {
    /// Returns the integration if one of these workspaces is its own: an app may be installed in others as well.
    fn installed_in(&self, teams: &[String]) -> Option<&Integration> {
        self.integration.as_ref().filter(|integration| {
            let connection = integration.connection.as_ref();
            connection.is_some_and(|connection| teams.contains(&connection.team_id))
        })
    }
}

impl App {
    /// Verifies and queues an event.
    ///
    /// # Errors
    /// Returns [`Error::Unauthorized`] `signature_invalid`. All other errors have Slack repeat the event.
    pub fn receive_slack_event<'a>(&'a self, signed: SignedSlackRequest<'a>) -> BoxFuture<'a, Result<SlackResponse>> {
        Box::pin(async move {
            let (teams, incoming) = slack::read_event(signed.body).unwrap_or((Vec::new(), Incoming::Other));
            let sender = self.sender(&signed, &teams).await?;
            self.verify(&signed, &sender).await?;
            let integration = sender.installed_in(&teams);
            let event = match incoming {
                Incoming::UrlVerification(challenge) => return Ok(SlackResponse::Challenge(challenge)),
                Incoming::Event { event, event_time, .. } => integration.and_then(|it| queued(it, event, event_time)),
                Incoming::RateLimited => Some(SlackEvent::RateLimited),
                Incoming::Other => None,
            };
            self.queue_slack(integration, event).await
        })
    }

    /// Verifies and queues a click.
    ///
    /// # Errors
    /// As [`App::receive_slack_event`].
    pub fn receive_slack_interaction<'a>(
        &'a self,
        signed: SignedSlackRequest<'a>,
    ) -> BoxFuture<'a, Result<SlackResponse>> {
        Box::pin(async move {
            let (team, rated) = slack::read_interaction(signed.body).unwrap_or_default();
            let sender = self.sender(&signed, team.as_slice()).await?;
            self.verify(&signed, &sender).await?;
            let event = rated.map(|rated| SlackEvent::Feedback {
                rating: match rated.rating {
                    slack::Rating::Up => Rating::Up,
                    slack::Rating::Down => Rating::Down,
                },
                value: rated.value,
                channel: rated.channel,
                thread_ts: rated.thread_ts,
            });
            self.queue_slack(sender.installed_in(team.as_slice()), event).await
        })
    }

    /// Verifies and queues a slash command.
    ///
    /// # Errors
    /// As [`App::receive_slack_event`].
    pub fn receive_slack_command<'a>(&'a self, signed: SignedSlackRequest<'a>) -> BoxFuture<'a, Result<SlackResponse>> {
        Box::pin(async move {
            let (team, command) = match slack::read_command(signed.body) {
                Some((team, command)) => (team, Some(command)),
                None => (None, None),
            };
            let sender = self.sender(&signed, team.as_slice()).await?;
            self.verify(&signed, &sender).await?;
            let event = command.map(|command| SlackEvent::Command {
                text: cut(command.text),
                user: command.user,
                channel: command.channel,
                trigger_id: command.trigger_id,
                response_url: command.response_url,
            });
            self.queue_slack(sender.installed_in(team.as_slice()), event).await
        })
    }

    /// Returns who a request claims to come from.
    async fn sender(&self, signed: &SignedSlackRequest<'_>, teams: &[String]) -> Result<Sender> {
        let named = signed.integration.and_then(|named| named.split_once('.'));
        if let Some((org, id)) = named.filter(|(org, id)| is_id(org) && is_id(id)) {
            let (org, id) = (domain::OrgId(org.to_owned()), IntegrationId(id.to_owned()));
            let found = self.store.integrations(&org).get(&id).await?;
            return Ok(Sender {
                integration: found.map(|read| read.integration),
            });
        }
        for team in teams {
            if let Some(integration) = self.store.integration_of_team(team).await? {
                return Ok(Sender {
                    integration: Some(integration),
                });
            }
        }
        Ok(Sender { integration: None })
    }

    /// Compares the signature with the one secret that the sender signs with: that of its own app, else the platform's.
    async fn verify(&self, signed: &SignedSlackRequest<'_>, sender: &Sender) -> Result<()> {
        let own = match &sender.integration {
            Some(integration) => match &integration.signing_secret {
                Some(secret) => Some(self.decrypt_secret(place(integration, SIGNING_SECRET), secret).await?),
                None => None,
            },
            None => None,
        };
        let secret = match own {
            Some(own) => own,
            None => self.slack_app_secret(PLATFORM_SECRET).await?.ok_or(FORGED)?,
        };
        let now = self.clock.now().as_second();
        let is_signed = |secret: &str| slack::is_signed(signed.timestamp, signed.signature, signed.body, secret, now);
        let mut secrets = secret.expose().split(',').map(str::trim);
        if secrets.any(is_signed) { Ok(()) } else { Err(FORGED) }
    }

    async fn queue_slack(&self, integration: Option<&Integration>, event: Option<SlackEvent>) -> Result<SlackResponse> {
        if let (Some(integration), Some(event)) = (integration, event) {
            let is_removal = matches!(event, SlackEvent::Removed { .. });
            if integration.status == IntegrationStatus::Active || is_removal {
                let message = SlackMessage {
                    org_id: integration.org.clone(),
                    integration_id: integration.id.clone(),
                    event,
                };
                self.queues.send(&message).await?;
                return Ok(SlackResponse::Queued);
            }
        }
        Ok(SlackResponse::Received)
    }
}

/// Returns what a worker has to do about an event.
fn queued(integration: &Integration, event: Event, at: i64) -> Option<SlackEvent> {
    match event {
        Event::Message(message) => {
            let connection = integration.connection.as_ref()?;
            // What the bot itself says is no question, and a shared channel may have the bots of several workspaces.
            let is_meant = message.is_direct || is_mentioned(&message.text, &connection.bot_user_id);
            (is_meant && message.user != connection.bot_user_id).then(|| {
                let files = message.files.iter().map(|file| SlackFile {
                    name: file.name.clone(),
                    url: file.url.clone(),
                    size: file.size,
                });
                SlackEvent::Question(SlackQuestion {
                    thread_ts: message.thread().to_owned(),
                    files: files.collect(),
                    channel: message.channel,
                    is_direct: message.is_direct,
                    ts: message.ts,
                    user: message.user,
                    user_team: message.user_team,
                    text: cut(message.text),
                })
            })
        }
        Event::ThreadStarted { channel, thread_ts } => Some(SlackEvent::ThreadStarted { channel, thread_ts }),
        Event::AppUninstalled | Event::TokensRevoked { of_bot: true } => Some(SlackEvent::Removed { at }),
        Event::TokensRevoked { of_bot: false } | Event::Other => None,
    }
}

/// Returns whether a text mentions a user.
fn is_mentioned(text: &str, user: &str) -> bool {
    let mut mentions = text.split("<@").skip(1).filter_map(|rest| rest.strip_prefix(user));
    mentions.any(|rest| rest.starts_with(['>', '|']))
}

/// Returns whether a text can be an ID of ours.
fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn cut(mut text: String) -> String {
    let end = text.floor_char_boundary(MAX_TEXT);
    text.truncate(end);
    text
}
