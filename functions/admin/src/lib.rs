//! Platform administration: accounts, system status, caches and logs. For platform admins.

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
