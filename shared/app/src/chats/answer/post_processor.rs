//! The words of an answer on their way from the model to its reader.

use domain::Citation;
use llm::{CitationFilter, Mark};

use super::Grounding;

/// What a model writes, as it is shown: its markers are citations, each backed by a source, and a whole answer says what
/// is missing from it. All other text is the model's.
pub(crate) struct AnswerPostProcessor {
    grounding: Grounding,
    /// None where the answer rests on no documents: then there are no markers.
    filter: Option<CitationFilter>,
}

impl AnswerPostProcessor {
    /// The wording of an answer that rests on these passages, and of which `written` bytes were written before.
    pub(crate) fn new(grounding: Grounding, written: usize) -> Self {
        Self {
            filter: grounding.numbers().map(|known| CitationFilter::new(known, written)),
            grounding,
        }
    }

    /// What of the next words can be shown by now.
    pub(crate) fn push(&mut self, text: String) -> String {
        match &mut self.filter {
            Some(filter) => filter.push(&text),
            None => text,
        }
    }

    /// The words that were held back, with the notice behind them when the answer is whole; and the notice by itself.
    /// `blank`: why there is no text, in an answer that has none.
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

    /// The passages that the numbers in the text stand for.
    pub(crate) fn citations(&self, question: &str, text: &str) -> Vec<Citation> {
        self.grounding.citations(self.marks(), question, text)
    }

    /// Where the text cites.
    pub(crate) fn marks(&self) -> &[Mark] {
        self.filter.as_ref().map_or(&[], CitationFilter::marks)
    }
}
