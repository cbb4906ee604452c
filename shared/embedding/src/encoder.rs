//! The layers of the model: BERT (<https://arxiv.org/abs/1810.04805>) as `multilingual-e5-small` has it.

use std::ops::Range;

use crate::activations::{Activations, Quantize};
use crate::file::{BLOCK, BLOCK_BYTES, Header, Result, Shape};
use crate::functions::{AddAndNormalize, Gelu, Loops, Norm, exp, sum};
use crate::kernel::Path;
use crate::matrix::{Matrix, read_row};

/// The weights of a model.
#[derive(Debug)]
pub(crate) struct Encoder {
    pub(crate) shape: Shape,
    /// Where the vectors of the words are in the file.
    words: Range<usize>,
    /// What each position adds.
    positions: Vec<f32>,
    norm: Norm,
    layers: Vec<Layer>,
}

#[derive(Debug)]
struct Layer {
    /// Queries, keys and values, one after the other.
    attention: Matrix,
    attended: Matrix,
    attention_norm: Norm,
    inner: Matrix,
    outer: Matrix,
    norm: Norm,
}

impl Encoder {
    pub(crate) fn read(header: &Header, bytes: &[u8]) -> Result<Self> {
        let Header { shape, tensors, .. } = header;
        let (hidden, inner) = (shape.hidden, shape.inner);
        let norm = |name: &str| {
            Ok(Norm {
                weight: tensors.f32(bytes, &format!("{name}.w"), hidden)?,
                bias: tensors.f32(bytes, &format!("{name}.b"), hidden)?,
            })
        };
        // Several matrices of the same inputs become one.
        let matrix = |names: &[String], rows: usize, columns: usize| {
            let (mut blocks, mut bias) = (Vec::new(), Vec::new());
            for name in names {
                let range = tensors.q4(&format!("{name}.w"), rows * columns)?;
                blocks.extend_from_slice(bytes.get(range).unwrap_or_default());
                bias.extend(tensors.f32(bytes, &format!("{name}.b"), rows)?);
            }
            Matrix::new(rows * names.len(), columns, &blocks, &bias)
        };
        let mut positions = tensors.f32(bytes, "emb.pos", shape.positions * hidden)?;
        // There is one text, so all tokens are of its type, the first of two.
        let kinds = tensors.f32(bytes, "emb.type", 2 * hidden)?;
        for row in positions.chunks_exact_mut(hidden) {
            row.iter_mut().zip(&kinds).for_each(|(value, kind)| *value += kind);
        }
        let layers = (0..shape.layers).map(|number| {
            let name = |part: &str| format!("l{number}.{part}");
            Ok(Layer {
                attention: matrix(&[name("q"), name("k"), name("v")], hidden, hidden)?,
                attended: matrix(&[name("ao")], hidden, hidden)?,
                attention_norm: norm(&name("aln"))?,
                inner: matrix(&[name("fi")], inner, hidden)?,
                outer: matrix(&[name("fo")], hidden, inner)?,
                norm: norm(&name("oln"))?,
            })
        });
        Ok(Self {
            shape: *shape,
            words: tensors.q4("emb.word", shape.vocabulary * hidden)?,
            positions,
            norm: norm("emb.ln")?,
            layers: layers.collect::<Result<_>>()?,
        })
    }

    /// Returns the mean of the vectors of each window's tokens. `bytes`: the file.
    pub(crate) fn means(&self, path: Path, bytes: &[u8], windows: &[&[u32]]) -> Vec<Vec<f32>> {
        let hidden = self.shape.hidden;
        let mut rows = self.embed(bytes, windows);
        let tokens = rows.len() / hidden;
        let epsilon = self.shape.epsilon;
        let normalize = |rows: &mut [f32], more: Option<&[f32]>, norm: &Norm| {
            path.run(AddAndNormalize {
                rows,
                more,
                norm,
                epsilon,
            });
        };
        normalize(&mut rows, None, &self.norm);
        let mut inputs = Activations::default();
        let mut attention = vec![0.0; 3 * tokens * hidden];
        let mut wide = vec![0.0; tokens * self.shape.inner];
        let mut narrow = vec![0.0; tokens * hidden];
        let mut attend = Attention::new(self.shape);
        let apply = |matrix: &Matrix, from: &[f32], inputs: &mut Activations, to: &mut [f32]| {
            path.run(Quantize {
                inputs,
                values: from,
                columns: matrix.columns(),
            });
            path.multiply(matrix, inputs, to);
        };
        for layer in &self.layers {
            apply(&layer.attention, &rows, &mut inputs, &mut attention);
            let mut at = 0;
            for window in windows {
                let range = at..at + window.len();
                at = range.end;
                let own = &attention[range.start * 3 * hidden..range.end * 3 * hidden];
                let out = &mut wide[range.start * hidden..range.end * hidden];
                path.run(Attend {
                    buffers: &mut attend,
                    rows: own,
                    out,
                });
            }
            apply(&layer.attended, &wide[..tokens * hidden], &mut inputs, &mut narrow);
            normalize(&mut rows, Some(&narrow), &layer.attention_norm);
            apply(&layer.inner, &rows, &mut inputs, &mut wide);
            path.run(Gelu(&mut wide));
            apply(&layer.outer, &wide, &mut inputs, &mut narrow);
            normalize(&mut rows, Some(&narrow), &layer.norm);
        }
        let mut rest = rows.as_slice();
        let mean = |window: &&[u32]| {
            let (own, others) = rest.split_at(window.len() * hidden);
            rest = others;
            let mut mean = vec![0.0; hidden];
            for row in own.chunks_exact(hidden) {
                mean.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
            }
            #[expect(clippy::cast_precision_loss, reason = "at most some thousand")]
            let count = window.len().max(1) as f32;
            for value in &mut mean {
                *value /= count;
            }
            mean
        };
        windows.iter().map(mean).collect()
    }

    /// Returns a row for each token: its word and its position.
    fn embed(&self, bytes: &[u8], windows: &[&[u32]]) -> Vec<f32> {
        let hidden = self.shape.hidden;
        let words = bytes.get(self.words.clone()).unwrap_or_default();
        let size = hidden / BLOCK * BLOCK_BYTES;
        let tokens = windows.iter().map(|window| window.len()).sum::<usize>();
        let mut rows = vec![0.0; tokens * hidden];
        let numbered = windows
            .iter()
            .flat_map(|window| window.iter().zip(self.positions.chunks_exact(hidden)));
        for (row, (token, position)) in rows.chunks_exact_mut(hidden).zip(numbered) {
            let start = *token as usize * size;
            read_row(words.get(start..start + size).unwrap_or_default(), row);
            row.iter_mut().zip(position).for_each(|(value, more)| *value += more);
        }
        rows
    }
}

/// Attention of the tokens of a window to each other.
struct Attention {
    hidden: usize,
    heads: usize,
    keys: Vec<f32>,
    values: Vec<f32>,
    scores: Vec<f32>,
}

impl Attention {
    fn new(shape: Shape) -> Self {
        Self {
            hidden: shape.hidden,
            heads: shape.heads,
            keys: Vec::new(),
            values: Vec::new(),
            scores: Vec::new(),
        }
    }
}

struct Attend<'a> {
    buffers: &'a mut Attention,
    /// The query, key and value of each token.
    rows: &'a [f32],
    out: &'a mut [f32],
}

impl Loops for Attend<'_> {
    #[inline(always)]
    fn run(self) {
        let Self {
            buffers: this,
            rows,
            out,
        } = self;
        let (hidden, width) = (this.hidden, this.hidden / this.heads);
        let tokens = out.len() / hidden;
        this.keys.resize(width * tokens, 0.0);
        this.values.resize(width * tokens, 0.0);
        this.scores.resize(tokens, 0.0);
        #[expect(clippy::cast_precision_loss, reason = "at most some thousand")]
        let scale = 1.0 / (width as f32).sqrt();
        for head in (0..hidden).step_by(width) {
            for (token, row) in rows.chunks_exact(3 * hidden).enumerate() {
                for (at, value) in row[hidden + head..hidden + head + width].iter().enumerate() {
                    this.keys[at * tokens + token] = *value;
                }
                let value = &row[2 * hidden + head..2 * hidden + head + width];
                this.values[token * width..(token + 1) * width].copy_from_slice(value);
            }
            for (row, out) in rows.chunks_exact(3 * hidden).zip(out.chunks_exact_mut(hidden)) {
                this.scores.fill(0.0);
                for (query, keys) in row[head..head + width].iter().zip(this.keys.chunks_exact(tokens)) {
                    let query = query * scale;
                    for (score, key) in this.scores.iter_mut().zip(keys) {
                        *score += query * key;
                    }
                }
                let most = this.scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                for score in &mut this.scores {
                    *score = exp(*score - most);
                }
                let sum = sum(&this.scores, |score| score);
                let out = &mut out[head..head + width];
                out.fill(0.0);
                for (score, value) in this.scores.iter().zip(this.values.chunks_exact(width)) {
                    for (out, value) in out.iter_mut().zip(value) {
                        *out += score * value;
                    }
                }
                for value in out {
                    *value /= sum;
                }
            }
        }
    }
}
