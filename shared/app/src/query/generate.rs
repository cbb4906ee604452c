//! SQL by a model: it is asked, its text is checked and compiled, and it may repair what the database rejects.

use domain::{Category, ChatbotSettings, Clarification, Error, QueryChoice, QueryFailure, QueryRecord, Result};
use futures::StreamExt as _;
use llm::{ChatRequest, Message, ReasoningEffort};
use serde::Deserialize;
use serde_json::Value;
use sql_engine::ResultSet;

use super::{Earlier, checked, prompt};
use crate::{App, BillingContext, Generated, Generation, data_sources::SourceSchema};

/// How often a query may be repaired.
const MAX_REPAIRS: u32 = 2;
/// Maximum number of reasoning tokens.
const THINKING_TOKENS: u32 = 4_096;
/// Longest part of a model's answer that is sent back to it, in characters.
const MAX_QUOTED: usize = 4_000;

/// A question.
pub(super) struct Asked<'a> {
    pub(super) billing: BillingContext,
    pub(super) question: String,
    pub(super) model: Option<String>,
    /// The questions before it, oldest first.
    pub(super) earlier: &'a [Earlier],
}

/// How it ended.
pub(super) enum Written {
    /// With the rows, if they were requested.
    Done(Option<ResultSet>),
    /// The model asks back.
    Unclear(Clarification),
    Failed(QueryFailure),
}

/// What a model answers.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct ModelAnswer {
    #[serde(default)]
    pub(super) sql: Option<String>,
    #[serde(default)]
    pub(super) reading: Option<String>,
    #[serde(default)]
    pub(super) assumptions: Vec<String>,
    #[serde(default)]
    pub(super) reason: Option<String>,
    #[serde(default)]
    pub(super) clarify: Option<AskedBack>,
}

/// What a model asks back.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct AskedBack {
    question: String,
    choices: Vec<String>,
}

/// Longest question back and longest choice of a model, in characters.
const MAX_ASKED_BACK: usize = 300;

impl AskedBack {
    /// Returns the question back, if it is one.
    fn clarification(&self) -> Option<Clarification> {
        let cut = |text: &str| text.trim().chars().take(MAX_ASKED_BACK).collect::<String>();
        let mut choices: Vec<String> = self.choices.iter().map(|choice| cut(choice)).collect();
        choices.retain(|choice| !choice.is_empty());
        choices.dedup();
        let question = cut(&self.question);
        let is_one = !question.is_empty() && (2..=Clarification::MAX_CHOICES).contains(&choices.len());
        let choice = |label: String| QueryChoice {
            value: label.clone(),
            label,
        };
        is_one.then(|| Clarification {
            question,
            choices: choices.into_iter().map(choice).collect(),
        })
    }
}

impl App {
    /// Has a model write the SQL of a question until it is executed, or compiled if it is not to be executed.
    ///
    /// # Errors
    /// Returns [`Error::Unusable`] `needs_model`, and the errors of [`App::generate`] and its stream.
    pub(super) async fn write_sql(
        &self,
        schema: &SourceSchema,
        asked: &Asked<'_>,
        execute: bool,
        record: &mut QueryRecord,
    ) -> Result<Written> {
        let model = asked.model.clone().unwrap_or_else(|| ChatbotSettings::default().model);
        // The built-in model only quotes.
        if !self.model(&model, &[]).await?.model.info().generative {
            return Err(needs_model(&self.suggestions(schema, &asked.question)));
        }
        let today = self.today(asked).await?;
        let told = prompt::message(schema, &self.vocabulary(schema), asked, &record.choices, &today);
        let mut messages = vec![Message::user(told)];
        let mut failure = None;
        while record.attempts <= MAX_REPAIRS {
            let text = self
                .ask_for_sql(asked, &model, prompt::rules(&schema.source), messages.clone(), record)
                .await?;
            let answer = extracted(&text);
            // One question back is enough.
            let asked_back = answer
                .as_ref()
                .filter(|answer| answer.sql.is_none() && record.choices.is_empty());
            let asked_back = asked_back.and_then(|answer| answer.clarify.as_ref()?.clarification());
            if let Some(clarification) = asked_back {
                return Ok(Written::Unclear(clarification));
            }
            let rejected = match answer {
                Some(ModelAnswer { sql: None, reason, .. }) => {
                    let detail = reason.filter(|reason| !reason.trim().is_empty());
                    return Ok(Written::Failed(QueryFailure {
                        code: "not_in_the_data".to_owned(),
                        detail: detail.unwrap_or_else(|| "The tables do not contain the answer.".to_owned()),
                    }));
                }
                None => QueryFailure {
                    code: "no_query".to_owned(),
                    detail: "The model wrote no query.".to_owned(),
                },
                Some(answer) => match self.try_sql(schema, &answer, execute, record).await? {
                    Ok(result) => {
                        record.explanation = Some(explanation(&answer, record));
                        return Ok(Written::Done(result));
                    }
                    Err(failure) => failure,
                },
            };
            let quoted: String = text.chars().take(MAX_QUOTED).collect();
            messages.truncate(1);
            messages.push(Message::assistant(if quoted.trim().is_empty() {
                "{}".to_owned()
            } else {
                quoted
            }));
            messages.push(Message::user(repair(&rejected)));
            // A query that is too slow once is not made better by its reason.
            let is_final = matches!(rejected.code.as_str(), "timed_out" | "too_large");
            failure = Some(rejected);
            if is_final {
                break;
            }
        }
        Ok(Written::Failed(failure.unwrap_or(QueryFailure {
            code: "no_query".to_owned(),
            detail: "The model wrote no query.".to_owned(),
        })))
    }

    async fn try_sql(
        &self,
        schema: &SourceSchema,
        answer: &ModelAnswer,
        execute: bool,
        record: &mut QueryRecord,
    ) -> Result<Result<Option<ResultSet>, QueryFailure>> {
        let checked = match checked(schema, answer.sql.as_deref().unwrap_or_default()) {
            Ok(checked) => checked,
            Err(failure) => return Ok(Err(failure)),
        };
        record.sql = Some(checked.shown.sql.clone());
        if execute {
            Ok(self.execute(&schema.source, &checked, record).await?.map(Some))
        } else {
            Ok(self.describe(&schema.source, &checked).await?.map(|_| None))
        }
    }

    /// Returns what the model writes, and counts the attempt.
    async fn ask_for_sql(
        &self,
        asked: &Asked<'_>,
        model: &str,
        rules: String,
        messages: Vec<Message>,
        record: &mut QueryRecord,
    ) -> Result<String> {
        let is_reasoning = self.model(model, &[]).await?.thinking_tokens > 0;
        let generation = Generation {
            id: self.ids.make()?,
            billing: asked.billing.clone(),
            category: Category::Sql,
            model: model.to_owned(),
            thinking_tokens: THINKING_TOKENS,
            request: ChatRequest {
                model: String::new(),
                system: Some(rules),
                messages,
                sources: None,
                refusal: None,
                prescribed: None,
                max_tokens: prompt::MAX_TOKENS,
                temperature: Some(0.0),
                reasoning_effort: is_reasoning.then_some(ReasoningEffort::Low),
            },
        };
        let mut events = self.generate(generation).await?;
        record.attempts += 1;
        let mut text = String::new();
        while let Some(event) = events.next().await {
            match event? {
                Generated::Text(piece) => text.push_str(&piece),
                Generated::Done(outcome) => {
                    record.usage = record.usage.plus(outcome.usage);
                    let costs = record.cost_micro_usd.zip(outcome.cost_micro_usd);
                    record.cost_micro_usd = costs.map(|(earlier, cost)| earlier + cost);
                    record.model = Some(outcome.model);
                }
                Generated::Accepted | Generated::Thinking(_) => {}
            }
        }
        Ok(text)
    }

    /// Returns the day in the time zone of the organization.
    async fn today(&self, asked: &Asked<'_>) -> Result<String> {
        let now = self.clock.now();
        let known = match asked.billing.known_org() {
            Some(org) => Some(org.day(now)?),
            None => match self.store.orgs().get(&asked.billing.org).await? {
                Some(found) => Some(found.org.day(now)?),
                None => None,
            },
        };
        Ok(known.map_or_else(
            || now.to_string().chars().take(10).collect(),
            |day| day.date.to_string(),
        ))
    }
}

fn needs_model(suggestions: &[String]) -> Error {
    let mut detail =
        "This question needs a language model, and none is configured. Configure one, send SQL instead, or ask \
                      more plainly."
            .to_owned();
    if !suggestions.is_empty() {
        detail.push_str(" These need none: ");
        detail.push_str(&suggestions.join(" "));
    }
    Error::Unusable {
        code: "needs_model",
        pointer: "/question",
        detail,
    }
}

/// Returns how the question was understood.
fn explanation(answer: &ModelAnswer, record: &QueryRecord) -> String {
    let reading = answer.reading.as_deref().map(str::trim).filter(|text| !text.is_empty());
    let mut text = match reading {
        Some(reading) => format!("I read this as: {reading}"),
        None => format!("I read this as: {}", record.question.as_deref().unwrap_or_default()),
    };
    for assumption in answer
        .assumptions
        .iter()
        .map(|text| text.trim())
        .filter(|text| !text.is_empty())
    {
        if !text.ends_with(['.', '!', '?']) {
            text.push('.');
        }
        text.push(' ');
        text.push_str(assumption);
    }
    text.chars().take(1_000).collect()
}

/// Returns what a model is told of a query that was rejected.
fn repair(failure: &QueryFailure) -> String {
    format!(
        "That query was rejected: {} Reply with one JSON object with a corrected query, as before.",
        failure.detail
    )
}

/// Returns the answer in a model's text: a JSON object anywhere in it, a fenced block of SQL, or SQL that begins a line.
pub(super) fn extracted(text: &str) -> Option<ModelAnswer> {
    in_json(text).or_else(|| {
        let sql = fenced(text).or_else(|| bare(text))?;
        Some(ModelAnswer {
            sql: Some(sql),
            reading: None,
            assumptions: Vec::new(),
            reason: None,
            clarify: None,
        })
    })
}

/// Returns the first object with `sql` in it. Each brace is tried, and no text is longer than the model may write.
fn in_json(text: &str) -> Option<ModelAnswer> {
    text.match_indices('{').find_map(|(start, _)| {
        let mut values = serde_json::Deserializer::from_str(&text[start..]).into_iter::<Value>();
        let value = values.next()?.ok()?;
        value.get("sql")?;
        serde_json::from_value(value).ok()
    })
}

fn fenced(text: &str) -> Option<String> {
    let mut parts = text.split("```");
    parts.next()?;
    let block = parts.next()?;
    let (first, rest) = block.split_once('\n')?;
    let sql = if first.trim().is_empty()
        || first.trim().eq_ignore_ascii_case("sql")
        || first.trim().eq_ignore_ascii_case("sqlite")
    {
        rest
    } else {
        block
    };
    bare(sql)
}

fn bare(text: &str) -> Option<String> {
    let begins = |line: &str| {
        let word = line.split_whitespace().next().unwrap_or_default();
        word.eq_ignore_ascii_case("select") || word.eq_ignore_ascii_case("with")
    };
    let mut lines = text.lines().skip_while(|line| !begins(line)).peekable();
    lines.peek()?;
    Some(lines.collect::<Vec<_>>().join("\n").trim().to_owned())
}
