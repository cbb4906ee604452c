//! Chatbots: their settings, and the documents they answer from.

mod evaluation;
mod input;
mod preview;
mod unanswered;
mod view;

use app::BillingContext;
use domain::auth::permission::{ReadChatbots, WriteChatbots};
use evaluation::{EvaluationRequest, EvaluationView};
use http_api::{Api, Body, Created, Ctx, Json, Listing, May, NoContent, Origin, Paging, Path, Query, Result};
use input::{BotPath, ChatbotPatch, CloneOptions, DocumentIds, Filter, LinkPath, NewChatbot, PassageSearch};
use preview::{PreviewRequest, PreviewView, messages};
use unanswered::{AnswerToQuestion, QuestionPath, UnansweredQuestionView};
use view::{ChatbotDocumentView, ChatbotView, SearchView};

/// The operations of this function.
#[expect(clippy::too_many_lines, reason = "a table of routes")]
pub fn api() -> Api {
    Api::new("Chatbots")
        .on_both_prefixes()
        .post(
            "/chatbots",
            create_chatbot,
            "Create a chatbot. It answers from the documents that are assigned to it.",
        )
        .post(
            "/chatbots/preview",
            preview_chatbot,
            "Preview an answer of a chatbot. Nothing is stored, but the tokens are charged. Members name a chatbot, \
             settings and documents that differ from its own, or only these for a chatbot that does not exist yet. \
             Without credentials `chatbot_id` has to name a published chatbot, which answers as it was published; its \
             creator is charged, and a network may send 10 requests a minute.",
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
            "/chatbots/{chatbot_id}/clone",
            clone_chatbot,
            "Clone a chatbot. The new one has its settings and documents, and is not published.",
        )
        .post(
            "/chatbots/{chatbot_id}/publish",
            publish_chatbot,
            "Publish a chatbot. Visitors see its name and settings as they are now; later changes are a draft until it \
             is published again. Its documents are always the current ones. Members always use the draft.",
        )
        .post(
            "/chatbots/{chatbot_id}/unpublish",
            unpublish_chatbot,
            "Unpublish a chatbot. Visitors no longer find it.",
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
            "/chatbots/{chatbot_id}/evaluate",
            evaluate_chatbot,
            "Evaluate a chatbot. Asks up to 50 questions, each by itself, and compares the answers and the passages that \
             are found with what is expected. Answers are charged as usual, and not stored. All have 280 seconds \
             together.",
        )
        .get(
            "/chatbots/{chatbot_id}/unanswered",
            list_unanswered_questions,
            "List the questions that a chatbot did not answer. Those of chat sessions in the last 90 days, newest first; \
             questions with the same words are one. Its creator and administrators see them, without who asked. A \
             question disappears with its chat session.",
        )
        .delete(
            "/chatbots/{chatbot_id}/unanswered/{message_id}",
            dismiss_unanswered_question,
            "Dismiss a question that a chatbot did not answer. It is listed again when it is asked again.",
        )
        .post(
            "/chatbots/{chatbot_id}/unanswered/{message_id}/answer",
            answer_unanswered_question,
            "Answer a question that a chatbot did not answer. The chatbot gets a fixed answer to it, as a draft if it is \
             published, and the question is no longer listed.",
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

async fn clone_chatbot(
    app: Ctx,
    member: May<WriteChatbots>,
    Path(path): Path<BotPath>,
    Body(body): Body<CloneOptions>,
) -> Result<Created<ChatbotView>> {
    let created = app.clone_chatbot(&member.identity, &member.org.org, &path.chatbot_id, body.name);
    Ok(Created(created.await?.into()))
}

async fn publish_chatbot(app: Ctx, member: May<WriteChatbots>, Path(path): Path<BotPath>) -> Result<Json<ChatbotView>> {
    let published = app
        .publish_chatbot(&member.org, &member.actor(), &path.chatbot_id)
        .await?;
    Ok(Json(published.into()))
}

async fn unpublish_chatbot(
    app: Ctx,
    member: May<WriteChatbots>,
    Path(path): Path<BotPath>,
) -> Result<Json<ChatbotView>> {
    let draft = app
        .unpublish_chatbot(&member.org, &member.actor(), &path.chatbot_id)
        .await?;
    Ok(Json(draft.into()))
}

async fn preview_chatbot(
    app: Ctx,
    member: Option<May<WriteChatbots>>,
    origin: Origin,
    Body(body): Body<PreviewRequest>,
) -> Result<Json<PreviewView>> {
    let preview = match member {
        Some(member) => {
            let (id, documents) = (body.chatbot_id.as_ref(), body.documents);
            let preview = app.preview_of_member(&member.identity, &member.org, id, documents);
            let mut preview = preview.await?;
            if let Some(settings) = body.settings {
                preview.chatbot.settings = settings.applied_to(preview.chatbot.settings);
            }
            preview
        }
        None => {
            app.preview_of_visitor(origin.network.as_ref(), body.published()?)
                .await?
        }
    };
    let messages = messages(body.chat_history, body.message);
    Ok(Json(app.preview(preview, messages).await?.into()))
}

async fn search_chatbot(
    app: Ctx,
    member: May<ReadChatbots>,
    Path(path): Path<BotPath>,
    Body(body): Body<PassageSearch>,
) -> Result<Json<SearchView>> {
    let billing = BillingContext::of(&member.identity, &member.org);
    let found = app.search_chatbot(billing, &path.chatbot_id, &body.query, body.limit);
    Ok(Json(found.await?.into()))
}

async fn evaluate_chatbot(
    app: Ctx,
    member: May<WriteChatbots>,
    Path(path): Path<BotPath>,
    Body(body): Body<EvaluationRequest>,
) -> Result<Json<EvaluationView>> {
    let evaluated = app.evaluate_chatbot(&member.identity, &member.org, &path.chatbot_id, body.into_cases());
    Ok(Json(evaluated.await?.into()))
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

async fn list_unanswered_questions(
    app: Ctx,
    member: May<ReadChatbots>,
    page: Paging,
    Path(path): Path<BotPath>,
) -> Result<Listing<UnansweredQuestionView>> {
    let found = app.unanswered_questions(&member.org, &path.chatbot_id, &page).await?;
    page.answer(found.map(UnansweredQuestionView::from))
}

async fn dismiss_unanswered_question(
    app: Ctx,
    member: May<WriteChatbots>,
    Path(path): Path<QuestionPath>,
) -> Result<NoContent> {
    app.dismiss_unanswered_question(&member.org, &path.chatbot_id, &path.message_id)
        .await?;
    Ok(NoContent)
}

async fn answer_unanswered_question(
    app: Ctx,
    member: May<WriteChatbots>,
    Path(path): Path<QuestionPath>,
    Body(body): Body<AnswerToQuestion>,
) -> Result<Json<ChatbotView>> {
    let words = (body.question, body.answer);
    let answered = app.answer_unanswered_question(&member.org, &path.chatbot_id, &path.message_id, words);
    Ok(Json(answered.await?.into()))
}
