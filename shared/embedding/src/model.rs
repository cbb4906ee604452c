use crate::encoder::Encoder;
use crate::file::{Header, ModelFileError};
use crate::kernel::Path;
use crate::tokenizer::Tokenizer;

/// Tokens that pass the layers together: enough to read the weights seldom, few enough for the caches of a core.
pub const BATCH_TOKENS: usize = 512;
/// What is read of a text, in bytes: eight windows of the longest words. Passages and questions are much shorter.
const MAX_TEXT_BYTES: usize = 16 * 1024;

/// A model file that is known to be good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pinned {
    /// Its name.
    pub name: &'static str,
    /// Hex SHA-256 of the file.
    pub sha256: &'static str,
    /// Its size, in bytes.
    pub bytes: u64,
}

/// The model that `make model` fetches.
pub const MULTILINGUAL_E5_SMALL: Pinned = Pinned {
    name: "multilingual-e5-small-q4",
    sha256: "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f",
    bytes: 71_622_400,
};

/// What a text is. The model was trained with these prefixes, and is worse without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A question.
    Query,
    /// A text that may answer one.
    Passage,
}

impl Role {
    const fn prefix(self) -> &'static str {
        match self {
            Self::Query => "query: ",
            Self::Passage => "passage: ",
        }
    }
}

/// A model in memory, for any number of threads.
#[derive(Debug)]
pub struct Model {
    bytes: Vec<u8>,
    tokenizer: Tokenizer,
    encoder: Encoder,
    path: Path,
}

/// A part of a text that fits into the model.
struct Window {
    text: usize,
    tokens: Vec<u32>,
}

impl Model {
    /// Reads a model file.
    ///
    /// # Errors
    /// Returns an error if the bytes are not a model, or contradict themselves.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, ModelFileError> {
        let header = Header::parse(&bytes)?;
        let encoder = Encoder::read(&header, &bytes)?;
        let tokenizer = Tokenizer::new(header.pieces, header.replacements)?;
        Ok(Self {
            bytes,
            tokenizer,
            encoder,
            path: Path::detect(),
        })
    }

    /// Returns the model with its products computed by other instructions, which must be those of this processor.
    #[must_use]
    pub fn portable(self) -> Self {
        Self {
            path: Path::Portable,
            ..self
        }
    }

    /// Returns the length of a vector.
    pub fn dimensions(&self) -> usize {
        self.encoder.shape.hidden
    }

    /// Returns the tokens of a text with its prefix, as the model reads them, without the first and the last one.
    pub fn tokens(&self, role: Role, text: &str) -> Vec<u32> {
        let mut end = text.len().min(MAX_TEXT_BYTES);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let text = text.get(..end).unwrap_or_default();
        self.tokenizer.tokens(&format!("{}{text}", role.prefix()))
    }

    /// Returns a unit vector for each text, in order. A text longer than the model reads is divided, and has the mean of
    /// the vectors of its parts.
    pub fn embed(&self, role: Role, texts: &[&str]) -> Vec<Vec<f32>> {
        let windows = self.windows(role, texts);
        let mut vectors = vec![vec![0.0; self.dimensions()]; texts.len()];
        let mut rest = windows.as_slice();
        while !rest.is_empty() {
            let mut tokens = 0;
            let count = rest
                .iter()
                .take_while(|window| {
                    tokens += window.tokens.len();
                    tokens <= BATCH_TOKENS
                })
                .count();
            let (batch, others) = rest.split_at(count.max(1));
            rest = others;
            let ids: Vec<&[u32]> = batch.iter().map(|window| window.tokens.as_slice()).collect();
            let means = self.encoder.means(self.path, &self.bytes, &ids);
            for (window, mean) in batch.iter().zip(means) {
                #[expect(clippy::cast_precision_loss, reason = "at most some thousand")]
                let weight = (window.tokens.len().saturating_sub(2)).max(1) as f32;
                if let Some(vector) = vectors.get_mut(window.text) {
                    vector
                        .iter_mut()
                        .zip(mean)
                        .for_each(|(sum, value)| *sum += weight * value);
                }
            }
        }
        for vector in &mut vectors {
            normalize(vector);
        }
        vectors
    }

    fn windows(&self, role: Role, texts: &[&str]) -> Vec<Window> {
        let mut windows = Vec::with_capacity(texts.len());
        for (number, text) in texts.iter().enumerate() {
            let tokens = self.tokens(role, text);
            for part in tokens.chunks(self.encoder.shape.window().max(1)) {
                let mut tokens = Vec::with_capacity(part.len() + 2);
                tokens.push(self.tokenizer.bos);
                tokens.extend_from_slice(part);
                tokens.push(self.tokenizer.eos);
                windows.push(Window { text: number, tokens });
            }
        }
        windows
    }
}

/// Divides a vector by its length.
fn normalize(vector: &mut [f32]) {
    let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
    if length > 1e-12 {
        for value in vector {
            *value /= length;
        }
    }
}

#[cfg(test)]
mod tests;
