//! `/v1/chat/completions` (<https://platform.openai.com/docs/api-reference/chat>).

use app::{BillingContext, Completion, CompletionEvent, CompletionStream};
use domain::auth::permission::WriteChats;
use futures::{StreamExt as _, stream};
use http_api::{ApiRoot, Body, Ctx, Either, EventStream, Json, May, Result};

use crate::{
    chat_input::ChatInput,
    view::{ChatCompletion, ChatCompletionChunk, Delta, Writing},
};

pub(crate) async fn create_chat_completion(
    app: Ctx,
    member: May<WriteChats>,
    root: ApiRoot,
    Body(input): Body<ChatInput>,
) -> Result<Either<Json<ChatCompletion>, EventStream<ChatCompletionChunk>>> {
    let billing = BillingContext::of(&member.identity, &member.org);
    let created = app.clock.now().as_second();
    let (is_stream, includes_usage) = (input.stream.unwrap_or(false), input.includes_usage());
    let request = input.request()?;
    if is_stream {
        let stream = app.complete(billing, request).await?;
        let writing = Writing::new(&stream, created, includes_usage, root);
        return Ok(Either::Right(chunks(stream, writing)));
    }
    let completion: Completion = app.complete_whole(billing, request).await?;
    let shown = ChatCompletion::new(completion, created, &root);
    Ok(Either::Left(Json(shown)))
}

fn chunks(stream: CompletionStream, writing: Writing) -> EventStream<ChatCompletionChunk> {
    let first = writing.chunk(Delta::begin());
    let rest = stream.events().flat_map(move |event| {
        stream::iter(match event {
            Ok(CompletionEvent::Thinking(thinking)) => vec![Ok(writing.chunk(Delta::thinking(thinking)))],
            Ok(CompletionEvent::Text(text)) => vec![Ok(writing.chunk(Delta::text(text)))],
            Ok(CompletionEvent::Done(completion)) => writing.end(*completion).into_iter().map(Ok).collect(),
            Err(error) => vec![Err(error)],
        })
    });
    EventStream::without_ids(stream::once(async { Ok(first) }).chain(rest))
}
