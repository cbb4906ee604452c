//! The widget: what visitors of web sites call. They have no accounts; the page decides, and a session token.

mod input;
mod script;
mod view;

use app::{AnswerEvent, Visit};
use domain::{Error, Result as AppResult};
use futures::StreamExt as _;
use http_api::{
    Api, Body, Created, Ctx, Either, EventStream, Json, NoContent, OnWebsite, Origin, Result, VisitorToken, WantsStream,
};
use input::{NewContact, NewHandover, NewQuestion, NewRating, NewSession};
use view::{ConfigView, ConversationView, ReplyFrame, ReplyView, SessionStarted};

/// The operations of this function.
pub fn api() -> Api {
    Api::new("Widget")
        .at("/api")
        .get(
            "/chatbots/widget-config/{chatbot_id}",
            get_widget_config,
            "Get the configuration of the widget. For pages whose origin an integration of the type `website` allows; \
             only they can read the response.",
        )
        .for_websites()
        .post(
            "/chat/widget/{chatbot_id}/session",
            create_widget_session,
            "Create a session of a visitor. `sessionId` is a token for this chatbot on this origin, for seven days.",
        )
        .non_idempotent()
        .for_websites()
        .post(
            "/chat/widget/{chatbot_id}/message",
            send_widget_message,
            "Send a question of a visitor. The answer is charged to the creator of the integration.",
        )
        .non_idempotent()
        .for_websites()
        .get(
            "/chat/widget/{chatbot_id}/messages",
            list_widget_messages,
            "List the latest messages of a visitor's session. Oldest first; the session is the bearer token.",
        )
        .for_websites()
        .post(
            "/chat/widget/{chatbot_id}/feedback",
            rate_widget_answer,
            "Rate an answer as a visitor. Replaces the rating; without `rating` it is removed.",
        )
        .non_idempotent()
        .for_websites()
        .post(
            "/chat/widget/{chatbot_id}/lead",
            send_widget_lead,
            "Send the address of a visitor. It is kept with the conversation and sent to the creator of the integration \
             by email.",
        )
        .non_idempotent()
        .for_websites()
        .post(
            "/chat/widget/{chatbot_id}/handover",
            request_widget_handover,
            "Request a person as a visitor. The creator of the integration gets an email with the conversation.",
        )
        .non_idempotent()
        .for_websites()
        .at("")
        .asset("/widget.js", script::loader)
        .asset("/widget/{file}", script::file)
}

async fn get_widget_config(page: OnWebsite, app: Ctx) -> Result<Json<ConfigView>> {
    Ok(Json(app.widget_config(&page.0).await?.into()))
}

async fn create_widget_session(
    page: OnWebsite,
    app: Ctx,
    origin: Origin,
    Body(body): Body<NewSession>,
) -> Result<Created<SessionStarted>> {
    if body.chatbot_id.is_some_and(|id| &id != page.0.chatbot_id()) {
        return Err(Error::invalid("/chatbot_id", "must be the chatbot of the path").into());
    }
    let session = app.begin_widget_session(&page.0, origin.network.as_ref(), body.identity.as_ref());
    Ok(Created(session.await?.into()))
}

async fn send_widget_message(
    page: OnWebsite,
    app: Ctx,
    origin: Origin,
    accept: WantsStream,
    Body(body): Body<NewQuestion>,
) -> Result<Either<Json<ReplyView>, EventStream<ReplyFrame>>> {
    let is_streamed = body.stream || accept.0;
    let visit = app.visit(page.0, &body.session_id).await?;
    let mut events = app
        .answer_visitor(&visit, origin.network.as_ref(), body.message)
        .await?;
    if is_streamed {
        let frames = events.then(move |event| frame(app.clone(), visit.clone(), event));
        return Ok(Either::Right(EventStream::new(frames)));
    }
    while let Some(event) = events.next().await {
        if let AnswerEvent::Done(answered) = event? {
            let answer = answered.turn.answer(&answered.answer).cloned();
            let answer = answer.ok_or(Error::NotFound("message"))?;
            let sourced = app.for_visitor(&visit, vec![answer]).await?;
            return Ok(Either::Left(Json(ReplyView::new(sourced.first()))));
        }
    }
    Err(Error::internal("an answer ended without its last event").into())
}

async fn frame(app: Ctx, visit: Visit, event: AppResult<AnswerEvent>) -> AppResult<ReplyFrame> {
    Ok(match event? {
        AnswerEvent::Thinking { .. } => ReplyFrame::default(),
        AnswerEvent::Text { text, .. } => ReplyFrame::text(text),
        AnswerEvent::Done(answered) => {
            let answer = answered.turn.answer(&answered.answer).cloned();
            let answer = answer.ok_or(Error::NotFound("message"))?;
            ReplyFrame::last(app.for_visitor(&visit, vec![answer]).await?.first())
        }
    })
}

async fn list_widget_messages(page: OnWebsite, app: Ctx, session: VisitorToken) -> Result<Json<ConversationView>> {
    let visit = app.visit(page.0, &session.0).await?;
    let shown = app.visitor_messages(&visit).await?;
    let answers = shown
        .iter()
        .filter_map(|message| message.turn.answer(&message.id).cloned());
    let sourced = app.for_visitor(&visit, answers.collect()).await?;
    Ok(Json(ConversationView::new(&shown, &sourced, app.clock.now())))
}

async fn rate_widget_answer(page: OnWebsite, app: Ctx, Body(body): Body<NewRating>) -> Result<NoContent> {
    let visit = app.visit(page.0, &body.session_id).await?;
    let comment = body.comment.filter(|comment| !comment.trim().is_empty());
    let rating = body.rating.map(|rating| (rating, comment));
    app.rate_for_visitor(&visit, &body.message_id, rating).await?;
    Ok(NoContent)
}

async fn send_widget_lead(
    page: OnWebsite,
    app: Ctx,
    origin: Origin,
    Body(body): Body<NewContact>,
) -> Result<NoContent> {
    let visit = app.visit(page.0, &body.session_id).await?;
    app.leave_contact(&visit, origin.network.as_ref(), body.contact()?)
        .await?;
    Ok(NoContent)
}

async fn request_widget_handover(
    page: OnWebsite,
    app: Ctx,
    origin: Origin,
    Body(body): Body<NewHandover>,
) -> Result<NoContent> {
    let visit = app.visit(page.0, &body.session_id).await?;
    app.ask_for_person(&visit, origin.network.as_ref(), body.handover()?)
        .await?;
    Ok(NoContent)
}
