//! Evaluations: a set of questions with what is expected, asked of a chatbot in one call.

use domain::{Chatbot, ChatbotId, DocumentId, Error, Membership, Result};
use futures::{StreamExt as _, future::BoxFuture, stream};
use llm::Message;
use tokio::time::{Instant, timeout_at};

use crate::{App, BillingContext, Completion, CompletionRequest, GenerationOptions, Identity};

/// Questions that are answered at the same time.
const PARALLEL: usize = 4;
/// Passages among which the expected one is looked for.
const SEARCHED: u32 = 50;

/// A question, and what is expected of its answer.
#[derive(Debug, Clone)]
pub struct EvaluationCase {
    /// The question.
    pub question: String,
    /// A text that the answer must contain, whatever its case and punctuation.
    pub expected: Option<String>,
    /// The document that the answer is in.
    pub document: Option<DocumentId>,
    /// Whether the documents do not answer it, so that it has to be refused.
    pub is_unanswerable: bool,
}

/// What became of a case.
#[derive(Debug)]
pub struct EvaluatedCase {
    /// The case.
    pub case: EvaluationCase,
    /// The answer, or why there is none.
    pub answer: Result<Completion>,
    /// Rank of the first passage, from 1, that is from the expected document and contains the expected text, as far as
    /// given; `None` if nothing is expected or it is not among the first 50.
    pub rank: Option<u32>,
    /// Whether the model is given that passage.
    pub is_found: bool,
}

impl EvaluationCase {
    /// Whether the case says which passage is to be found.
    pub fn expects_passage(&self) -> bool {
        !self.is_unanswerable && (self.document.is_some() || self.expected.is_some())
    }
}

impl EvaluatedCase {
    /// Whether the chatbot answered from its documents, rather than refused or failed.
    pub fn is_answered(&self) -> bool {
        let answer = self.answer.as_ref();
        answer.is_ok_and(|completion| !completion.answer.citations.is_empty())
    }

    /// Whether the answer is as expected; `None` if nothing is expected of it.
    pub fn is_correct(&self) -> Option<bool> {
        let Ok(completion) = &self.answer else {
            return Some(false);
        };
        if self.case.is_unanswerable {
            return Some(!self.is_answered());
        }
        let expected = self.case.expected.as_deref()?;
        Some(retrieval::says(&completion.answer.text, expected))
    }
}

impl App {
    /// Asks a chatbot each question by itself and compares the answers with what is expected. Each answer is charged to
    /// the caller. What is not answered in time for the response has failed.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] and those of [`App::complete_whole`] that concern the caller. Failures of single
    /// answers are in their results.
    pub fn evaluate_chatbot<'a>(
        &'a self,
        identity: &'a Identity,
        member: &'a Membership,
        id: &'a ChatbotId,
        cases: Vec<EvaluationCase>,
    ) -> BoxFuture<'a, Result<Vec<EvaluatedCase>>> {
        Box::pin(async move {
            let chatbot = self.chatbot(&member.org, id).await?;
            let billing = BillingContext::of(identity, member).asking(&chatbot)?;
            let ends_at = Instant::now() + self.config.answers.whole;
            let evaluate = |case: EvaluationCase| {
                let (chatbot, billing) = (chatbot.clone(), billing.clone());
                async move {
                    let asked = CompletionRequest {
                        model: chatbot.settings.model.clone(),
                        messages: vec![Message::user(&case.question)],
                        options: GenerationOptions::default(),
                    };
                    let both = async {
                        let rank = if case.expects_passage() {
                            self.rank_of_expected(&chatbot, &billing, &case).await?
                        } else {
                            (None, false)
                        };
                        Ok((rank, self.complete_whole_as(billing, Some(chatbot), asked).await))
                    };
                    let ((rank, is_found), answer) = match timeout_at(ends_at, both).await {
                        Ok(Ok(both)) => both,
                        Ok(Err(error)) => ((None, false), Err(error)),
                        Err(_) => ((None, false), Err(not_in_time())),
                    };
                    EvaluatedCase {
                        case,
                        answer,
                        rank,
                        is_found,
                    }
                }
            };
            Ok(stream::iter(cases).map(evaluate).buffered(PARALLEL).collect().await)
        })
    }

    /// Returns the rank of the expected passage, and whether the model is given it.
    async fn rank_of_expected(
        &self,
        chatbot: &Chatbot,
        billing: &BillingContext,
        case: &EvaluationCase,
    ) -> Result<(Option<u32>, bool)> {
        let found = self
            .passages_of(chatbot, billing, &case.question, Some(SEARCHED))
            .await?;
        let is_expected = |passage: &retrieval::Passage| {
            let is_in = case
                .document
                .as_ref()
                .is_none_or(|id| id.as_str() == passage.document_id);
            let says = case
                .expected
                .as_deref()
                .is_none_or(|text| retrieval::says(&passage.text, text));
            is_in && says
        };
        let mut ranked = (1..).zip(&found);
        let expected = ranked.find(|(_, found)| is_expected(&found.passage));
        Ok(expected.map_or((None, false), |(rank, found)| (Some(rank), found.is_used)))
    }
}

fn not_in_time() -> Error {
    Error::Upstream {
        kind: domain::UpstreamKind::TimedOut,
        code: "evaluation_too_long",
        retry_after: None,
        detail: "The evaluation took too long for this answer. Send fewer questions at once.".to_owned(),
    }
}
