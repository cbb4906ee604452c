//! The widget: visitors of web sites talk to a chatbot.

mod contact;
mod identity;
mod limits;
mod origins;

use serde_json::{Value, json};

use crate::support::{Answer, Caller, Test};

/// A page that may embed the chatbot.
const SHOP: &str = "https://shop.example";
const LAMP: &str = "The Meridian lamp has a warranty of three years. Returns are free within 30 days.";

/// A chatbot on a web site.
struct OnSite {
    t: Test,
    ada: Caller,
    chatbot: String,
    integration: String,
}

impl OnSite {
    async fn new() -> Self {
        Self::with(json!({})).await
    }

    /// With these settings besides the origin.
    async fn with(config: Value) -> Self {
        Self::of(Test::new().await, config).await
    }

    async fn of(t: Test, mut config: Value) -> Self {
        let ada = t.user("ada").await;
        let document = ada.upload("handbook.txt", LAMP).await.text("id");
        t.drain().await;
        let chatbot = ada.chatbot(&[&document]).await;
        config["allowed_origins"] = json!([SHOP]);
        let new = json!({"name": "Shop", "chatbot_id": chatbot, "config": config});
        let integration = ada.post("/api/v1/integrations/website", new).await.created().text("id");
        Self {
            t,
            ada,
            chatbot,
            integration,
        }
    }

    /// A visitor on a page of this origin.
    fn page(&self, origin: &str) -> Caller {
        self.t.anonymous().with_header("origin", origin)
    }

    fn visitor(&self) -> Caller {
        self.page(SHOP)
    }

    fn path(&self, what: &str) -> String {
        format!("/api/chat/widget/{}/{what}", self.chatbot)
    }

    fn config_path(&self) -> String {
        format!("/api/chatbots/widget-config/{}", self.chatbot)
    }

    fn integration_path(&self) -> String {
        format!("/api/v1/integrations/{}", self.integration)
    }

    async fn session(&self) -> String {
        let begun = self.visitor().post(&self.path("session"), json!({})).await;
        begun.created().text("sessionId")
    }

    async fn ask(&self, session: &str, message: &str) -> Answer {
        let body = json!({"sessionId": session, "message": message});
        self.visitor().post(&self.path("message"), body).await
    }

    async fn messages(&self, session: &str) -> Answer {
        self.visitor().with_token(session).get(&self.path("messages")).await
    }
}

#[tokio::test]
async fn a_visitor_asks_and_finds_the_conversation_again() {
    let site = OnSite::new().await;
    let settings = json!({"settings": {
        "welcome_message": "Ask me about lamps.", "suggested_questions": ["How long is the warranty?"], "color": "#336699",
    }});
    site.ada
        .put(&format!("/api/v1/chatbots/{}", site.chatbot), settings)
        .await
        .ok();
    let config = site.visitor().get(&site.config_path()).await.ok().json();
    assert_eq!(config["welcomeMessage"], "Ask me about lamps.");
    assert_eq!(config["suggestedQuestions"], json!(["How long is the warranty?"]));
    assert_eq!(config["appearance"]["color"], "#336699");
    assert_eq!(
        (&config["features"]["feedback"], &config["poweredBy"]),
        (&json!(true), &json!(true))
    );

    let begun = site
        .visitor()
        .post(&site.path("session"), json!({"chatbotId": site.chatbot}))
        .await;
    let begun = begun.created();
    assert_eq!(begun.text("welcomeMessage"), "Ask me about lamps.");
    let session = begun.text("sessionId");
    let reply = site
        .ask(&session, "How long is the warranty of the lamp?")
        .await
        .ok()
        .json();
    assert!(reply["response"].as_str().unwrap().contains("three years"), "{reply}");
    assert_eq!(reply["sources"][0]["name"], "handbook.txt");
    let told: Vec<_> = reply.as_object().unwrap().keys().collect();
    assert_eq!(
        told,
        ["response", "sources", "messageId"],
        "visitors learn nothing of models and costs"
    );

    let found = site.messages(&session).await.ok().json();
    let messages = found["messages"].as_array().unwrap();
    assert_eq!(
        (messages[0]["role"].as_str(), messages[1]["role"].as_str()),
        (Some("user"), Some("assistant"))
    );
    assert_eq!(messages[1]["content"], reply["response"]);
    assert_eq!(messages[1]["sources"], reply["sources"]);

    // It is a chat session of the integration's creator, who is charged.
    let sessions = site.ada.get("/api/v1/chat/sessions?channel=website").await.ok().json();
    assert_eq!(sessions.as_array().unwrap().len(), 1);
    assert_eq!(sessions[0]["channel"], "website");
    let own = site.ada.get("/api/v1/chat/sessions").await.ok().json();
    assert_eq!(own, json!([]), "not among those that she holds herself");
    let used = site.ada.get("/api/v1/auth/me").await.ok().json();
    assert!(used["used_today"].as_u64().is_none_or(|used| used > 0), "{used}");
}

#[tokio::test]
async fn an_answer_is_streamed_with_its_sources_at_the_end() {
    let site = OnSite::new().await;
    let session = site.session().await;
    let body = json!({"sessionId": session, "message": "How long is the warranty of the lamp?", "stream": true});
    let frames = site.visitor().stream(&site.path("message"), body).await.rest().await;
    let (done, frames) = frames.split_last().unwrap();
    assert_eq!(done.data, "[DONE]");
    let text: String = frames.iter().map(crate::support::Frame::content).collect();
    assert!(text.contains("three years"), "{text}");
    let last = frames.last().unwrap().json();
    assert_eq!(last["sources"][0]["name"], "handbook.txt");
    assert!(
        last["messageId"].as_str().is_some() && last.get("usage").is_none(),
        "{last}"
    );
}

#[tokio::test]
async fn visitors_see_what_was_published() {
    let site = OnSite::new().await;
    let bot = format!("/api/v1/chatbots/{}", site.chatbot);
    site.ada.put(&bot, json!({"name": "Lamp desk"})).await.ok();
    site.ada.post(&format!("{bot}/publish"), json!({})).await.ok();
    site.ada.put(&bot, json!({"name": "Draft"})).await.ok();
    let config = site.visitor().get(&site.config_path()).await.ok().json();
    assert_eq!(
        (&config["name"], &config["appearance"]["title"]),
        (&json!("Lamp desk"), &json!("Lamp desk"))
    );
}

#[tokio::test]
async fn answers_are_rated_and_the_rating_can_be_taken_back() {
    let site = OnSite::new().await;
    let session = site.session().await;
    let reply = site.ask(&session, "How long is the warranty of the lamp?").await.ok();
    let message = reply.text("messageId");
    let rate = async |rating: Value| {
        let body = json!({"sessionId": session, "messageId": message, "rating": rating, "comment": "Thanks"});
        site.visitor().post(&site.path("feedback"), body).await
    };
    rate(json!("up")).await.expect(204);
    assert_eq!(site.messages(&session).await.ok().json()["messages"][1]["rating"], "up");
    let sessions = site.ada.get("/api/v1/chat/sessions?channel=website").await.ok().json();
    let path = format!("/api/v1/chat/sessions/{}/messages", sessions[0]["id"].as_str().unwrap());
    let seen = site.ada.get(&path).await.ok().json();
    assert_eq!(seen[1]["feedback"]["reason"], "Thanks");
    rate(Value::Null).await.expect(204);
    assert_eq!(
        site.messages(&session).await.ok().json()["messages"][1]["rating"],
        Value::Null
    );
    rate(json!("sideways")).await.expect(422);

    // Not those of another visitor.
    let other = site.session().await;
    let body = json!({"sessionId": other, "messageId": message, "rating": "down"});
    site.visitor()
        .post(&site.path("feedback"), body)
        .await
        .problem(404, "not_found");

    site.ada
        .put(
            &site.integration_path(),
            json!({"config": {"allowed_origins": [SHOP], "feedback": false}}),
        )
        .await
        .ok();
    rate(json!("up")).await.problem(404, "not_found");
}

#[tokio::test]
async fn bad_input_is_refused() {
    let site = OnSite::new().await;
    let session = site.session().await;
    for (message, pointer) in [
        (json!(" "), "/message"),
        (json!("x".repeat(4_001)), "/message"),
        (json!(7), "/message"),
    ] {
        let body = json!({"sessionId": session, "message": message});
        assert_eq!(
            site.visitor().post(&site.path("message"), body).await.invalid(),
            [pointer]
        );
    }
    let body = json!({"chatbotId": "another"});
    let refused = site.visitor().post(&site.path("session"), body).await;
    assert_eq!(refused.invalid(), ["/chatbotId"]);
    site.visitor()
        .get(&site.path("messages"))
        .await
        .problem(401, "credentials_required");
    site.visitor()
        .post(&site.path("message"), json!({"message": "Hello"}))
        .await
        .expect(422);
}

#[tokio::test]
async fn a_session_ends_with_what_it_belongs_to() {
    let site = OnSite::new().await;
    let session = site.session().await;
    site.ask(&session, "How long is the warranty of the lamp?").await.ok();

    // The kill switch.
    site.ada
        .put(&site.integration_path(), json!({"status": "paused"}))
        .await
        .ok();
    site.ask(&session, "And returns?").await.problem(403, "widget_paused");
    let paused = site.visitor().get(&site.config_path()).await;
    assert_eq!(
        paused.header("access-control-allow-origin"),
        SHOP,
        "the widget can say so"
    );
    site.ada
        .put(&site.integration_path(), json!({"status": "active"}))
        .await
        .ok();
    site.ask(&session, "And returns?").await.ok();

    // A week.
    site.t.advance_seconds(7 * 24 * 3_600 - 60);
    site.messages(&session).await.ok();
    site.t.advance_seconds(60);
    site.messages(&session).await.problem(401, "session_expired");

    // The conversation.
    let session = site.session().await;
    site.ask(&session, "How long is the warranty of the lamp?").await.ok();
    let ada = site.ada.sign_in_again().await;
    let sessions = ada.get("/api/v1/chat/sessions?channel=website").await.ok().json();
    let path = format!("/api/v1/chat/sessions/{}", sessions[0]["id"].as_str().unwrap());
    ada.delete(&path).await.expect(204);
    site.ask(&session, "And returns?").await.problem(401, "session_expired");

    // The integration, and what leads to it.
    let session = site.session().await;
    ada.delete(&site.integration_path()).await.expect(204);
    site.ask(&session, "And returns?").await.problem(404, "not_found");
    site.visitor().get(&site.config_path()).await.problem(404, "not_found");
    let left = site.t.items("parlance-app").await;
    assert!(!left.keys().any(|(pk, _)| pk.starts_with("WEBSITE#")), "{left:?}");
}

#[tokio::test]
async fn another_chatbot_of_an_integration_has_sessions_of_its_own() {
    let site = OnSite::new().await;
    let session = site.session().await;
    let other = site.ada.chatbot(&[]).await;
    site.ada
        .put(&site.integration_path(), json!({"chatbot_id": other}))
        .await
        .ok();
    site.visitor().get(&site.config_path()).await.problem(404, "not_found");
    let path = format!("/api/chat/widget/{other}/messages");
    site.visitor()
        .with_token(&session)
        .get(&path)
        .await
        .problem(401, "session_expired");
    site.visitor()
        .get(&format!("/api/chatbots/widget-config/{other}"))
        .await
        .ok();
}
