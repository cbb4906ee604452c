//! Clicks (<https://docs.slack.dev/interactivity/handling-user-interaction>) and commands
//! (<https://docs.slack.dev/interactivity/implementing-slash-commands>). Both are forms.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{FEEDBACK_ACTION, incoming::id};

/// A rating by the feedback buttons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rating {
    /// A good answer.
    Up,
    /// A bad answer.
    Down,
}

/// A click on a feedback button.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rated {
    /// The rating.
    pub rating: Rating,
    /// What the answer's buttons report.
    pub value: String,
    /// Who clicked.
    pub user: String,
    /// The channel.
    pub channel: String,
    /// The thread.
    pub thread_ts: String,
}

/// A slash command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// What follows the command.
    pub text: String,
    /// Who entered it.
    pub user: String,
    /// The channel.
    pub channel: String,
    /// Identifies this use of the command.
    pub trigger_id: String,
    /// Where to answer, up to five times within 30 minutes.
    pub response_url: String,
}

/// Returns a field of a form.
fn form_field(body: &[u8], name: &str) -> Option<String> {
    let mut fields = form_urlencoded::parse(body);
    fields.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

/// Returns the workspace of an interaction, and the rating if it is one. `None` for a body that is no interaction.
pub fn read_interaction(body: &[u8]) -> Option<(Option<String>, Option<Rated>)> {
    let payload: Value = serde_json::from_str(&form_field(body, "payload")?).ok()?;
    let team = id(&payload["team"]["id"]).or_else(|| id(&payload["user"]["team_id"]));
    Some((team, rated(&payload)))
}

fn rated(payload: &Value) -> Option<Rated> {
    if payload["type"] != "block_actions" {
        return None;
    }
    let mut actions = payload["actions"].as_array()?.iter();
    let action = actions.find(|action| action["action_id"] == FEEDBACK_ACTION)?;
    let (rating, value) = action["value"].as_str()?.split_once(':')?;
    let container = &payload["container"];
    let message = &payload["message"];
    let threads = [
        &container["thread_ts"],
        &message["thread_ts"],
        &container["message_ts"],
        &message["ts"],
    ];
    Some(Rated {
        rating: match rating {
            "up" => Rating::Up,
            "down" => Rating::Down,
            _ => return None,
        },
        value: value.chars().take(128).collect(),
        user: id(&payload["user"]["id"])?,
        channel: id(&payload["channel"]["id"]).or_else(|| id(&container["channel_id"]))?,
        thread_ts: threads.into_iter().find_map(id)?,
    })
}

/// Returns the workspace of a command, and the command. `None` for a body that is no command.
pub fn read_command(body: &[u8]) -> Option<(Option<String>, Command)> {
    let field = |name: &str| form_field(body, name);
    let as_id = |name: &str| field(name).and_then(|text| id(&Value::String(text)));
    let command = Command {
        text: field("text").unwrap_or_default(),
        user: as_id("user_id")?,
        channel: as_id("channel_id")?,
        trigger_id: as_id("trigger_id")?,
        response_url: field("response_url")?,
    };
    Some((as_id("team_id"), command))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn form(fields: &[(&str, &str)]) -> Vec<u8> {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(fields).finish().into_bytes()
    }

    #[test]
    fn a_click_on_a_feedback_button_is_a_rating() {
        let payload = |value: &str, kind: &str| {
            let payload = json!({
                "type": kind,
                "team": {"id": "T1", "domain": "x"},
                "user": {"id": "U1", "team_id": "T1"},
                "api_app_id": "A1",
                "container": {"type": "message", "message_ts": "2.1", "channel_id": "C1", "thread_ts": "1.1"},
                "channel": {"id": "C1", "name": "general"},
                "message": {"ts": "2.1", "thread_ts": "1.1"},
                "actions": [{"type": "feedback_buttons", "action_id": FEEDBACK_ACTION, "value": value}],
            });
            form(&[("payload", &payload.to_string())])
        };
        let (team, rated) = read_interaction(&payload("up:m-1", "block_actions")).unwrap_or_default();
        let rated = rated.map(|it| (it.rating, it.value, it.user, it.channel, it.thread_ts));
        let expected = [(Rating::Up, "m-1", "U1", "C1", "1.1")];
        let expected = expected.map(|(rating, a, b, c, d)| (rating, a.into(), b.into(), c.into(), d.into()));
        assert_eq!(
            (team.as_deref(), rated.into_iter().collect::<Vec<_>>()),
            (Some("T1"), expected.to_vec())
        );
        for other in [
            payload("sideways:m", "block_actions"),
            payload("up", "block_actions"),
            payload("up:m", "view"),
        ] {
            assert_eq!(read_interaction(&other), Some((Some("T1".to_owned()), None)));
        }
        for body in [&b""[..], b"payload", b"payload=x", b"payload=%7B", b"a=b", b"\xff"] {
            assert_eq!(read_interaction(body), None);
        }
        assert_eq!(read_interaction(b"payload=7"), Some((None, None)));
    }

    #[test]
    fn a_command_has_a_text_and_a_place_for_the_answer() {
        let fields = [
            ("team_id", "T1"),
            ("channel_id", "C1"),
            ("user_id", "U1"),
            ("command", "/ask"),
            ("text", "how long & why?"),
            ("trigger_id", "13345224609.738474920.8088930838d88f008e0"),
            ("response_url", "https://hooks.slack.com/commands/1"),
        ];
        let (team, command) = read_command(&form(&fields)).map_or((None, None), |(team, it)| (team, Some(it)));
        let text = command.map(|command| command.text);
        assert_eq!(
            (team.as_deref(), text.as_deref()),
            (Some("T1"), Some("how long & why?"))
        );
        assert_eq!(read_command(b"text=hello"), None);
    }
}
