//! Conversations. One entity, seen as chat sessions with messages (documents 002 and 004) and as chat sessions with
//! prompts (document 000): a turn is a prompt with its answers, and two messages.

mod answers;
mod export;
mod markdown;
mod messages;
mod prompts;
mod sessions;
mod sphere;
mod status;
mod users;
mod v1;
mod view;

use http_api::Api;

/// The operations of this function.
pub fn api() -> Api {
    let api = Api::new("Chat")
        .at("/api/v1/chat")
        .get("/status", status::get_chat_status, "See whether chats can be answered.")
        .post("/sessions", v1::create_chat_session, "Begin a chat session.")
        .get(
            "/sessions/{session_id}",
            v1::get_chat_session,
            "Get a chat session, with its latest messages if asked for.",
        )
        .post(
            "/sessions/{session_id}/messages",
            v1::send_message,
            "Add a message, and get it answered where something answers.",
        )
        .at("/api/chat")
        .post(
            "/sessions",
            sphere::create_chat_session,
            "Begin a chat session with a chatbot.",
        )
        .get(
            "/sessions/{session_id}",
            sphere::get_chat_session,
            "Get a chat session with its latest messages.",
        )
        .post(
            "/sessions/{session_id}/messages",
            sphere::send_message,
            "Send a message and get the chatbot's answer.",
        );
    documents_000(of_messages(of_sessions(api.both())))
}

fn of_sessions(api: Api) -> Api {
    api.get(
        "/chat/sessions",
        sessions::list_chat_sessions,
        "List or search the caller's chat sessions, newest first.",
    )
    .patch(
        "/chat/sessions/{session_id}",
        sessions::update_chat_session,
        "Rename or pin a chat session.",
    )
    .delete(
        "/chat/sessions/{session_id}",
        sessions::delete_chat_session,
        "Delete a chat session with its messages.",
    )
    .get(
        "/chat/sessions/{session_id}/export",
        export::export_chat_session,
        "Save a chat session as Markdown or JSON.",
    )
    .get(
        "/chat/sessions/{session_id}/messages",
        messages::list_messages,
        "List messages in reading order, the latest page first.",
    )
}

fn of_messages(api: Api) -> Api {
    const MESSAGE: &str = "/chat/sessions/{session_id}/messages/{message_id}";
    let at = |action: &str| format!("{MESSAGE}{action}");
    api.get(MESSAGE, messages::get_message, "Get a message.")
        .get(
            &at("/stream"),
            answers::follow_answer,
            "Follow an answer, from behind the last event that arrived.",
        )
        .post(
            &at("/stop"),
            answers::stop_answer,
            "Stop an answer; what is written of it stays.",
        )
        .post(&at("/regenerate"), answers::regenerate_answer, "Get another answer.")
        .post(
            &at("/continue"),
            answers::continue_answer,
            "Get more of an answer that became too long.",
        )
        .post(
            &at("/edit"),
            answers::edit_message,
            "Ask another version of a question, as a branch.",
        )
        .post(
            &at("/select"),
            messages::select_message,
            "Show another answer or another version of a question.",
        )
        .put(
            &at("/feedback"),
            messages::rate_answer,
            "Say whether an answer is good.",
        )
        .delete(
            &at("/feedback"),
            messages::unrate_answer,
            "Take back what was said about an answer.",
        )
}

fn documents_000(api: Api) -> Api {
    api.at("/api/v1/chat_sessions")
        .post("", users::begin_session, "Begin a chat session.")
        .get("/{session_id}", users::get_session, "Get a chat session.")
        .put(
            "/{session_id}",
            users::rename_session,
            "Give a chat session another title.",
        )
        .delete(
            "/{session_id}",
            users::delete_session,
            "Delete a chat session with its prompts.",
        )
        .get(
            "/user/{user_id}",
            users::list_user_sessions,
            "List a user's chat sessions, newest first.",
        )
        .at("/api/v1/prompts")
        .post(
            "",
            prompts::create_prompt,
            "Store a prompt with its answers in a chat session.",
        )
        .get("/{prompt_id}", prompts::get_prompt, "Get a prompt.")
        .put(
            "/{prompt_id}",
            prompts::update_prompt,
            "Change a prompt and its answers.",
        )
        .delete("/{prompt_id}", prompts::delete_prompt, "Delete a prompt.")
        .get(
            "/session/{session_id}",
            prompts::list_session_prompts,
            "List the prompts of a chat session, newest first.",
        )
}
