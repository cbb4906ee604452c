//! Operations for the backend of a front end, which acts for every user with the service key.

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
            "Get or create the account of a Clerk user. `email` and `name` are used for a new account. An existing \
             account of that address is never opened, and the address is not verified. What an account lacks (`New \
             user`, an address below `clerk.invalid`) is completed by the first source that knows it: a later call, \
             a session at Clerk, or its webhook. A name that the user chose stays; an address of another account \
             stays theirs.",
        )
        .get(
            "/users/{user_id}/quota",
            quotas::get_quota_of_user,
            "Get the daily limit of a user. With today's usage.",
        )
        .put(
            "/users/{user_id}/quota",
            quotas::update_quota_of_user,
            "Update the daily limit of a user. Can also set today's usage.",
        )
        .post(
            "/users/{user_id}/usage",
            quotas::add_usage_of_user,
            "Add tokens that a user used elsewhere. Concurrent additions are all counted.",
        )
        .get(
            "/users/{user_id}/sessions",
            sessions::list_sessions_of_user,
            "List the chat sessions of a user. Newest first.",
        )
        .post(
            "/sessions",
            sessions::create_session_for_user,
            "Create a chat session for a user. In their personal organization.",
        )
        .get(
            "/sessions/{session_id}",
            sessions::get_internal_session,
            "Get a chat session. Of any user.",
        )
        .put(
            "/sessions/{session_id}",
            sessions::rename_internal_session,
            "Update the title of a chat session. Of any user.",
        )
        .delete(
            "/sessions/{session_id}",
            sessions::delete_internal_session,
            "Delete a chat session. Of any user; its messages are deleted with it.",
        )
        .get(
            "/users/{user_id}/user-prompts",
            user_prompts::list_prompts_for_user,
            "List the stored prompts of a user. Newest first.",
        )
        .post(
            "/user-prompts",
            user_prompts::keep_prompt_for_user,
            "Create a stored prompt for a user. In their personal organization.",
        )
        .delete(
            "/user-prompts/{prompt_id}",
            user_prompts::delete_prompt_of_user,
            "Delete a stored prompt of a user. Its versions are deleted with it.",
        )
        .get(
            "/system-prompts",
            user_prompts::list_platform_prompts,
            "List the prompts of the platform. Newest first.",
        )
        .get(
            "/sessions/{session_id}/prompts",
            prompts::list_prompts_of_session,
            "List the prompts of a chat session. Newest first; those of the branch that is shown.",
        )
        .post(
            "/prompts",
            prompts::create_prompt_for_user,
            "Create a prompt in a chat session of a user. With answers from elsewhere, if any.",
        )
}
