//! Messages that may have been posted: found in their thread.

use serde::Deserialize;
use serde_json::Value;

use super::reply::{Failed, Reply};

/// Most pages of a thread that are read. A page has up to 200 messages, and 15 for some apps.
const MAX_PAGES: usize = 10;

#[derive(Deserialize)]
struct Replies {
    #[serde(default)]
    messages: Vec<ThreadMessage>,
    #[serde(default)]
    response_metadata: NextPage,
}

#[derive(Default, Deserialize)]
struct NextPage {
    #[serde(default)]
    next_cursor: String,
}

#[derive(Deserialize)]
struct ThreadMessage {
    #[serde(default)]
    user: String,
    ts: String,
    #[serde(default)]
    metadata: Value,
}

impl Reply<'_> {
    /// Looks for a message that may have been posted. Returns `false` if the thread cannot be read: then nothing more
    /// is written, because a second reply would be worse than an incomplete one.
    pub(super) async fn find_posted(&mut self) -> Result<bool, Failed> {
        let mut cursor = String::new();
        for _ in 0..MAX_PAGES {
            let token = self.connected.token.expose();
            let mut arguments = vec![
                ("channel", self.question.channel.as_str()),
                ("ts", self.question.thread_ts.as_str()),
                ("oldest", self.question.ts.as_str()),
                ("limit", "200"),
                ("include_all_metadata", "true"),
            ];
            if !cursor.is_empty() {
                arguments.push(("cursor", &cursor));
            }
            let slack = &self.connected.app.slack;
            let found = slack.call_form(Some(token), "conversations.replies", &arguments, true);
            let found: Replies = match found.await {
                Ok(found) => found,
                Err(slack::Error::Refused { code, .. }) => {
                    tracing::warn!(code, "slack.thread_not_read");
                    return Ok(false);
                }
                Err(error) => return Err(error.into()),
            };
            for message in found.messages {
                let question = &message.metadata["event_payload"]["question"];
                let is_ours = message.user == self.connected.bot_user
                    && is_later(&message.ts, &self.question.ts)
                    // A stream that was not stopped has no metadata; a thread has one reply at a time.
                    && (question.is_null() || *question == self.question.ts.as_str());
                if is_ours && !self.state.messages.contains(&message.ts) {
                    self.state.messages.push(message.ts);
                }
            }
            cursor = found.response_metadata.next_cursor;
            if cursor.is_empty() {
                break;
            }
        }
        self.state.is_posting = false;
        self.save().await?;
        Ok(true)
    }
}

/// Returns whether a message's time is later than another's, both as in `1515449522.000016`.
fn is_later(ts: &str, than: &str) -> bool {
    let parts = |ts: &str| {
        let (seconds, rest) = ts.split_once('.').unwrap_or((ts, "0"));
        (seconds.parse::<u64>().unwrap_or(0), rest.parse::<u64>().unwrap_or(0))
    };
    parts(ts) > parts(than)
}
