//! Running the platform (document 002): accounts, the state of the system, caches and logs. For platform admins.

mod logs;
mod system;
mod users;

use http_api::Api;

/// The operations of this function.
pub fn api() -> Api {
    Api::new("Administration")
        .at("/api/v1/admin")
        .get("/users", users::list_all_users, "List all accounts, newest first.")
        .put(
            "/users/{user_id}/role",
            users::set_user_role,
            "Make somebody a platform admin, or a user again.",
        )
        .put(
            "/users/{user_id}/status",
            users::set_user_status,
            "Let somebody in, or keep them out.",
        )
        .delete(
            "/users/{user_id}",
            users::delete_user_as_admin,
            "Delete somebody's account.",
        )
        .get(
            "/system/status",
            system::get_system_status,
            "Say how the tables, queues, models and schedules are.",
        )
        .post(
            "/system/cache/clear",
            system::clear_caches,
            "Make every process forget what it has cached.",
        )
        .get(
            "/logs",
            logs::list_logs,
            "List audit entries of all organizations and recent failures, newest first.",
        )
}
