//! Conversations. The same conversation is available as a chat session with messages and as a chat session with
//! prompts: a turn is one prompt with its answers, or two messages.

mod answers;
mod camel_case;
mod export;
mod markdown;
mod messages;
mod prompts;
mod sessions;
mod snake_case;
mod status;
mod users;
mod view;

use http_api::Api;

/// The operations of this function.
pub fn api() -> Api {
    let api = Api::new("Chat")
        .at("/api/v1/chat")
        .get(
            "/status",
            status::get_chat_status,
            "Get the status of the chat. Reports whether messages can be answered now.",
        )
        .post(
            "/sessions",
            snake_case::create_chat_session,
            "Create a chat session. With a chatbot, answers come from the documents of that chatbot.",
        )
        .get(
            "/sessions/{session_id}",
            snake_case::get_chat_session,
            "Get a chat session. Can include its latest messages. With `include=messages`, it has a `Link` to the \
             earlier ones.",
        )
        .post(
            "/sessions/{session_id}/messages",
            snake_case::send_message,
            "Send a message in a chat session. Returns 201 with the stored message and `answer`, which is null when \
             none was requested, or a stream of events (`Accept: text/event-stream`). Requesting a stream requests \
             an answer, unless `generate` is false. While an answer is running, another message is 409 \
             `answer_in_progress`. An answer that is not streamed has 280 seconds: then 504 `answer_not_streamed`, \
             and it continues in the session.",
        )
        .at("/api/chat")
        .post(
            "/sessions",
            camel_case::create_chat_session,
            "Create a chat session. With a chatbot, answers come from the documents of that chatbot.",
        )
        .get(
            "/sessions/{session_id}",
            camel_case::get_chat_session,
            "Get a chat session. Can include its latest messages.",
        )
        .post(
            "/sessions/{session_id}/messages",
            camel_case::send_message,
            "Send a message in a chat session. Returns the answer, whole or as a stream of events (`Accept: \
             text/event-stream`). While an answer is running, another message is 409 `answer_in_progress`. An answer \
             that is not streamed has 280 seconds: then 504 `answer_not_streamed`, and it continues in the session.",
        );
    prompt_session_routes(of_messages(of_sessions(api.on_both_prefixes())))
}

fn of_sessions(api: Api) -> Api {
    api.get(
        "/chat/sessions",
        sessions::list_chat_sessions,
        "List the caller's chat sessions. Newest first; `q` searches titles and messages. A search ignores case, and \
         reads 50 chat sessions a page and the latest 100 turns of each, on the branch that is shown.",
    )
    .patch(
        "/chat/sessions/{session_id}",
        sessions::update_chat_session,
        "Update a chat session. Changes its title, its model, or whether it is pinned.",
    )
    .delete(
        "/chat/sessions/{session_id}",
        sessions::delete_chat_session,
        "Delete a chat session. Its messages are deleted with it.",
    )
    .get(
        "/chat/sessions/{session_id}/export",
        export::export_chat_session,
        "Export a chat session. As Markdown (the branch that is shown) or JSON (all answers and branches). JSON has \
         the names of `/api/v1` on both APIs.",
    )
    .get(
        "/chat/sessions/{session_id}/messages",
        messages::list_messages,
        "List the messages of a chat session. In reading order within a page; the first page is the latest, and \
         `next` leads back in time. `limit` counts messages, so a page may end between a question and its answer.",
    )
}

fn of_messages(api: Api) -> Api {
    const MESSAGE: &str = "/chat/sessions/{session_id}/messages/{message_id}";
    let at = |action: &str| format!("{MESSAGE}{action}");
    api.get(
        MESSAGE,
        messages::get_message,
        "Get a message. An answer in progress contains the text so far.",
    )
    .get(
        &at("/stream"),
        answers::follow_answer,
        "Resume the stream of an answer. Continues after the event that `Last-Event-ID` names, from any instance; \
         without it all of it is sent. Events have the id `{answer id}:{bytes so far}`, the last one `{answer \
         id}:end`.",
    )
    .post(
        &at("/stop"),
        answers::stop_answer,
        "Stop an answer. The text so far is stored, charged, and part of later prompts.",
    )
    .post(
        &at("/regenerate"),
        answers::regenerate_answer,
        "Create another answer to the same message. The others stay and can be selected again.",
    )
    .post(
        &at("/continue"),
        answers::continue_answer,
        "Continue an answer that reached its maximum length. The new text is appended to it.",
    )
    .post(
        &at("/edit"),
        answers::edit_message,
        "Edit a message. Creates a new branch with the new version, and answers it.",
    )
    .post(
        &at("/select"),
        messages::select_message,
        "Select the branch that is shown. By a variant of an answer or a version of a message.",
    )
    .put(
        &at("/feedback"),
        messages::rate_answer,
        "Rate an answer. Replaces the caller's rating of it.",
    )
    .delete(
        &at("/feedback"),
        messages::unrate_answer,
        "Delete the rating of an answer. It can be rated again.",
    )
}

fn prompt_session_routes(api: Api) -> Api {
    api.at("/api/v1/chat_sessions")
        .post(
            "",
            users::begin_session,
            "Create a chat session. Its turns are prompts with their answers.",
        )
        .get(
            "/{session_id}",
            users::get_session,
            "Get a chat session. Without its prompts, which are listed separately.",
        )
        .put(
            "/{session_id}",
            users::rename_session,
            "Update the title of a chat session. Nothing else of it changes.",
        )
        .delete(
            "/{session_id}",
            users::delete_session,
            "Delete a chat session. Its prompts are deleted with it.",
        )
        .get(
            "/user/{user_id}",
            users::list_user_sessions,
            "List the chat sessions of a user. Newest first.",
        )
        .at("/api/v1/prompts")
        .post(
            "",
            prompts::create_prompt,
            "Create a prompt in a chat session. With answers from elsewhere, if any.",
        )
        .get("/{prompt_id}", prompts::get_prompt, "Get a prompt. With its answers.")
        .put(
            "/{prompt_id}",
            prompts::update_prompt,
            "Update a prompt. Changes its text and its answers in place, without a new branch. Answers whose text is \
             unchanged keep their metadata.",
        )
        .delete(
            "/{prompt_id}",
            prompts::delete_prompt,
            "Delete a prompt. Its text is removed; the rest of the chat session stays.",
        )
        .get(
            "/session/{session_id}",
            prompts::list_session_prompts,
            "List the prompts of a chat session. Newest first; those of the branch that is shown.",
        )
}
