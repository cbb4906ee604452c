//! The sources, analyzed for a question.

use std::collections::HashSet;

use super::question::{Question, Term};
use crate::chat::Source;
use crate::text::{sentences, term_set};

/// How many further sentences without any term of the question are assumed when rarity is computed: among three
/// sentences nothing is rare, but in their language it is.
const BACKGROUND: f32 = 50.0;
/// The weight of a name or a number of the question, against 1 for any other term.
const NAME: f32 = 1.25;
/// The weight of a term that no sentence contains, unless it is a name: the answer may use another word for it.
const MISSING_TERM_WEIGHT: f32 = 0.5;
/// The weight of a term of [`super::question`]'s list of weak words.
const WEAK: f32 = 0.3;
/// The weight of a term of the earlier question.
const CONTEXT: f32 = 0.5;

/// A sentence of a source.
#[derive(Debug)]
pub(super) struct Sentence {
    /// Index of its source.
    pub(super) source: usize,
    pub(super) text: String,
    /// Its own terms.
    pub(super) terms: HashSet<String>,
    /// The terms of the question in the document that this sentence answers, as in a list of frequently asked
    /// questions.
    pub(super) asked: HashSet<String>,
}

impl Sentence {
    /// Returns whether the sentence contains a term, or answers a question in the document that does.
    pub(super) fn says(&self, term: &str) -> bool {
        self.terms.contains(term) || self.asked.contains(term)
    }

    /// Returns whether it is a question, which answers nothing.
    pub(super) fn is_question(&self) -> bool {
        self.text.ends_with(['?', '？'])
    }
}

/// The sources as sentences, with the weights of the question's terms among them.
#[derive(Debug)]
pub(super) struct QuestionMatch<'q> {
    /// All sentences, source by source in reading order.
    pub(super) sentences: Vec<Sentence>,
    /// The total weight of the question.
    pub(super) total: f32,
    weights: Vec<(&'q Term, f32)>,
    /// How many terms belong to the question itself; they come first.
    own: usize,
    /// Per source: the terms of the document's name and the position.
    headings: Vec<HashSet<String>>,
    /// Per source: all of its terms.
    bodies: Vec<HashSet<String>>,
}

impl<'q> QuestionMatch<'q> {
    pub(super) fn new(question: &'q Question, sources: &[Source]) -> Self {
        let sentences: Vec<Sentence> = sources
            .iter()
            .enumerate()
            .flat_map(|(at, source)| read(at, source))
            .collect();
        let headings = sources
            .iter()
            .map(|source| {
                term_set(&format!(
                    "{} {}",
                    source.name,
                    source.place.as_deref().unwrap_or_default()
                ))
            })
            .collect();
        let mut bodies = vec![HashSet::new(); sources.len()];
        for sentence in &sentences {
            bodies[sentence.source].extend(sentence.terms.iter().cloned());
        }
        let own = question.terms.iter().map(|term| (term, weight(term, &sentences)));
        let context = question
            .context
            .iter()
            .map(|term| (term, weight(term, &sentences) * CONTEXT));
        let weights: Vec<(&Term, f32)> = own.chain(context).collect();
        let total = weights.iter().map(|(_, weight)| weight).sum();
        Self {
            sentences,
            total,
            weights,
            own: question.terms.len(),
            headings,
            bodies,
        }
    }

    /// Returns the share of the question's weight that is in terms for which `holds` returns `true`.
    pub(super) fn share(&self, holds: impl Fn(&str) -> bool) -> f32 {
        let held: f32 = self
            .weights
            .iter()
            .filter(|(term, _)| holds(&term.text))
            .map(|(_, weight)| weight)
            .sum();
        if self.total > 0.0 { held / self.total } else { 0.0 }
    }

    /// Returns the same among the terms of the question itself, without those of the earlier one; 1 if it has none.
    pub(super) fn own_share(&self, holds: impl Fn(&str) -> bool) -> f32 {
        let own = &self.weights[..self.own];
        let total: f32 = own.iter().map(|(_, weight)| weight).sum();
        let held: f32 = own
            .iter()
            .filter(|(term, _)| holds(&term.text))
            .map(|(_, weight)| weight)
            .sum();
        if total > 0.0 { held / total } else { 1.0 }
    }

    /// Returns whether the name or the position of a sentence's source contains a term.
    pub(super) fn in_heading(&self, sentence: &Sentence, term: &str) -> bool {
        self.headings[sentence.source].contains(term)
    }

    /// Returns whether a sentence's source contains a term anywhere.
    pub(super) fn in_source(&self, sentence: &Sentence, term: &str) -> bool {
        self.in_heading(sentence, term) || self.bodies[sentence.source].contains(term)
    }

    /// Returns the sentences directly before and after one, in the same source.
    pub(super) fn neighbors(&self, at: usize) -> impl Iterator<Item = &Sentence> {
        [at.checked_sub(1), Some(at + 1)]
            .into_iter()
            .flatten()
            .filter(move |near| self.are_neighbors(at, *near))
            .filter_map(|near| self.sentences.get(near))
    }

    /// Returns whether two adjacent positions are in one source.
    pub(super) fn are_neighbors(&self, a: usize, b: usize) -> bool {
        match (self.sentences.get(a), self.sentences.get(b)) {
            (Some(a), Some(b)) => a.source == b.source,
            _ => false,
        }
    }

    /// Returns whether two sentences say nearly the same.
    pub(super) fn repeats(&self, a: usize, b: usize) -> bool {
        let (a, b) = (&self.sentences[a].terms, &self.sentences[b].terms);
        a.intersection(b).count() * 5 >= a.len().max(b.len()) * 4
    }
}

fn read(at: usize, source: &Source) -> Vec<Sentence> {
    let mut all: Vec<Sentence> = Vec::new();
    for text in sentences(&source.text) {
        // The answer follows directly: `Yes. You can pause it for a month.`
        let asked = all.iter().rev().take(2).find(|sentence| sentence.is_question());
        let asked = asked.map(|question| question.terms.clone()).unwrap_or_default();
        all.push(Sentence {
            source: at,
            terms: term_set(&text),
            text,
            asked,
        });
    }
    all
}

/// Returns the weight of a term: the rarer, the higher (the inverse document frequency of BM25, over sentences).
fn weight(term: &Term, sentences: &[Sentence]) -> f32 {
    let holding = sentences
        .iter()
        .filter(|sentence| sentence.terms.contains(&term.text))
        .count();
    #[expect(clippy::cast_precision_loss, reason = "counts of sentences are small")]
    let (with, all) = (holding as f32, sentences.len() as f32 + BACKGROUND);
    let rarity = (1.0 + (all - with + 0.5) / (with + 0.5)).ln();
    let kind = if term.is_name {
        NAME
    } else if holding == 0 {
        MISSING_TERM_WEIGHT
    } else {
        1.0
    };
    rarity * kind * if term.is_weak { WEAK } else { 1.0 }
}
