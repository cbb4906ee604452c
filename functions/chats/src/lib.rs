//! Chat sessions and their messages (document 004), streamed and whole.

mod messages;
mod sessions;

use http_api::Api;

/// The operations of this function.
pub fn api() -> Api {
    Api::new("Chat")
        .at("/api/chat")
        .post(
            "/sessions",
            sessions::create_chat_session,
            "Begin a chat session with a chatbot.",
        )
        .get(
            "/sessions",
            sessions::list_chat_sessions,
            "List the caller's chat sessions, newest first.",
        )
        .get(
            "/sessions/{session_id}",
            sessions::get_chat_session,
            "Get a chat session with its latest messages.",
        )
        .delete(
            "/sessions/{session_id}",
            sessions::delete_chat_session,
            "Delete a chat session with its messages.",
        )
        .post(
            "/sessions/{session_id}/messages",
            messages::send_message,
            "Send a message and get the chatbot's answer.",
        )
        .get(
            "/sessions/{session_id}/messages",
            messages::list_messages,
            "List messages in reading order, the latest page first.",
        )
}
