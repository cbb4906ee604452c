//! What a question asks for, and whether it continues an earlier one: by the tables of its language.

use std::collections::BTreeSet;

use crate::Language;
use crate::language::{Words, of_question};
use crate::terms::{index_terms, question_terms, surface};

/// A question with more strong terms than this names its subject itself, although it begins with `and`.
const MOST_AFTER_OPENING: usize = 3;
/// The same for a question with a pronoun.
const MOST_BESIDE_POINTER: usize = 4;
/// A question of at most so many words that has one term only is a fragment.
const MOST_WORDS_OF_FRAGMENT: usize = 4;
/// An earlier question or answer contributes at most so much to a search. Characters.
const LONGEST_CONTEXT: usize = 300;

/// The kind of thing that would answer a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wants {
    /// A number, a date, a time.
    Number,
    /// A person, a place, a thing with a name.
    Name,
    /// Anything else.
    Anything,
}

impl Wants {
    /// Returns what a question asks for that is asked in one of these languages.
    pub fn of(question: &str, languages: &[Language]) -> Self {
        let language = of_question(question, languages);
        let words = language.words();
        let text = surface(language, question);
        // `when` and the like ask only at the beginning of a question; elsewhere they join clauses.
        let start: Vec<&str> = text.split(' ').take(2).collect();
        let begins = |phrases: &[String]| phrases.iter().any(|phrase| start.contains(&phrase.as_str()));
        let has = |phrases: &[String]| phrases.iter().any(|phrase| has_phrase(&text, phrase));
        if has(&words.number) || begins(&words.number_first) {
            Self::Number
        } else if has(&words.name) || begins(&words.name_first) {
            Self::Name
        } else {
            Self::Anything
        }
    }
}

/// Returns whether a text contains a phrase between words; in scripts without spaces anywhere.
fn has_phrase(text: &str, phrase: &str) -> bool {
    let is_unspaced = |c: char| c >= '\u{2e80}';
    text.match_indices(phrase).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + phrase.len()..].chars().next();
        let is_edge = |c: Option<char>| c.is_none_or(|c| c == ' ' || is_unspaced(c));
        is_edge(before) && is_edge(after)
    })
}

/// Returns whether a word or a phrase without spaces is a number in words: `fourteen`, `三十`.
pub fn has_numeral(language: Language, text: &str) -> bool {
    let numerals = &language.words().numerals;
    let text = surface(language, text);
    let is_unspaced = matches!(language, Language::Chinese | Language::Japanese);
    if is_unspaced {
        // A single character is part of many words; `三年` and `十二` are numbers.
        return text
            .chars()
            .any(|c| numerals.contains(c.encode_utf8(&mut [0; 4]) as &str));
    }
    text.split(' ').any(|word| numerals.contains(word))
}

/// Returns whether a sentence depends on the one before it: it begins with a pronoun or `however`.
pub fn leans_back(language: Language, sentence: &str) -> bool {
    let start: String = sentence.chars().take(60).collect();
    opens_with(&surface(language, &start), &language.words().leans)
}

fn opens_with(text: &str, openings: &[String]) -> bool {
    openings.iter().any(|opening| {
        text.strip_prefix(opening.as_str())
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(|c: char| c == ' ' || c >= '\u{2e80}'))
    })
}

/// Returns whether two questions have the same words, whatever their order, inflection, case and accents.
pub fn is_same_question(one: &str, other: &str) -> bool {
    let language = of_question(one, &[]);
    let words = |text: &str| index_terms(language, text).into_iter().collect::<BTreeSet<_>>();
    let of_one = words(one);
    !of_one.is_empty() && of_one == words(other)
}

/// Returns the words of a question in a fixed order, without inflection, case and accents: equal for questions with the
/// same words. A text without words is returned as it is.
pub fn question_words(text: &str) -> String {
    let words: BTreeSet<String> = index_terms(of_question(text, &[]), text).into_iter().collect();
    if words.is_empty() {
        return text.trim().to_owned();
    }
    words.into_iter().collect::<Vec<_>>().join(" ")
}

/// Returns whether a text contains these words in this order, whatever their case, accents and punctuation.
pub fn says(text: &str, part: &str) -> bool {
    let words = |text: &str| surface(Language::Unknown, text);
    let part = words(part);
    !part.is_empty() && has_phrase(&words(text), &part)
}

/// How a message relates to the conversation before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// It can be understood by itself.
    Independent,
    /// It leaves out what an earlier question was about: `and for grinders?`, `how long does it take?`.
    FollowUp,
    /// It accepts what the last answer offered, or requests more: `yes`, `tell me more`.
    More,
}

impl Relation {
    /// Returns how a message relates to those before it; the documents are in these languages.
    pub fn of(message: &str, languages: &[Language]) -> Self {
        let mut among = languages.to_vec();
        if !among.contains(&Language::English) {
            among.push(Language::English);
        }
        let language = of_question(message, &among);
        let text = surface(language, message);
        let is_more = |words: &Words| words.more.contains(&text);
        if among.iter().any(|language| is_more(language.words())) {
            return Self::More;
        }
        let words = language.words();
        let terms = question_terms(message, &[language]);
        let is_stop = |form: &String| words.stop.contains(form);
        let strong = terms
            .iter()
            .filter(|term| !term.is_weak && !term.is_joined && !term.forms.iter().any(is_stop))
            .count();
        let has_name = terms.iter().any(|term| term.is_name);
        let points = text.split(' ').any(|word| words.points.contains(word))
            || (matches!(language, Language::Chinese | Language::Japanese)
                && words.points.iter().any(|pointer| text.contains(pointer.as_str())));
        let opens = opens_with(&text, &words.follows);
        let leans = strong == 0
            || (opens && strong <= MOST_AFTER_OPENING)
            || (points && !has_name && strong <= MOST_BESIDE_POINTER)
            || (points && strong <= 2)
            // `In which year?`
            || (strong <= 1 && !has_name && text.split(' ').count() <= MOST_WORDS_OF_FRAGMENT);
        if leans { Self::FollowUp } else { Self::Independent }
    }
}

/// A question and its answer before the one that is asked.
#[derive(Debug, Clone, Copy)]
pub struct Exchange<'a> {
    /// What the user asked.
    pub question: &'a str,
    /// What was answered.
    pub answer: &'a str,
}

/// Returns what to search for: the message, with the subject of the conversation if it leaves that out. `before` is the
/// conversation, newest first.
///
/// A follow-up is searched with the last question that names a subject itself, and those between; a request for more
/// with what the last answer ended with, where it offers something.
pub fn standalone(message: &str, before: &[Exchange<'_>], languages: &[Language]) -> String {
    let mut parts: Vec<&str> = Vec::new();
    match Relation::of(message, languages) {
        Relation::Independent => return message.to_owned(),
        Relation::More => {
            if let Some(last) = before.first() {
                parts.push(offer(last.answer));
            }
        }
        Relation::FollowUp => parts.push(message),
    }
    for exchange in before.iter().take(4) {
        parts.push(exchange.question);
        if Relation::of(exchange.question, languages) == Relation::Independent {
            break;
        }
    }
    parts.reverse();
    let context: Vec<String> = parts
        .iter()
        .map(|part| part.chars().take(LONGEST_CONTEXT).collect())
        .collect();
    context.join(" ")
}

/// Returns the question at the end of an answer, which offers something.
fn offer(answer: &str) -> &str {
    let end = answer.trim_end();
    if !end.ends_with(['?', '？', '؟']) {
        return "";
    }
    let body = &end[..end.len() - end.chars().next_back().map_or(0, char::len_utf8)];
    let start = body
        .rfind(['.', '!', '?', '\n', '。', '！', '？'])
        .map_or(0, |at| at + body[at..].chars().next().map_or(0, char::len_utf8));
    // A citation of the sentence before.
    let offer = body[start..].trim();
    match offer.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((_, offer)) => offer.trim_start(),
        None => offer,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Language::{Arabic, Chinese, English, German, Russian, Spanish, Turkish};

    #[test]
    fn a_question_asks_for_a_number_or_a_name_in_its_language() {
        for (language, question, wants) in [
            (English, "How many bags are there?", Wants::Number),
            (English, "When did he die?", Wants::Number),
            (English, "What happens when it rains?", Wants::Anything),
            (English, "Who discovered oxygen?", Wants::Name),
            (German, "In welchem Jahr starb Tesla?", Wants::Number),
            (German, "Wer entdeckte den Sauerstoff?", Wants::Name),
            (Spanish, "¿Cuántos habitantes tiene Fresno?", Wants::Number),
            (Russian, "Сколько стоит доставка?", Wants::Number),
            (Chinese, "特斯拉是哪一年去世的？", Wants::Number),
            (Chinese, "氧气是谁发现的？", Wants::Name),
            (Turkish, "Garanti kaç yıl sürer?", Wants::Number),
            (Arabic, "متى توفي تسلا؟", Wants::Number),
        ] {
            assert_eq!(Wants::of(question, &[language]), wants, "{question}");
        }
    }

    #[test]
    fn a_question_is_the_same_with_the_same_words_in_any_order_and_inflection() {
        for (one, other, same) in [
            ("How do I cancel my order?", "how do i cancel my orders", true),
            ("How do I cancel my order?", "My order: how do I cancel?", true),
            ("How do I cancel my order?", "How do I not cancel my order?", false),
            ("How do I cancel my order?", "How do I change my order?", false),
            ("Wie kann ich kündigen?", "wie kann ich kuendigen", true),
            ("什么时候开门？", "什么时候开门", true),
            ("", "?", false),
        ] {
            assert_eq!(is_same_question(one, other), same, "{one} {other}");
        }
    }

    #[test]
    fn a_text_says_words_in_their_order_and_between_other_words() {
        for (text, part, is_said) in [
            ("It takes Three weeks, at most.", "three weeks", true),
            ("It takes three-weeks.", "three weeks", true),
            ("It takes thirty weeks", "three weeks", false),
            ("weeks three", "three weeks", false),
            ("threefold", "three", false),
            ("Das Café öffnet um neun.", "cafe offnet", true),
            ("博物馆九点开门。", "九点", true),
            ("anything", "...", false),
        ] {
            assert_eq!(says(text, part), is_said, "{text}: {part}");
        }
    }

    #[test]
    fn a_message_that_leaves_out_its_subject_is_a_follow_up() {
        for (language, message, relation) in [
            (English, "Who is Nikola Tesla?", Relation::Independent),
            (English, "When did he die?", Relation::FollowUp),
            (English, "What was named after him?", Relation::FollowUp),
            (English, "Is 1 one of them?", Relation::FollowUp),
            (English, "And in Uppsala?", Relation::FollowUp),
            (English, "In which year?", Relation::FollowUp),
            (English, "Who discovered oxygen?", Relation::Independent),
            (
                English,
                "Who proved that there are infinitely many primes?",
                Relation::Independent,
            ),
            (English, "How much is express delivery?", Relation::Independent),
            (English, "yes", Relation::More),
            (English, "Tell me more!", Relation::More),
            (German, "Und für die Mühle?", Relation::FollowUp),
            (German, "ja, bitte", Relation::More),
            (Spanish, "¿Cuándo murió ella?", Relation::FollowUp),
            (Russian, "А где он жил?", Relation::FollowUp),
            (Chinese, "他是什么时候去世的？", Relation::FollowUp),
        ] {
            assert_eq!(Relation::of(message, &[language]), relation, "{message}");
        }
    }

    #[test]
    fn a_follow_up_is_searched_with_the_subject_of_the_conversation() {
        let before = [
            Exchange {
                question: "Where did he live?",
                answer: "In New York. [1]",
            },
            Exchange {
                question: "Who is Nikola Tesla?",
                answer: "An inventor. [1]",
            },
            Exchange {
                question: "What is a prime number?",
                answer: "A number.",
            },
        ];
        assert_eq!(
            standalone("What was named after him?", &before, &[English]),
            "Who is Nikola Tesla? Where did he live? What was named after him?"
        );
        assert_eq!(
            standalone("Who discovered oxygen?", &before, &[English]),
            "Who discovered oxygen?"
        );
        let offered = [Exchange {
            question: "How long is the warranty?",
            answer: "Two years. [1] Shall I explain how to extend it?",
        }];
        assert_eq!(
            standalone("yes please", &offered, &[English]),
            "How long is the warranty? Shall I explain how to extend it"
        );
        assert_eq!(standalone("yes", &[], &[English]), "");
    }
}
