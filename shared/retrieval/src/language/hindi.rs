//! Hindi: one spelling of each word, and the endings of inflection (Ramanathan and Rao, "A Lightweight Stemmer for
//! Hindi", 2003).

/// The endings by their length in characters, longest first; a stem keeps at least one character more.
const ENDINGS: [(usize, &[&str]); 5] = [
    (5, &["ाएंगी", "ाएंगे", "ाऊंगी", "ाऊंगा", "ाइयाँ", "ाइयों", "ाइयां"]),
    (
        4,
        &[
            "ाएगी",
            "ाएगा",
            "ाओगी",
            "ाओगे",
            "एंगी",
            "ेंगी",
            "एंगे",
            "ेंगे",
            "ूंगी",
            "ूंगा",
            "ातीं",
            "नाओं",
            "नाएं",
            "ताओं",
            "ताएं",
            "ियाँ",
            "ियों",
            "ियां",
        ],
    ),
    (
        3,
        &[
            "ाकर",
            "ाइए",
            "ाईं",
            "ाया",
            "ेगी",
            "ेगा",
            "ोगी",
            "ोगे",
            "ाने",
            "ाना",
            "ाते",
            "ाती",
            "ाता",
            "तीं",
            "ाओं",
            "ाएं",
            "ुओं",
            "ुएं",
            "ुआं",
        ],
    ),
    (
        2,
        &[
            "कर", "ाओ", "िए", "ाई", "ाए", "ने", "नी", "ना", "ते", "ीं", "ती", "ता", "ाँ", "ां", "ों", "ें",
        ],
    ),
    (1, &["ो", "े", "ू", "ु", "ी", "ि", "ा"]),
];

/// Returns a word without its ending, in one spelling: without nukta, with one sign for nasals and short vowels.
pub(super) fn stem(word: &str) -> String {
    let length = word.chars().count();
    let ending = ENDINGS
        .iter()
        .filter(|(size, _)| length > size + 1)
        .find_map(|(_, endings)| endings.iter().find(|ending| word.ends_with(*ending)));
    let stem = ending.map_or(word, |ending| &word[..word.len() - ending.len()]);
    spell(stem)
}

/// Returns a word in one spelling.
pub(super) fn spell(word: &str) -> String {
    let mut out = String::with_capacity(word.len());
    for c in word.chars() {
        match c {
            '\u{93c}' | '\u{94d}' => {}
            // Chandrabindu is anusvara.
            'ँ' => out.push('ं'),
            'ई' => out.push('इ'),
            'ऊ' => out.push('उ'),
            'ी' => out.push('ि'),
            'ू' => out.push('ु'),
            other => out.push(other),
        }
    }
    out
}
