//! For the backend of a front end, which acts for everybody with the service key (document 003).

mod prompts;
mod sessions;
mod users;

use http_api::Api;

/// The operations of this function.
pub fn api() -> Api {
    Api::new("Internal")
        .at("/api/v1/internal")
        .get(
            "/users/by-clerk-id/{clerk_user_id}",
            users::get_or_create_by_clerk_id,
            "Get the account of a person at Clerk; it is made when there is none.",
        )
        .get(
            "/users/{user_id}/sessions",
            sessions::list_sessions_of_user,
            "List a user's chat sessions, newest first.",
        )
        .post("/sessions", sessions::create_session_for_user, "Begin a chat session.")
        .get(
            "/sessions/{session_id}",
            sessions::get_internal_session,
            "Get a chat session.",
        )
        .put(
            "/sessions/{session_id}",
            sessions::rename_internal_session,
            "Give a chat session another title.",
        )
        .delete(
            "/sessions/{session_id}",
            sessions::delete_internal_session,
            "Delete a chat session with its messages.",
        )
        .get(
            "/sessions/{session_id}/prompts",
            prompts::list_prompts_of_session,
            "List the prompts of a chat session, newest first.",
        )
        .post(
            "/prompts",
            prompts::create_prompt_for_user,
            "Store a prompt with its answers in a chat session.",
        )
}
