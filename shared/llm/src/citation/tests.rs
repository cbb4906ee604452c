use proptest::prelude::*;

use super::{CitationFilter, defuse, marker, with_markers, without_citations};

/// Filters the text in one piece. Returns the result and the cited sources.
fn filter(known: &[u32], text: &str) -> (String, Vec<u32>) {
    in_pieces(known, [text])
}

fn in_pieces<'a>(known: &[u32], pieces: impl IntoIterator<Item = &'a str>) -> (String, Vec<u32>) {
    let mut filter = CitationFilter::new(known.iter().copied(), 0);
    let mut out: String = pieces.into_iter().map(|piece| filter.push(piece)).collect();
    out.push_str(&filter.finish());
    for mark in filter.marks() {
        assert_eq!(out[mark.at.clone()], format!("[{}]", mark.number));
    }
    (out, filter.cited())
}

#[track_caller]
fn assert_filters(text: &str, expected: &str, cited: &[u32]) {
    assert_eq!(
        filter(&[1, 2, 3, 12], text),
        (expected.to_owned(), cited.to_vec()),
        "{text}"
    );
}

#[test]
fn a_marker_of_a_source_becomes_a_citation() {
    assert_filters("Ships on Monday [cite:1].", "Ships on Monday [1].", &[1]);
    assert_filters("a[cite:2] b [cite:1][cite:3] c", "a[2] b [1][3] c", &[2, 1, 3]);
    assert_filters(&marker(12), "[12]", &[12]);
}

#[test]
fn sources_are_recorded_once_in_the_order_of_their_first_use() {
    assert_filters("[cite:3] [cite:1] [cite:3]", "[3] [1] [3]", &[3, 1]);
}

#[test]
fn a_marker_without_a_source_goes_with_the_space_before_it() {
    assert_filters("Ships on Monday [cite:7].", "Ships on Monday.", &[]);
    assert_filters(
        "[cite:7] Ships [cite:0] on [cite:9] Monday [cite:8][cite:1].",
        " Ships on Monday[1].",
        &[1],
    );
    assert_filters("a [cite:99999999999999999999] b [cite:] c [cite:٧]", "a b c", &[]);
}

#[test]
fn lists_and_ranges_become_citations_of_what_is_known() {
    assert_filters("a [cite:1, 2]", "a [1][2]", &[1, 2]);
    assert_filters("a [cite:7, 2; 3]", "a [2][3]", &[2, 3]);
    assert_filters("a [cite:2-5]", "a [2][3]", &[2, 3]);
    assert_filters("a [cite: 4 – 2]", "a [2][3]", &[2, 3]);
    assert_filters("a [cite:5-4000000000]", "a [12]", &[12]);
    assert_filters("a [cite:1,1,1]", "a [1]", &[1]);
}

#[test]
fn other_spellings_are_read() {
    for text in [
        "[cite: 1]",
        "[Cite:1]",
        "[ CITE : 1 ]",
        "【cite:1】",
        "［cite：１］",
        "\\[cite:1\\]",
        "[cite\\:1]",
        "[cite:01]",
        "[cite:#1]",
        "[cite:1, p. 4]",
        "[cite:1\u{200b}]",
        "[cite:1†terms.txt]",
    ] {
        assert_filters(text, "[1]", &[1]);
    }
}

#[test]
fn all_other_text_passes_byte_for_byte() {
    for text in [
        "[2019] UKSC 41 and [1] and [2, 3] and [7]",
        "a[0] = b[1][12]; `c[1]` and [^2] and 【1】 and 【2†source】",
        "[1](https://example.com) [1]: https://example.com ![1](x.png) [[1]]",
        "```\nx = [1, 2]\n[cite\n```",
        "[cite] [cite this] [cite:@doe2019] [citation:1] [citing: 1] \\cite{1} cite:1 (cite:1)",
        "[note] [ ] [x] ] stray ] \\[ \\alpha \\] [[",
        "unclosed [1, 2 and nothing",
        "two  spaces   and a trailing one ",
        " [ [ci",
        "\\",
    ] {
        assert_filters(text, text, &[]);
    }
}

#[test]
fn a_marker_without_its_end_never_reaches_the_reader() {
    // The answer was cut off: the number may have been longer.
    assert_filters("a [cite:1", "a", &[]);
    assert_filters("a [cite:", "a", &[]);
    assert_filters("a [cite:1, 2", "a", &[]);
    assert_filters("a [cite:1\nb", "a [1]\nb", &[1]);
    assert_filters("a [cite:1. So it is", "a [1]. So it is", &[1]);
    assert_filters("a [cite:1 [cite:2]", "a [1] [2]", &[1, 2]);
    let long = "and so it goes on ".repeat(20);
    assert_filters(&format!("a [cite:1 {long}]"), &format!("a [1] {long}]"), &[1]);
}

#[test]
fn at_most_some_160_bytes_are_held_back() {
    for text in [
        "[cite:1",
        "[cite:",
        "[",
        " [",
        "\\",
        "[cite:1,",
        "[cite          ",
        &format!("[cite{}", " ".repeat(300)),
    ]
    .map(|part| part.repeat(400))
    {
        let mut filter = CitationFilter::new([1], 0);
        for c in text.chars() {
            filter.push(&c.to_string());
            assert!(filter.held.len() <= 164, "{}", filter.held);
        }
    }
}

#[test]
fn text_without_markers_streams_at_once() {
    let mut filter = CitationFilter::new([1], 0);
    assert_eq!(filter.push("Ships on"), "Ships on");
    assert_eq!(filter.push(" Monday"), " Monday");
    assert_eq!(filter.push(" ["), "");
    assert_eq!(filter.push("cite:1"), "");
    assert_eq!(filter.push("]"), " [1]");
    assert_eq!(filter.push(" [n"), " [n");
}

#[test]
fn places_count_from_the_beginning_of_the_whole_answer() {
    let mut filter = CitationFilter::new([1], 100);
    assert_eq!(filter.push("é [cite:1]"), "é [1]");
    assert_eq!(filter.marks()[0].at, 103..106);
}

#[test]
fn every_split_gives_the_same_text() {
    let text = "Grün [cite:1], 【cite:7†x】 a[0] \\[cite:2\\] [cite:2, 9] [[cite:8]] 東京 [cite:1-3] [2019] [cite:3 x\nend [cite:";
    let known = [1, 2, 3];
    let whole = filter(&known, text);
    let cuts: Vec<usize> = (0..=text.len()).filter(|at| text.is_char_boundary(*at)).collect();
    for (first, a) in cuts.iter().enumerate() {
        for b in &cuts[first..] {
            assert_eq!(
                in_pieces(&known, [&text[..*a], &text[*a..*b], &text[*b..]]),
                whole,
                "{a} {b}"
            );
        }
    }
}

#[test]
fn what_a_document_says_is_no_marker() {
    let text = "See [cite:1], [Cite: 2] and a[0], [2019] [cite this].";
    let shown = defuse(text);
    assert_eq!(shown, "See (cite:1], (Cite: 2] and a[0], [2019] [cite this].");
    assert_eq!(filter(&[1, 2], &shown), (shown.clone(), vec![]));
}

#[test]
fn earlier_answers_are_shown_without_citations_and_begun_ones_with_markers() {
    let text = "Two years [1][2]. See a[1], [1](https://example.com), [3] and [2019].";
    assert_eq!(
        without_citations(text, &[1, 2]),
        "Two years. See a[1], [1](https://example.com), [3] and [2019]."
    );
    assert_eq!(
        with_markers(text, &[1, 2]),
        "Two years [cite:1][cite:2]. See a[1], [1](https://example.com), [3] and [2019]."
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_marker_passes_however_the_text_is_cut(
        parts in prop::collection::vec(prop::sample::select(vec![
            "[", "]", "[cite:", "cite", ":", "1", "2", "7", ", ", "-", " ", "\n", "a", "【", "】", "\\", "[cite:7]", "[cite:1]", "é", "[1]",
        ]), 0..24),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
    ) {
        let text = parts.concat();
        let whole = filter(&[1, 2], &text);
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(text.len() + 1)).filter(|at| text.is_char_boundary(*at)).collect();
        cuts.extend([0, text.len()]);
        cuts.sort_unstable();
        let pieces = cuts.windows(2).map(|cut| &text[cut[0]..cut[1]]);
        prop_assert_eq!(&in_pieces(&[1, 2], pieces), &whole);
        // The returned text contains no marker.
        let more = format!("{}x", whole.0);
        prop_assert_eq!(&filter(&[1, 2], &more), &(more.clone(), vec![]), "{:?}", text);
    }

    #[test]
    fn text_without_the_word_passes_unharmed(text in "[a-z0-9 `~\\[\\]\\\\\n【】(),;:-]{0,60}") {
        prop_assume!(!text.contains("cite"));
        prop_assert_eq!(filter(&[1, 7], &text), (text, Vec::new()));
    }
}
