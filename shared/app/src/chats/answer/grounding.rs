//! The passages that ground an answer.

use std::collections::HashSet;

use domain::{Chatbot, Citation, Document, DocumentStatus, Result};
use llm::{Mark, Source};
use retrieval::{Indexed, Passage, SourceLocation};

use crate::App;

/// A follow-up with fewer terms than this ("and for grinders?") is searched together with the previous question.
const FEW_TERMS: usize = 3;

/// The passages of a chatbot's documents that match a question.
#[derive(Debug, Default)]
pub(crate) struct Grounding {
    /// `None` if the chatbot has no documents.
    passages: Option<Vec<Passage>>,
    /// Citations in the first part of a continued answer: their numbers stay, and those of the passages follow.
    earlier: Vec<Citation>,
    unread: usize,
    documents: usize,
}

impl App {
    /// Searches the indexed documents of `bot`; `before` is the previous question.
    pub(crate) async fn ground(&self, bot: &Chatbot, question: &str, before: Option<&str>) -> Result<Grounding> {
        if bot.documents.is_empty() {
            return Ok(Grounding::default());
        }
        let documents = self.store.documents(&bot.org).get_many(&bot.documents).await?;
        let unread = documents.iter().filter(|document| is_unread(document)).count();
        let (ready, keys): (Vec<&Document>, Vec<String>) = documents
            .iter()
            .filter_map(|document| Some((document, document.segment.clone()?)))
            .unzip();
        self.reject_stale_epoch().await;
        let segments = self.segments_of(bot, keys).await?;
        let indexed: Vec<Indexed<'_>> = ready
            .iter()
            .zip(&segments)
            .filter_map(|(document, segment)| {
                let segment = segment.as_deref()?;
                Some(Indexed {
                    document_id: document.id.as_str(),
                    name: &document.name,
                    segment,
                })
            })
            .collect();
        let query = match before {
            Some(before) if retrieval::terms(question).len() < FEW_TERMS => format!("{before} {question}"),
            _ => question.to_owned(),
        };
        let passages = retrieval::search(&indexed, &query, bot.settings.top_k as usize);
        Ok(Grounding {
            passages: Some(passages),
            earlier: Vec::new(),
            unread,
            documents: documents.len(),
        })
    }
}

/// Not searchable yet, but it will be. A document that is being reindexed still uses its old segment.
fn is_unread(document: &Document) -> bool {
    document.segment.is_none() && matches!(document.status, DocumentStatus::Pending | DocumentStatus::Processing)
}

impl Grounding {
    /// Returns the same for a continued answer that already has these citations.
    pub(crate) fn behind(self, earlier: Vec<Citation>) -> Self {
        Self { earlier, ..self }
    }

    /// Returns the passages with their numbers.
    fn numbered(&self) -> impl Iterator<Item = (u32, &Passage)> {
        let taken = self.earlier.iter().map(|citation| citation.number).max().unwrap_or(0);
        (taken + 1..).zip(self.passages.iter().flatten())
    }

    /// Returns the passages as given to the model, numbered from 1.
    pub(crate) fn sources(&self) -> Option<Vec<Source>> {
        let earlier = self.earlier.iter().map(|citation| Source {
            number: citation.number,
            name: citation.name.clone(),
            place: citation
                .page
                .map(|page| format!("page {page}"))
                .or_else(|| citation.heading.clone()),
            text: citation.excerpt.clone(),
            score: citation.score,
        });
        let found = self.numbered().map(|(number, passage)| Source {
            number,
            name: passage.name.clone(),
            place: match &passage.place {
                SourceLocation::Page(page) => Some(format!("page {page}")),
                SourceLocation::Heading(path) => Some(path.clone()),
                SourceLocation::Whole => None,
            },
            text: passage.text.clone(),
            score: passage.score,
        });
        let all = earlier.chain(found).collect();
        self.passages.as_ref().map(|_| all)
    }

    /// Returns the numbers that an answer may cite, or `None` if it is not grounded in documents.
    pub(crate) fn numbers(&self) -> Option<Vec<u32>> {
        if self.passages.is_none() && self.earlier.is_empty() {
            return None;
        }
        let earlier = self.earlier.iter().map(|citation| citation.number);
        Some(earlier.chain(self.numbered().map(|(number, _)| number)).collect())
    }

    /// Returns the citations at `marks`, in order of first use, after those that the answer already had.
    pub(crate) fn citations(&self, marks: &[Mark], question: &str, answer: &str) -> Vec<Citation> {
        let mut cited = HashSet::new();
        let first = marks.iter().enumerate().filter(|(_, mark)| cited.insert(mark.number));
        let of_passages = first.filter_map(|(at, mark)| {
            let (_, passage) = self.numbered().find(|(given, _)| *given == mark.number)?;
            let query = format!("{question} {}", statement(answer, marks, at));
            let found = retrieval::Citation::of(mark.number, passage, &query);
            Some(Citation {
                number: mark.number,
                document_id: found.document_id,
                name: found.name,
                page: found.page,
                heading: found.heading,
                excerpt: found.excerpt,
                score: found.score,
            })
        });
        self.earlier.iter().cloned().chain(of_passages).collect()
    }

    /// Returns the notice for the user if documents are missing from the answer.
    pub(crate) fn notice(&self) -> Option<String> {
        let Self { unread, documents, .. } = self;
        (*unread > 0).then(|| {
            let verb = if *unread == 1 { "is" } else { "are" };
            format!(
                "Note: {unread} of {documents} documents {verb} still being indexed and are not part of this answer."
            )
        })
    }
}

/// Returns the text before a citation or a row of citations, which the source must support.
fn statement<'a>(answer: &'a str, marks: &[Mark], at: usize) -> &'a str {
    let text = |from: usize, to: usize| answer.get(from..to).unwrap_or_default();
    let mut end = marks[at].at.start;
    let mut begin = 0;
    for mark in marks[..at].iter().rev() {
        begin = mark.at.end;
        if !text(begin, end).trim().is_empty() {
            break;
        }
        (begin, end) = (0, mark.at.start);
    }
    text(begin, end).trim().rsplit('\n').next().unwrap_or_default()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::{Mark, statement};

    #[test]
    fn the_statement_of_a_citation_is_the_text_since_the_citation_before() {
        let answer = "Intro [2019]:\nRefunds take 30 days. [1] Grinders have a[1] two years. [2] [3]";
        let mark = |number: u32, at: usize| Mark { number, at: at..at + 3 };
        let second = answer.find("[2] ").unwrap();
        let marks = [
            mark(1, answer.find(" [1] ").unwrap() + 1),
            mark(2, second),
            mark(3, second + 4),
        ];
        assert_eq!(statement(answer, &marks, 0), "Refunds take 30 days.");
        assert_eq!(statement(answer, &marks, 1), "Grinders have a[1] two years.");
        assert_eq!(statement(answer, &marks, 2), "Grinders have a[1] two years.");
    }
}
