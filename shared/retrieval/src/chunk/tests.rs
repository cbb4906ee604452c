use super::*;
use crate::extract::Section;

fn document(sections: &[(SourceLocation, &str)]) -> Extracted {
    let sections = sections
        .iter()
        .map(|(place, text)| Section {
            place: place.clone(),
            text: (*text).to_owned(),
        })
        .collect();
    Extracted { sections, pages: None }
}

fn prose(sentences: usize) -> String {
    (0..sentences)
        .map(|n| format!("Sentence number {n} tells one more thing about the roastery. "))
        .collect::<Vec<_>>()
        .concat()
}

#[test]
fn a_chunk_never_spans_two_places() {
    let chunks = chunk(
        &document(&[
            (SourceLocation::Page(1), "One."),
            (SourceLocation::Page(2), "Two."),
            (SourceLocation::Page(3), " \n "),
        ]),
        &ChunkOptions::default(),
    );
    let got: Vec<_> = chunks.iter().map(|c| (c.place.clone(), c.text.as_str())).collect();
    assert_eq!(
        got,
        [(SourceLocation::Page(1), "One."), (SourceLocation::Page(2), "Two.")]
    );
}

#[test]
fn a_long_paragraph_becomes_chunks_of_even_size_and_whole_sentences() {
    let text = prose(60);
    let chunks = chunk(&document(&[(SourceLocation::Whole, &text)]), &ChunkOptions::default());
    assert!(chunks.len() >= 3, "{}", chunks.len());
    for chunk in &chunks {
        assert!((600..=1_200).contains(&chunk.text.len()), "{}", chunk.text.len());
        assert!(chunk.text.starts_with("Sentence") && chunk.text.ends_with('.'));
    }
}

#[test]
fn the_chunks_without_their_overlaps_are_the_text() {
    let text = prose(60);
    let chunks = chunk(&document(&[(SourceLocation::Whole, &text)]), &ChunkOptions::default());
    let fresh: Vec<_> = chunks.iter().map(|c| &c.text[c.overlap as usize..]).collect();
    assert_eq!(fresh.join(" "), text.trim_end());
}

#[test]
fn a_text_without_stops_is_divided_between_words() {
    let text = "word ".repeat(2_000);
    let chunks = chunk(&document(&[(SourceLocation::Whole, &text)]), &ChunkOptions::default());
    assert!(
        chunks
            .iter()
            .all(|c| c.text.len() <= 1_200 && c.text.starts_with("word") && c.text.ends_with("word"))
    );
    let words: usize = chunks
        .iter()
        .map(|c| c.text[c.overlap as usize..].split_whitespace().count())
        .sum();
    assert_eq!(words, 2_000);
}

#[test]
fn a_text_without_words_is_divided_too() {
    let text = "豆".repeat(5_000);
    let chunks = chunk(&document(&[(SourceLocation::Whole, &text)]), &ChunkOptions::default());
    assert!(chunks.iter().all(|c| c.text.chars().count() <= 600));
    assert_eq!(chunks.iter().map(|c| c.text.chars().count()).sum::<usize>(), 5_000);
}

#[test]
fn extreme_options_still_end() {
    let options = ChunkOptions {
        target: 0,
        max: 0,
        short: 0,
    };
    assert_eq!(
        chunk(&document(&[(SourceLocation::Whole, "ab. 豆")]), &options).len(),
        4
    );
}

#[test]
fn a_chunk_ends_with_its_paragraph_and_a_short_line_belongs_to_the_next() {
    let paragraph = prose(8);
    let text = format!("{paragraph}\nReturns\n{paragraph}\n{paragraph}\nShort end.");
    let chunks = chunk(&document(&[(SourceLocation::Whole, &text)]), &ChunkOptions::default());
    let got: Vec<&str> = chunks.iter().map(|chunk| chunk.text.as_str()).collect();
    let paragraph = paragraph.trim();
    let (titled, last) = (format!("Returns\n{paragraph}"), format!("{paragraph}\nShort end."));
    assert_eq!(got, [paragraph, titled.as_str(), last.as_str()]);
}

#[test]
fn each_chunk_has_its_own_language() {
    let english = "The grinder has a warranty of five years, and the kettle has a warranty of two years. \
        Write to the support team with your order number if you want to return it to us.";
    let german = "Die Mühle hat eine Garantie von fünf Jahren, und der Wasserkocher hat eine Garantie von zwei \
        Jahren. Schreiben Sie dem Kundendienst mit Ihrer Bestellnummer, wenn Sie etwas zurückgeben wollen.";
    let sections = [
        (SourceLocation::Page(1), english),
        (SourceLocation::Page(2), german),
        (SourceLocation::Page(3), "Seite 3"),
        (SourceLocation::Page(4), german),
    ];
    let chunks = chunk(&document(&sections), &ChunkOptions::default());
    let got: Vec<Language> = chunks.iter().map(|chunk| chunk.language).collect();
    assert_eq!(
        got,
        [Language::English, Language::German, Language::German, Language::German]
    );
}

#[test]
fn paragraphs_stay_on_their_own_lines() {
    let chunks = chunk(
        &document(&[(SourceLocation::Whole, "A heading\nOne. Two.")]),
        &ChunkOptions::default(),
    );
    assert_eq!(chunks[0].text, "A heading\nOne. Two.");
}

#[test]
fn each_passage_of_a_long_table_begins_with_the_header_row() {
    let header = "Part | Weight in grams | Price in euros";
    let rows: Vec<String> = (0..120)
        .map(|n| format!("ZK-{} | {} | {}.50", 1000 + n, 300 + n, n))
        .collect();
    let text = format!(
        "Spare parts for the grinder.\n{header}\n{}\nOrders by mail.",
        rows.join("\n")
    );
    let chunks = chunk(&document(&[(SourceLocation::Whole, &text)]), &ChunkOptions::default());
    assert!(chunks.len() >= 3, "{}", chunks.len());
    for chunk in &chunks[1..] {
        let (first, rest) = chunk.text.split_once('\n').expect("rows");
        assert_eq!((first, chunk.overlap as usize), (header, header.len() + 1));
        assert!(rest.starts_with("ZK-") && chunk.text.len() <= 1_200, "{}", chunk.text);
    }
    let fresh: Vec<&str> = chunks
        .iter()
        .map(|chunk| &chunk.text[chunk.overlap as usize..])
        .collect();
    assert_eq!(fresh.join("\n"), text);
}

#[test]
fn a_table_without_names_of_columns_has_no_header_row() {
    let lines = [
        "Motor | 220 | 5",
        "Weight | 3 | 4",
        "",
        "| 2025 | 2026",
        "Sales | 3 | 4 | 5",
        "Costs | 1 |",
    ];
    let headers = header_rows(&lines);
    assert_eq!(headers, [None, None, None, None, None, Some("| 2025 | 2026")]);
}

#[test]
fn a_line_without_an_end_is_cut_into_full_pieces() {
    let line = "a".repeat(1_000_000);
    let parts = divide(&line, 1_000);
    assert_eq!(parts.len(), 1_000);
    assert!(parts.iter().all(|part| part.len() == 1_000));
}
