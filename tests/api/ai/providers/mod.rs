//! Providers that misbehave, seen from every place where an answer can be had.

mod answers;
mod failures;
mod rejections;
mod requests;

use model_double::{ModelDouble, Script};
use serde_json::{Value, json};

use crate::support::{Answer, Caller, Test};

/// A model of each vendor.
const MODELS: [&str; 6] = [
    "gpt-4o-mini",
    "claude-haiku",
    "gemini",
    "bedrock/nova-lite",
    "azure/my-gpt",
    "compatible/llama3.3",
];

/// Where answers can be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Endpoint {
    /// `/api/v1/ai/chat`.
    Ai,
    AiStream,
    /// A message of a chat session.
    Session,
    SessionStream,
    /// `/v1/chat/completions`.
    OpenAi,
    OpenAiStream,
}

const ENDPOINTS: [Endpoint; 6] = [
    Endpoint::Ai,
    Endpoint::AiStream,
    Endpoint::Session,
    Endpoint::SessionStream,
    Endpoint::OpenAi,
    Endpoint::OpenAiStream,
];

/// What somebody is shown.
#[derive(Debug, Default, PartialEq, Eq)]
struct Shown {
    text: String,
    /// Why the answer ended.
    finish: Option<String>,
    /// What failed, and with which status: 200 inside of a stream.
    failure: Option<(u16, String)>,
    /// The sentence of a failure.
    detail: String,
    /// The parameter of a failure, and why there is no answer, under `/v1`.
    param: Option<String>,
    refusal: Option<String>,
}

struct Scene {
    double: ModelDouble,
    test: Test,
    ada: Caller,
}

impl Scene {
    async fn new() -> Self {
        let double = ModelDouble::start().await.unwrap();
        let test = Test::with_model(&double).await;
        let ada = test.user("ada").await;
        Self { double, test, ada }
    }

    /// Has a model answer on a endpoint, as the script says.
    async fn ask(&self, endpoint: Endpoint, model: &str, script: Script) -> Shown {
        self.double.always(script);
        // Nobody is to be too fast for the plan.
        self.test.advance_seconds(1);
        let ada = &self.ada;
        let message = json!({"message": "Hello?", "model": model});
        let completion = json!({"model": model, "messages": [{"role": "user", "content": "Hello?"}]});
        match endpoint {
            Endpoint::Ai => Shown::of(&ada.post("/api/v1/ai/chat", message).await),
            Endpoint::AiStream => self.streamed("/api/v1/ai/chat/stream", message).await,
            Endpoint::Session | Endpoint::SessionStream => {
                let new = json!({"model": model, "title": "A talk"});
                let session = ada.post("/api/v1/chat/sessions", new).await.created().text("id");
                let path = format!("/api/v1/chat/sessions/{session}/messages");
                let content = json!({"content": "Hello?", "generate": true});
                if endpoint == Endpoint::SessionStream {
                    return self.streamed(&path, content).await;
                }
                let answer = ada.post(&path, content).await;
                Shown::of(&answer)
            }
            Endpoint::OpenAi => Shown::of(&ada.post("/v1/chat/completions", completion).await),
            Endpoint::OpenAiStream => self.streamed("/v1/chat/completions", completion).await,
        }
    }

    async fn streamed(&self, path: &str, mut body: Value) -> Shown {
        body["stream"] = json!(true);
        let answer = self.ada.post(path, body).await;
        if answer.status.as_u16() != 200 {
            return Shown::of(&answer);
        }
        let mut shown = Shown::default();
        for frame in answer.frames() {
            shown.read(&frame);
        }
        shown
    }

    /// Tokens that are charged or reserved.
    async fn used(&self) -> u64 {
        let limits = self.ada.get("/api/v1/tokens/limits").await.ok().json();
        let of = |name: &str| limits["limits"][0][name].as_u64().unwrap();
        of("used") + of("reserved")
    }
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

impl Shown {
    fn of(answer: &Answer) -> Self {
        let (status, body) = (answer.status.as_u16(), answer.json());
        if status >= 400 {
            return Self::failed(status, &body);
        }
        let choice = &body["choices"][0];
        // A message of a session comes with its answer.
        let body = if body["answer"].is_object() {
            &body["answer"]
        } else {
            &body
        };
        if choice.is_object() {
            return Self {
                text: text(&choice["message"]["content"]).unwrap_or_default(),
                refusal: text(&choice["message"]["refusal"]),
                finish: text(&choice["finish_reason"]),
                ..Self::default()
            };
        }
        Self {
            text: text(&body["content"]).unwrap_or_default(),
            finish: text(&body["finish_reason"]),
            ..Self::default()
        }
    }

    fn failed(status: u16, body: &Value) -> Self {
        let error = if body["error"].is_object() {
            &body["error"]
        } else {
            body
        };
        Self {
            failure: text(&error["code"]).map(|code| (status, code)),
            detail: text(&error["message"])
                .or_else(|| text(&error["detail"]))
                .unwrap_or_default(),
            param: text(&error["param"]),
            ..Self::default()
        }
    }

    fn read(&mut self, data: &str) {
        let Ok(frame) = serde_json::from_str::<Value>(data) else {
            assert_eq!(data, "[DONE]");
            return;
        };
        if frame["code"].is_string() || frame["error"].is_object() {
            let failed = Self::failed(200, &frame);
            (self.failure, self.detail, self.param) = (failed.failure, failed.detail, failed.param);
            return;
        }
        let choice = &frame["choices"][0];
        let (piece, holder) = if choice.is_object() {
            (&choice["delta"]["content"], choice)
        } else {
            (&frame["content"], &frame)
        };
        self.text.push_str(piece.as_str().unwrap_or_default());
        self.finish = self.finish.take().or_else(|| text(&holder["finish_reason"]));
        self.refusal = self.refusal.take().or_else(|| text(&choice["delta"]["refusal"]));
    }
}
