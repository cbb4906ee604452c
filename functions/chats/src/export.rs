//! Exports of chat sessions: Markdown for people, JSON for programs.

use std::fmt::Write as _;

use app::ShownQuery;
use domain::{AnswerQuery, Conversation, Error, PageRequest, Turn, auth::permission::ReadChats};
use http_api::{Attachment, Ctx, May, Path, Query, Result, Transcript};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    markdown::contained,
    view::{MessageView, SessionPath, SessionView, message_view, question_view, turns_in_reading_order},
};

/// Options of an export.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct ExportQuery {
    /// `markdown` if omitted.
    format: Option<Format>,
}

/// A format of an export.
#[derive(Default, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Format {
    /// The branch that is shown, for people.
    #[default]
    Markdown,
    /// All answers and all branches, for programs.
    Json,
}

/// A chat session with all its messages.
#[derive(Serialize, JsonSchema)]
pub(crate) struct SessionExport {
    session: SessionView,
    /// The branch that is shown, in reading order.
    messages: Vec<MessageView>,
    /// All branches, oldest turn first.
    turns: Vec<TurnExport>,
}

/// A user's message, and all answers to it.
#[derive(Serialize, JsonSchema)]
struct TurnExport {
    message: MessageView,
    answers: Vec<MessageView>,
}

pub(crate) async fn export_chat_session(
    app: Ctx,
    member: May<ReadChats>,
    Path(path): Path<SessionPath>,
    Query(query): Query<ExportQuery>,
) -> Result<Transcript<SessionExport>> {
    let sessions = app.chat_sessions(&member.org.org, &member.identity.user.id);
    let conversation = sessions.get(&path.session_id).await?;
    let mut page = PageRequest::default();
    let mut shown = Vec::new();
    let mut head = conversation.head.as_ref().map(domain::TurnId::question);
    while let Some(from) = head.take() {
        let turns = sessions.path(&conversation.id, Some(&from), &page).await?;
        shown.extend(turns.items);
        page.after.clone_from(&turns.next);
        head = turns.next.map(domain::MessageId);
    }
    let name = conversation.title.clone().unwrap_or_else(|| "chat".to_owned());
    Ok(Transcript::new(match query.format.unwrap_or_default() {
        Format::Markdown => Attachment {
            media_type: "text/markdown; charset=utf-8",
            file_name: format!("{name}.md"),
            content: markdown(&conversation, &shown).into_bytes(),
        },
        Format::Json => {
            let all = sessions.all_turns(&conversation.id).await?;
            let now = app.clock.now();
            let turns = all.iter().map(|turn| {
                let answers = turn.answers.iter();
                TurnExport {
                    message: question_view(turn),
                    answers: answers.map(|answer| message_view(turn, &answer.id, now)).collect(),
                }
            });
            let whole = SessionExport {
                messages: turns_in_reading_order(&shown, now),
                turns: turns.collect(),
                session: SessionView::from(conversation),
            };
            Attachment {
                media_type: "application/json",
                file_name: format!("{name}.json"),
                content: serde_json::to_vec_pretty(&whole).map_err(Error::internal)?,
            }
        }
    }))
}

/// Returns the branch that is shown, as Markdown. Expects `turns` newest first.
fn markdown(conversation: &Conversation, turns: &[Turn]) -> String {
    let title = conversation.title.as_deref().unwrap_or("Chat");
    let mut text = format!("# {title}\n");
    // Writing to a string cannot fail.
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
        if let Some(query) = &answer.query {
            text.push_str(&query_markdown(query));
        }
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

/// Returns the query that an answer tells of, with its rows as a table.
fn query_markdown(query: &AnswerQuery) -> String {
    let mut text = String::new();
    if let Some(sql) = &query.sql {
        // A fence that nothing inside of the query ends.
        let fence = "`".repeat(3.max(longest_run(sql) + 1));
        let _ = write!(text, "\n{fence}sql\n{sql}\n{fence}\n");
    }
    let shown = ShownQuery::of(query);
    if shown.rows.is_empty() {
        return text;
    }
    let row = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let names = shown.columns.iter().map(|column| cell(&column.name)).collect();
    let _ = write!(
        text,
        "\n{}{}",
        row(names),
        row(vec!["---".to_owned(); shown.columns.len()])
    );
    for values in &shown.rows {
        let cells = values.iter().map(|value| match value {
            Value::Null => String::new(),
            Value::String(text) => cell(text),
            other => other.to_string(),
        });
        text.push_str(&row(cells.collect()));
    }
    text
}

/// Returns a text as the cell of a table: in one line, and without what Markdown or HTML would read.
fn cell(text: &str) -> String {
    let mut cell = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            character if character.is_whitespace() || character.is_control() => cell.push(' '),
            '<' => cell.push_str("&lt;"),
            '&' => cell.push_str("&amp;"),
            '|' | '\\' | '`' | '*' | '_' | '[' | ']' => cell.extend(['\\', character]),
            character => cell.push(character),
        }
    }
    cell
}

/// Returns the length of the longest run of backticks.
fn longest_run(text: &str) -> usize {
    let runs = text.split(|character| character != '`').map(str::len);
    runs.max().unwrap_or_default()
}
