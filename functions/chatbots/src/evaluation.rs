//! Evaluations of a chatbot.

use app::{EvaluatedCase, EvaluationCase};
use domain::{Citation, DocumentId};
use garde::Validate;
use http_api::{Problem, not_blank, readable_text};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Maximum number of questions.
const MAX_CASES: usize = 50;

/// Questions with what is expected of their answers.
#[derive(Deserialize, Validate, JsonSchema)]
pub(crate) struct EvaluationRequest {
    /// The questions.
    #[garde(length(min = 1, max = MAX_CASES), dive)]
    questions: Vec<CaseInput>,
}

/// A question and what is expected.
#[derive(Deserialize, Validate, JsonSchema)]
#[schemars(rename = "EvaluationCase")]
pub(crate) struct CaseInput {
    #[garde(length(chars, max = 2000), custom(not_blank))]
    #[schemars(regex(pattern = http_api::NOT_BLANK))]
    question: String,
    /// A text that the answer must contain, whatever its case and punctuation.
    #[garde(length(chars, min = 1, max = 1000), inner(custom(readable_text)))]
    #[schemars(regex(pattern = http_api::READABLE_TEXT))]
    expected_answer: Option<String>,
    /// The document that the answer is in.
    #[garde(skip)]
    document_id: Option<DocumentId>,
    /// Whether the documents do not answer it, so that it has to be refused.
    #[garde(skip)]
    #[serde(default)]
    unanswerable: bool,
}

impl EvaluationRequest {
    pub(crate) fn into_cases(self) -> Vec<EvaluationCase> {
        let cases = self.questions.into_iter().map(|case| EvaluationCase {
            question: case.question,
            expected: case.expected_answer,
            document: case.document_id,
            is_unanswerable: case.unanswerable,
        });
        cases.collect()
    }
}

/// The result of an evaluation.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Evaluation")]
pub(crate) struct EvaluationView {
    /// In the order of the questions.
    results: Vec<CaseView>,
    /// Number of questions.
    questions: usize,
    /// Number of answers with a citation.
    answered: usize,
    /// Number of answers that are as expected.
    correct: usize,
    /// Number of answers that are not as expected.
    incorrect: usize,
    /// Number of questions whose expected passage was among those that the model is given.
    found: usize,
    /// Number of questions that failed.
    failed: usize,
    /// Tokens of all answers.
    total_tokens: u64,
}

/// The result of a question.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "EvaluatedCase")]
pub(crate) struct CaseView {
    question: String,
    /// The answer; null if it failed.
    response: Option<String>,
    /// The passages that the answer cites.
    sources: Vec<Citation>,
    /// Whether the chatbot answered from its documents, rather than refused.
    answered: bool,
    /// Whether the answer is as expected; null if nothing is expected.
    correct: Option<bool>,
    /// Rank of the expected passage in the search, from 1; null if it is not among the first 50 or none is expected.
    rank: Option<u32>,
    /// The code of the problem for which there is no answer, as `token_limit`.
    error: Option<String>,
}

impl From<Vec<EvaluatedCase>> for EvaluationView {
    fn from(cases: Vec<EvaluatedCase>) -> Self {
        let count = |is: &dyn Fn(&EvaluatedCase) -> bool| cases.iter().filter(|case| is(case)).count();
        let answers = cases.iter().filter_map(|case| case.answer.as_ref().ok());
        Self {
            questions: cases.len(),
            answered: count(&EvaluatedCase::is_answered),
            correct: count(&|case| case.answer.is_ok() && case.is_correct() == Some(true)),
            incorrect: count(&|case| case.answer.is_ok() && case.is_correct() == Some(false)),
            found: count(&|case| case.is_found),
            failed: count(&|case| case.answer.is_err()),
            total_tokens: answers.map(|completion| completion.answer.usage.total_tokens).sum(),
            results: cases.into_iter().map(CaseView::from).collect(),
        }
    }
}

impl From<EvaluatedCase> for CaseView {
    fn from(evaluated: EvaluatedCase) -> Self {
        let (answered, correct) = (evaluated.is_answered(), evaluated.is_correct());
        let (answer, error) = match evaluated.answer {
            Ok(completion) => (Some(completion.answer), None),
            Err(error) => (None, Some(Problem::from(error).code().to_owned())),
        };
        let (response, sources) = answer.map(|answer| (answer.text, answer.citations)).unzip();
        Self {
            question: evaluated.case.question,
            response,
            sources: sources.unwrap_or_default(),
            answered,
            correct: correct.filter(|_| error.is_none()),
            rank: evaluated.rank,
            error,
        }
    }
}
