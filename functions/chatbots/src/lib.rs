//! Chatbots: their settings, and the documents they answer from.

mod input;
mod view;

use domain::auth::permission::{ReadChatbots, WriteChatbots};
use http_api::{Api, Body, Created, Ctx, Json, Listing, May, NoContent, Paging, Path, Query, Result};
use input::{BotPath, ChatbotPatch, DocumentIds, Filter, LinkPath, NewChatbot, PassageSearch};
use view::{ChatbotDocumentView, ChatbotView, SearchView};

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
        .get(
            "/chatbots/{chatbot_id}/documents",
            list_chatbot_documents,
            "List the documents of a chatbot. Newest first.",
        )
        .post(
            "/chatbots/{chatbot_id}/documents/{document_id}",
            assign_document,
            "Assign a document to a chatbot. Repeating it changes nothing.",
        )
        .post(
            "/chatbots/{chatbot_id}/search",
            search_chatbot,
            "Search the documents of a chatbot. Returns the passages that a question finds, with their scores; no model \
             is called, and nothing is stored.",
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

async fn create_chatbot(
    app: Ctx,
    member: May<WriteChatbots>,
    Body(new): Body<NewChatbot>,
) -> Result<Created<ChatbotView>> {
    let created = app.create_chatbot(&member.identity, &member.org.org, new.into());
    Ok(Created(created.await?.into()))
}

async fn list_chatbots(
    app: Ctx,
    member: May<ReadChatbots>,
    page: Paging,
    Query(filter): Query<Filter>,
) -> Result<Listing<ChatbotView>> {
    let creator = filter.own().then_some(&member.identity.user.id);
    let found = app.list_chatbots(&member.org.org, creator, &page).await?;
    page.answer(found.map(|bot| ChatbotView::from(bot).shortened()))
}

async fn get_chatbot(app: Ctx, member: May<ReadChatbots>, Path(path): Path<BotPath>) -> Result<Json<ChatbotView>> {
    Ok(Json(app.chatbot(&member.org.org, &path.chatbot_id).await?.into()))
}

async fn update_chatbot(
    app: Ctx,
    member: May<WriteChatbots>,
    Path(path): Path<BotPath>,
    Body(body): Body<ChatbotPatch>,
) -> Result<Json<ChatbotView>> {
    let changed = app.update_chatbot(&member.identity, &member.org, &path.chatbot_id, body.into_change());
    Ok(Json(changed.await?.into()))
}

async fn delete_chatbot(app: Ctx, member: May<WriteChatbots>, Path(path): Path<BotPath>) -> Result<NoContent> {
    app.delete_chatbot(&member.org, &path.chatbot_id).await?;
    Ok(NoContent)
}

async fn search_chatbot(
    app: Ctx,
    member: May<ReadChatbots>,
    Path(path): Path<BotPath>,
    Body(body): Body<PassageSearch>,
) -> Result<Json<SearchView>> {
    let found = app.search_chatbot(&member.org.org, &path.chatbot_id, &body.query, body.limit);
    Ok(Json(found.await?.into()))
}

async fn assign_documents(
    app: Ctx,
    member: May<WriteChatbots>,
    Path(path): Path<BotPath>,
    Body(body): Body<DocumentIds>,
) -> Result<Json<ChatbotView>> {
    let changed = app.assign_documents(&member.org, &path.chatbot_id, body.document_ids);
    Ok(Json(changed.await?.into()))
}

async fn assign_document(
    app: Ctx,
    member: May<WriteChatbots>,
    Path(path): Path<LinkPath>,
) -> Result<Json<ChatbotView>> {
    let changed = app.assign_documents(&member.org, &path.chatbot_id, vec![path.document_id]);
    Ok(Json(changed.await?.into()))
}

async fn list_chatbot_documents(
    app: Ctx,
    member: May<ReadChatbots>,
    page: Paging,
    Path(path): Path<BotPath>,
) -> Result<Listing<ChatbotDocumentView>> {
    let found = app
        .documents_of_chatbot(&member.org.org, &path.chatbot_id, &page)
        .await?;
    page.answer(found.map(ChatbotDocumentView::from))
}

async fn remove_document(
    app: Ctx,
    member: May<WriteChatbots>,
    Path(path): Path<LinkPath>,
) -> Result<Json<ChatbotView>> {
    let changed = app.unassign_document(&member.org, &path.chatbot_id, &path.document_id);
    Ok(Json(changed.await?.into()))
}
