//! Matrices of 4-bit weights, in the order in which the kernels read them.

use crate::file::{BLOCK, BLOCK_BYTES, damaged, half};

/// Number of rows whose weights lie side by side.
pub(crate) const ROWS: usize = 8;
/// Bytes of a block of [`ROWS`] rows: 32 weights of 4 bits each.
pub(crate) const GROUP_BYTES: usize = ROWS * BLOCK / 2;

/// A matrix with a bias. A group is eight rows, of which each block holds, for each of four quarters, four bytes of each
/// row: a 256-bit register is then a quarter of eight rows, and its lanes add up to the results of these rows.
#[derive(Debug)]
pub(crate) struct Matrix {
    rows: usize,
    columns: usize,
    weights: Vec<[u8; GROUP_BYTES]>,
    scales: Vec<[f32; ROWS]>,
    bias: Vec<[f32; ROWS]>,
}

impl Matrix {
    /// Reads the blocks of a matrix from a file.
    pub(crate) fn new(rows: usize, columns: usize, blocks: &[u8], bias: &[f32]) -> crate::file::Result<Self> {
        let per_row = columns / BLOCK;
        let (blocks, rest) = blocks.as_chunks::<BLOCK_BYTES>();
        if !rest.is_empty() || !rows.is_multiple_of(ROWS) || blocks.len() != rows * per_row || bias.len() != rows {
            return damaged("a matrix");
        }
        let mut matrix = Self {
            rows,
            columns,
            weights: Vec::with_capacity(rows / ROWS * per_row),
            scales: Vec::with_capacity(rows / ROWS * per_row),
            bias: bias.as_chunks::<ROWS>().0.to_vec(),
        };
        for group in blocks.chunks_exact(per_row * ROWS) {
            for block in 0..per_row {
                let mut weights = [0; GROUP_BYTES];
                let mut scales = [0.0; ROWS];
                for (row, scale) in scales.iter_mut().enumerate() {
                    let [low, high, bytes @ ..] = &group[row * per_row + block];
                    *scale = half(u16::from_le_bytes([*low, *high]));
                    if !scale.is_finite() {
                        return damaged("a scale");
                    }
                    for (quarter, bytes) in bytes.as_chunks::<4>().0.iter().enumerate() {
                        let at = quarter * 4 * ROWS + row * 4;
                        weights[at..at + 4].copy_from_slice(bytes);
                    }
                }
                matrix.weights.push(weights);
                matrix.scales.push(scales);
            }
        }
        Ok(matrix)
    }

    /// Number of results.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// Number of inputs.
    pub(crate) fn columns(&self) -> usize {
        self.columns
    }

    /// Returns the groups of eight rows: weights and scales of each block, and the bias.
    pub(crate) fn groups(&self) -> impl Iterator<Item = (&[[u8; GROUP_BYTES]], &[[f32; ROWS]], &[f32; ROWS])> {
        let blocks = self.columns / BLOCK;
        self.weights
            .chunks_exact(blocks)
            .zip(self.scales.chunks_exact(blocks))
            .zip(&self.bias)
            .map(|((weights, scales), bias)| (weights, scales, bias))
    }
}

/// Writes the weights of one row of blocks, as in the file, to `out`.
pub(crate) fn read_row(blocks: &[u8], out: &mut [f32]) {
    for (block, out) in blocks
        .as_chunks::<BLOCK_BYTES>()
        .0
        .iter()
        .zip(out.as_chunks_mut::<BLOCK>().0)
    {
        let [low, high, bytes @ ..] = block;
        let scale = half(u16::from_le_bytes([*low, *high]));
        let (first, second) = out.split_at_mut(BLOCK / 2);
        for ((byte, first), second) in bytes.iter().zip(first).zip(second) {
            *first = (f32::from(byte & 0x0f) - 8.0) * scale;
            *second = (f32::from(byte >> 4) - 8.0) * scale;
        }
    }
}
