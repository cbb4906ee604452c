//! Prompts: those that users store, with versions, labels and variables, and those of the platform.

mod system_prompts;
mod user_prompts;
mod versions;

use http_api::Api;

/// The operations of this function.
pub fn api() -> Api {
    Api::new("Prompts")
        .at("/api/v1/system_prompts")
        .post(
            "",
            system_prompts::create_system_prompt,
            "Create a prompt of the platform. Everyone can read it.",
        )
        .get(
            "",
            system_prompts::list_system_prompts,
            "List the prompts of the platform. Newest first.",
        )
        .get(
            "/{prompt_id}",
            system_prompts::get_system_prompt,
            "Get a prompt of the platform. With its name and text.",
        )
        .put(
            "/{prompt_id}",
            system_prompts::update_system_prompt,
            "Update a prompt of the platform. Everyone who reads it sees the change.",
        )
        .delete(
            "/{prompt_id}",
            system_prompts::delete_system_prompt,
            "Delete a prompt of the platform. Copies that users made stay.",
        )
        .at("/api/v1/user_prompts")
        .post(
            "",
            user_prompts::create_user_prompt,
            "Create a stored prompt. With variables as `{{name}}`; its text is version 1.",
        )
        .get(
            "",
            user_prompts::list_own_prompts,
            "List stored prompts. The caller's own, or with `scope=org` those that members share, newest first.",
        )
        .get(
            "/user/{user_id}",
            user_prompts::list_prompts_of_user,
            "List the stored prompts of a user. Newest first.",
        )
        .get(
            "/{prompt_id}",
            user_prompts::get_user_prompt,
            "Get a stored prompt. With its latest text, and the versions that its labels point to.",
        )
        .put(
            "/{prompt_id}",
            user_prompts::update_user_prompt,
            "Update a stored prompt. A changed text becomes the next version.",
        )
        .delete(
            "/{prompt_id}",
            user_prompts::delete_user_prompt,
            "Delete a stored prompt. Its versions are deleted with it.",
        )
        .get(
            "/{prompt_id}/versions",
            versions::list_prompt_versions,
            "List the versions of a stored prompt. Newest first.",
        )
        .get(
            "/{prompt_id}/versions/{version}",
            versions::get_prompt_version,
            "Get a version of a stored prompt. By its number, by a label, or as `latest`.",
        )
        .put(
            "/{prompt_id}/labels/{label}",
            versions::label_prompt_version,
            "Set a label of a stored prompt. The label then points to this version.",
        )
        .delete(
            "/{prompt_id}/labels/{label}",
            versions::remove_prompt_label,
            "Delete a label of a stored prompt. The version that it pointed to stays.",
        )
        .post(
            "/{prompt_id}/render",
            versions::render_prompt,
            "Render a stored prompt. Replaces its variables with the given values.",
        )
}
