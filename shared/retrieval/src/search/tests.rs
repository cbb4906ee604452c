use super::*;
use crate::{Chunk, Language};

fn segment(texts: &[&str]) -> Segment {
    let chunk = |(page, text): (u32, &&str)| Chunk {
        place: SourceLocation::Page(page),
        text: (*text).to_owned(),
        overlap: 0,
        language: Language::English,
    };
    Segment::build(&(1..).zip(texts).map(chunk).collect::<Vec<_>>())
}

fn document<'a>(document_id: &'a str, segment: &'a Segment) -> Indexed<'a> {
    Indexed {
        document_id,
        name: document_id,
        segment,
    }
}

fn found(passages: &[Passage]) -> Vec<(&str, u32)> {
    passages.iter().map(|p| (p.document_id.as_str(), p.chunk)).collect()
}

#[test]
fn the_passage_with_the_rare_words_of_the_question_comes_first() {
    let policies = segment(&[
        "We ship coffee daily.",
        "Refunds for coffee take fourteen days.",
        "Our coffee is fair.",
    ]);
    let got = search(
        &[document("p", &policies)],
        "How long does a refund for coffee take?",
        5,
    );
    assert_eq!(found(&got)[0], ("p", 1));
    assert_eq!(got[0].place, SourceLocation::Page(2));
    assert!(got.is_sorted_by(|a, b| a.score >= b.score));
}

#[test]
fn scores_depend_on_the_set_and_not_on_its_order_or_division() {
    let one = segment(&["Beans are roasted on Monday.", "The grinder has a warranty."]);
    let two = segment(&["Roasted beans keep for weeks.", "Call us on Monday."]);
    let both = segment(&[
        "Beans are roasted on Monday.",
        "The grinder has a warranty.",
        "Roasted beans keep for weeks.",
        "Call us on Monday.",
    ]);
    let scores = |documents: &[Indexed<'_>]| -> Vec<(String, f32)> {
        search(documents, "roasted beans on Monday", 9)
            .into_iter()
            .map(|p| (p.text, p.score))
            .collect()
    };
    let divided = scores(&[document("a", &one), document("b", &two)]);
    assert_eq!(divided.len(), 3);
    assert_eq!(divided, scores(&[document("b", &two), document("a", &one)]));
    assert_eq!(divided, scores(&[document("ab", &both)]));
}

#[test]
fn equal_scores_are_ordered_by_document_and_position() {
    let a = segment(&["alpha one", "alpha two"]);
    let b = segment(&["alpha six"]);
    let got = search(&[document("b", &b), document("a", &a)], "alpha", 9);
    assert_eq!(found(&got), [("a", 0), ("a", 1), ("b", 0)]);
    assert_eq!(
        found(&search(&[document("b", &b), document("a", &a)], "alpha", 2)),
        [("a", 0), ("a", 1)]
    );
}

#[test]
fn the_same_text_in_two_documents_is_returned_once() {
    let a = segment(&["Refunds take fourteen days after we get the parcel."]);
    let b = segment(&["Other things.", "Refunds take fourteen days, after we get the parcel!"]);
    let got = search(&[document("b", &b), document("a", &a)], "refunds", 9);
    assert_eq!(found(&got), [("a", 0)]);
}

#[test]
fn a_question_is_found_in_each_language_of_the_documents() {
    let chunk = |language: Language, text: &str| Chunk {
        place: SourceLocation::Whole,
        text: text.to_owned(),
        overlap: 0,
        language,
    };
    let mixed = Segment::build(&[
        chunk(Language::German, "Die Kündigung ist bis zum Monatsende möglich."),
        chunk(
            Language::English,
            "Cancellations are possible until the end of the month.",
        ),
        chunk(Language::Russian, "Кофейни города открыты до вечера."),
    ]);
    let documents = [document("a", &mixed)];
    for (question, expected) in [
        ("Wie kann ich kündigen?", 0),
        ("wie kann ich kuendigen", 0),
        ("How do I cancel?", 1),
        ("Когда открыта кофейня?", 2),
    ] {
        assert_eq!(found(&search(&documents, question, 1)), [("a", expected)], "{question}");
    }
}

#[test]
fn a_misspelt_word_and_any_spelling_of_an_identifier_are_found() {
    let parts = segment(&[
        "The warranty of the grinder is five years.",
        "Order the spare part AB12/7 by mail.",
        "The box PPR 9087 holds the burrs.",
        "Coffee is roasted on Mondays.",
    ]);
    let documents = [document("a", &parts)];
    for (question, expected) in [
        ("waranty", 0),
        ("warrnaty", 0),
        ("AB127", 1),
        ("ab-12/7", 1),
        ("ppr9087", 2),
        ("PPR-9087", 2),
    ] {
        assert_eq!(
            found(&search(&documents, question, 9))[0],
            ("a", expected),
            "{question}"
        );
    }
    assert!(search(&documents, "wrrntyy", 9).is_empty());
}

#[test]
fn a_german_compound_is_found_by_its_parts() {
    let chunk = |text: &str| Chunk {
        place: SourceLocation::Whole,
        text: text.to_owned(),
        overlap: 0,
        language: Language::German,
    };
    let texts = Segment::build(&[
        chunk("Die Garantieverlängerung kostet zehn Euro."),
        chunk("Wir rösten am Montag."),
    ]);
    let got = search(&[document("a", &texts)], "Was kostet eine längere Garantie?", 9);
    assert_eq!(found(&got), [("a", 0)]);
}

#[test]
fn a_passage_comes_with_its_neighbors_of_the_same_place() {
    let chunk = |page: u32, text: &str| Chunk {
        place: SourceLocation::Page(page),
        text: text.to_owned(),
        overlap: 0,
        language: Language::English,
    };
    let texts = Segment::build(&[
        chunk(1, "Page one."),
        chunk(2, "The kettle is new. It has a lid."),
        chunk(2, "Its warranty is two years."),
        chunk(2, "Damage is excluded."),
    ]);
    let got = search(&[document("a", &texts)], "warranty", 9);
    assert_eq!(
        (got[0].before.as_str(), got[0].after.as_str()),
        ("The kettle is new. It has a lid.", "Damage is excluded.")
    );
    assert!((got[0].relevance - 1.0).abs() < 1e-6);
    let got = search(&[document("a", &texts)], "page", 9);
    assert_eq!((got[0].before.as_str(), got[0].after.as_str()), ("", ""));
}

#[test]
fn a_question_without_matching_terms_finds_nothing() {
    let a = segment(&["Refunds take fourteen days."]);
    for query in ["", "?!", "helicopter"] {
        assert!(search(&[document("a", &a)], query, 9).is_empty(), "{query}");
    }
    assert!(search(&[], "refunds", 9).is_empty());
    assert!(search(&[document("a", &a)], "refunds", 0).is_empty());
}
