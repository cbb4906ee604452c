//! The sources, analyzed for a question.

use std::collections::HashSet;

use retrieval::{Language, QuestionTerm, leans_back, like};

use super::question::Question;
use crate::chat::Source;
use crate::text::{sentences, term_set};

/// How many further sentences without any term of the question are assumed when rarity is computed: among three
/// sentences nothing is rare, but in their language it is.
const BACKGROUND: f32 = 50.0;
/// So many dots are more than an ellipsis.
const LEADERS: usize = 5;
/// The weight of a name or a number of the question, against 1 for any other term.
const NAME: f32 = 1.25;
/// The weight of a term that no sentence contains, unless it is a name: the answer may use another word for it.
const MISSING_TERM_WEIGHT: f32 = 0.5;
/// The weight of a term that says little.
const WEAK: f32 = 0.3;
/// The weight of a term of the earlier question.
const CONTEXT: f32 = 0.5;

/// A sentence of a source.
#[derive(Debug)]
pub(super) struct Sentence {
    /// Index of its source.
    pub(super) source: usize,
    pub(super) text: String,
    pub(super) language: Language,
    /// Its own terms.
    pub(super) terms: HashSet<String>,
    /// The terms of the question in the document that this sentence answers, as in a list of frequently asked
    /// questions.
    pub(super) asked: HashSet<String>,
    /// How near its meaning is to that of the question, as a cosine; `None` if they were not compared.
    pub(super) cosine: Option<f32>,
    /// Whether it surrounds the passage: it explains the sentences of the passage, and is no answer itself.
    pub(super) is_around: bool,
}

impl Sentence {
    /// Returns whether it is a question, which answers nothing.
    pub(super) fn is_question(&self) -> bool {
        self.text.ends_with(['?', '？', '؟'])
    }

    /// Returns whether it is a line of a table of contents, which only says where an answer is.
    pub(super) fn is_of_contents(&self) -> bool {
        has_leaders(&self.text)
    }

    /// Returns whether it depends on the sentence before it.
    pub(super) fn leans_back(&self) -> bool {
        leans_back(self.language, &self.text)
    }
}

/// Returns whether a text has the dots that lead to the page number in a table of contents, with spaces between them or
/// without.
pub(super) fn has_leaders(text: &str) -> bool {
    let mut dots = 0;
    text.chars().any(|c| {
        dots = match c {
            '.' | '·' | '․' | '‥' => dots + 1,
            // Two of them are an ellipsis in Chinese.
            '…' => dots + 2,
            c if c.is_whitespace() => dots,
            _ => 0,
        };
        dots >= LEADERS
    })
}

/// A term of the question among the sentences.
#[derive(Debug)]
pub(super) struct WeightedTerm {
    /// Its forms, and the words of the sentences that are like it.
    forms: HashSet<String>,
    pub(super) weight: f32,
    pub(super) is_name: bool,
    is_weak: bool,
}

impl WeightedTerm {
    pub(super) fn is_in(&self, terms: &HashSet<String>) -> bool {
        self.forms.iter().any(|form| terms.contains(form))
    }
}

/// The sources as sentences, with the weights of the question's terms among them.
#[derive(Debug)]
pub(super) struct QuestionMatch {
    /// All sentences, source by source in reading order.
    pub(super) sentences: Vec<Sentence>,
    /// The terms of the question itself, then those of the conversation.
    pub(super) terms: Vec<WeightedTerm>,
    /// The total weight of the terms.
    pub(super) total: f32,
    /// How many terms belong to the question itself; they come first.
    pub(super) own: usize,
    /// Per source: the terms of the document's name and the position.
    headings: Vec<HashSet<String>>,
    /// Per source: all of its terms.
    bodies: Vec<HashSet<String>>,
}

impl QuestionMatch {
    pub(super) fn new(question: &Question, sources: &[Source]) -> Self {
        let sentences: Vec<Sentence> = sources
            .iter()
            .enumerate()
            .flat_map(|(at, source)| read(at, source))
            .collect();
        let headings: Vec<HashSet<String>> = sources
            .iter()
            .map(|source| {
                let place = source.place.as_deref().unwrap_or_default();
                term_set(source.language, &format!("{} {place}", source.name))
            })
            .collect();
        let mut bodies = vec![HashSet::new(); sources.len()];
        for sentence in &sentences {
            bodies[sentence.source].extend(sentence.terms.iter().cloned());
        }
        let vocabulary: HashSet<&String> = bodies.iter().chain(&headings).flatten().collect();
        let weigh = |term: &QuestionTerm, share: f32| {
            let forms = forms(term, &vocabulary);
            let holding = sentences
                .iter()
                .filter(|sentence| !sentence.terms.is_disjoint(&forms))
                .count();
            // An identifier that repeats its parts counts only where it is written so.
            (holding > 0 || !term.is_joined).then(|| WeightedTerm {
                weight: share * weight(term, holding, sentences.len()),
                is_name: term.is_name,
                is_weak: term.is_weak,
                forms,
            })
        };
        let mut terms: Vec<WeightedTerm> = question.terms.iter().filter_map(|term| weigh(term, 1.0)).collect();
        let own = terms.len();
        terms.extend(question.context.iter().filter_map(|term| weigh(term, CONTEXT)));
        Self {
            total: terms.iter().map(|term| term.weight).sum(),
            sentences,
            terms,
            own,
            headings,
            bodies,
        }
    }

    /// Returns the share of the question's weight that is in terms for which `holds` returns `true`.
    pub(super) fn share(&self, holds: impl Fn(&WeightedTerm) -> bool) -> f32 {
        share(&self.terms, holds, 0.0)
    }

    /// Returns the same among the terms of the question itself, without those of the earlier one; 1 if it has none.
    pub(super) fn own_share(&self, holds: impl Fn(&WeightedTerm) -> bool) -> f32 {
        share(&self.terms[..self.own], holds, 1.0)
    }

    /// Returns the same among those that say what the question is about; 0 if there are none.
    pub(super) fn subject_share(&self, holds: impl Fn(&WeightedTerm) -> bool) -> f32 {
        let subject = || self.terms[..self.own].iter().filter(|term| !term.is_weak);
        let total: f32 = subject().map(|term| term.weight).sum();
        let held: f32 = subject().filter(|term| holds(term)).map(|term| term.weight).sum();
        if total > 0.0 { held / total } else { 0.0 }
    }

    /// Returns whether a sentence contains a term, or answers a question in the document that does.
    pub(super) fn says(&self, at: usize, term: &WeightedTerm) -> bool {
        let sentence = &self.sentences[at];
        term.is_in(&sentence.terms) || term.is_in(&sentence.asked)
    }

    /// Returns whether the name or the position of a sentence's source contains a term.
    pub(super) fn in_heading(&self, sentence: &Sentence, term: &WeightedTerm) -> bool {
        term.is_in(&self.headings[sentence.source])
    }

    /// Returns whether a sentence's source contains a term anywhere.
    pub(super) fn in_source(&self, sentence: &Sentence, term: &WeightedTerm) -> bool {
        self.in_heading(sentence, term) || term.is_in(&self.bodies[sentence.source])
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

fn share(terms: &[WeightedTerm], holds: impl Fn(&WeightedTerm) -> bool, of_none: f32) -> f32 {
    let total: f32 = terms.iter().map(|term| term.weight).sum();
    let held: f32 = terms.iter().filter(|term| holds(term)).map(|term| term.weight).sum();
    if total > 0.0 { held / total } else { of_none }
}

/// Returns the forms of a term among the words of the sources: the term itself, and words like it.
fn forms(term: &QuestionTerm, vocabulary: &HashSet<&String>) -> HashSet<String> {
    let mut forms: HashSet<String> = term.forms.iter().cloned().collect();
    let is_there = forms.iter().any(|form| vocabulary.contains(form));
    let alike = vocabulary
        .iter()
        .filter(|word| term.forms.iter().any(|form| like(form, word, !is_there)));
    forms.extend(alike.map(|word| (*word).clone()));
    forms
}

fn read(at: usize, source: &Source) -> Vec<Sentence> {
    let mut all: Vec<Sentence> = Vec::new();
    for (text, is_around) in [(&source.before, true), (&source.text, false), (&source.after, true)] {
        for (number, text) in sentences(source.language, text).into_iter().enumerate() {
            // The answer follows directly: `Yes. You can pause it for a month.`
            let asked = all.iter().rev().take(2).find(|sentence| sentence.is_question());
            let asked = asked.map(|question| question.terms.clone()).unwrap_or_default();
            all.push(Sentence {
                source: at,
                terms: term_set(source.language, &text),
                language: source.language,
                cosine: (!is_around)
                    .then(|| source.sentence_cosines.get(number).copied())
                    .flatten(),
                text,
                asked,
                is_around,
            });
        }
    }
    all
}

/// Returns the weight of a term: the rarer, the higher (the inverse document frequency of BM25, over sentences).
fn weight(term: &QuestionTerm, holding: usize, sentences: usize) -> f32 {
    #[expect(clippy::cast_precision_loss, reason = "counts of sentences are small")]
    let (with, all) = (holding as f32, sentences as f32 + BACKGROUND);
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
