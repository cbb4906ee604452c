//! The tokenizer of XLM-RoBERTa: `SentencePiece` with a unigram model (<https://arxiv.org/abs/1808.06226>). Of all ways to
//! divide a text into pieces of the vocabulary it takes the most likely one.

use crate::file::{Pieces, Result, damaged};

/// What a space is in a piece.
const SPACE: char = '\u{2581}';
/// A character that is no piece is that much less likely than the least likely piece.
const UNKNOWN: f32 = 10.0;

/// The vocabulary.
#[derive(Debug)]
pub(crate) struct Tokenizer {
    pub(crate) bos: u32,
    pub(crate) eos: u32,
    unk: u32,
    offsets: Vec<u32>,
    scores: Vec<f32>,
    text: Vec<u8>,
    /// Pieces by the hash of their text: 1 plus the number, 0 for none. The length is a power of two.
    slots: Vec<u32>,
    longest: usize,
    unknown_score: f32,
    replacements: Vec<(u32, Vec<u32>)>,
}

impl Tokenizer {
    pub(crate) fn new(pieces: Pieces, replacements: Vec<(u32, Vec<u32>)>) -> Result<Self> {
        let count = pieces.scores.len();
        let mut tokenizer = Self {
            bos: pieces.bos,
            eos: pieces.eos,
            unk: pieces.unk,
            slots: vec![0; (2 * count).next_power_of_two()],
            longest: 0,
            unknown_score: pieces.scores.iter().copied().fold(f32::INFINITY, f32::min) - UNKNOWN,
            offsets: pieces.offsets,
            scores: pieces.scores,
            text: pieces.text,
            replacements,
        };
        for id in 0..u32::try_from(count).unwrap_or(u32::MAX) {
            let piece = tokenizer.piece(id);
            let (length, mut slot) = (piece.len(), tokenizer.slot(hash(piece)));
            if length == 0 {
                continue;
            }
            // Half of the slots are free, so this ends.
            while tokenizer.slots.get(slot).is_some_and(|id| *id != 0) {
                slot = tokenizer.slot(slot as u64 + 1);
            }
            match tokenizer.slots.get_mut(slot) {
                Some(free) => *free = id + 1,
                None => return damaged("no pieces"),
            }
            tokenizer.longest = tokenizer.longest.max(length);
        }
        Ok(tokenizer)
    }

    fn piece(&self, id: u32) -> &[u8] {
        let end = |at: usize| self.offsets.get(at).map_or(0, |end| *end as usize);
        self.text
            .get(end(id as usize)..end(id as usize + 1))
            .unwrap_or_default()
    }

    #[expect(clippy::cast_possible_truncation, reason = "the mask leaves what counts")]
    fn slot(&self, hash: u64) -> usize {
        hash as usize & (self.slots.len() - 1)
    }

    fn find(&self, hash: u64, piece: &[u8]) -> Option<u32> {
        let mut slot = self.slot(hash);
        loop {
            let id = self.slots.get(slot)?.checked_sub(1)?;
            if self.piece(id) == piece {
                return Some(id);
            }
            slot = self.slot(slot as u64 + 1);
        }
    }

    /// Returns the tokens of a text, without the first and the last one of a window.
    pub(crate) fn tokens(&self, text: &str) -> Vec<u32> {
        let text = self.normalize(text);
        let bytes = text.as_bytes();
        let mut best: Vec<Step> = vec![Step::default(); bytes.len() + 1];
        if let Some(start) = best.first_mut() {
            start.score = 0.0;
        }
        for (start, first) in text.char_indices() {
            let score = best.get(start).map_or(f32::NEG_INFINITY, |step| step.score);
            let mut reach = |end: usize, token: u32, score: f32| {
                if let Some(step) = best.get_mut(end)
                    && score > step.score
                {
                    *step = Step { score, token, start };
                }
            };
            let mut hash = EMPTY;
            for (at, byte) in (start + 1..).zip(bytes.get(start..).unwrap_or_default().iter().take(self.longest)) {
                hash = extend(hash, *byte);
                if !text.is_char_boundary(at) {
                    continue;
                }
                if let Some(token) = bytes.get(start..at).and_then(|piece| self.find(hash, piece))
                    && token != self.unk
                {
                    let own = self.scores.get(token as usize).copied().unwrap_or_default();
                    reach(at, token, score + own);
                }
            }
            reach(start + first.len_utf8(), self.unk, score + self.unknown_score);
        }
        let mut tokens = Vec::new();
        let mut at = bytes.len();
        while let Some(step) = best.get(at).filter(|_| at > 0) {
            tokens.push(step.token);
            at = step.start;
        }
        tokens.reverse();
        tokens
    }

    /// Returns a text with the characters that the vocabulary has, and with marks for spaces.
    fn normalize(&self, text: &str) -> String {
        let mut normal = String::with_capacity(text.len() + 16);
        let mut add = |c: char| {
            let c = if c == ' ' { SPACE } else { c };
            if normal.is_empty() && c != SPACE {
                normal.push(SPACE);
            }
            if c != SPACE || !normal.ends_with(SPACE) {
                normal.push(c);
            }
        };
        for c in text.chars() {
            match self
                .replacements
                .binary_search_by_key(&u32::from(c), |(from, _)| *from)
                .ok()
                .and_then(|at| self.replacements.get(at))
            {
                None => add(c),
                Some((_, to)) => to.iter().filter_map(|c| char::from_u32(*c)).for_each(&mut add),
            }
        }
        normal
    }
}

/// The best way to a byte.
#[derive(Debug, Clone)]
struct Step {
    score: f32,
    token: u32,
    start: usize,
}

impl Default for Step {
    fn default() -> Self {
        Self {
            score: f32::NEG_INFINITY,
            token: 0,
            start: 0,
        }
    }
}

/// FNV-1a.
const EMPTY: u64 = 0xcbf2_9ce4_8422_2325;

fn extend(hash: u64, byte: u8) -> u64 {
    (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
}

fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(EMPTY, |hash, byte| extend(hash, *byte))
}
