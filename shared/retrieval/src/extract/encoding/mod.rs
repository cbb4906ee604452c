//! The character encoding of plain text, which a file does not state: a byte order mark, the structure of UTF-8, UTF-16
//! and ISO-2022-JP, else the reading whose letters are the most probable in some language.

mod candidates;
mod languages;
mod multibyte;
mod single_byte;
mod unicode;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::ISO_2022_JP;

use super::ExtractError;
use candidates::{Decoder, candidates};
use single_byte::MissingWords;

/// How much of a file is examined to tell text from binary data. Bytes.
const SAMPLE: usize = 256 * 1024;
/// How much of a file is read in each candidate encoding, from the first byte that is not ASCII. Bytes.
const SCORED: usize = 8 * 1024;
/// How much less probable a reading may be than the best one if the detector of the web prefers it: `e^-x`.
const DETECTOR_PREFERENCE: f64 = 1.5;
/// Text has a lower cost for each character that is not ASCII, bytes read in a wrong encoding have a higher one.
const MAX_MEAN_COST: f64 = 7.5;
/// So few characters may be all uncommon ones.
const FEW: usize = 12;
/// No text has such a character.
const IMPOSSIBLE: f64 = 25.0;
/// Fewer characters than this that are not ASCII do no harm, whatever they were meant to be.
const HARMLESS_SHARE: f64 = 0.02;

/// Returns whether the bytes are text in some encoding: no NUL (unless UTF-16 or UTF-32) and hardly any control characters.
pub(super) fn is_text(bytes: &[u8]) -> bool {
    let sample = &bytes[..bytes.len().min(SAMPLE)];
    if unicode::wide_encoding(bytes).is_some() {
        return true;
    }
    !sample.contains(&0) && !has_controls(sample)
}

fn has_controls(sample: &[u8]) -> bool {
    let controls = sample
        .iter()
        .filter(|b| b.is_ascii_control() && !matches!(b, b'\t' | b'\n' | b'\r' | 0x0c | 0x1b))
        .count();
    controls * 200 > sample.len()
}

/// Returns the text of a file.
///
/// # Errors
/// [`ExtractError::UnknownEncoding`] if no encoding makes text of the bytes.
pub(super) fn decode(bytes: &[u8]) -> Result<String, ExtractError> {
    if let Some(wide) = unicode::wide_encoding(bytes) {
        return Ok(wide.decode(bytes));
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if is_iso_2022_jp(bytes) {
        return Ok(ISO_2022_JP.decode_without_bom_handling(bytes).0.into_owned());
    }
    if let Some(text) = unicode::utf8(bytes) {
        return Ok(text);
    }
    let sample = sample(bytes);
    let decoder = guess(sample).ok_or(ExtractError::UnknownEncoding)?;
    Ok(decoder.decode(bytes))
}

/// Returns whether the text switches to Japanese and back with escape sequences (RFC 1468), in ASCII bytes only.
fn is_iso_2022_jp(bytes: &[u8]) -> bool {
    const TO_JAPANESE: [&[u8]; 3] = [b"\x1b$B", b"\x1b$@", b"\x1b(I"];
    let sample = &bytes[..bytes.len().min(SAMPLE)];
    if !sample.is_ascii() || !TO_JAPANESE.iter().any(|escape| super::contains(sample, escape)) {
        return false;
    }
    let (text, ..) = ISO_2022_JP.decode_without_bom_handling(sample);
    let (mut japanese, mut bad) = (0, 0);
    for c in text.chars() {
        japanese += usize::from(c >= '\u{3000}' && c != char::REPLACEMENT_CHARACTER);
        bad += usize::from(c == char::REPLACEMENT_CHARACTER);
    }
    bad * 20 <= japanese
}

/// Returns the part of a text by which its encoding is decided: the first lines that are not ASCII only.
fn sample(bytes: &[u8]) -> &[u8] {
    let first = bytes.iter().position(|byte| !byte.is_ascii()).unwrap_or(0);
    let line = bytes[..first]
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |at| at + 1);
    // A long line is cut before ASCII, which begins a character in every candidate.
    let start = line.max(first.saturating_sub(64));
    let rest = &bytes[start..];
    &rest[..rest.len().min(SCORED)]
}

/// Returns the most probable encoding; `None` if even that makes no text of the bytes.
fn guess(sample: &[u8]) -> Option<Decoder> {
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(sample, true);
    let preferred = detector.guess(None, Utf8Detection::Deny);
    let missing = MissingWords::count(sample);
    let scored = candidates().map(|decoder| {
        let mut score = decoder.score(sample, &missing);
        if decoder.is(preferred) {
            score.cost -= DETECTOR_PREFERENCE;
        }
        (decoder, score)
    });
    // The first of equal ones: the candidates are in the order of how common they are.
    let (decoder, best) = scored.reduce(|best, next| if next.1.cost < best.1.cost { next } else { best })?;
    let is_text = best.mean() <= MAX_MEAN_COST || best.share() <= HARMLESS_SHARE;
    // Whatever a few letters are, they are no control characters.
    (is_text || (best.marked < FEW && best.mean() < IMPOSSIBLE)).then_some(decoder)
}

/// How improbable a reading is.
#[derive(Debug, Clone, Copy, Default)]
struct Score {
    /// Negative logarithm of its probability, to the base e.
    cost: f64,
    /// Number of characters that are not ASCII.
    marked: usize,
    /// Number of characters.
    all: usize,
}

impl Score {
    #[expect(clippy::cast_precision_loss, reason = "counts of characters of a sample")]
    fn mean(&self) -> f64 {
        self.cost / self.marked.max(1) as f64
    }

    #[expect(clippy::cast_precision_loss, reason = "counts of characters of a sample")]
    fn share(&self) -> f64 {
        self.marked as f64 / self.all.max(1) as f64
    }
}

#[cfg(test)]
mod tests;
