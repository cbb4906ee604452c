//! Platform administration: accounts, limits of organizations, system status, caches and logs. For platform admins.

mod entitlements;
mod logs;
mod system;
mod users;

use http_api::Api;

/// The operations of this function.
pub fn api() -> Api {
    Api::new("Administration")
        .at("/api/v1/admin")
        .get(
            "/users",
            users::list_all_users,
            "List all accounts. Newest first; filters narrow the list.",
        )
        .put(
            "/users/{user_id}/role",
            users::set_user_role,
            "Set the platform role of an account. Takes effect with the user's next request. Platform admins cannot \
             change their own: the platform keeps one.",
        )
        .put(
            "/users/{user_id}/status",
            users::set_user_status,
            "Set the status of an account. A disabled account is signed out everywhere and cannot sign in. Platform \
             admins cannot change their own.",
        )
        .delete(
            "/users/{user_id}",
            users::delete_user_as_admin,
            "Delete an account. All its credentials are refused from the next request on. Platform admins cannot \
             delete their own.",
        )
        .get(
            "/orgs/{org_id}/entitlements",
            entitlements::get_org_entitlements,
            "Get what an organization may use. Limits and features, and what of them was set for it beside its plan.",
        )
        .put(
            "/orgs/{org_id}/entitlements",
            entitlements::set_org_entitlements,
            "Set limits and features of an organization. They replace those of its plan, also after a change of plan, \
             until they expire.",
        )
        .get(
            "/system/status",
            system::get_system_status,
            "Get the system status. Covers tables, queues, models and schedules.",
        )
        .post(
            "/system/cache/clear",
            system::clear_caches,
            "Clear the caches of every process. Other processes follow within 30 seconds.",
        )
        .get(
            "/logs",
            logs::list_logs,
            "List audit log entries and recent failures. Of all organizations, newest first.",
        )
}
