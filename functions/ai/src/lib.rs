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
             true; with `session_id` the chat session stores both. Without `session_id` the answer is not stored and \
             a disconnect ends it. Without `max_tokens` it has at most 4,096 tokens, that of a chatbot as many as \
             its settings allow. `system_prompt` follows the instructions of a chatbot, and `max_tokens` can only \
             shorten its answers. An answer that is not streamed has 280 seconds: then 504 `answer_not_streamed`, \
             and in a chat session it continues.",
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
             `chatbot/<id>` with citations. Clients use the base URL `/v1` and an API key with the scope \
             `chats:write`. Citations are `url_citation` annotations, on each number in the text. `tools`, \
             `functions`, `stop`, `audio`, `logprobs`, parts other than text and a `response_format` other than text \
             are refused, because the answer would be a different one without them; `top_p`, `seed` and other tuning \
             is ignored. `reasoning_effort` is passed to models that accept it (OpenAI's, gpt-oss, Grok, Gemini), \
             and their thinking is returned as `reasoning_content`. The answer is not stored, and a disconnect ends \
             it.",
        )
        .post(
            "/embeddings",
            embeddings::create_embedding,
            "Create embeddings of texts. Compatible with OpenAI's API. From OpenAI, Azure, Gemini, Cohere, Bedrock (Titan, Cohere) or a \
             compatible server.",
        )
        .get(
            "/models",
            models::list_models,
            "List models. Compatible with OpenAI's API; chatbots are listed as `chatbot/<id>`.",
        )
        .get(
            "/models/{*model}",
            models::get_model,
            "Get a model. Compatible with OpenAI's API; the name may contain slashes, encoded or not, and every name \
             with a configured provider in front is known.",
        )
}
