//! Chatbots: their settings, and the documents they answer from.

mod input;
mod view;

use domain::{
    Chatbot, ChatbotId, DocumentId, Error,
    auth::permission::{ReadChatbots, WriteChatbots},
};
use http_api::{Api, Body, Created, Ctx, Json, Listing, May, Member, NoContent, Paging, Path, Query, Result};
use input::{BotPath, ChatbotPatch, DocumentIds, Filter, LinkPath, NewChatbot, SettingsPatch};
use view::ChatbotView;

/// The operations of this function.
pub fn api() -> Api {
    Api::new("Chatbots")
        .on_both_prefixes()
        .post(
            "/chatbots",
            create_chatbot,
            "Create a chatbot. It answers from the documents that are assigned to it.",
        )
        .get(
            "/chatbots",
            list_chatbots,
            "List chatbots. Newest first: the caller's own, or with `scope=org` all that members share.",
        )
        .get(
            "/chatbots/{chatbot_id}",
            get_chatbot,
            "Get a chatbot. With its settings and the IDs of its documents.",
        )
        .put(
            "/chatbots/{chatbot_id}",
            update_chatbot,
            "Update a chatbot. Omitted fields stay unchanged.",
        )
        .delete(
            "/chatbots/{chatbot_id}",
            delete_chatbot,
            "Delete a chatbot. Its documents stay.",
        )
        .post(
            "/chatbots/{chatbot_id}/documents",
            assign_documents,
            "Assign documents to a chatbot. It answers from them as soon as they are indexed.",
        )
        .delete(
            "/chatbots/{chatbot_id}/documents/{document_id}",
            remove_document,
            "Remove a document from a chatbot. The document itself stays.",
        )
}

const CHATBOT_NOT_FOUND: Error = Error::NotFound("chatbot");

async fn create_chatbot(
    app: Ctx,
    member: May<WriteChatbots>,
    Body(new): Body<NewChatbot>,
) -> Result<Created<ChatbotView>> {
    let settings = new.settings.unwrap_or_default();
    permitted(&member, &settings)?;
    let documents = existing_documents(&app, &member, new.documents.unwrap_or_default()).await?;
    let now = app.clock.now();
    let chatbot = Chatbot {
        id: app.ids.make()?,
        org: member.org.org.clone(),
        created_by: member.identity.user.id.clone(),
        name: new.name.trim().to_owned(),
        description: new.description.filter(|text| !text.trim().is_empty()),
        settings: settings.into_settings(),
        documents,
        created_at: now,
        updated_at: now,
    };
    app.create_chatbot(&chatbot).await?;
    Ok(Created(chatbot.into()))
}

async fn list_chatbots(
    app: Ctx,
    member: May<ReadChatbots>,
    page: Paging,
    Query(filter): Query<Filter>,
) -> Result<Listing<ChatbotView>> {
    let creator = filter.own().then_some(&member.identity.user.id);
    let found = app.chatbots(&member.org.org).list(&page, creator).await?;
    page.answer(found.map(ChatbotView::from))
}

async fn get_chatbot(app: Ctx, member: May<ReadChatbots>, Path(path): Path<BotPath>) -> Result<Json<ChatbotView>> {
    let chatbot = app.chatbots(&member.org.org).get(&path.chatbot_id).await?;
    Ok(Json(chatbot.ok_or(CHATBOT_NOT_FOUND)?.into()))
}

async fn update_chatbot(
    app: Ctx,
    member: May<WriteChatbots>,
    Path(path): Path<BotPath>,
    Body(body): Body<ChatbotPatch>,
) -> Result<Json<ChatbotView>> {
    changeable(&app, &member, &path.chatbot_id).await?;
    if let Some(settings) = &body.settings {
        permitted(&member, settings)?;
    }
    let mut change = body.into_change();
    if let Some(documents) = change.documents.take() {
        change.documents = Some(existing_documents(&app, &member, documents).await?);
    }
    let chatbot = app
        .chatbots(&member.org.org)
        .update(&path.chatbot_id, &change, app.clock.now())
        .await?;
    Ok(Json(chatbot.ok_or(CHATBOT_NOT_FOUND)?.into()))
}

async fn delete_chatbot(app: Ctx, member: May<WriteChatbots>, Path(path): Path<BotPath>) -> Result<NoContent> {
    changeable(&app, &member, &path.chatbot_id).await?;
    if app.chatbots(&member.org.org).delete(&path.chatbot_id).await? {
        Ok(NoContent)
    } else {
        Err(CHATBOT_NOT_FOUND.into())
    }
}

async fn assign_documents(
    app: Ctx,
    member: May<WriteChatbots>,
    Path(path): Path<BotPath>,
    Body(body): Body<DocumentIds>,
) -> Result<Json<ChatbotView>> {
    let chatbot = changeable(&app, &member, &path.chatbot_id).await?;
    let mut documents = existing_documents(&app, &member, body.document_ids).await?;
    documents.retain(|id| !chatbot.documents.contains(id));
    let chatbots = app.chatbots(&member.org.org);
    match chatbots.assign(&path.chatbot_id, &documents, app.clock.now()).await? {
        Some(chatbot) => Ok(Json(chatbot.into())),
        None if chatbots.get(&path.chatbot_id).await?.is_none() => Err(CHATBOT_NOT_FOUND.into()),
        None => Err(too_many().into()),
    }
}

async fn remove_document(
    app: Ctx,
    member: May<WriteChatbots>,
    Path(path): Path<LinkPath>,
) -> Result<Json<ChatbotView>> {
    changeable(&app, &member, &path.chatbot_id).await?;
    let chatbot = app
        .chatbots(&member.org.org)
        .unassign(&path.chatbot_id, &path.document_id, app.clock.now())
        .await?;
    Ok(Json(chatbot.ok_or(Error::NotFound("document"))?.into()))
}

/// Rejects an API key that would have a chatbot answer with a model that the key may not use.
fn permitted(member: &Member, settings: &SettingsPatch) -> Result<()> {
    let model = settings.model.as_deref();
    Ok(model.map_or(Ok(()), |model| member.identity.check_delegation(model))?)
}

/// Returns the chatbot if the caller may change it: its creator, or an owner or admin of the organization.
async fn changeable(app: &Ctx, member: &Member, id: &ChatbotId) -> Result<Chatbot> {
    let chatbot = app.chatbots(&member.org.org).get(id).await?.ok_or(CHATBOT_NOT_FOUND)?;
    if chatbot.created_by == member.identity.user.id || member.org.role.administers() {
        Ok(chatbot)
    } else {
        let detail = "Only the creator of this chatbot, or an owner or admin of the organization, can change it.";
        Err(Error::Forbidden {
            code: "not_yours",
            detail,
        }
        .into())
    }
}

fn too_many() -> Error {
    Error::invalid(
        "/documents",
        format!("must name at most {} documents", Chatbot::MAX_DOCUMENTS),
    )
}

/// Returns the distinct IDs if all of them are documents of the current organization.
async fn existing_documents(app: &Ctx, member: &Member, mut ids: Vec<DocumentId>) -> Result<Vec<DocumentId>> {
    ids.sort_unstable();
    ids.dedup();
    if ids.len() > Chatbot::MAX_DOCUMENTS {
        return Err(too_many().into());
    }
    let found = app.documents(&member.org.org).get_many(&ids).await?;
    if found.len() == ids.len() {
        Ok(ids)
    } else {
        Err(Error::NotFound("document").into())
    }
}
