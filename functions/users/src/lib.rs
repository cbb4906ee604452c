//! Accounts, their daily limit and their settings.

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
            "Create an account for someone else. The password is known to its creator, so the user should change \
             it.",
        )
        .get(
            "/users/{user_id}",
            accounts::get_user,
            "Get an account. `me` is the caller's own.",
        )
        .put(
            "/users/{user_id}",
            accounts::update_user,
            "Update an account. Omitted fields stay unchanged; users who change their own email address need \
             `current_password`, an admin who changes another account does not. A verified address stays until the \
             new one is proven, which is `pending_email` for 48 hours or until a new password ends the request. An \
             unverified one changes at once, and cannot be restored. The links of earlier emails become invalid, and \
             the previous address is notified: if it was verified, its owner can undo the change for 72 hours, \
             unless an admin made it. At most 5 changes of the own address, and one more in four hours.",
        )
        .delete(
            "/users/{user_id}",
            accounts::delete_user,
            "Delete an account. All its credentials are rejected from the next request on, and its content is \
             removed. Its address is free again, and it leaves shared organizations, at most 30. The last owner of \
             one gets 409 `last_owner`. Platform admins cannot delete their own account.",
        )
        .get(
            "/users/{user_id}/quota",
            quotas::get_quota,
            "Get the daily limit of an account. With today's usage.",
        )
        .put(
            "/users/{user_id}/quota",
            quotas::update_quota,
            "Update the daily limit of an account. Users set their own, up to what their plan or a platform admin \
             allows; platform admins set any. API keys set none. `used_today` and `last_reset` of a user's request \
             are ignored.",
        )
        .get(
            "/users/{user_id}/export",
            exports::export_user,
            "Export all data of an account. As a ZIP archive of JSON lines and files; the first call starts the \
             export. It contains what an erasure would remove, not what the user uploaded to a shared organization. \
             It is written once; its links of 15 minutes are available for 7 days.",
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
            "Update the caller's settings. Omitted fields stay unchanged, protected fields are ignored, unknown ones \
             refused; a client's own data belongs in `preferences`, which are returned as they were sent.",
        )
        .post(
            "/settings/regenerate-api-key",
            settings::regenerate_api_key,
            "Create or replace the caller's personal API key. It is shown only once.",
        )
}
