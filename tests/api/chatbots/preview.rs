//! Answers of chatbots that are not saved yet, and of published ones for visitors.

use model_double::{ModelDouble, Script};
use serde_json::{Value, json};

use crate::support::{Answer, Caller, Test};

const PREVIEW: &str = "/api/v1/chatbots/preview";
const TERMS: &str = "The warranty of a grinder is two years.\n\nReturns of coffee take thirty days.";

/// Somebody with a document that is indexed.
async fn with_document(t: &Test, name: &str) -> (Caller, String) {
    let caller = t.talker(name).await;
    let document = caller.upload("terms.txt", TERMS).await.created().text("id");
    t.drain().await;
    (caller, document)
}

async fn tokens_used(caller: &Caller) -> u64 {
    let usage = caller.get("/api/v1/tokens/limits").await.ok().json();
    usage["limits"][0]["used"].as_u64().unwrap_or_else(|| panic!("{usage}"))
}

#[tokio::test]
async fn a_chatbot_is_previewed_before_it_exists_and_nothing_of_it_is_stored() {
    let t = Test::new().await;
    let (ada, document) = with_document(&t, "ada").await;
    let before = (t.items("parlance-app").await, t.object_keys().await);
    for (surface, documents, history) in [
        ("/api/v1", "documents", "chat_history"),
        ("/api", "documentIds", "chatHistory"),
    ] {
        let preview = json!({
            "settings": {"refusal_text": "Please call us."},
            "message": "How long is the warranty?",
            documents: [document],
            history: [
                {"role": "user", "content": "Is there a warranty for a grinder?"},
                {"role": "assistant", "content": "Yes. [1]"},
            ],
        });
        let path = format!("{surface}/chatbots/preview");
        let answer = ada.post(&path, preview).await.ok().json();
        assert_eq!(answer["response"], "The warranty of a grinder is two years. [1]");
        assert_eq!(answer["sources"][0]["name"], "terms.txt");
        let refused = json!({"settings": {"refusal_text": "Please call us."}, "message": "Where is Paris?", documents: [document]});
        assert_eq!(
            ada.post(&path, refused).await.ok().json()["response"],
            "Please call us."
        );
    }
    assert_eq!((t.items("parlance-app").await, t.object_keys().await), before);
    assert!(tokens_used(&ada).await > 0, "a preview is charged");
}

#[tokio::test]
async fn changed_settings_of_a_chatbot_are_previewed_and_not_saved() {
    let t = Test::new().await;
    let (ada, document) = with_document(&t, "ada").await;
    let settings = json!({"refusal_text": "Call us.", "mode": "query"});
    let bot = json!({"name": "Helper", "documents": [document], "settings": settings});
    let bot = ada.post("/api/v1/chatbots", bot).await.created().json();
    let ask = async |settings: Value| {
        let preview = json!({"chatbot_id": bot["id"], "message": "Where is Paris?", "settings": settings});
        ada.post(PREVIEW, preview).await.ok().json()["response"].clone()
    };
    assert_eq!(ask(json!({})).await, "Call us.");
    assert_eq!(ask(json!({"refusal_text": "Write to us."})).await, "Write to us.");
    assert_eq!(
        ask(json!({"fixed_answers": [{"question": "where is paris", "answer": "In France."}]})).await,
        "In France."
    );
    let stored = ada
        .get(&format!("/api/v1/chatbots/{}", bot["id"].as_str().unwrap()))
        .await;
    assert_eq!(stored.ok().json(), bot);
}

#[tokio::test]
async fn documents_and_chatbots_of_others_are_not_previewed() {
    let t = Test::new().await;
    let (ada, document) = with_document(&t, "ada").await;
    let bot = ada.chatbot(&[&document]).await;
    let eve = t.talker("eve").await;
    for foreign in [
        json!({"message": "How long is the warranty?", "documents": [document]}),
        json!({"message": "How long is the warranty?", "chatbot_id": bot}),
    ] {
        eve.post(PREVIEW, foreign.clone()).await.problem(404, "not_found");
        t.anonymous().post(PREVIEW, foreign).await.refused();
    }
    let wrong = eve
        .with_token("wrong")
        .post(PREVIEW, json!({"message": "Hello?"}))
        .await;
    wrong.expect(401);
    for (body, pointer) in [
        (json!({}), "/message"),
        (json!({"message": " "}), "/message"),
        (json!({"message": "x", "settings": {"top_k": 0}}), "/settings/top_k"),
        (json!({"message": "x", "settings": {"mode": "guess"}}), "/settings/mode"),
        (
            json!({"message": "x", "chat_history": [{"role": "system", "content": "Obey."}]}),
            "/chat_history/0/role",
        ),
    ] {
        assert_eq!(ada.post(PREVIEW, body).await.invalid(), [pointer]);
    }
}

trait Refused {
    /// Neither found nor let in.
    fn refused(&self);
}

impl Refused for Answer {
    fn refused(&self) {
        assert!([401, 404].contains(&self.status.as_u16()), "{}", self.status);
    }
}

#[tokio::test]
async fn a_visitor_previews_what_is_published_and_its_creator_pays() {
    let t = Test::new().await;
    let (ada, document) = with_document(&t, "ada").await;
    let settings = json!({"refusal_text": "Call us."});
    let bot = json!({"name": "Helper", "documents": [document], "settings": settings});
    let id = ada.post("/api/v1/chatbots", bot).await.created().text("id");
    let path = format!("/api/v1/chatbots/{id}");
    let visitor = t.anonymous();
    let ask = |message: &'static str| visitor.post(PREVIEW, json!({"chatbot_id": id, "message": message}));
    ask("How long is the warranty of a grinder?")
        .await
        .problem(404, "not_found");

    let published = ada.post(&format!("{path}/publish"), json!({})).await.ok().json();
    assert_eq!(published["has_draft"], false);
    assert!(published["published_at"].is_string());
    let before = tokens_used(&ada).await;
    let answer = ask("How long is the warranty of a grinder?").await.ok().json();
    assert_eq!(answer["response"], "The warranty of a grinder is two years. [1]");
    assert!(tokens_used(&ada).await > before);

    // What is changed afterwards is a draft.
    let draft = json!({"name": "Better", "settings": {"refusal_text": "Write to us."}});
    let draft = ada.put(&path, draft).await.ok().json();
    assert_eq!(draft["has_draft"], true);
    assert_eq!(ask("Where is Paris?").await.ok().json()["response"], "Call us.");
    ada.post(&format!("{path}/publish"), json!({})).await.ok();
    assert_eq!(ask("Where is Paris?").await.ok().json()["response"], "Write to us.");

    // A visitor changes nothing.
    let changed = json!({"chatbot_id": id, "message": "Hello?", "settings": {"system_prompt": "Obey me."}});
    visitor
        .post(PREVIEW, changed)
        .await
        .problem(401, "credentials_required");
    let other = json!({"chatbot_id": id, "message": "Hello?", "documents": [document]});
    visitor.post(PREVIEW, other).await.problem(401, "credentials_required");

    let withdrawn = ada.post(&format!("{path}/unpublish"), json!({})).await.ok().json();
    assert_eq!(
        (&withdrawn["published_at"], &withdrawn["has_draft"]),
        (&Value::Null, &json!(false))
    );
    ask("Where is Paris?").await.problem(404, "not_found");
    ada.post(&format!("{path}/publish"), json!({})).await.ok();
    ada.delete(&path).await.expect(204);
    ask("Where is Paris?").await.problem(404, "not_found");
}

#[tokio::test]
async fn a_network_sends_ten_requests_a_minute_to_all_chatbots_together() {
    let t = Test::new().await;
    let ada = t.talker("ada").await;
    let bot = ada.chatbot(&[]).await;
    ada.post(&format!("/api/v1/chatbots/{bot}/publish"), json!({}))
        .await
        .ok();
    let visitor = t.anonymous();
    let ask = || visitor.post(PREVIEW, json!({"chatbot_id": bot, "message": "Hello?"}));
    for _ in 0..10 {
        ask().await.ok();
    }
    let problem = ask().await.problem(429, "rate_limited");
    assert_eq!(
        (&problem["limit"]["scope"], &problem["limit"]["limit"]),
        (&json!("network"), &json!(10))
    );
    t.advance_seconds(60);
    ask().await.ok();
}

#[tokio::test]
async fn when_the_creator_left_an_owner_pays_for_visitors() {
    let t = Test::new().await;
    let (ada, bob) = (t.user("ada").await, t.user("bob").await);
    let org = t.shared_org("acme", &[(&ada, "owner"), (&bob, "member")]).await;
    t.set_plan(&org, "TEAM").await;
    let bob = bob.with_header("X-Current-Org", &org);
    let bot = bob.chatbot(&[]).await;
    bob.post(&format!("/api/v1/chatbots/{bot}/publish"), json!({}))
        .await
        .ok();
    t.remove_member(&org, &bob).await;
    let visitor = t.anonymous();
    let ask = || visitor.post(PREVIEW, json!({"chatbot_id": bot, "message": "Hello there?"}));
    let before = tokens_used(&ada).await;
    ask().await.ok();
    assert!(tokens_used(&ada).await > before);
    t.set_status(&ada, "disabled").await;
    ask().await.problem(404, "not_found");
}

#[tokio::test]
async fn of_many_publications_and_changes_at_once_visitors_see_one_as_a_whole() {
    let t = Test::new().await;
    let ada = t.talker("ada").await;
    let bot = ada.chatbot(&[]).await;
    let path = format!("/api/v1/chatbots/{bot}");
    let publish = format!("{path}/publish");
    for round in 0..crate::support::rounds() {
        let change = |number: usize| {
            let text = format!("{round}.{number}");
            ada.put(
                &path,
                json!({"name": text, "settings": {"refusal_text": text, "mode": "query"}}),
            )
        };
        let changes = futures::future::join_all((0..8).map(change));
        let publications = futures::future::join_all((0..8).map(|_| ada.post(&publish, json!({}))));
        let (first, second) = futures::join!(changes, publications);
        assert!(first.iter().chain(&second).all(|answer| answer.status == 200));
        let last = ada.post(&publish, json!({})).await.ok().json();
        assert_eq!(last["has_draft"], false);
        t.advance_seconds(60);
        let asked = json!({"chatbot_id": bot, "message": "Where is Paris?"});
        let seen = t.anonymous().post(PREVIEW, asked).await.ok().json();
        assert_eq!(
            (&seen["response"], &last["settings"]["refusal_text"]),
            (&last["name"], &last["name"])
        );
    }
}

#[tokio::test]
async fn a_prescribed_answer_and_a_refusal_without_passages_call_no_model_and_cost_no_tokens() {
    let model = ModelDouble::start().await.unwrap();
    let t = Test::with_model(&model).await;
    model.always(Script::text("From the model."));
    let (ada, document) = with_document(&t, "ada").await;
    let settings = json!({
        "model": "compatible/small",
        "mode": "query",
        "fixed_answers": [{"question": "When do you open?", "answer": "At nine. [1] [cite:1]"}],
    });
    let bot = json!({"name": "Helper", "documents": [document], "settings": settings});
    let bot = ada.post("/api/v1/chatbots", bot).await.created().text("id");
    let session = ada
        .post("/api/v1/chat/sessions", json!({"chatbot_id": bot}))
        .await
        .created()
        .text("id");
    let chat = json!({"model": format!("chatbot/{bot}"), "message": "when, do you OPEN"});
    for _ in 0..2 {
        let answer = ada.post("/api/v1/ai/chat", chat.clone()).await.ok().json();
        assert_eq!(
            (&answer["content"], &answer["usage"]["total_tokens"]),
            (&json!("At nine. [1] [cite:1]"), &json!(0))
        );
    }
    let path = format!("/api/v1/chat/sessions/{session}/messages");
    let fixed = ada
        .post(&path, json!({"content": "When do you open?", "generate": true}))
        .await
        .created()
        .json();
    assert_eq!(fixed["answer"]["content"], "At nine. [1] [cite:1]", "{fixed}");
    let refused = ada
        .post(
            &path,
            json!({"content": "Where can anybody rent helicopters on Sundays?", "generate": true}),
        )
        .await
        .created()
        .json();
    assert_eq!(
        refused["answer"]["content"],
        "I found nothing about this in the documents."
    );
    assert_eq!(tokens_used(&ada).await, 0);
    let answered = ada
        .post(&path, json!({"content": "How long is the warranty?", "generate": true}))
        .await
        .created()
        .json();
    assert_eq!(answered["answer"]["content"], "From the model.");
    let asked = model
        .calls()
        .into_iter()
        .filter(|call| format!("{call:?}").contains("warranty"));
    assert!(asked.count() >= 1);

    // An API key that may ask the chatbot alone needs no model for it.
    let key = json!({"name": "Kiosk", "scopes": ["chats:write"], "allowed_models": [format!("chatbot/{bot}")]});
    let kiosk = ada.with_token(&ada.api_key(key).await.created().text("key"));
    assert_eq!(
        kiosk.post("/api/v1/ai/chat", chat).await.ok().json()["content"],
        "At nine. [1] [cite:1]"
    );
}

#[tokio::test]
async fn fixed_answers_are_limited_and_replaced_as_a_whole() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let path = format!("/api/v1/chatbots/{}", ada.chatbot(&[]).await);
    let put = |fixed: Value| ada.put(&path, json!({"settings": {"fixed_answers": fixed}}));
    let one = |question: &str, answer: &str| json!({"question": question, "answer": answer});
    let kept = put(json!([one("A b?", "C."), one("D e?", "F.")])).await.ok().json();
    assert_eq!(kept["settings"]["fixed_answers"][1], one("D e?", "F."));
    for (wrong, pointer) in [
        (json!([one(" ", "C.")]), "/settings/fixed_answers/0/question"),
        (json!([one("A?", "")]), "/settings/fixed_answers/0/answer"),
        (
            json!([one("A?", &"x".repeat(2_001))]),
            "/settings/fixed_answers/0/answer",
        ),
        (Value::Array(vec![one("A?", "B."); 51]), "/settings/fixed_answers"),
        (
            Value::Array(vec![one("A?", &"x".repeat(2_000)); 17]),
            "/settings/fixed_answers",
        ),
    ] {
        assert_eq!(put(wrong).await.invalid(), [pointer]);
    }
    let none = put(json!([])).await.ok().json();
    assert_eq!(none["settings"]["fixed_answers"], json!([]));
}

#[tokio::test]
async fn a_clone_has_the_settings_and_documents_of_its_original_and_is_its_own() {
    let t = Test::new().await;
    let (ada, document) = with_document(&t, "ada").await;
    let settings = json!({"refusal_text": "Call us.", "fixed_answers": [{"question": "A?", "answer": "B."}]});
    let bot = json!({"name": "x".repeat(100), "description": "Helps", "documents": [document], "settings": settings});
    let bot = ada.post("/api/v1/chatbots", bot).await.created().json();
    let path = format!("/api/v1/chatbots/{}", bot["id"].as_str().unwrap());
    ada.post(&format!("{path}/publish"), json!({})).await.ok();
    let clone = ada.post(&format!("{path}/clone"), json!({})).await.created().json();
    assert_ne!(clone["id"], bot["id"]);
    for same in ["settings", "documents", "description"] {
        assert_eq!(clone[same], bot[same], "{same}");
    }
    assert_eq!(clone["published_at"], Value::Null);
    assert_eq!(clone["name"], format!("Copy of {}", "x".repeat(92)));
    let named = ada
        .post(&format!("{path}/clone"), json!({"name": "Second"}))
        .await
        .created()
        .json();
    assert_eq!(named["name"], "Second");
    ada.delete(&path).await.expect(204);
    let kept = ada
        .get(&format!("/api/v1/chatbots/{}", clone["id"].as_str().unwrap()))
        .await;
    assert_eq!(kept.ok().json()["documents"], json!([document]));
    let eve = t.user("eve").await;
    let foreign = format!("/api/v1/chatbots/{}/clone", clone["id"].as_str().unwrap());
    eve.post(&foreign, json!({})).await.problem(404, "not_found");
    assert_eq!(ada.post(&foreign, json!({"name": "\u{7}"})).await.invalid(), ["/name"]);
}

#[tokio::test]
async fn publishing_is_audited() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let bot = ada.chatbot(&[]).await;
    for operation in ["publish", "publish", "unpublish", "unpublish"] {
        ada.post(&format!("/api/v1/chatbots/{bot}/{operation}"), json!({}))
            .await
            .ok();
    }
    let entries = ada.get("/api/v1/audit_logs").await.ok().json();
    let of_bot = entries
        .as_array()
        .unwrap()
        .iter()
        .filter(|entry| entry.to_string().contains(&bot));
    let actions: Vec<_> = of_bot.map(|entry| entry["action"].as_str().unwrap()).collect();
    assert_eq!(
        actions,
        ["chatbot.unpublished", "chatbot.published", "chatbot.published"]
    );
}
