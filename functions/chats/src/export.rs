//! Chat sessions to take away: Markdown for people, JSON for programs.

use std::fmt::Write as _;

use http_api::{Attachment, Ctx, May, Path, Query, Result};
use model::{Conversation, Error, PageRequest, Turn, permission::ReadChats};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::{
    markdown::contained,
    view::{ABSENT, SessionPath, SessionView, message_view, question_view, turns_in_reading_order},
};

/// How a chat session is wanted.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct Wanted {
    /// `markdown` (what is shown) or `json` (all answers and all branches); `markdown` when left out.
    format: Option<String>,
}

pub(crate) async fn export_chat_session(
    app: Ctx,
    member: May<ReadChats>,
    Path(path): Path<SessionPath>,
    Query(wanted): Query<Wanted>,
) -> Result<Attachment> {
    let conversations = app.conversations(&member.org.org, &member.identity.user.id);
    let conversation = conversations.get(&path.session_id).await?.ok_or(ABSENT)?;
    let mut page = PageRequest::default();
    let mut shown = Vec::new();
    let mut head = conversation.head.as_ref().map(model::TurnId::question);
    while let Some(from) = head.take() {
        let turns = conversations.path(&conversation.id, Some(&from), &page).await?;
        shown.extend(turns.items);
        page.after.clone_from(&turns.next);
        head = turns.next.map(model::MessageId);
    }
    let name = conversation.title.clone().unwrap_or_else(|| "chat".to_owned());
    match wanted.format.as_deref().unwrap_or("markdown") {
        "markdown" => Ok(Attachment {
            media_type: "text/markdown; charset=utf-8",
            file_name: format!("{name}.md"),
            content: markdown(&conversation, &shown).into_bytes(),
        }),
        "json" => {
            let all = conversations.all_turns(&conversation.id).await?;
            let now = app.clock.now();
            let branches: Vec<_> = all
                .iter()
                .map(|turn| {
                    let answers = turn.answers.iter().map(|answer| message_view(turn, &answer.id, now));
                    json!({"message": question_view(turn), "answers": answers.collect::<Vec<_>>()})
                })
                .collect();
            let whole = json!({
                "messages": turns_in_reading_order(&shown, now),
                "turns": branches,
                "session": SessionView::from(conversation),
            });
            Ok(Attachment {
                media_type: "application/json",
                file_name: format!("{name}.json"),
                content: serde_json::to_vec_pretty(&whole).map_err(Error::internal)?,
            })
        }
        _ => Err(Error::invalid("/format", "has to be markdown or json").into()),
    }
}

/// What is shown, for people. `turns` come newest first.
fn markdown(conversation: &Conversation, turns: &[Turn]) -> String {
    let title = conversation.title.as_deref().unwrap_or("Chat");
    let mut text = format!("# {title}\n");
    // Writing into a string cannot fail.
    for turn in turns.iter().rev() {
        let _ = write!(
            text,
            "\n**You** ({}):\n\n{}\n",
            turn.created_at,
            contained(turn.question.trim())
        );
        let Some(answer) = turn.shown() else { continue };
        let by = answer.model.as_deref().unwrap_or("Assistant");
        let at = answer.completed_at.unwrap_or(answer.created_at);
        let _ = write!(text, "\n**{by}** ({at}):\n\n{}\n", contained(answer.text.trim()));
        for citation in &answer.citations {
            let place = citation.page.map(|page| format!("page {page}"));
            let place = place.or_else(|| citation.heading.clone());
            let place = place.map(|place| format!(", {place}")).unwrap_or_default();
            let _ = write!(text, "\n[{}]: {}{place}", citation.number, citation.name);
        }
        if !answer.citations.is_empty() {
            text.push('\n');
        }
    }
    text
}
