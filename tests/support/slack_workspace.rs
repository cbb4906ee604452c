//! A stack with a chatbot that is installed in a workspace of Slack, whose API is a double.

use std::sync::atomic::{AtomicU64, Ordering};

use model_double::ModelDouble;
use reqwest::Method;
use serde_json::{Value, json};
use slack_double::{Posted, SIGNING_SECRET, SlackDouble, sign};

use super::{Answer, Caller, Receiver, Test};

/// The address of events.
pub(crate) const EVENTS: &str = "/api/v1/integrations/slack/events";
/// The address of clicks.
pub(crate) const CLICKS: &str = "/api/v1/integrations/slack/interactivity";
/// The address of commands.
pub(crate) const COMMANDS: &str = "/api/v1/integrations/slack/commands";
/// A channel.
pub(crate) const CHANNEL: &str = "C0CHANNEL";
/// What the documents of the chatbot say.
pub(crate) const HANDBOOK: &str = "The Meridian lamp has a warranty of three years. Returns are free within 30 days.";
/// A model that is the model double.
pub(crate) const MODEL: &str = "compatible/small";

/// A stack, its Slack and its model.
pub(crate) struct SlackWorkspace {
    pub(crate) t: Test,
    pub(crate) slack: SlackDouble,
    pub(crate) model: ModelDouble,
    pub(crate) ada: Caller,
    pub(crate) chatbot: String,
    pub(crate) integration: String,
    /// Receives the events of the organization.
    pub(crate) receiver: Receiver,
    count: AtomicU64,
}

impl SlackWorkspace {
    /// With a chatbot of the built-in model in the workspace `T1`, through the platform's app.
    pub(crate) async fn open() -> Self {
        Self::with_model("local").await
    }

    /// The same, with this model.
    pub(crate) async fn with_model(model: &str) -> Self {
        let world = Self::without_installation(model).await;
        world.install(&world.ada, &world.integration, "T1").await.ok();
        world
    }

    /// The same, not installed yet.
    pub(crate) async fn without_installation(name: &str) -> Self {
        let (slack, model) = (SlackDouble::start().await.unwrap(), ModelDouble::start().await.unwrap());
        let receiver = Receiver::start().await;
        let doubles = slack.environment().into_iter().chain(model.environment());
        let all: Vec<_> = doubles.chain([("ALLOW_PRIVATE_FETCH", receiver.host())]).collect();
        let all: Vec<_> = all.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let t = Test::with(&all).await;
        let ada = t.talker("ada").await;
        let document = ada.upload("handbook.txt", HANDBOOK).await.created().text("id");
        t.drain().await;
        let bot = json!({"name": "Help desk", "documents": [document], "settings": {"model": name}});
        let chatbot = ada.post("/api/v1/chatbots", bot).await.created().text("id");
        let new = json!({"name": "Slack", "chatbot_id": chatbot});
        let integration = ada.post("/api/v1/integrations/slack", new).await.created().text("id");
        Self {
            t,
            slack,
            model,
            ada,
            chatbot,
            integration,
            receiver,
            count: AtomicU64::new(1),
        }
    }

    /// Installs the platform's app in a workspace, as the console does.
    pub(crate) async fn install(&self, caller: &Caller, integration: &str, team: &str) -> Answer {
        let path = format!("/api/v1/integrations/slack/{integration}/install");
        let url = caller.post(&path, json!({})).await.ok().text("url");
        let state = url.split_once("state=").unwrap().1.to_owned();
        let code = format!("code-{integration}-{team}");
        {
            let mut workspace = self.slack.workspace();
            let token = format!("xoxb-{team}-{integration}");
            workspace.install(team, &token);
            workspace.codes.insert(code.clone(), token);
        }
        let result = json!({"state": state, "code": code});
        caller.post(&format!("{path}/complete"), result).await
    }

    /// Seconds since the Unix epoch.
    pub(crate) fn now(&self) -> i64 {
        self.t.stack.app().clock.now().as_second()
    }

    /// A new time of a message.
    pub(crate) fn ts(&self) -> String {
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        format!("{}.{number:06}", self.now())
    }

    /// Posts bytes as Slack does, signed with this secret at this time.
    pub(crate) async fn post_signed(&self, path: &str, body: &[u8], secret: &str, at: i64) -> Answer {
        self.post_with(path, body, &at.to_string(), &sign(secret, at, body))
            .await
    }

    /// Posts bytes with these headers.
    pub(crate) async fn post_with(&self, path: &str, body: &[u8], timestamp: &str, signature: &str) -> Answer {
        let nobody = self.t.anonymous();
        let kind = if body.starts_with(b"{") {
            "application/json"
        } else {
            "application/x-www-form-urlencoded"
        };
        let request = nobody
            .request(Method::POST, path)
            .header("x-slack-request-timestamp", timestamp)
            .header("x-slack-signature", signature)
            .header("content-type", kind);
        nobody.send(request.body(body.to_vec())).await
    }

    /// Delivers a body, signed now by the platform's app.
    pub(crate) async fn deliver(&self, body: &Value) -> Answer {
        self.post_signed(EVENTS, body.to_string().as_bytes(), SIGNING_SECRET, self.now())
            .await
    }

    /// Delivers a form, signed now by the platform's app.
    pub(crate) async fn deliver_form(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let form = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        self.post_signed(path, form.as_bytes(), SIGNING_SECRET, self.now())
            .await
    }

    /// An event of the workspace `T1`.
    pub(crate) fn event(&self, event: &Value) -> Value {
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        json!({
            "token": "x", "team_id": "T1", "api_app_id": "A0APP", "type": "event_callback",
            "event_id": format!("Ev{number}"), "event_time": self.now(),
            "authorizations": [{"team_id": "T1", "user_id": slack_double::BOT_USER, "is_bot": true}],
            "event": event,
        })
    }

    /// A mention of the bot in the channel, at `ts`.
    pub(crate) fn mention(&self, text: &str, ts: &str, thread: Option<&str>) -> Value {
        let mut event = json!({
            "type": "app_mention", "user": "U0ADA", "text": format!("<@{}> {text}", slack_double::BOT_USER), "ts": ts,
            "channel": CHANNEL, "event_ts": ts, "team": "T1",
        });
        if let Some(thread) = thread {
            event["thread_ts"] = json!(thread);
        }
        self.event(&event)
    }

    /// Mentions the bot, and lets the worker deal with it; the time of the message.
    pub(crate) async fn ask(&self, text: &str) -> String {
        let ts = self.ts();
        self.deliver(&self.mention(text, &ts, None)).await.ok();
        self.t.drain_all().await;
        ts
    }

    /// The messages of the bot in a thread of the channel.
    pub(crate) fn thread(&self, thread: &str) -> Vec<Posted> {
        self.slack.thread(CHANNEL, thread)
    }

    /// The chat sessions that were held at Slack, as the creator of the integration sees them.
    pub(crate) async fn held(&self) -> Value {
        // Draining may have moved the clock by hours.
        let ada = self.ada.sign_in_again().await;
        let held = ada.get("/api/v1/chat/sessions?channel=slack&limit=100").await;
        held.ok().json()
    }

    /// The messages of the chat session that was held last.
    pub(crate) async fn messages(&self) -> Value {
        let held = self.held().await;
        let path = format!("/api/v1/chat/sessions/{}/messages", held[0]["id"].as_str().unwrap());
        self.ada.sign_in_again().await.get(&path).await.ok().json()
    }

    /// The integration, as its creator sees it.
    pub(crate) async fn view(&self) -> Value {
        let path = format!("/api/v1/integrations/{}", self.integration);
        self.ada.sign_in_again().await.get(&path).await.ok().json()
    }
}
