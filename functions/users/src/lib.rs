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
            "Create an account for someone else. The new password is known to who creates it, so it should be \
             changed.",
        )
        .get(
            "/users/{user_id}",
            accounts::get_user,
            "Get an account. `me` is the caller's own.",
        )
        .put(
            "/users/{user_id}",
            accounts::update_user,
            "Update an account. Fields that are left out stay as they are; a new address of one's own needs \
             `current_password`. It voids the links of earlier mails, and the address before is told: if it was \
             verified, its owner can take back what was not an admin's change for 72 hours.",
        )
        .delete(
            "/users/{user_id}",
            accounts::delete_user,
            "Delete an account. All its credentials are refused from the next request on, and its content is \
             removed.",
        )
        .get(
            "/users/{user_id}/quota",
            quotas::get_quota,
            "Get the daily limit of an account. And what is used of it today.",
        )
        .put(
            "/users/{user_id}/quota",
            quotas::update_quota,
            "Update the daily limit of an account. Users set their own, up to what their plan or a platform admin \
             gives them; platform admins set any. API keys set none.",
        )
        .get(
            "/users/{user_id}/export",
            exports::export_user,
            "Export everything of an account. As a ZIP archive of JSON lines and files; the first call starts to \
             create it.",
        )
        .with_me_alias("/users/{user_id}", "/users/me")
        .on_both_prefixes()
        .get(
            "/settings",
            settings::get_settings,
            "Get the caller's settings. The first call creates them.",
        )
        .put(
            "/settings",
            settings::update_settings,
            "Update the caller's settings. Fields that are left out stay as they are, protected ones are ignored.",
        )
        .post(
            "/settings/regenerate-api-key",
            settings::regenerate_api_key,
            "Create or replace the caller's personal API key. It is shown this once.",
        )
}
