//! How probable a text is in an encoding with one byte for a character: by the letters of languages, by their case and
//! neighbors, and by the symbols that do not occur in words.

use std::collections::HashMap;

use super::languages::{ALPHABETS, LATIN, Latin};
use super::multibyte::control_cost;
use super::{IMPOSSIBLE, Score};

const FOREIGN_LETTER: f64 = 10.5;
/// What each frequent word of a language tells in its favor, up to [`MOST_WORDS`].
const WORD: f64 = 1.2;
const MOST_WORDS: usize = 6;
const IN_WORD: f64 = 8.0;

/// For each Latin language, how many more frequent words another one has in a text: the same in all encodings.
pub(super) struct MissingWords(Vec<usize>);

impl MissingWords {
    pub(super) fn count(sample: &[u8]) -> Self {
        let mut found = vec![0_usize; LATIN.len()];
        let words = sample
            .split(|byte| !byte.is_ascii_alphabetic() && byte.is_ascii())
            .take(500);
        for word in words
            .filter(|word| word.len() < 16)
            .filter_map(|word| std::str::from_utf8(word).ok())
        {
            let word = word.to_ascii_lowercase();
            for (language, found) in LATIN.iter().zip(&mut found) {
                *found += usize::from(language.words.contains(&word.as_str()));
            }
        }
        let most = found.iter().copied().max().unwrap_or(0).min(MOST_WORDS);
        Self(found.into_iter().map(|found| most.saturating_sub(found)).collect())
    }
}

/// Scores a text that was decoded from single bytes.
pub(super) fn score(text: &str, missing: &MissingWords) -> Score {
    let mut score = Score::default();
    let mut letters: Letters = HashMap::new();
    let mut context = Context::default();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        score.all += 1;
        let next = chars.peek().copied().unwrap_or(' ');
        if c.is_ascii() {
            score.cost += control_cost(c);
        } else {
            score.marked += 1;
            if is_letter(c) {
                *letters.entry([context.last, c, next].map(lower)).or_default() += 1;
                score.cost += context.letter_cost(c, next);
            } else {
                score.cost += context.symbol_cost(c, next);
            }
        }
        context.push(c);
    }
    let alphabets = ALPHABETS.iter().map(|alphabet| alphabet_cost(alphabet, &letters));
    let latin = LATIN.iter().zip(&missing.0);
    let latin = latin.map(|(language, missing)| latin_cost(language, &letters) + WORD * count(*missing));
    score.cost += alphabets.chain(latin).fold(f64::INFINITY, f64::min);
    score
}

/// How often a letter occurs between two others.
type Letters = HashMap<[char; 3], u32>;

/// Ordinal indicators and the micro sign are letters to Unicode.
fn is_letter(c: char) -> bool {
    c.is_alphabetic() && !matches!(c, 'ª' | 'º' | 'µ' | 'ƒ' | 'ˆ' | 'ˇ' | 'ⁿ')
}

fn lower(c: char) -> char {
    match c {
        'İ' => c,
        c if c.is_ascii() && !c.is_ascii_alphabetic() => '_',
        c => c.to_lowercase().next().unwrap_or(c),
    }
}

#[expect(clippy::cast_precision_loss, reason = "ranks of letters and counts of words")]
fn count(number: usize) -> f64 {
    number as f64
}

/// Returns the cost of the letters of a text if it is written in this alphabet.
fn alphabet_cost(alphabet: &str, letters: &Letters) -> f64 {
    let ranks: HashMap<char, usize> = alphabet.chars().enumerate().map(|(rank, c)| (c, rank)).collect();
    let cost = |c: char| ranks.get(&c).map_or(FOREIGN_LETTER, |rank| 2.2 + 0.13 * count(*rank));
    letters
        .iter()
        .map(|([_, c, _], times)| cost(*c).min(FOREIGN_LETTER) * f64::from(*times))
        .sum()
}

/// Returns the cost of the letters of a text if it is in this language.
fn latin_cost(language: &Latin, letters: &Letters) -> f64 {
    let neighbor = |neighbors: &str, c: char| match neighbors.chars().position(|other| other == c) {
        Some(rank) => 0.15 * count(rank),
        None => 3.0,
    };
    let cost = |[before, c, after]: [char; 3]| {
        let Some(letter) = language.letters.get(&c) else {
            return FOREIGN_LETTER;
        };
        1.8 + 0.25 * f64::from(letter.rank) + neighbor(letter.before, before) + neighbor(letter.after, after)
    };
    letters
        .iter()
        .map(|(letter, times)| cost(*letter).min(FOREIGN_LETTER) * f64::from(*times))
        .sum()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Script {
    Latin,
    Cyrillic,
    Greek,
    Other,
}

fn script(c: char) -> Script {
    match c {
        '\0'..='\u{24f}' | '\u{1e00}'..='\u{1eff}' => Script::Latin,
        '\u{370}'..='\u{3ff}' => Script::Greek,
        '\u{400}'..='\u{52f}' => Script::Cyrillic,
        _ => Script::Other,
    }
}

/// The characters before the current one.
struct Context {
    last: char,
    before: char,
}

impl Default for Context {
    fn default() -> Self {
        Self { last: ' ', before: ' ' }
    }
}

impl Context {
    fn push(&mut self, c: char) {
        self.before = self.last;
        self.last = c;
    }

    fn letter_cost(&self, c: char, next: char) -> f64 {
        let (after, follows) = (is_letter(self.last), is_letter(next));
        let mut cost = 0.0;
        if c.is_uppercase() {
            cost += if after && self.last.is_lowercase() { 7.0 } else { 1.0 };
            // `Über` and `ÜBER`, but hardly `ÜbER`.
        } else if c.is_lowercase()
            && after
            && self.last.is_uppercase()
            && is_letter(self.before)
            && self.before.is_uppercase()
        {
            cost += 4.0;
        }
        if (after && script(self.last) != script(c)) || (follows && script(next) != script(c)) {
            cost += 7.0;
        }
        let is_accent = |c: char| is_letter(c) && !c.is_ascii();
        if script(c) == Script::Latin && is_accent(self.last) && is_accent(self.before) {
            cost += 3.0;
        }
        if !after && !follows {
            cost += 1.5;
        }
        cost
    }

    fn symbol_cost(&self, c: char, next: char) -> f64 {
        let last = self.last;
        let in_word = is_letter(last) && is_letter(next);
        let in_word_cost = if in_word { IN_WORD } else { 0.0 };
        match c {
            char::REPLACEMENT_CHARACTER | '\u{80}'..='\u{9f}' => IMPOSSIBLE,
            '’' | '·' => 4.5,
            '“' | '”' | '„' | '«' | '»' | '‘' => 4.5 + in_word_cost,
            '‹' | '›' | '‚' => 6.5 + in_word_cost,
            '–' | '—' | '…' | '•' => 5.0 + in_word_cost,
            '\u{a0}' => 4.5 + in_word_cost / 2.0,
            '\u{ad}' if in_word => 5.0,
            '€' | '£' | '¥' if last.is_ascii_digit() || next.is_ascii_digit() => 5.0,
            '°' if last.is_ascii_digit() || last == ' ' => 4.5,
            'º' | 'ª' if last.is_ascii_digit() || last == '.' => 4.5,
            '²' | '³' if last.is_alphanumeric() && !is_letter(next) => 6.0,
            '¿' | '¡' if next.is_alphanumeric() && !last.is_alphanumeric() => 4.5,
            '№' => 6.0,
            // Frames and shades come in runs.
            '─'..='▟' | '■' if last == c => 0.3,
            '─'..='▟' if ('─'..='▟').contains(&last) => 5.0,
            '─'..='▟' | '€' | '£' | '§' | '©' | '®' | '™' | '±' | '×' | '½' | '¼' | '¾' | 'µ' => {
                7.0 + in_word_cost
            }
            // Marks above and below letters: Vietnamese, Hebrew, Arabic, Thai.
            '\u{300}'..='\u{36f}' | '\u{591}'..='\u{5c7}' | '\u{64b}'..='\u{652}' if is_letter(last) => 4.0,
            '\u{e31}'..='\u{e4e}' if ('\u{e01}'..='\u{e4e}').contains(&last) => 3.0,
            '،' | '؛' | '؟' | '׳' | '״' | '\u{200c}'..='\u{200f}' => 5.0,
            _ => 9.5 + in_word_cost,
        }
    }
}
