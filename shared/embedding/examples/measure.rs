//! Measures a model, and compares it with a reference: `cargo run --release -p embedding --example measure -- MODEL TEXTS
//! [REFERENCE]`.
//!
//! TEXTS has a text a line, behind `q ` for a question or `p ` for a passage; REFERENCE for each of them the tokens, ` |` and
//! the vector, separated by spaces.

#![expect(clippy::print_stdout, reason = "the report is what it is for")]
#![expect(clippy::expect_used, reason = "a file that cannot be read ends the measurement")]
#![expect(clippy::disallowed_methods, reason = "it measures real time")]

use std::time::{Duration, Instant};

use embedding::{Model, Role};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, texts, reference @ ..] = arguments.as_slice() else {
        panic!("MODEL TEXTS [REFERENCE]");
    };
    let begun = Instant::now();
    let model = Model::from_bytes(std::fs::read(model).expect("a readable model")).expect("a model");
    println!("loaded in {:.0} ms", begun.elapsed().as_secs_f64() * 1e3);
    let texts = std::fs::read_to_string(texts).expect("readable texts");
    let reference = reference
        .first()
        .map(|path| std::fs::read_to_string(path).expect("a readable reference"));
    let mut expected = reference.as_deref().unwrap_or_default().lines();
    let (mut other_tokens, mut least, mut sum, mut compared) = (0, 1.0_f64, 0.0, 0);
    let mut measured = [(0, 0, Duration::ZERO); 2];
    for line in texts.lines() {
        let (role, text) = line.split_once(' ').expect("a role and a text");
        let role = if role == "q" { Role::Query } else { Role::Passage };
        let tokens = model.tokens(role, text);
        let begun = Instant::now();
        let vector = model.embed(role, &[text]).remove(0);
        let (count, all, took) = &mut measured[usize::from(role == Role::Passage)];
        *took += begun.elapsed();
        *count += 1;
        *all += tokens.len() + 2;
        let Some((ids, values)) = expected.next().and_then(|line| line.split_once(" |")) else {
            continue;
        };
        let ids: Vec<u32> = ids.split_whitespace().map(|id| id.parse().expect("a token")).collect();
        if ids != tokens {
            other_tokens += 1;
            println!("other tokens: {text:.60}");
        }
        let values = values
            .split_whitespace()
            .map(|value| value.parse::<f64>().expect("a number"));
        let cosine: f64 = values.zip(&vector).map(|(one, other)| one * f64::from(*other)).sum();
        least = least.min(cosine);
        sum += cosine;
        compared += 1;
    }
    for (name, (count, tokens, took)) in ["questions", "passages"].iter().zip(measured) {
        let each = |whole: f64| whole / f64::from(count.max(1));
        println!(
            "{count} {name} of {:.0} tokens: {:.2} ms each",
            each(f64::from(u32::try_from(tokens).expect("few tokens"))),
            each(took.as_secs_f64() * 1e3)
        );
    }
    if compared > 0 {
        let mean = sum / f64::from(compared);
        println!(
            "{compared} compared: cosine {mean:.5} on average, {least:.5} at least; {other_tokens} with other tokens"
        );
    }
}
