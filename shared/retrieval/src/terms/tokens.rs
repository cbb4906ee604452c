//! Divides a text into words, numbers, pairs of characters and identifiers.

use unicode_normalization::char::is_combining_mark;
use unicode_segmentation::UnicodeSegmentation;

use super::normalize::{normalize, number};
use crate::Language;

/// The longest identifier that is joined of its parts. Bytes.
const LONGEST_IDENTIFIER: usize = 32;
/// Letters of at most this length and a number after a space may be one identifier: `PPR 9087`. Characters.
const LONGEST_PREFIX: usize = 4;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A word as it is written, in lower case.
    Word,
    /// A number in one spelling.
    Number,
    /// Two neighboring characters of a script without spaces, or a single one between others.
    Pair,
    /// An identifier in one word, in addition to its parts: `AB12/7` and `PPR 9087`.
    Joined,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) text: String,
    /// Whether it touches a stop word of a script without spaces.
    pub(super) touches_stop: bool,
}

impl Token {
    fn new(kind: Kind, text: impl Into<String>) -> Self {
        Self {
            kind,
            text: text.into(),
            touches_stop: false,
        }
    }
}

/// Returns the tokens of a text in order.
pub(super) fn tokens(language: Language, text: &str) -> Vec<Token> {
    let mut scan = Scan {
        language,
        found: Vec::new(),
        run: Vec::new(),
        chain: Chain::default(),
    };
    for word in normalize(language, text).split_word_bounds() {
        scan.push(word);
    }
    scan.end();
    scan.found
}

struct Scan {
    language: Language,
    found: Vec<Token>,
    /// Characters of a script without spaces.
    run: Vec<char>,
    chain: Chain,
}

/// Words that may be one identifier.
#[derive(Default)]
struct Chain {
    text: String,
    parts: usize,
    /// The separator behind the last part.
    gap: Option<char>,
    is_prefix: bool,
}

impl Scan {
    fn push(&mut self, word: &str) {
        if word.chars().all(is_unspaced) {
            self.chain_ends();
            self.run.extend(word.chars());
            return;
        }
        self.push_pairs();
        if word.chars().any(char::is_alphanumeric) {
            self.push_word(word);
        } else {
            let mut chars = word.chars();
            match (chars.next(), chars.next()) {
                (Some(c), None) if self.chain.gap.is_none() && self.chain.parts > 0 => self.chain.gap = Some(c),
                _ => self.chain_ends(),
            }
        }
    }

    fn end(&mut self) {
        self.push_pairs();
        self.chain_ends();
    }

    /// Adds the terms of one word of Unicode (UAX #29), which may have several: `snake_case`, `end.Start`; `Wi-Fi` is
    /// split before.
    fn push_word(&mut self, word: &str) {
        let is_number = word
            .chars()
            .all(|c| c.is_numeric() || matches!(c, '.' | ',' | '\'' | '٫' | '٬'));
        if is_number {
            let number = number(word);
            self.chain_goes_on(&number, true);
            self.found.push(Token::new(Kind::Number, number));
            return;
        }
        let is_acronym = word.contains('.') && word.split('.').all(|part| part.chars().count() <= 1);
        if is_acronym {
            self.chain_ends();
            self.found.push(Token::new(Kind::Word, word.replace('.', "")));
            return;
        }
        for part in word.split(|c: char| !c.is_alphanumeric() && c != '\'' && !is_combining_mark(c)) {
            let part = part.trim_matches('\'');
            if part.is_empty() {
                continue;
            }
            if part.contains('\'') {
                self.chain_ends();
                self.push_elided(part);
            } else {
                self.chain_goes_on(part, part.starts_with(|c: char| c.is_ascii_digit()));
                self.found.push(Token::new(Kind::Word, part));
            }
        }
    }

    /// Adds a word with an apostrophe: `l'hôtel`, `dell'arte` and `Ankara'nın` are divided, `don't` is not.
    fn push_elided(&mut self, word: &str) {
        let parts = match self.language {
            Language::French | Language::Italian => word.split_once('\''),
            Language::Turkish => word.split_once('\'').map(|(name, _)| ("", name)),
            _ => None,
        };
        match parts {
            Some((before, after)) => {
                let parts = [before, after].into_iter().filter(|part| !part.is_empty());
                self.found
                    .extend(parts.map(|part| Token::new(Kind::Word, part.replace('\'', ""))));
            }
            None => self.found.push(Token::new(Kind::Word, word)),
        }
    }

    fn chain_goes_on(&mut self, part: &str, begins_with_digit: bool) {
        let chain = &mut self.chain;
        let joins = chain.parts > 0
            && match chain.gap {
                None | Some('-' | '/' | '.' | '_' | '#' | '\u{2010}' | '\u{2011}' | '\u{2013}') => true,
                Some(' ' | '\u{a0}') => chain.is_prefix && begins_with_digit,
                Some(_) => false,
            };
        if !joins || chain.text.len() + part.len() > LONGEST_IDENTIFIER {
            self.chain_ends();
        }
        let chain = &mut self.chain;
        chain.is_prefix =
            chain.parts == 0 && part.chars().count() <= LONGEST_PREFIX && part.chars().all(char::is_alphabetic);
        chain.text.push_str(part);
        chain.parts += 1;
        chain.gap = None;
    }

    fn chain_ends(&mut self) {
        let chain = std::mem::take(&mut self.chain);
        let is_identifier = chain.parts > 1
            && chain.text.contains(|c: char| c.is_ascii_digit())
            && chain.text.contains(char::is_alphabetic);
        if is_identifier {
            self.found.push(Token::new(Kind::Joined, chain.text));
        }
    }

    fn push_pairs(&mut self) {
        let run = std::mem::take(&mut self.run);
        match run.as_slice() {
            [] => {}
            [only] => self.found.push(Token::new(Kind::Pair, *only)),
            many => {
                let stops = self.stops(many);
                for (pair, stops) in many.windows(2).zip(stops.windows(2)) {
                    let mut token = Token::new(Kind::Pair, pair.iter().collect::<String>());
                    token.touches_stop = stops.contains(&true);
                    self.found.push(token);
                }
            }
        }
    }

    /// Returns for each character whether it belongs to a stop word.
    fn stops(&self, run: &[char]) -> Vec<bool> {
        let mut covered = vec![false; run.len()];
        if !matches!(self.language, Language::Chinese | Language::Japanese) {
            return covered;
        }
        let stop = &self.language.words().stop;
        let mut at = 0;
        while at < run.len() {
            let longest = (1..=4.min(run.len() - at))
                .rev()
                .find(|length| stop.contains(&run[at..at + length].iter().collect::<String>()));
            let length = longest.unwrap_or(0);
            covered[at..at + length].fill(true);
            at += length.max(1);
        }
        covered
    }
}

/// Returns whether a script has no spaces between words (or is Hangul, whose particles attach to words): indexed as
/// pairs.
pub(super) fn is_unspaced(c: char) -> bool {
    matches!(c,
        '\u{0e01}'..='\u{0e4e}' | '\u{0e81}'..='\u{0ece}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17d3}'
        | '\u{3005}'..='\u{3007}' | '\u{3041}'..='\u{309f}' | '\u{30a1}'..='\u{30fa}' | '\u{30fc}'..='\u{30ff}'
        | '\u{31f0}'..='\u{31ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3134f}')
}
