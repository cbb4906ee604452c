//! Asking models without a front end of ours: document 001's `/ai`, and what clients of `OpenAI`'s API need of it
//! under `/v1`.

mod chat;
mod chat_input;
mod completions;
mod embeddings;
mod models;
mod view;

use http_api::Api;

/// The operations of this function.
pub fn api() -> Api {
    Api::new("AI")
        .at("/api/v1/ai")
        .post("/chat", chat::ask_ai, "Have a model or a chatbot answer a message.")
        .post(
            "/chat/stream",
            chat::stream_ai,
            "Have a model or a chatbot answer a message, word by word.",
        )
        .get("/models", models::list_ai_models, "List the models that answer here.")
        .at("/v1")
        .post(
            "/chat/completions",
            completions::create_chat_completion,
            "Answer a list of messages, as OpenAI's API does.",
        )
        .post(
            "/embeddings",
            embeddings::create_embedding,
            "Turn texts into vectors, as OpenAI's API does.",
        )
        .get(
            "/models",
            models::list_models,
            "List models, and chatbots as `chatbot/<id>`, as OpenAI's API does.",
        )
        .get(
            "/models/{*model}",
            models::get_model,
            "Get a model; its name may hold slashes, encoded or not.",
        )
}
