//! Accounts, their daily limit and their settings: documents 000, 001, 003 and 004.

mod accounts;
mod exports;
mod quotas;
mod settings;

use http_api::Api;

/// The operations of this function.
pub fn api() -> Api {
    Api::new("Users")
        .at("/api/v1")
        .post(
            "/users",
            accounts::create_user,
            "Create an account for somebody else (platform admins).",
        )
        .get(
            "/users/{user_id}",
            accounts::get_user,
            "Get an account; `me` is the caller's.",
        )
        .put(
            "/users/{user_id}",
            accounts::update_user,
            "Change an account; what is left out stays as it is.",
        )
        .delete(
            "/users/{user_id}",
            accounts::delete_user,
            "Delete an account; all its credentials are refused from the next request on.",
        )
        .get(
            "/users/{user_id}/quota",
            quotas::get_quota,
            "Get the daily limit and what is used of it.",
        )
        .put(
            "/users/{user_id}/quota",
            quotas::update_quota,
            "Set the daily limit: users lower their own, platform admins set any.",
        )
        .get(
            "/users/{user_id}/export",
            exports::export_user,
            "Get everything of the user as a ZIP archive of JSON lines and files; the first call begins to make it.",
        )
        .own("/users/{user_id}", "/users/me")
        .both()
        .get(
            "/settings",
            settings::get_settings,
            "Get the own settings; the first call makes them.",
        )
        .put(
            "/settings",
            settings::update_settings,
            "Change the own settings; what is left out stays as it is, protected fields are ignored.",
        )
        .post(
            "/settings/regenerate-api-key",
            settings::regenerate_api_key,
            "Replace the personal API key, or make the first one. It is shown this once.",
        )
}
