//! Plain integer arithmetic: what the other paths have to agree with.

use super::Group;
use crate::activations::Row;
use crate::matrix::ROWS;

pub(super) fn products<const N: usize>(group: &Group<'_>, tokens: &[Row<'_>; N]) -> [[f32; ROWS]; N] {
    tokens.map(|token| {
        let mut sums = [0.0_f32; ROWS];
        let blocks = group.weights.iter().zip(group.scales);
        let inputs = token.words.iter().zip(token.scales).zip(token.offsets);
        for ((weights, scales), ((words, scale), offset)) in blocks.zip(inputs) {
            let mut totals = [0_i32; ROWS];
            let (first, second) = words.split_at(words.len() / 2);
            for ((quarter, first), second) in weights.as_chunks::<32>().0.iter().zip(first).zip(second) {
                let (first, second) = (first.to_le_bytes(), second.to_le_bytes());
                for (total, bytes) in totals.iter_mut().zip(quarter.as_chunks::<4>().0) {
                    for ((byte, first), second) in bytes.iter().zip(first).zip(second) {
                        *total += i32::from(byte & 0x0f) * i32::from(first.cast_signed());
                        *total += i32::from(byte >> 4) * i32::from(second.cast_signed());
                    }
                }
            }
            for ((sum, total), row_scale) in sums.iter_mut().zip(totals).zip(scales) {
                #[expect(clippy::cast_precision_loss, reason = "below 2^17")]
                let total = (total - offset) as f32;
                *sum += total * (row_scale * scale);
            }
        }
        for (sum, bias) in sums.iter_mut().zip(group.bias) {
            *sum += bias;
        }
        sums
    })
}
