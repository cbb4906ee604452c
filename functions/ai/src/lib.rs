//! Model access without the chat front end: `/api/v1/ai`, and the part of `OpenAI`'s API that its clients need,
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
        .post(
            "/chat",
            chat::ask_ai,
            "Send a message to a model or a chatbot. Returns the whole answer, or a stream of it if `stream` is \
             true; with `session_id` the chat session stores both.",
        )
        .post(
            "/chat/stream",
            chat::stream_ai,
            "Stream the answer of a model or a chatbot. Each event holds the next words; the last one holds the \
             sources and the token usage.",
        )
        .get(
            "/models",
            models::list_ai_models,
            "List the available models. With their providers and context window sizes.",
        )
        .at("/v1")
        .post(
            "/chat/completions",
            completions::create_chat_completion,
            "Create a chat completion. Compatible with OpenAI's API: whole or as a stream, and for chatbots as \
             `chatbot/<id>` with citations.",
        )
        .post(
            "/embeddings",
            embeddings::create_embedding,
            "Create embeddings of texts. Compatible with OpenAI's API.",
        )
        .get(
            "/models",
            models::list_models,
            "List models. Compatible with OpenAI's API; chatbots are listed as `chatbot/<id>`.",
        )
        .get(
            "/models/{*model}",
            models::get_model,
            "Get a model. Compatible with OpenAI's API; the name may contain slashes, encoded or not.",
        )
}
