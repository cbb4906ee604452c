//! Questions of visitors.

use domain::{
    Answer, Citation, Document, DocumentId, Error, MessageId, Network, PageRequest, Rating, Result, Turn, UpstreamKind,
    rate_limit::{Bucket, WIDGET_NETWORK_QUESTIONS, WIDGET_QUESTIONS},
};
use futures::{StreamExt as _, future::BoxFuture};
use store::keys;

use super::Visit;
use crate::{AnswerStream, App, BillingContext, GenerationOptions, Question, ShownMessage, TurnAction};

/// What a visitor is told of a limit of the organization, whose numbers are none of their business.
const BUSY: &str = "This chatbot cannot answer more questions at the moment. Please try again later.";
/// What a visitor is told if the model fails.
const NO_ANSWER: &str = "The answer could not be completed. Please ask again in a few minutes.";

/// An answer with what its sources are called now.
#[derive(Debug, Clone)]
pub struct VisitorAnswer {
    /// The answer.
    pub answer: Answer,
    /// The documents that it cites and that still exist.
    pub documents: Vec<Document>,
}

impl VisitorAnswer {
    /// Returns the address of the web page that a source is from.
    pub fn url_of(&self, citation: &Citation) -> Option<&str> {
        let is_it = |document: &&Document| document.id.as_str() == citation.document_id;
        let web = self.documents.iter().find(is_it)?.web.as_ref()?;
        Some(&web.url)
    }
}

impl App {
    /// Answers a visitor's question.
    ///
    /// # Errors
    /// Returns [`Error::TooMany`] `too_many_questions` or `chatbot_busy`, [`Error::Conflict`] `answer_in_progress`, and
    /// [`Error::Upstream`] `answer_failed` if the model fails.
    pub fn answer_visitor<'a>(
        &'a self,
        visit: &'a Visit,
        network: Option<&'a Network>,
        text: String,
    ) -> BoxFuture<'a, Result<AnswerStream>> {
        Box::pin(async move {
            self.count_visitor_question(visit, network).await?;
            let question = Question {
                conversation: visit.conversation.id.clone(),
                asked: TurnAction::Append(text),
                model: None,
                options: GenerationOptions::default(),
                include_thinking: false,
            };
            let billing = BillingContext::user(&visit.payer, &visit.conversation.org);
            let events = self.answer(billing, question).await.map_err(for_visitors)?;
            Ok(events.map(|event| event.map_err(for_visitors)).boxed())
        })
    }

    /// Counts a question against the limits of session, network and integration.
    async fn count_visitor_question(&self, visit: &Visit, network: Option<&Network>) -> Result<()> {
        let integration = &visit.website.integration;
        let code = "too_many_questions";
        let detail = "You asked many questions in a short time. Please wait a moment.";
        let key = keys::widget_questions(&visit.conversation.id);
        self.count_against(&key, WIDGET_QUESTIONS, code, detail).await?;
        if let Some(network) = network {
            let detail = "Many questions were asked from your network. Please wait a moment.";
            let key = keys::widget_network_questions(&integration.id, network);
            self.count_against(&key, WIDGET_NETWORK_QUESTIONS, code, detail).await?;
        }
        if let Some(number) = integration.website.daily_questions {
            let key = keys::widget_daily_questions(&integration.id);
            self.count_against(&key, Bucket::per_day(number), "chatbot_busy", BUSY)
                .await?;
        }
        Ok(())
    }

    /// Returns the latest messages of a visitor's conversation, oldest first.
    pub fn visitor_messages<'a>(&'a self, visit: &'a Visit) -> BoxFuture<'a, Result<Vec<ShownMessage>>> {
        Box::pin(async move {
            let sessions = self.chat_sessions(&visit.conversation.org, &visit.payer.id);
            let page = PageRequest::default();
            let mut shown = sessions.shown_messages(&visit.conversation, &page).await?.items;
            shown.reverse();
            Ok(shown)
        })
    }

    /// Returns answers with what their sources are called now.
    pub fn for_visitor<'a>(
        &'a self,
        visit: &'a Visit,
        answers: Vec<Answer>,
    ) -> BoxFuture<'a, Result<Vec<VisitorAnswer>>> {
        Box::pin(async move {
            let mut ids: Vec<_> = answers.iter().flat_map(|answer| &answer.citations).collect();
            ids.sort_unstable_by(|a, b| a.document_id.cmp(&b.document_id));
            ids.dedup_by(|a, b| a.document_id == b.document_id);
            let ids: Vec<_> = ids.iter().map(|it| DocumentId(it.document_id.clone())).collect();
            let documents = self.store.documents(&visit.conversation.org).get_many(&ids).await?;
            let of = |answer: Answer| VisitorAnswer {
                documents: documents.clone(),
                answer,
            };
            Ok(answers.into_iter().map(of).collect())
        })
    }

    /// Stores a visitor's rating of an answer.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] for what is no answer of their conversation.
    pub fn rate_for_visitor<'a>(
        &'a self,
        visit: &'a Visit,
        message: &'a MessageId,
        rating: Option<(Rating, Option<String>)>,
    ) -> BoxFuture<'a, Result<Turn>> {
        Box::pin(async move {
            if !visit.website.integration.website.feedback {
                return Err(Error::NotFound("feedback"));
            }
            let sessions = self.chat_sessions(&visit.conversation.org, &visit.payer.id);
            let rated = sessions.rate_answer(&visit.conversation.id, message, rating);
            Ok(rated.await?.turn)
        })
    }
}

/// Returns an error as visitors may see it: without settings, models, limits and prices of the organization.
fn for_visitors(error: Error) -> Error {
    match error {
        Error::Limit(_) => Error::TooMany {
            code: "chatbot_busy",
            detail: BUSY,
            retry_after: std::time::Duration::from_mins(1),
        },
        Error::Conflict {
            code: "answer_in_progress",
            ..
        }
        | Error::InProgress { .. }
        | Error::TooMany { .. }
        | Error::Unavailable(_)
        | Error::Internal(_) => error,
        _ => Error::Upstream {
            kind: UpstreamKind::Unavailable,
            code: "answer_failed",
            detail: NO_ANSWER.to_owned(),
            retry_after: None,
        },
    }
}
