//! A model of a few words, for tests: no fetched file is needed to run everything that a real one runs.

use crate::file::{BLOCK, F32, MAGIC, Q4, VERSION};

/// Length of its vectors.
pub const DIMENSIONS: usize = 64;
const LAYERS: usize = 2;
const HEADS: usize = 4;
const INNER: usize = 128;
const POSITIONS: usize = 48;

/// Returns the file of a model with two layers that knows these words. The words of one group mean the same: texts with
/// words of the same groups have similar vectors, whatever their language. All other words mean nothing.
pub fn model(groups: &[&[&str]]) -> Vec<u8> {
    let mut pieces: Vec<(String, f32, Option<usize>)> = ["<s>", "<pad>", "</s>", "<unk>"]
        .map(|piece| (piece.to_owned(), 0.0, None))
        .into();
    pieces.push(("\u{2581}".to_owned(), -4.0, None));
    for letter in ('a'..='z').chain(['ä', 'ö', 'ü', 'ß', ':', '.', ',', '?']) {
        pieces.push((letter.to_string(), -8.0, None));
    }
    for prefix in ["\u{2581}query", "\u{2581}passage"] {
        pieces.push((prefix.to_owned(), -5.0, None));
    }
    for (number, group) in groups.iter().enumerate() {
        for word in *group {
            pieces.push((format!("\u{2581}{word}"), -6.0, Some(number)));
        }
    }
    let mut file = Vec::new();
    file.extend(MAGIC);
    put(&mut file, &[VERSION]);
    put(
        &mut file,
        &[DIMENSIONS, LAYERS, HEADS, INNER, pieces.len(), POSITIONS, 2].map(narrow),
    );
    file.extend(1e-12_f32.to_le_bytes());
    put(&mut file, &[narrow(BLOCK), narrow(pieces.len()), 0, 2, 1, 3]);
    let text: String = pieces.iter().map(|(piece, ..)| piece.as_str()).collect();
    file.extend((text.len() as u64).to_le_bytes());
    let mut end = 0;
    put(&mut file, &[0]);
    for (piece, ..) in &pieces {
        end += narrow(piece.len());
        put(&mut file, &[end]);
    }
    for (_, score, _) in &pieces {
        file.extend(score.to_le_bytes());
    }
    file.extend(text.as_bytes());
    put_replacements(&mut file);
    let tensors = tensors(&pieces);
    put(&mut file, &[narrow(tensors.len())]);
    let directory: usize = tensors.iter().map(|tensor| tensor.name.len() + 2 + 1 + 4 + 8 + 8).sum();
    let mut offset = (file.len() + directory) as u64;
    for tensor in &tensors {
        file.extend(u16::try_from(tensor.name.len()).unwrap_or(u16::MAX).to_le_bytes());
        file.extend(tensor.name.as_bytes());
        file.push(tensor.kind);
        put(&mut file, &[narrow(tensor.values)]);
        file.extend(offset.to_le_bytes());
        file.extend((tensor.bytes.len() as u64).to_le_bytes());
        offset += tensor.bytes.len() as u64;
    }
    for tensor in tensors {
        file.extend(tensor.bytes);
    }
    file
}

/// Capitals are small letters, other white space is a space, and a ligature is its letters.
fn put_replacements(file: &mut Vec<u8>) {
    let mut found: Vec<(char, &str)> = vec![('\n', " "), ('\t', " "), ('\u{fb01}', "fi")];
    let capitals: Vec<(char, String)> = ('A'..='Z')
        .chain(['Ä', 'Ö', 'Ü'])
        .map(|c| (c, c.to_lowercase().collect()))
        .collect();
    found.extend(capitals.iter().map(|(capital, small)| (*capital, small.as_str())));
    found.sort_unstable();
    let mut bytes = Vec::new();
    for (from, to) in &found {
        put(&mut bytes, &[u32::from(*from)]);
        bytes.push(u8::try_from(to.chars().count()).unwrap_or(u8::MAX));
        to.chars().for_each(|c| put(&mut bytes, &[u32::from(c)]));
    }
    put(file, &[narrow(found.len()), narrow(bytes.len())]);
    file.extend(bytes);
}

struct Tensor {
    name: String,
    kind: u8,
    values: usize,
    bytes: Vec<u8>,
}

fn tensors(pieces: &[(String, f32, Option<usize>)]) -> Vec<Tensor> {
    let mut random = Random(7);
    let words = pieces.iter().flat_map(|(.., group)| match group {
        // The same seed for each word of a group.
        Some(group) => blocks(DIMENSIONS, 1, &mut Random(1000 + *group as u64)),
        None => blocks(DIMENSIONS, 9, &mut random),
    });
    let mut tensors = vec![Tensor {
        name: "emb.word".to_owned(),
        kind: Q4,
        values: pieces.len() * DIMENSIONS,
        bytes: words.collect(),
    }];
    let mut random = Random(11);
    let floats = |name: String, values: usize, mean: f32, spread: f32, random: &mut Random| {
        let mut value = |_| mean + spread * random.signed();
        Tensor {
            name,
            kind: F32,
            values,
            bytes: (0..values).flat_map(|at| f32::to_le_bytes(value(at))).collect(),
        }
    };
    tensors.push(floats(
        "emb.pos".to_owned(),
        POSITIONS * DIMENSIONS,
        0.0,
        0.05,
        &mut random,
    ));
    tensors.push(floats("emb.type".to_owned(), 2 * DIMENSIONS, 0.0, 0.05, &mut random));
    tensors.push(floats("emb.ln.w".to_owned(), DIMENSIONS, 1.0, 0.1, &mut random));
    tensors.push(floats("emb.ln.b".to_owned(), DIMENSIONS, 0.0, 0.1, &mut random));
    for layer in 0..LAYERS {
        for (part, rows, columns) in [
            ("q", DIMENSIONS, DIMENSIONS),
            ("k", DIMENSIONS, DIMENSIONS),
            ("v", DIMENSIONS, DIMENSIONS),
            ("ao", DIMENSIONS, DIMENSIONS),
            ("fi", INNER, DIMENSIONS),
            ("fo", DIMENSIONS, INNER),
        ] {
            tensors.push(Tensor {
                name: format!("l{layer}.{part}.w"),
                kind: Q4,
                values: rows * columns,
                bytes: blocks(rows * columns, 7, &mut random),
            });
            tensors.push(floats(format!("l{layer}.{part}.b"), rows, 0.0, 0.05, &mut random));
        }
        for part in ["aln", "oln"] {
            tensors.push(floats(format!("l{layer}.{part}.w"), DIMENSIONS, 1.0, 0.1, &mut random));
            tensors.push(floats(format!("l{layer}.{part}.b"), DIMENSIONS, 0.0, 0.1, &mut random));
        }
    }
    tensors
}

/// Returns random blocks, of which each has the scale 2^-`power`.
fn blocks(values: usize, power: u16, random: &mut Random) -> Vec<u8> {
    let mut bytes = Vec::new();
    for _ in 0..values / BLOCK {
        bytes.extend(((15 - power) << 10).to_le_bytes());
        bytes.extend((0..BLOCK / 2).map(|_| random.byte()));
    }
    bytes
}

/// A linear congruential generator: the same bytes everywhere.
struct Random(u64);

impl Random {
    fn byte(&mut self) -> u8 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let [.., byte] = self.0.to_le_bytes();
        byte
    }

    /// Returns a number from -1 to 1.
    fn signed(&mut self) -> f32 {
        f32::from(self.byte()) / 127.5 - 1.0
    }
}

fn put(file: &mut Vec<u8>, values: &[u32]) {
    for value in values {
        file.extend(value.to_le_bytes());
    }
}

fn narrow(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}
