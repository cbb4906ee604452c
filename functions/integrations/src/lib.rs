//! Integrations: chatbots in Slack and on web sites.

mod input;
mod view;

use app::CompletedInstallation;
use domain::auth::permission::{ReadIntegrations, WriteIntegrations};
use http_api::{Api, Body, Created, Ctx, Json, Listing, May, NoContent, Paging, Path, Query, Result};
use input::{Completion, Credentials, Filter, IntegrationPatch, IntegrationPath, NewIntegration, TypePath};
use view::{IdentitySecret, InstallationView, IntegrationView};

/// The operations of this function.
pub fn api() -> Api {
    Api::new("Integrations")
        .on_both_prefixes()
        .get(
            "/integrations",
            list_integrations,
            "List integrations. Newest first: the caller's own, or with `scope=org` all that members share.",
        )
        .post(
            "/integrations/{integration_id}",
            create_integration,
            "Create an integration. The path ends with its type. One of the type `slack` is `disconnected` until its app is installed in a workspace; \
             one of the type `website` is active. What it answers is charged to its creator.",
        )
        .get(
            "/integrations/{integration_id}",
            get_integration,
            "Get an integration. Its secrets are never returned.",
        )
        .put(
            "/integrations/{integration_id}",
            update_integration,
            "Update an integration. Omitted fields stay unchanged, `config` is replaced. `status` is `active` or \
             `paused`.",
        )
        .delete(
            "/integrations/{integration_id}",
            delete_integration,
            "Delete an integration. What people asked through it stays in the chat sessions of its creator.",
        )
        .post(
            "/integrations/website/{integration_id}/identity-secret",
            rotate_identity_secret,
            "Create the secret with which a web site signs who its visitors are. It is shown once; an earlier one is no \
             longer accepted.",
        )
        .post(
            "/integrations/slack/{integration_id}/credentials",
            set_slack_credentials,
            "Set the credentials of an app of your own at Slack. The bot token is checked at Slack. Until both are set, \
             one may be set alone.",
        )
        .post(
            "/integrations/slack/{integration_id}/install",
            begin_slack_installation,
            "Begin to install the platform's app in a workspace. Open `url` in a browser; Slack leads back to \
             `/integrations/slack/callback` with a code and the state.",
        )
        .post(
            "/integrations/slack/{integration_id}/install/complete",
            complete_slack_installation,
            "Complete an installation. Only whoever began it can, with the same session, once, within ten minutes.",
        )
}

async fn list_integrations(
    app: Ctx,
    member: May<ReadIntegrations>,
    page: Paging,
    Query(filter): Query<Filter>,
) -> Result<Listing<IntegrationView>> {
    let creator = filter.own().then_some(&member.identity.user.id);
    let found = app.list_integrations(&member.org.org, creator, &page).await?;
    page.answer(found.map(|it| IntegrationView::of(it, &app.config.public_url)))
}

async fn create_integration(
    app: Ctx,
    member: May<WriteIntegrations>,
    Path(path): Path<TypePath>,
    Body(body): Body<NewIntegration>,
) -> Result<Created<IntegrationView>> {
    let new = body.of_type(path.kind)?;
    let created = app.create_integration(&member.org, &member.actor(), new).await?;
    Ok(Created(IntegrationView::of(created, &app.config.public_url)))
}

async fn get_integration(
    app: Ctx,
    member: May<ReadIntegrations>,
    Path(path): Path<IntegrationPath>,
) -> Result<Json<IntegrationView>> {
    let found = app.integration(&member.org.org, &path.integration_id).await?;
    Ok(Json(IntegrationView::of(found, &app.config.public_url)))
}

async fn update_integration(
    app: Ctx,
    member: May<WriteIntegrations>,
    Path(path): Path<IntegrationPath>,
    Body(body): Body<IntegrationPatch>,
) -> Result<Json<IntegrationView>> {
    let actor = member.actor();
    let changed = app.update_integration(&member.org, &actor, &path.integration_id, body.into_change());
    Ok(Json(IntegrationView::of(changed.await?, &app.config.public_url)))
}

async fn delete_integration(
    app: Ctx,
    member: May<WriteIntegrations>,
    Path(path): Path<IntegrationPath>,
) -> Result<NoContent> {
    app.delete_integration(&member.org, &member.actor(), &path.integration_id)
        .await?;
    Ok(NoContent)
}

async fn rotate_identity_secret(
    app: Ctx,
    member: May<WriteIntegrations>,
    Path(path): Path<IntegrationPath>,
) -> Result<Created<IdentitySecret>> {
    let actor = member.actor();
    let secret = app.rotate_identity_secret(&member.org, &actor, &path.integration_id);
    let secret = secret.await?.expose().to_owned();
    Ok(Created(IdentitySecret { secret }))
}

async fn set_slack_credentials(
    app: Ctx,
    member: May<WriteIntegrations>,
    Path(path): Path<IntegrationPath>,
    Body(body): Body<Credentials>,
) -> Result<Json<IntegrationView>> {
    let (actor, id) = (member.actor(), &path.integration_id);
    let set = app.set_slack_credentials(&member.org, &actor, id, body.bot_token, body.signing_secret);
    Ok(Json(IntegrationView::of(set.await?, &app.config.public_url)))
}

async fn begin_slack_installation(
    app: Ctx,
    member: May<WriteIntegrations>,
    Path(path): Path<IntegrationPath>,
) -> Result<Json<InstallationView>> {
    let url = app.begin_slack_installation(&member.identity, &member.org, &path.integration_id);
    Ok(Json(InstallationView { url: url.await? }))
}

async fn complete_slack_installation(
    app: Ctx,
    member: May<WriteIntegrations>,
    Path(path): Path<IntegrationPath>,
    Body(body): Body<Completion>,
) -> Result<Json<IntegrationView>> {
    let completed = CompletedInstallation {
        state: body.state,
        code: body.code,
    };
    let (actor, id) = (member.actor(), &path.integration_id);
    let installed = app.complete_slack_installation(&member.identity, &member.org, &actor, id, completed);
    Ok(Json(IntegrationView::of(installed.await?, &app.config.public_url)))
}
