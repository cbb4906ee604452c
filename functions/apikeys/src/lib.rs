//! API keys of an organization: `/apikeys`, with the alias `/api-keys`.

mod input;
mod view;

use domain::auth::permission::{ReadKeys, WriteKeys};
use http_api::{Api, Body, Created, Ctx, Json, Listing, May, NoContent, Paging, Path, Result};
use input::{KeyPatch, KeyPath, NewApiKey, Rotation};
use view::{KeyView, NewKeyView};

/// The operations of this function.
pub fn api() -> Api {
    Api::new("API keys")
        .at("/api/v1")
        .post(
            "/apikeys",
            create_api_key,
            "Create an API key. It acts for the caller in the current organization; `key` is shown only once. \
             Administrative scopes require a verified email address. A key can create keys, but none beyond its own \
             scopes and limits: they are below it (`parent_id`), at most four levels, share its budget and requests \
             a minute, and are refused while it is.",
        )
        .get(
            "/apikeys",
            list_api_keys,
            "List API keys. Newest first, without their secrets.",
        )
        .get(
            "/apikeys/{key_id}",
            get_api_key,
            "Get an API key. Its secret is not shown again.",
        )
        .patch(
            "/apikeys/{key_id}",
            update_api_key,
            "Update an API key. Omitted fields stay unchanged; null removes a limit. Its user and administrators \
             can. Models are compared after aliases are resolved; `chatbot/<id>` permits that chatbot, whatever its \
             model.",
        )
        .post(
            "/apikeys/{key_id}/rotate",
            rotate_api_key,
            "Rotate the secret of one of the caller's API keys. The new secret is shown only once; the old one stays \
             valid for `overlap_seconds`. Only its user can, and a key itself and those below it.",
        )
        .delete(
            "/apikeys/{key_id}",
            revoke_api_key,
            "Revoke an API key. It is rejected from the next request on and stays in the list. Those below it are \
             revoked with it. A key cannot revoke those above it.",
        )
        .delete(
            "/apikeys/{key_id}/permanent",
            delete_api_key,
            "Delete an API key. It is revoked and removed from the list.",
        )
        .alias("/api/v1/apikeys", "/api/v1/api-keys")
}

async fn create_api_key(app: Ctx, member: May<WriteKeys>, Body(new): Body<NewApiKey>) -> Result<Created<NewKeyView>> {
    let new = new.into_new_key(app.clock.now())?;
    let keys = app.api_keys_for(&member.identity, &member.org, member.actor());
    let made = keys.create(new).await?;
    Ok(Created(NewKeyView::of(made, app.clock.now())))
}

async fn list_api_keys(app: Ctx, member: May<ReadKeys>, page: Paging) -> Result<Listing<KeyView>> {
    let keys = app.api_keys_for(&member.identity, &member.org, member.actor());
    let (found, now) = (keys.list(&page).await?, app.clock.now());
    page.answer(found.map(|found| KeyView::of(found, now)))
}

async fn get_api_key(app: Ctx, member: May<ReadKeys>, Path(path): Path<KeyPath>) -> Result<Json<KeyView>> {
    let keys = app.api_keys_for(&member.identity, &member.org, member.actor());
    let found = keys.get(&path.key_id).await?;
    Ok(Json(KeyView::of(found, app.clock.now())))
}

async fn update_api_key(
    app: Ctx,
    member: May<WriteKeys>,
    Path(path): Path<KeyPath>,
    Body(body): Body<KeyPatch>,
) -> Result<Json<KeyView>> {
    let change = body.into_change(app.clock.now())?;
    let keys = app.api_keys_for(&member.identity, &member.org, member.actor());
    keys.change(&path.key_id, change).await?;
    let found = keys.get(&path.key_id).await?;
    Ok(Json(KeyView::of(found, app.clock.now())))
}

async fn rotate_api_key(
    app: Ctx,
    member: May<WriteKeys>,
    Path(path): Path<KeyPath>,
    rotation: Option<Body<Rotation>>,
) -> Result<Json<NewKeyView>> {
    let overlap = rotation.map(|Body(rotation)| rotation.overlap()).unwrap_or_default();
    let keys = app.api_keys_for(&member.identity, &member.org, member.actor());
    let rotated = keys.rotate(&path.key_id, overlap).await?;
    Ok(Json(NewKeyView::of(rotated, app.clock.now())))
}

async fn revoke_api_key(app: Ctx, member: May<WriteKeys>, Path(path): Path<KeyPath>) -> Result<NoContent> {
    let keys = app.api_keys_for(&member.identity, &member.org, member.actor());
    keys.revoke(&path.key_id).await?;
    Ok(NoContent)
}

async fn delete_api_key(app: Ctx, member: May<WriteKeys>, Path(path): Path<KeyPath>) -> Result<NoContent> {
    let keys = app.api_keys_for(&member.identity, &member.org, member.actor());
    keys.erase(&path.key_id).await?;
    Ok(NoContent)
}
