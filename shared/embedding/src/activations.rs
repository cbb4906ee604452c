//! Inputs of a matrix as 8-bit numbers.

use crate::file::BLOCK;
use crate::functions::{Loops, round};

/// Words of four inputs in a block.
pub(crate) const WORDS: usize = BLOCK / 4;

/// The inputs of some tokens, by blocks of 32 numbers from -127 to 127 that share a scale.
#[derive(Debug, Default)]
pub(crate) struct Activations {
    blocks: usize,
    words: Vec<[i32; WORDS]>,
    scales: Vec<f32>,
    /// Eight times the sum of each block: what weights that are stored as 0 to 15 add too much.
    offsets: Vec<i32>,
}

/// The inputs of one token.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row<'a> {
    pub(crate) words: &'a [[i32; WORDS]],
    pub(crate) scales: &'a [f32],
    pub(crate) offsets: &'a [i32],
}

impl Activations {
    /// Returns the inputs of each token.
    pub(crate) fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        let blocks = self.blocks.max(1);
        self.words
            .chunks_exact(blocks)
            .zip(self.scales.chunks_exact(blocks))
            .zip(self.offsets.chunks_exact(blocks))
            .map(|((words, scales), offsets)| Row { words, scales, offsets })
    }
}

/// Replaces the inputs by those of tokens with so many values each.
pub(crate) struct Quantize<'a> {
    pub(crate) inputs: &'a mut Activations,
    pub(crate) values: &'a [f32],
    pub(crate) columns: usize,
}

impl Loops for Quantize<'_> {
    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "the values are between -127 and 127")]
    fn run(self) {
        let Self {
            inputs,
            values,
            columns,
        } = self;
        inputs.blocks = columns / BLOCK;
        inputs.words.clear();
        inputs.scales.clear();
        inputs.offsets.clear();
        for block in values.as_chunks::<BLOCK>().0 {
            let mut most = [0.0_f32; 8];
            for part in block.as_chunks::<8>().0 {
                for (most, value) in most.iter_mut().zip(part) {
                    let value = value.abs();
                    *most = if value > *most { value } else { *most };
                }
            }
            let most = most.iter().copied().fold(0.0, f32::max);
            let scale = most / 127.0;
            let factor = if scale > 0.0 { 1.0 / scale } else { 0.0 };
            let mut integers = [0_i32; BLOCK];
            for (integer, value) in integers.iter_mut().zip(block) {
                *integer = round(value * factor).1.clamp(-127, 127);
            }
            let mut words = [0; WORDS];
            for (word, four) in words.iter_mut().zip(integers.as_chunks::<4>().0) {
                *word = i32::from_le_bytes(four.map(|integer| (integer as i8).cast_unsigned()));
            }
            inputs.words.push(words);
            inputs.scales.push(scale);
            inputs.offsets.push(8 * integers.iter().sum::<i32>());
        }
    }
}
