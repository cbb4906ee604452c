//! Prompts: those that people keep, with versions, labels and variables, and those of the platform (document 000).

mod system_prompts;
mod user_prompts;
mod versions;

use http_api::Api;

/// The operations of this function.
pub fn api() -> Api {
    Api::new("Prompts")
        .at("/api/v1/system_prompts")
        .post("", system_prompts::create_system_prompt, "Offer a prompt to everybody.")
        .get(
            "",
            system_prompts::list_system_prompts,
            "List the platform's prompts, newest first.",
        )
        .get(
            "/{prompt_id}",
            system_prompts::get_system_prompt,
            "Get a prompt of the platform.",
        )
        .put(
            "/{prompt_id}",
            system_prompts::update_system_prompt,
            "Change a prompt of the platform.",
        )
        .delete(
            "/{prompt_id}",
            system_prompts::delete_system_prompt,
            "Delete a prompt of the platform.",
        )
        .at("/api/v1/user_prompts")
        .post("", user_prompts::create_user_prompt, "Keep a prompt.")
        .get(
            "",
            user_prompts::list_own_prompts,
            "List the caller's prompts, or with `scope=org` those that members share, newest first.",
        )
        .get(
            "/user/{user_id}",
            user_prompts::list_prompts_of_user,
            "List a user's prompts, newest first.",
        )
        .get("/{prompt_id}", user_prompts::get_user_prompt, "Get a prompt.")
        .put(
            "/{prompt_id}",
            user_prompts::update_user_prompt,
            "Change a prompt; another text becomes the next version.",
        )
        .delete(
            "/{prompt_id}",
            user_prompts::delete_user_prompt,
            "Delete a prompt with its versions.",
        )
        .get(
            "/{prompt_id}/versions",
            versions::list_prompt_versions,
            "List the versions of a prompt, newest first.",
        )
        .get(
            "/{prompt_id}/versions/{version}",
            versions::get_prompt_version,
            "Get a version of a prompt by its number or a label.",
        )
        .put(
            "/{prompt_id}/labels/{label}",
            versions::label_prompt_version,
            "Point a label to a version.",
        )
        .delete(
            "/{prompt_id}/labels/{label}",
            versions::remove_prompt_label,
            "Remove a label.",
        )
        .post(
            "/{prompt_id}/render",
            versions::render_prompt,
            "Put values in the place of a prompt's variables.",
        )
}
