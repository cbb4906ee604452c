//! Post-processing of the model's text before it is shown.

use domain::Citation;
use llm::{CitationFilter, Mark};

use super::Grounding;

/// Processes a model's text: its markers become citations, each backed by a source, and a complete answer states which
/// documents are missing. All other text is unchanged.
pub(crate) struct AnswerPostProcessor {
    grounding: Grounding,
    /// `None` if the answer is not grounded in documents: then there are no markers.
    filter: Option<CitationFilter>,
}

impl AnswerPostProcessor {
    /// Creates the processor of an answer grounded in these passages, of which `written` bytes already exist.
    pub(crate) fn new(grounding: Grounding, written: usize) -> Self {
        Self {
            filter: grounding.numbers().map(|known| CitationFilter::new(known, written)),
            grounding,
        }
    }

    /// Adds text, and returns what can be shown now.
    pub(crate) fn push(&mut self, text: String) -> String {
        match &mut self.filter {
            Some(filter) => filter.push(&text),
            None => text,
        }
    }

    /// Returns the remaining buffered text, followed by the notice if the answer is complete; and the notice by itself.
    /// `blank`: the reason for an answer without text.
    pub(crate) fn finish(&mut self, is_whole: bool, blank: Option<&str>) -> (String, Option<String>) {
        let mut rest = self.filter.as_mut().map(CitationFilter::finish).unwrap_or_default();
        if let Some(blank) = blank.filter(|_| is_whole) {
            return (blank.to_owned(), Some(blank.to_owned()));
        }
        let notice = self.grounding.notice().filter(|_| is_whole);
        if let Some(notice) = &notice {
            rest.push_str("\n\n");
            rest.push_str(notice);
        }
        (rest, notice)
    }

    /// Returns the passages that the numbers in the text refer to.
    pub(crate) fn citations(&self, question: &str, text: &str) -> Vec<Citation> {
        self.grounding.citations(self.marks(), question, text)
    }

    /// Returns the positions of the citations.
    pub(crate) fn marks(&self) -> &[Mark] {
        self.filter.as_ref().map_or(&[], CitationFilter::marks)
    }
}
