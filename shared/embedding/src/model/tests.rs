use super::*;
use crate::file::half;
use crate::matrix::read_row;
use crate::tiny;

const WORDS: &[&[&str]] = &[
    &["warranty", "garantie", "guarantee"],
    &["lamp", "lampe"],
    &["years", "jahre"],
    &["coffee", "kaffee"],
    &["grinder", "mühle"],
    &["return", "rückgabe"],
];

fn tiny_model() -> Model {
    Model::from_bytes(tiny::model(WORDS)).unwrap()
}

fn cosine(one: &[f32], other: &[f32]) -> f32 {
    let length = |vector: &[f32]| vector.iter().map(|value| value * value).sum::<f32>().sqrt();
    let product: f32 = one.iter().zip(other).map(|(one, other)| one * other).sum();
    product / (length(one) * length(other))
}

#[test]
fn texts_of_the_same_meaning_have_similar_vectors_in_any_language() {
    let model = tiny_model();
    let passages = [
        "The lamp has a warranty of three years.",
        "Return the coffee grinder within a month.",
        "Nothing of this is known.",
    ];
    let passages = model.embed(Role::Passage, &passages);
    let questions = ["Wie viele Jahre Garantie hat die Lampe?", "Rückgabe der Kaffee Mühle?"];
    for (number, question) in model.embed(Role::Query, &questions).iter().enumerate() {
        let scores: Vec<f32> = passages.iter().map(|passage| cosine(question, passage)).collect();
        let best = (0..3).max_by(|a, b| scores[*a].total_cmp(&scores[*b]));
        assert_eq!(best, Some(number), "{scores:?}");
    }
}

#[test]
fn vectors_have_the_length_one_and_do_not_depend_on_their_neighbors() {
    let model = tiny_model();
    let texts = [
        "lamp",
        "",
        "\u{0}\u{fffd} 漢字 \u{1f600}",
        &"coffee grinder ".repeat(40),
    ];
    let together = model.embed(Role::Passage, &texts);
    for (text, vector) in texts.iter().zip(&together) {
        let length: f32 = vector.iter().map(|value| value * value).sum();
        assert!((length - 1.0).abs() < 1e-5, "{text:.20}: {length}");
        let alone = model.embed(Role::Passage, &[text]);
        assert!(cosine(&alone[0], vector) > 0.999_99, "{text:.20}");
    }
    assert!(model.embed(Role::Query, &[]).is_empty());
    let query = model.embed(Role::Query, &["lamp"]);
    assert_ne!(query[0], together[0], "a question is another text than a passage");
}

#[test]
fn a_text_longer_than_the_model_reads_has_the_mean_of_its_parts() {
    let model = tiny_model();
    let window = model.encoder.shape.window();
    let text = "lamp warranty coffee grinder return years ".repeat(20);
    let tokens = model.tokens(Role::Passage, &text);
    assert!(tokens.len() > 2 * window);
    let vector = model.embed(Role::Passage, &[&text]).remove(0);
    let mut expected = vec![0.0; model.dimensions()];
    for part in tokens.chunks(window) {
        let whole = [&[model.tokenizer.bos], part, &[model.tokenizer.eos]].concat();
        let (mean, weight) = (
            reference(&model.bytes, &whole),
            f32::from(u8::try_from(part.len()).unwrap()),
        );
        let count = f32::from(u8::try_from(whole.len()).unwrap());
        expected
            .iter_mut()
            .zip(mean)
            .for_each(|(sum, value)| *sum += value / count * weight);
    }
    assert!(cosine(&vector, &expected) > 0.999, "{}", cosine(&vector, &expected));
    // What is behind the limit is not read, and takes no time.
    let huge = "lamp ".repeat(1_000_000);
    assert!(model.tokens(Role::Passage, &huge).len() <= MAX_TEXT_BYTES);
}

#[test]
fn every_path_computes_the_same_vectors() {
    let texts = ["The lamp has a warranty", "Kaffee, Mühle: 42 years?", "return"];
    let fast = tiny_model().embed(Role::Passage, &texts);
    let plain = tiny_model().portable().embed(Role::Passage, &texts);
    for (fast, plain) in fast.iter().zip(&plain) {
        for (fast, plain) in fast.iter().zip(plain) {
            assert!((fast - plain).abs() < 1e-5, "{fast} {plain}");
        }
    }
}

#[test]
fn vectors_are_those_of_the_plain_definition_of_the_model() {
    let bytes = tiny::model(WORDS);
    let model = Model::from_bytes(bytes.clone()).unwrap();
    for text in ["The lamp has a warranty of three years.", "kaffee", "xyz, ß? rückgabe"] {
        let mut tokens = vec![model.tokenizer.bos];
        tokens.extend(model.tokens(Role::Passage, text));
        tokens.push(model.tokenizer.eos);
        let expected = reference(&bytes, &tokens);
        let found = model.embed(Role::Passage, &[text]).remove(0);
        let likeness = cosine(&found, &expected);
        assert!(likeness > 0.999, "{text}: {likeness}");
    }
}

#[test]
fn a_damaged_file_is_an_error_or_another_model_but_never_a_panic() {
    let bytes = tiny::model(WORDS);
    assert_eq!(Model::from_bytes(Vec::new()).unwrap_err(), ModelFileError::NotAModel);
    let mut other = bytes.clone();
    other[4] = 2;
    assert_eq!(Model::from_bytes(other).unwrap_err(), ModelFileError::Version(2));
    for end in (0..bytes.len()).step_by(97) {
        assert!(Model::from_bytes(bytes[..end].to_vec()).is_err(), "{end}");
    }
    // The header, the vocabulary and the directory are at the start.
    for at in 0..2_000 {
        for mask in [0xff, 0x01, 0x80] {
            let mut damaged = bytes.clone();
            damaged[at] ^= mask;
            if let Ok(model) = Model::from_bytes(damaged) {
                let vector = model.embed(Role::Query, &["a lamp of three years"]).remove(0);
                assert_eq!(vector.len(), model.dimensions());
            }
        }
    }
}

#[test]
fn a_half_is_read_as_its_value() {
    for (bits, value) in [
        (0x3c00, 1.0),
        (0xc000, -2.0),
        (0x3555, 0.333_251_95),
        (0x0001, 5.960_464_5e-8),
        (0x0000, 0.0),
        (0x7bff, 65_504.0),
    ] {
        assert!((half(bits) - value).abs() <= value.abs() * 1e-6, "{bits:#x}");
    }
    assert!(half(0x7c00).is_infinite());
}

/// The model as its authors define it, in 64-bit floats, one token and one number after the other.
fn reference(bytes: &[u8], tokens: &[u32]) -> Vec<f32> {
    let header = Header::parse(bytes).unwrap();
    let shape = header.shape;
    let hidden = shape.hidden;
    let f32s = |name: &str, values: usize| -> Vec<f64> {
        let read = header.tensors.f32(bytes, name, values).unwrap();
        read.into_iter().map(f64::from).collect()
    };
    let q4 = |name: &str, values: usize| -> Vec<f64> {
        let mut read = vec![0.0; values];
        read_row(&bytes[header.tensors.q4(name, values).unwrap()], &mut read);
        read.into_iter().map(f64::from).collect()
    };
    let norm = |row: &mut Vec<f64>, name: &str| {
        let (weight, bias) = (f32s(&format!("{name}.w"), hidden), f32s(&format!("{name}.b"), hidden));
        let count = f64::from(u32::try_from(hidden).unwrap());
        let mean = row.iter().sum::<f64>() / count;
        let variance = row.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / count;
        for (at, x) in row.iter_mut().enumerate() {
            *x = (*x - mean) / (variance + 1e-12).sqrt() * weight[at] + bias[at];
        }
    };
    let linear = |rows: &[Vec<f64>], name: &str, out: usize| -> Vec<Vec<f64>> {
        let columns = rows[0].len();
        let weights = q4(&format!("{name}.w"), out * columns);
        let bias = f32s(&format!("{name}.b"), out);
        let product = |row: &Vec<f64>| {
            let result = |at: usize| {
                let weights = &weights[at * columns..(at + 1) * columns];
                bias[at] + weights.iter().zip(row).map(|(w, x)| w * x).sum::<f64>()
            };
            (0..out).map(result).collect()
        };
        rows.iter().map(product).collect()
    };
    let words = q4("emb.word", shape.vocabulary * hidden);
    let (positions, kinds) = (f32s("emb.pos", shape.positions * hidden), f32s("emb.type", 2 * hidden));
    let embed = |(position, token): (usize, &u32)| {
        let at = |value: usize| words[*token as usize * hidden + value] + positions[position * hidden + value];
        let mut row: Vec<f64> = (0..hidden).map(|value| at(value) + kinds[value]).collect();
        norm(&mut row, "emb.ln");
        row
    };
    let mut rows: Vec<Vec<f64>> = tokens.iter().enumerate().map(embed).collect();
    for layer in 0..shape.layers {
        let name = |part: &str| format!("l{layer}.{part}");
        let [q, k, v] = ["q", "k", "v"].map(|part| linear(&rows, &name(part), hidden));
        let width = hidden / shape.heads;
        let mut mixed = vec![vec![0.0; hidden]; rows.len()];
        for head in (0..hidden).step_by(width) {
            for (token, mixed) in mixed.iter_mut().enumerate() {
                let score = |key: &Vec<f64>| {
                    let product: f64 = (head..head + width).map(|at| q[token][at] * key[at]).sum();
                    (product / f64::from(u32::try_from(width).unwrap()).sqrt()).exp()
                };
                let scores: Vec<f64> = k.iter().map(score).collect();
                let sum: f64 = scores.iter().sum();
                for at in head..head + width {
                    mixed[at] = scores.iter().zip(&v).map(|(score, v)| score / sum * v[at]).sum();
                }
            }
        }
        let add = |rows: &mut Vec<Vec<f64>>, more: Vec<Vec<f64>>, part: &str| {
            for (row, more) in rows.iter_mut().zip(more) {
                row.iter_mut().zip(more).for_each(|(x, more)| *x += more);
                norm(row, &name(part));
            }
        };
        let attended = linear(&mixed, &name("ao"), hidden);
        add(&mut rows, attended, "aln");
        let mut inner = linear(&rows, &name("fi"), shape.inner);
        for x in inner.iter_mut().flatten() {
            *x = 0.5 * *x * (1.0 + erf(*x / 2_f64.sqrt()));
        }
        let outer = linear(&inner, &name("fo"), hidden);
        add(&mut rows, outer, "oln");
    }
    #[expect(clippy::cast_possible_truncation, reason = "compared in single precision")]
    let sum = |at: usize| rows.iter().map(|row| row[at]).sum::<f64>() as f32;
    (0..hidden).map(sum).collect()
}

/// The error function by its series.
fn erf(x: f64) -> f64 {
    let (mut term, mut sum) = (x, x);
    for n in 1..200_u32 {
        let n = f64::from(n);
        term *= -x * x / n;
        sum += term / (2.0 * n + 1.0);
    }
    (2.0 / std::f64::consts::PI.sqrt() * sum).clamp(-1.0, 1.0)
}
