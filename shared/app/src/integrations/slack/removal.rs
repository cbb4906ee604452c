//! Installations that end at Slack, and what else Slack tells about a workspace.

use domain::{Actor, Error, Integration, IntegrationProblem, IntegrationStatus, Rating, Result, SlackEvent};

use crate::{App, Delivery};

impl App {
    /// Processes what happened in a workspace.
    pub(super) async fn slack_event(
        &self,
        integration: &Integration,
        event: &SlackEvent,
        delivery: &Delivery,
    ) -> Result<()> {
        if let SlackEvent::Removed { at } = event {
            return self.disconnect_slack(integration, *at).await;
        }
        if integration.status != IntegrationStatus::Active {
            return Ok(());
        }
        let Some(connected) = self.connected(integration).await? else {
            return Ok(());
        };
        match event {
            SlackEvent::Question(question) => connected.answer(question, delivery).await,
            SlackEvent::Command {
                text,
                user,
                channel,
                trigger_id,
                response_url,
            } => {
                let command = (text.as_str(), user.as_str(), channel.as_str());
                connected
                    .answer_command(command, (trigger_id, response_url), delivery)
                    .await
            }
            SlackEvent::Feedback {
                rating,
                value,
                channel,
                thread_ts,
            } => {
                self.rate_slack_answer(integration, *rating, value, (channel, thread_ts))
                    .await
            }
            SlackEvent::ThreadStarted { channel, thread_ts } => connected.greet(channel, thread_ts, delivery).await,
            SlackEvent::RateLimited => {
                tracing::warn!(integration = integration.id.as_str(), "slack.events_dropped");
                self.note_dropped_events(integration).await
            }
            SlackEvent::Removed { .. } => Ok(()),
        }
    }

    /// Forgets an installation that ended at `at` (seconds since the Unix epoch), unless it was installed again since.
    async fn disconnect_slack(&self, integration: &Integration, at: i64) -> Result<()> {
        let now = self.clock.now();
        let place = (&integration.org, &integration.id);
        let actor = Actor::system();
        let changed = self.change_integration(place, None, (&actor, "integration.disconnected"), |integration| {
            let is_older = integration
                .connection
                .as_ref()
                .is_some_and(|it| it.connected_at.as_second() < at);
            if is_older {
                integration.connection = None;
                integration.bot_token = None;
                integration.status = IntegrationStatus::Disconnected;
                integration.problem = Some(IntegrationProblem {
                    code: "app_removed".to_owned(),
                    detail: "The app was removed from the workspace of Slack. Install it again.".to_owned(),
                    at: now,
                });
            }
            Ok(())
        });
        match changed.await {
            Ok(_) | Err(Error::NotFound(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn note_dropped_events(&self, integration: &Integration) -> Result<()> {
        let now = self.clock.now();
        let place = (&integration.org, &integration.id);
        let actor = Actor::system();
        let noted = self.change_integration(place, None, (&actor, "integration.events_dropped"), |integration| {
            let code = "events_dropped";
            if integration.problem.as_ref().is_none_or(|problem| problem.code != code) {
                integration.problem = Some(IntegrationProblem {
                    code: code.to_owned(),
                    detail: "Slack dropped messages of this workspace, because there were more than 30,000 in an hour."
                        .to_owned(),
                    at: now,
                });
            }
            Ok(())
        });
        match noted.await {
            Ok(_) | Err(Error::NotFound(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Stores a rating of an answer, if the thread has it.
    async fn rate_slack_answer(
        &self,
        integration: &Integration,
        rating: Rating,
        value: &str,
        (channel, thread): (&str, &str),
    ) -> Result<()> {
        let integrations = self.store.integrations(&integration.org);
        let Some(found) = integrations.thread(&integration.id, channel, thread).await? else {
            return Ok(());
        };
        let message = domain::MessageId(value.to_owned());
        let sessions = self.chat_sessions(&integration.org, &found.user);
        let rated = sessions.rate_answer(&found.conversation, &message, Some((rating, None)));
        match rated.await {
            // Of an earlier conversation of the thread, or deleted.
            Ok(_) | Err(Error::NotFound(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
