//! For the backend of a front end, which acts for everybody with the service key (document 003).

mod prompts;
mod quotas;
mod sessions;
mod user_prompts;
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
            "/users/{user_id}/quota",
            quotas::get_quota_of_user,
            "Get a user's daily limit and what is used of it.",
        )
        .put(
            "/users/{user_id}/quota",
            quotas::update_quota_of_user,
            "Set a user's daily limit, and what counts as used.",
        )
        .post(
            "/users/{user_id}/usage",
            quotas::add_usage_of_user,
            "Add tokens that a user used elsewhere; however many add at once, none are lost.",
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
            "/users/{user_id}/user-prompts",
            user_prompts::list_prompts_for_user,
            "List the prompts that a user keeps, newest first.",
        )
        .post(
            "/user-prompts",
            user_prompts::keep_prompt_for_user,
            "Keep a prompt for a user.",
        )
        .delete(
            "/user-prompts/{prompt_id}",
            user_prompts::delete_prompt_of_user,
            "Delete a prompt that a user keeps.",
        )
        .get(
            "/system-prompts",
            user_prompts::list_platform_prompts,
            "List the platform's prompts, newest first.",
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
