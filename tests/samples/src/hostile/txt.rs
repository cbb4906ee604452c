//! Texts that are hard on whoever divides them.

use super::{Hostile, kind};

pub(super) const KINDS: &[Hostile] = &[
    kind("one-line.txt", || b"word ".repeat(800_000), &["ready"]),
    kind("one-word.txt", || b"w".repeat(4_000_000), &["ready"]),
    kind("more-than-20-mb.txt", || b"word ".repeat(4_800_000), &["too_large"]),
    kind("marks.txt", marks, &["ready", "too_large"]),
    kind(
        "flags.txt",
        || "\u{1f1e6}".repeat(500_000).into_bytes(),
        &["ready", "empty", "too_large"],
    ),
    kind(
        "unfolding-letters.txt",
        || "\u{fdfa} ".repeat(300_000).into_bytes(),
        &["ready", "too_large"],
    ),
    kind("headings.txt", headings, &["too_large"]),
    kind("different-words.txt", different_words, &["ready", "too_large"]),
    kind("stops.txt", || b"a. ".repeat(1_000_000), &["ready", "too_large"]),
    kind(
        "directions.txt",
        || "\u{202e}\u{2066}abc\u{2069} ".repeat(100_000).into_bytes(),
        &["ready"],
    ),
    kind("zeros.txt", || vec![0; 5_000_000], &["wrong_type"]),
    kind("odd-utf-16.txt", odd_utf16, &["ready"]),
    kind(
        "mixed-encodings.txt",
        || b"caf\xe9 \xc3\xa9 \x93quoted\x94 \x1b$B!! ".repeat(20_000),
        &["ready"],
    ),
];

/// A letter below a million marks, in the order that takes the most sorting.
fn marks() -> Vec<u8> {
    let marks = "\u{301}\u{316}\u{345}\u{327}".repeat(250_000);
    format!("Words before.\na{marks}\nWords after.").into_bytes()
}

/// Long headings over 500,000 short ones.
fn headings() -> Vec<u8> {
    let long = (1..6)
        .map(|level| format!("{} {}\n", "#".repeat(level), "heading ".repeat(15)))
        .collect::<Vec<_>>()
        .concat();
    (long + &"###### x\n".repeat(500_000)).into_bytes()
}

/// A million words, all different.
fn different_words() -> Vec<u8> {
    let mut state = 1_u64;
    let mut words = String::with_capacity(7_000_000);
    for _ in 0..1_000_000 {
        // Knuth, "MMIX": a linear congruential generator.
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        for shift in [59, 54, 49, 44, 39, 34] {
            let letter = u8::try_from(state >> shift & 15).unwrap_or(0);
            words.push(char::from(b'a' + letter));
        }
        words.push(' ');
    }
    words.into_bytes()
}

fn odd_utf16() -> Vec<u8> {
    let text: Vec<u8> = "Words in pairs of bytes. "
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    // Half a surrogate pair, and half a letter at the end.
    [
        b"\xff\xfe".to_vec(),
        text.repeat(1_000),
        vec![0x00, 0xd8],
        b"x".to_vec(),
    ]
    .concat()
}
