//! Text from right to left: from the order on the page to the order of reading.
//!
//! The page shows what the algorithm of Unicode (UAX #9) made of the text; this reverses it for lines of one base
//! direction with runs of the other.

use std::borrow::Cow;

use super::frames::Placed;
use super::words::Word;

/// Returns whether a character is a letter of Hebrew, Arabic or a script with their direction.
pub(super) const fn is_rtl(c: char) -> bool {
    matches!(
        c,
        '\u{590}'..='\u{65f}' | '\u{66d}'..='\u{6ef}' | '\u{6fa}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}'
            | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}'
    )
}

/// Returns the text of the glyphs of a word, in the order of reading.
pub(super) fn word(glyphs: &[&Placed]) -> String {
    if !glyphs.iter().any(|glyph| glyph.text.chars().any(is_rtl)) {
        return glyphs.iter().map(|glyph| &*glyph.text).collect();
    }
    let mut ordered: Vec<&Placed> = glyphs.to_vec();
    // Marks are part of their letter's glyph already, so that the position alone decides.
    ordered.sort_by(|a, b| (b.left + b.right).total_cmp(&(a.left + a.right)));
    let is_left_to_right = |glyph: &&&Placed| {
        let mut chars = glyph.text.chars();
        chars.all(|c| c.is_alphanumeric() && !is_rtl(c))
    };
    let mut text = String::new();
    let mut rest = ordered.as_slice();
    while let Some(first) = rest.first() {
        let run = rest.iter().take_while(is_left_to_right).count();
        // Digits keep the separators between them: 12.5, 3:30.
        let run = with_separators(rest, run, is_left_to_right);
        if run == 0 {
            text.push_str(&first.text);
            rest = rest.get(1..).unwrap_or_default();
        } else {
            let (number, after) = rest.split_at(run);
            text.extend(number.iter().rev().map(|glyph| &*glyph.text));
            rest = after;
        }
    }
    mirrored(text)
}

fn with_separators(glyphs: &[&Placed], mut run: usize, is_left_to_right: impl Fn(&&&Placed) -> bool) -> usize {
    while run > 0
        && let Some(separator) = glyphs.get(run)
        && matches!(&*separator.text, "." | "," | ":" | "/" | "-" | "'" | "’" | "_" | "@")
    {
        let more = glyphs
            .get(run + 1..)
            .unwrap_or_default()
            .iter()
            .take_while(&is_left_to_right)
            .count();
        if more == 0 {
            break;
        }
        run += 1 + more;
    }
    run
}

/// Returns the text of a word of a line. Between Arabic words, the parts of a number with hyphens (a telephone number)
/// are shown from right to left.
pub(super) fn text_of<'a>(word: &'a Word, line: &[Word]) -> Cow<'a, str> {
    let is_number = |c: char| c.is_numeric() || matches!(c, '-' | '+');
    if !word.text.contains('-') || !word.text.chars().all(is_number) || !is_arabic(line) {
        return Cow::Borrowed(&word.text);
    }
    let parts: Vec<&str> = word.text.rsplit('-').collect();
    Cow::Owned(parts.join("-"))
}

fn is_arabic(line: &[Word]) -> bool {
    let letters = || {
        line.iter()
            .flat_map(|word| word.text.chars())
            .filter(|c| c.is_alphabetic())
    };
    let is_arabic = |c: &char| matches!(c, '\u{600}'..='\u{8ff}' | '\u{fb50}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}');
    letters().filter(is_arabic).count() * 2 > letters().count()
}

/// Returns the words of a line, which come from left to right, in the order of reading.
pub(super) fn line(words: &[Word]) -> Vec<&Word> {
    let is_rtl_word = |word: &&Word| word.text.chars().any(is_rtl);
    if !words.iter().any(|word| is_rtl_word(&word)) {
        return words.iter().collect();
    }
    let letters = |is_counted: fn(char) -> bool| {
        let chars = words.iter().flat_map(|word| word.text.chars());
        chars.filter(|c| c.is_alphabetic() && is_counted(*c)).count()
    };
    if letters(is_rtl) >= letters(|c| !is_rtl(c)) {
        // Runs of Latin words inside of it keep their order.
        let is_latin = |word: &Word| !is_rtl_word(&word) && word.text.chars().any(char::is_alphabetic);
        reversed(words, is_latin, |word| !is_rtl_word(&word))
    } else {
        let mut ordered = Vec::with_capacity(words.len());
        for run in words.chunk_by(|a, b| is_rtl_word(&a) == is_rtl_word(&b)) {
            if run.first().is_some_and(|word| is_rtl_word(&word)) {
                ordered.extend(run.iter().rev());
            } else {
                ordered.extend(run);
            }
        }
        ordered
    }
}

/// Reverses words, but not inside of runs that begin and end with an anchor: from the right, each maximal stretch of
/// words that `may_be_inside`.
fn reversed(words: &[Word], is_anchor: impl Fn(&Word) -> bool, may_be_inside: impl Fn(&Word) -> bool) -> Vec<&Word> {
    let mut ordered = Vec::with_capacity(words.len());
    let mut end = words.len();
    while let Some(last) = end.checked_sub(1).and_then(|last| words.get(last)) {
        let start = words
            .get(..end)
            .unwrap_or_default()
            .iter()
            .rposition(|word| !may_be_inside(word))
            .map_or(0, |outside| outside + 1);
        let stretch = words.get(start..end).unwrap_or_default();
        if let Some(first) = stretch.iter().position(&is_anchor) {
            // A number after a Latin word belongs to it, one before it does not.
            let is_part = |word: &Word| is_anchor(word) || word.text.chars().any(char::is_numeric);
            let after = stretch.iter().rposition(is_part).map_or(first, |at| at.max(first));
            ordered.extend(stretch.get(after + 1..).unwrap_or_default().iter().rev());
            ordered.extend(stretch.get(first..=after).unwrap_or_default());
            ordered.extend(stretch.get(..first).unwrap_or_default().iter().rev());
            end = start;
        } else {
            ordered.push(last);
            end -= 1;
        }
    }
    ordered
}

/// Mirrors brackets if the page's were taken as they look.
fn mirrored(text: String) -> String {
    const PAIRS: [(char, char); 4] = [('(', ')'), ('[', ']'), ('{', '}'), ('«', '»')];
    let is_wrong = |(open, close): &(char, char)| match (text.find(*open), text.find(*close)) {
        (Some(open), Some(close)) => close < open,
        (Some(open), None) => open + 1 == text.len() && text.len() > 1,
        (None, Some(close)) => close == 0 && text.len() > 1,
        (None, None) => false,
    };
    let wrong: Vec<(char, char)> = PAIRS.into_iter().filter(|pair| is_wrong(pair)).collect();
    if wrong.is_empty() {
        return text;
    }
    let mirror = |c: char| {
        wrong
            .iter()
            .find_map(|(open, close)| match c {
                c if c == *open => Some(*close),
                c if c == *close => Some(*open),
                _ => None,
            })
            .unwrap_or(c)
    };
    text.chars().map(mirror).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A line as the page shows it, from left to right: words of letters as the eye sees them.
    fn read(shown: &str) -> String {
        let mut x = 0.0;
        let words: Vec<Word> = shown
            .split(' ')
            .enumerate()
            .map(|(number, word)| {
                let glyphs: Vec<Placed> = word
                    .chars()
                    .map(|c| {
                        x += 5.0;
                        Placed {
                            text: c.to_string().into(),
                            left: x - 5.0,
                            right: x,
                            y: 0.0,
                            size: 10.0,
                        }
                    })
                    .collect();
                Word {
                    text: super::word(&glyphs.iter().collect::<Vec<_>>()),
                    left: 0.0,
                    right: 0.0,
                    y: 0.0,
                    size: 10.0,
                    is_after_space: true,
                    number,
                }
            })
            .collect();
        let texts: Vec<Cow<'_, str>> = line(&words).iter().map(|word| text_of(word, &words)).collect();
        texts.join(" ")
    }

    /// As the page shows letters that are read from right to left.
    fn shown(text: &str) -> String {
        text.chars().rev().collect()
    }

    #[test]
    fn hebrew_is_read_from_right_to_left() {
        assert_eq!(read(&shown("שלום עולם")), "שלום עולם");
    }

    #[test]
    fn latin_words_and_numbers_inside_of_hebrew_keep_their_order() {
        let page = format!("{} Windows Server 2019 {}", shown("מערכת הפעלה"), shown("התקנת"));
        assert_eq!(read(&page), "התקנת Windows Server 2019 מערכת הפעלה");
        let page = format!("{} 12.5 {}", shown("אחוזים"), shown("בערך"));
        assert_eq!(read(&page), "בערך 12.5 אחוזים");
    }

    #[test]
    fn the_parts_of_a_telephone_number_follow_the_script() {
        let page = format!("5051051-03 {}", shown("الهاتف"));
        assert_eq!(read(&page), "الهاتف 03-5051051");
        let page = format!("03-5051051 {}", shown("טלפון"));
        assert_eq!(read(&page), "טלפון 03-5051051");
    }

    #[test]
    fn hebrew_inside_of_english_keeps_its_order() {
        let page = format!("The words {} mean peace to everybody here.", shown("שלום לכולם"));
        assert_eq!(read(&page), "The words שלום לכולם mean peace to everybody here.");
    }

    #[test]
    fn brackets_open_before_they_close() {
        assert_eq!(read(&shown(")שלום( עולם")), "(שלום) עולם");
        assert_eq!(read(&shown("(שלום) עולם")), "(שלום) עולם");
    }
}
