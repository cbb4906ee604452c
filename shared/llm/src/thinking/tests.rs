use proptest::prelude::*;

use super::*;

/// Returns the thinking and the text of an answer that arrives in these pieces.
fn split<'a>(begins_inside: bool, pieces: impl IntoIterator<Item = &'a str>) -> (String, String) {
    let mut splitter = Splitter::new(begins_inside);
    for piece in pieces {
        splitter.push_text(piece);
    }
    splitter.finish();
    let (mut thinking, mut text) = (String::new(), String::new());
    while let Some(piece) = splitter.next_piece() {
        match piece {
            Piece::Text(piece) => text.push_str(&piece),
            Piece::Thinking(piece) => thinking.push_str(&piece),
        }
    }
    (thinking, text)
}

/// Checks the same, whole and cut everywhere.
#[track_caller]
fn assert_split(written: &str, thinking: &str, text: &str) {
    let expected = (thinking.to_owned(), text.to_owned());
    assert_eq!(split(false, [written]), expected);
    let mut buffer = [0; 4];
    let mut each = Vec::new();
    for character in written.chars() {
        each.push(character.encode_utf8(&mut buffer).to_owned());
    }
    assert_eq!(
        split(false, each.iter().map(String::as_str)),
        expected,
        "letter by letter"
    );
    for (at, _) in written.char_indices() {
        assert_eq!(split(false, [&written[..at], &written[at..]]), expected, "cut at {at}");
    }
}

#[test]
fn what_stands_in_the_tag_at_the_beginning_is_thinking() {
    assert_split("<think>\nHm.\n</think>\n\nTwo years.", "\nHm.\n", "Two years.");
    assert_split("<think>Hm.</think>Two years.", "Hm.", "Two years.");
    assert_split("\n <THINK>Hm.</Think> Two", "Hm.", "Two");
    assert_split("<thinking>東京?</thinking>\n🍵", "東京?", "🍵");
    assert_split("[THINK]Hm [1].[/THINK]Two [1].", "Hm [1].", "Two [1].");
    assert_split("<think></think>\n\nTwo", "", "Two");
    assert_split(
        "<think>a < b </thin </thinking></think>b",
        "a < b </thin </thinking>",
        "b",
    );
}

#[test]
fn a_tag_that_never_closes_is_thinking_to_the_end() {
    assert_split("<think>Hm, so", "Hm, so", "");
    assert_split("<think>Hm</thi", "Hm</thi", "");
    // Some models think twice, and some use other tags.
    assert_split("<think>Hm</think>\n<think>So</think>\nTwo", "HmSo", "Two");
    assert_split("<thought>Hm</thought>Two", "Hm", "Two");
    assert_split("<reasoning>Hm</reasoning>Two", "Hm", "Two");
    assert_split("◁think▷Hm ◁▷◁/think▷Two", "Hm ◁▷", "Two");
    assert_split("<think>Hm</think> <thi", "Hm", "<thi");
    assert_split("<think>Hm</think>\n", "Hm", "");
}

#[test]
fn a_tag_may_have_attributes() {
    assert_split("<think time=\"3\">Hm.</think>Two", "Hm.", "Two");
    assert_split("<thinking type='deep' >Hm.</thinking>Two", "Hm.", "Two");
    let long = format!("<think {}>x", "a".repeat(200));
    assert_split(&long, "", &long);
    assert_split("<think is a tag\n>", "", "<think is a tag\n>");
}

#[test]
fn channels_are_told_apart() {
    assert_split(
        "<|channel|>analysis<|message|>Hm <b>.<|end|><|start|>assistant<|channel|>final<|message|>Two <|x|> years.<|return|>",
        "Hm <b>.",
        "Two <|x|> years.",
    );
    assert_split(
        "<|channel|>analysis<|message|>Hm<|end|><|start|>assistant<|channel|>commentary<|message|>So<|end|><|channel|>final<|message|>Two",
        "HmSo",
        "Two",
    );
    assert_split("<|channel|>final<|message|>Two<|end|>\n", "", "Two");
    assert_split("<|channel|> is a word", "", "<|channel|> is a word");
}

#[test]
fn an_answer_of_earlier_is_told_without_its_thinking() {
    for (text, expected) in [
        ("<think>Hm</think>\n\nTwo", Some("Two")),
        ("<think>Hm</think>", Some("")),
        ("<think> opens it", None),
        ("Two", None),
        ("", None),
    ] {
        assert_eq!(without_thinking(text).as_deref(), expected, "{text}");
    }
}

#[test]
fn a_tag_anywhere_else_is_text() {
    for text in [
        "Use <think>x</think> in a prompt.",
        "`<think>` opens it, `</think>` closes it.",
        "```\n<think>x</think>\n```",
        "\"<think>\" is a tag.",
        "</think> closes it.",
        "<thinker>x</thinker>",
        "<thin",
        "<",
        " \n",
        "",
        "<b>bold</b>",
        "< think>x</ think>",
        "<ſhink>",
        "[1] says so. [/THINK]",
    ] {
        assert_split(text, "", text);
    }
    // Only the first thinking is separated.
    assert_split("<think>a</think>b <think>c</think>", "a", "b <think>c</think>");
}

#[test]
fn a_model_that_begins_inside_its_thinking_needs_no_opening_tag() {
    let split = |pieces: &[&str]| split(true, pieces.iter().copied());
    let expected = |thinking: &str, text: &str| (thinking.to_owned(), text.to_owned());
    assert_eq!(split(&["Hm.\n</thi", "nk>\n\nTwo"]), expected("Hm.\n", "Two"));
    assert_eq!(split(&["<thi", "nk>\nHm.</think>Two"]), expected("\nHm.", "Two"));
    // The server has removed the thinking: the text assumed to be thinking is the answer.
    assert_eq!(split(&["Two ", "years."]), expected("Two years.", "Two years."));
}

#[test]
fn thinking_that_the_provider_tells_apart_is_not_looked_for_in_the_text() {
    let mut splitter = Splitter::new(true);
    splitter.push_thinking("Hm.");
    splitter.push_text("Two");
    splitter.push_text(" years.");
    splitter.finish();
    let pieces: Vec<Piece> = std::iter::from_fn(|| splitter.next_piece()).collect();
    let text = |text: &str| Piece::Text(text.to_owned());
    assert_eq!(
        pieces,
        [Piece::Thinking("Hm.".to_owned()), text("Two"), text(" years.")]
    );
}

proptest! {
    #[test]
    fn text_without_a_tag_in_front_passes_byte_for_byte(
        text in "[^<\\s]\\PC{0,40}", cuts in prop::collection::vec(0_usize..60, 0..6),
    ) {
        let mut cuts: Vec<_> = cuts.into_iter().filter(|cut| text.is_char_boundary(*cut)).collect();
        cuts.sort_unstable();
        let (mut pieces, mut start) = (Vec::new(), 0);
        for cut in cuts.into_iter().chain([text.len()]) {
            pieces.push(&text[start..cut]);
            start = cut;
        }
        prop_assert_eq!(split(false, pieces), (String::new(), text.clone()));
    }
}
