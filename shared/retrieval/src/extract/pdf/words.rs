//! Words: glyphs that follow each other without a gap.
//!
//! Glyphs are joined in the order in which they are drawn, never by their position alone: where widths are wrong or lines
//! are tight, letters of two words would change places.

use std::collections::HashMap;

use super::super::clean::is_ideograph;
use super::bidi;
use super::frames::Placed;

/// A gap between letters that divides words, in font sizes.
const WORD_GAP: f32 = 0.12;
/// A gap between ideographs: justified lines stretch there.
const IDEOGRAPH_GAP: f32 = 0.8;
/// How far a letter may reach back into the one before it, in font sizes.
const OVERLAP: f32 = 0.45;
/// Letters of one word stand on one line, but for rounding. Font sizes.
const SAME_LINE: f32 = 0.12;
/// The widest letter spacing of titles, in font sizes.
const MAX_TRACKING: f32 = 0.7;
/// Fewer letters do not show that they are spaced.
const MIN_TRACKED: usize = 5;

/// A word and its position in its frame, in points.
#[derive(Debug, Clone)]
pub(super) struct Word {
    pub(super) text: String,
    pub(super) left: f32,
    pub(super) right: f32,
    /// The baseline; that of its line for superscripts and subscripts.
    pub(super) y: f32,
    pub(super) size: f32,
    /// Whether a space is drawn before it, after the word with the number before its own.
    pub(super) is_after_space: bool,
    pub(super) number: usize,
}

/// Returns the words of a frame, in the order in which they are drawn.
pub(super) fn find(glyphs: &[Placed]) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    let mut seen: HashMap<String, Vec<(f32, f32)>> = HashMap::new();
    let mut run: Vec<&Placed> = Vec::new();
    let mut is_after_space = false;
    let mut finish = |run: &mut Vec<&Placed>, is_after_space: &mut bool, words: &mut Vec<Word>| {
        for (index, part) in divided(run).enumerate() {
            if let Some(mut word) = word(part) {
                word.is_after_space = index == 0 && *is_after_space;
                word.number = words.len();
                // Shadows and imitations of bold type draw a word again.
                let places = seen.entry(word.text.clone()).or_default();
                let near = 0.2 * word.size;
                let is_again = |(x, y): &(f32, f32)| (x - word.left).abs() < near && (y - word.y).abs() < near;
                if places.len() < 256 && !places.iter().any(is_again) {
                    places.push((word.left, word.y));
                    words.push(word);
                } else if places.len() >= 256 {
                    words.push(word);
                }
            }
        }
        *is_after_space = false;
        run.clear();
    };
    for glyph in glyphs {
        if glyph.text.chars().all(char::is_whitespace) {
            if !glyph.text.is_empty() {
                finish(&mut run, &mut is_after_space, &mut words);
                is_after_space = true;
            }
            continue;
        }
        if let Some(last) = run.last()
            && !is_run(last, glyph)
        {
            finish(&mut run, &mut is_after_space, &mut words);
        }
        run.push(glyph);
    }
    finish(&mut run, &mut is_after_space, &mut words);
    lower_scripts(&mut words);
    words
}

/// Returns whether a glyph continues the line of the one before it.
fn is_run(before: &Placed, glyph: &Placed) -> bool {
    let size = before.size.max(glyph.size);
    if (before.y - glyph.y).abs() > SAME_LINE * size {
        return false;
    }
    let gap = distance(before, glyph);
    gap > -OVERLAP * size && gap < MAX_TRACKING.max(IDEOGRAPH_GAP) * size
}

/// Returns the white space between two glyphs that follow each other, in their direction.
fn distance(before: &Placed, glyph: &Placed) -> f32 {
    let is_rtl = |glyph: &Placed| glyph.text.chars().any(bidi::is_rtl);
    let (ahead, back) = (before.gap(glyph), glyph.gap(before));
    // Text from right to left is drawn in either direction.
    if (is_rtl(before) || is_rtl(glyph)) && back.abs() < ahead.abs() {
        back
    } else {
        ahead
    }
}

/// Divides a run into words.
fn divided<'a, 'b>(run: &'a [&'b Placed]) -> impl Iterator<Item = &'a [&'b Placed]> + use<'a, 'b> {
    let tracking = tracking(run);
    run.chunk_by(move |before, glyph| {
        let size = before.size.min(glyph.size).max(0.5 * before.size.max(glyph.size));
        let are_ideographs = ends_ideographic(before) && starts_ideographic(glyph);
        let limit = if are_ideographs {
            IDEOGRAPH_GAP
        } else {
            WORD_GAP + tracking
        };
        distance(before, glyph) < limit * size
    })
}

fn starts_ideographic(glyph: &Placed) -> bool {
    glyph.text.chars().next().is_some_and(is_ideograph)
}

fn ends_ideographic(glyph: &Placed) -> bool {
    glyph.text.chars().next_back().is_some_and(is_ideograph)
}

/// Returns the letter spacing of a run that would otherwise fall apart into letters, in font sizes; 0 for ordinary text.
fn tracking(run: &[&Placed]) -> f32 {
    if run.len() < MIN_TRACKED {
        return 0.0;
    }
    let mut gaps: Vec<f32> = run
        .windows(2)
        .filter_map(|pair| match pair {
            [before, glyph] if !ends_ideographic(before) => Some(distance(before, glyph) / before.size.max(glyph.size)),
            _ => None,
        })
        .collect();
    gaps.sort_unstable_by(f32::total_cmp);
    let at = |part: usize| gaps.get(gaps.len() * part / 8).copied().unwrap_or(0.0);
    // Most gaps are alike, and divide letters.
    let (low, median, high) = (at(1), at(4), at(6));
    if low > 0.5 * WORD_GAP && median > WORD_GAP && high - low < 0.5 * median && median < MAX_TRACKING {
        median
    } else {
        0.0
    }
}

fn word(glyphs: &[&Placed]) -> Option<Word> {
    let first = glyphs.first()?;
    let text = bidi::word(glyphs);
    let size = glyphs.iter().map(|glyph| glyph.size).fold(0.0, f32::max);
    Some(Word {
        text,
        left: glyphs.iter().map(|glyph| glyph.left).fold(f32::INFINITY, f32::min),
        right: glyphs.iter().map(|glyph| glyph.right).fold(f32::NEG_INFINITY, f32::max),
        y: first.y,
        size,
        is_after_space: false,
        number: 0,
    })
}

/// Puts superscripts and subscripts onto the line of the word that they belong to.
fn lower_scripts(words: &mut [Word]) {
    for index in 0..words.len() {
        let Some(script) = words.get(index) else {
            return;
        };
        let base = |other: Option<&Word>, gap: fn(&Word, &Word) -> f32| {
            other.and_then(|base| {
                let away = (base.y - script.y).abs();
                let gap = gap(base, script);
                let is_script = script.size < 0.9 * base.size || away < 0.4 * base.size;
                let is_near = away > 0.0 && away < 0.65 * base.size && gap > -0.4 * base.size && gap < 0.4 * base.size;
                (is_script && is_near && script.size <= 1.01 * base.size).then_some(base.y)
            })
        };
        let before = base(
            index.checked_sub(1).and_then(|before| words.get(before)),
            |base, script| script.left - base.right,
        );
        let y = before.or_else(|| base(words.get(index + 1), |base, script| base.left - script.right));
        if let (Some(y), Some(script)) = (y, words.get_mut(index)) {
            script.y = y;
        }
    }
}

/// Returns the usual font size: that of the middle letter.
pub(super) fn usual_size(words: &[Word]) -> f32 {
    let mut sizes: Vec<(f32, usize)> = words
        .iter()
        .map(|word| (word.size, word.text.chars().count()))
        .collect();
    sizes.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let half = sizes.iter().map(|(_, letters)| letters).sum::<usize>() / 2;
    let mut letters = 0;
    let middle = sizes.iter().find(|(_, count)| {
        letters += count;
        letters > half
    });
    middle.map_or(10.0, |(size, _)| *size)
}

#[cfg(test)]
mod tests;
