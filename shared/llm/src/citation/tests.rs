use proptest::prelude::*;

use super::CitationFilter;

/// The text in one piece, and what was cited.
fn filter(known: &[u32], text: &str) -> (String, Vec<u32>) {
    in_pieces(known, [text])
}

fn in_pieces<'a>(known: &[u32], pieces: impl IntoIterator<Item = &'a str>) -> (String, Vec<u32>) {
    let mut filter = CitationFilter::new(known.iter().copied());
    let mut out: String = pieces.into_iter().map(|piece| filter.push(piece)).collect();
    out.push_str(&filter.finish());
    (out, filter.cited().to_vec())
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
fn a_number_with_a_source_passes_and_is_recorded() {
    assert_filters("Ships on Monday [1].", "Ships on Monday [1].", &[1]);
    assert_filters("a [1, 2] b [1][3] c[12]", "a [1, 2] b [1][3] c[12]", &[1, 2, 3, 12]);
    assert_filters("a [1-3]", "a [1-3]", &[1, 2, 3]);
}

#[test]
fn sources_are_recorded_once_in_the_order_of_their_first_use() {
    assert_filters("[3] [1] [3] [2, 1]", "[3] [1] [3] [2, 1]", &[3, 1, 2]);
}

#[test]
fn a_number_without_a_source_goes_with_the_space_before_it() {
    assert_filters("Ships on Monday [7].", "Ships on Monday.", &[]);
    assert_filters("[7] Ships [0] on [9] Monday [8][1].", " Ships on Monday[1].", &[1]);
    assert_filters("year [2024] and [99999999999999999999]", "year and", &[]);
}

#[test]
fn of_a_list_only_backed_numbers_stay() {
    assert_filters("a [1, 7]", "a [1]", &[1]);
    assert_filters("a [7, 2; 3]", "a [2, 3]", &[2, 3]);
    assert_filters("a [2-5]", "a [2, 3]", &[2, 3]);
    assert_filters("a [5-4000000000]", "a [12]", &[12]);
    assert_filters("a [4-2]", "a [2, 3]", &[2, 3]);
}

#[test]
fn other_spellings_leave_as_one() {
    for text in [
        "【1】",
        "［1］",
        "［１］",
        "【1†source】",
        "【1:0†handbook.pdf】",
        "[^1]",
        "[**1**]",
        "[source 1]",
        "[Source: 1]",
        "[ 1 ]",
        "[01]",
        "[#1]",
    ] {
        assert_filters(text, "[1]", &[1]);
    }
    for text in ["[1 and 2]", "[sources 1 & 2]", "[1，2]", "[1、2]", "[1 2]", "【1, 2】"] {
        assert_filters(text, "[1, 2]", &[1, 2]);
    }
    for text in [
        "【7】",
        "［７］",
        "【7†source】",
        "[^7]",
        "[source 7]",
        "[7 and 8]",
        "[ 7 ]",
        "[\u{200b}7]",
        "[٧]",
        "[²]",
    ] {
        assert_filters(text, "", &[]);
    }
}

#[test]
fn other_brackets_pass_unharmed() {
    for text in [
        "[note] [x] [] [ ] [a1] [1a] [-1] [1.5] [12:30] [2026-11-22] [sic] [reference] [documentary] [and]",
        "see [the guide](https://example.com/a[b]) and ![image](x.png)",
        "[ ] open task, [x] done",
        "[1st] [v2] [§ 4] [p. 7]",
        "unclosed [1, 2 and nothing",
        "] stray ] closers ）",
        "two  spaces   and a trailing one ",
    ] {
        assert_filters(text, text, &[]);
    }
}

#[test]
fn what_is_left_of_nested_brackets_is_judged_again() {
    assert_filters("a [[1]] b", "a [[1]] b", &[1]);
    assert_filters("a [[7]] b", "a [] b", &[]);
    // Taking `[9]` out must not leave `[12]` as a citation nobody made.
    assert_filters("a [7[9]8]", "a", &[]);
    assert_filters("a [1[9]2]", "a [12]", &[12]);
    assert_filters("a [7[1]8]", "a [7[1]8]", &[1]);
    assert_filters("a [†[\n7]", "a [†", &[]);
}

#[test]
fn code_keeps_its_indexes_and_its_lists() {
    assert_filters("use `a[0]` or `f(x)[7]`", "use `a[0]` or `f(x)[7]`", &[]);
    assert_filters(
        "```rust\nlet x = a[0] + b[1][9];\n```\n",
        "```rust\nlet x = a[0] + b[1][9];\n```\n",
        &[],
    );
    assert_filters("~~~\na[0]\n~~~\nb[0]", "~~~\na[0]\n~~~\nb", &[]);
    assert_filters("> ```\n> a[0]\n> ```\n> b[0]", "> ```\n> a[0]\n> ```\n> b", &[]);
    assert_filters("```\nx = [7, 8]\n```", "```\nx = [ 7, 8 ]\n```", &[]);
    assert_filters("```\nx = [1, 2]\n```", "```\nx = [1, 2]\n```", &[1, 2]);
}

#[test]
fn a_number_cannot_hide_behind_what_only_looks_like_code() {
    assert_filters("a `b[7] without end", "a `b without end", &[]);
    assert_filters("a `b[7]\nc` d", "a `b\nc` d", &[]);
    assert_filters("`a` b[7] `c`", "`a` b `c`", &[]);
    assert_filters("```a```b[7]\nc[7]", "```a```b\nc", &[]);
    assert_filters("``\na[7]\n``", "``\na\n``", &[]);
    assert_filters("```\n~~~\n```\nb[7]", "```\n~~~\n```\nb", &[]);
    assert_filters("```\na\n``` b\nc[7]\n````\nd[7]", "```\na\n``` b\nc[7]\n````\nd", &[]);
    let long = format!("`{}[7]`", "x".repeat(300));
    assert_filters(&long, &long.replace("[7]", ""), &[]);
}

#[test]
fn an_endless_bracket_is_broken_and_never_becomes_a_citation() {
    let text = format!("a [{}7] b", "1, ".repeat(200));
    let (out, cited) = filter(&[1], &text);
    assert_eq!(out, text.replace('[', "("));
    assert!(cited.is_empty());
    let (out, cited) = filter(&[1], &format!("```\na = [{}7]\n```", "1, ".repeat(200)));
    assert!(out.contains("a = [ 1, ") && out.ends_with("7]\n```"));
    assert!(cited.is_empty());
}

#[test]
fn at_most_400_bytes_are_held_back() {
    for text in ["[1 ", "`x", "[[", "`[1", " ["].map(|part| part.repeat(2000)) {
        let mut filter = CitationFilter::new([1]);
        let mut given = 0;
        for (taken, c) in text.char_indices() {
            given += filter.push(&c.to_string()).len();
            assert!(taken + c.len_utf8() - given <= 400, "{taken} {given}");
        }
    }
}

#[test]
fn text_without_brackets_streams_at_once() {
    let mut filter = CitationFilter::new([1]);
    assert_eq!(filter.push("Ships on"), "Ships on");
    assert_eq!(filter.push(" Monday"), " Monday");
    assert_eq!(filter.push(" ["), "");
    assert_eq!(filter.push("1"), "");
    assert_eq!(filter.push("]"), " [1]");
    assert_eq!(filter.push(" [n"), " [n");
}

#[test]
fn every_split_gives_the_same_text() {
    let text = "Grün [1], 【7†x】 a[0] `b[0]` ``c`[3]`` [2, 9] [[8]] 東京 [1-3]\n```\nx[5] = [6]\n```\nend [4] [note] `open [7]";
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

/// Numbers in brackets as a client would look for them, each bracket's numbers.
fn brackets(text: &str) -> Vec<Vec<u64>> {
    let mut found = Vec::new();
    for (start, _) in text.match_indices('[') {
        let Some(inner) = text[start + 1..]
            .split(']')
            .next()
            .filter(|inner| inner.len() < text.len() - start - 1)
        else {
            continue;
        };
        let is_list = inner.chars().all(|c| c.is_ascii_digit() || " ,;\n".contains(c));
        let numbers: Vec<u64> = inner
            .split(|c: char| !c.is_ascii_digit())
            .filter_map(|word| word.parse().ok())
            .collect();
        if is_list && !numbers.is_empty() {
            found.push(numbers);
        }
    }
    found
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_number_without_a_source_passes_however_the_text_is_cut(
        parts in prop::collection::vec(prop::sample::select(vec![
            "[", "]", "[", "]", "1", "2", "7", "9", ", ", "-", " ", "\n", "a", "【", "】", "†", "source ", "^", "[7]", "[1]", "é", "(",
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
        for numbers in brackets(&whole.0) {
            prop_assert!(numbers.iter().all(|number| [1, 2].contains(number)), "{:?} in {:?} from {:?}", numbers, whole.0, text);
            prop_assert!(numbers.iter().all(|number| whole.1.iter().any(|cited| u64::from(*cited) == *number)));
        }
    }

    #[test]
    fn text_without_digits_passes_unharmed(text in "[a-z `~\\[\\]\n【】(),;-]{0,60}") {
        prop_assert_eq!(filter(&[1], &text), (text, Vec::new()));
    }
}
