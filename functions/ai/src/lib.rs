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
        .post(
            "/chat",
            chat::ask_ai,
            "Send a message to a model or a chatbot. Returns the whole answer, or a stream of it if `stream` is \
             true; with `session_id` the chat session keeps both.",
        )
        .post(
            "/chat/stream",
            chat::stream_ai,
            "Stream the answer of a model or a chatbot. Each event holds the next words, the last one the \
             sources and what was used.",
        )
        .get(
            "/models",
            models::list_ai_models,
            "List the models that can be used. With their providers and the sizes of their windows.",
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
            "Get a model. Compatible with OpenAI's API; the name may hold slashes, encoded or not.",
        )
}
