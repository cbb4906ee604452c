use super::*;
use Language::{Arabic, Chinese, English, French, German, Hindi, Japanese, Korean, Russian, Spanish, Turkish, Unknown};

fn english(text: &str) -> Vec<String> {
    subject_terms(English, text)
}

/// Returns the forms of the terms of a question, without those of other languages.
fn asked(language: Language, text: &str) -> Vec<String> {
    question_terms(text, &[language])
        .into_iter()
        .map(|term| term.forms.join("|"))
        .collect()
}

#[test]
fn a_question_loses_its_stop_words_and_endings() {
    assert_eq!(
        asked(English, "What are the refunds' shipping policies?"),
        ["refund", "ship", "polici"]
    );
    assert_eq!(asked(English, "The grinder’s warranty"), ["grinder", "warranti"]);
    assert_eq!(
        asked(German, "Wie kann ich meine Verträge kündigen?"),
        ["vertrag", "kundig"]
    );
    assert_eq!(
        asked(Russian, "Где находятся кофейни города?"),
        ["наход", "кофеин", "город"]
    );
    assert_eq!(asked(Spanish, "¿Cuáles son las garantías?"), ["garant"]);
    assert_eq!(asked(Hindi, "गारंटी कितने वर्षों की है?"), ["गारंट", "वरष"]);
}

#[test]
fn a_question_of_stop_words_keeps_them() {
    assert_eq!(asked(English, "The Who"), ["the", "who"]);
    assert!(asked(English, " ?! … ").is_empty());
    assert!(english("The Who").is_empty());
}

#[test]
fn inflected_forms_have_one_term_in_each_language() {
    for (language, one, other) in [
        (German, "Die Kündigung der Verträge", "kuendigung vertrag"),
        (German, "MÜNCHEN", "Muenchen"),
        (Russian, "документы", "документов"),
        (Arabic, "الكِتابُ", "كتاب"),
        (Arabic, "أحمد", "احمد"),
        (Turkish, "İstanbul'da", "istanbul"),
        (Turkish, "IĞDIR", "ığdır"),
        (French, "l'hôtel", "hotel"),
        (Hindi, "लड़के", "लड़का"),
        (Spanish, "canciones", "cancion"),
    ] {
        assert_eq!(
            subject_terms(language, one).last(),
            subject_terms(language, other).last(),
            "{one}"
        );
    }
}

#[test]
fn compatibility_forms_case_and_accents_are_folded() {
    assert_eq!(
        index_terms(Unknown, "ﬁne Ｃａｆé STRASSE Straße"),
        ["fine", "cafe", "strasse", "strasse"]
    );
    assert_eq!(english("nai\u{308}ve co\u{ad}operate"), english("naive cooperate"));
    assert_eq!(
        subject_terms(Language::Greek, "Ελλάδα"),
        subject_terms(Language::Greek, "ΕΛΛΑΔΑ")
    );
}

#[test]
fn numbers_acronyms_and_joined_words_are_comparable() {
    assert_eq!(
        english("1,000 3.50 U.S.A. snake_case Wi-Fi end.Start"),
        ["1000", "3.50", "usa", "snake", "case", "wi", "fi", "end", "start"]
    );
    assert_eq!(subject_terms(Arabic, "١٬٠٠٠"), ["1000"]);
}

#[test]
fn identifiers_are_found_however_they_are_spelt() {
    for (written, wanted) in [
        ("Order the PPR 9087 today.", "ppr9087"),
        ("Order the PPR-9087 today.", "ppr9087"),
        ("part AB12/7", "ab127"),
        ("part AB 12/7", "ab127"),
        ("ISO 9001:2015", "iso9001"),
        ("COVID-19", "covid19"),
    ] {
        assert!(index_terms(English, written).contains(&wanted.to_owned()), "{written}");
    }
    let joined = question_terms("ppr 9087?", &[English]);
    assert_eq!(
        joined.last().map(|term| (term.forms[0].as_str(), term.is_joined)),
        Some(("ppr9087", true))
    );
    for plain in ["and/or", "10-12", "in 2015", "chapter 3. The end"] {
        assert!(
            question_terms(plain, &[English])
                .iter()
                .all(|term| !term.is_joined || term.forms == ["in2015"]),
            "{plain}"
        );
    }
}

#[test]
fn scripts_without_spaces_become_pairs_of_characters() {
    assert_eq!(index_terms(Chinese, "退款政策"), ["退款", "款政", "政策"]);
    assert_eq!(
        index_terms(Japanese, "コーヒー豆 is 豆"),
        ["コー", "ーヒ", "ヒー", "ー豆", "is", "豆"]
    );
    assert_eq!(index_terms(Korean, "환불 정책"), ["환불", "정책"]);
    assert_eq!(asked(Chinese, "特斯拉是哪一年去世的？"), ["特斯", "斯拉", "去世"]);
}

#[test]
fn a_question_is_analysed_in_each_language_of_the_documents() {
    let terms = question_terms("Which cancellations does Tesla have?", &[German, English]);
    let forms: Vec<String> = terms.iter().map(|term| term.forms.join("|")).collect();
    assert_eq!(forms, ["cancel|cancellation", "tesla"]);
    assert!(terms[1].is_name && !terms[0].is_name);
    assert!(question_terms("How many bags?", &[English])[0].is_weak);
}

#[test]
fn an_index_keeps_the_stop_words() {
    assert_eq!(index_terms(English, "To be or not"), ["to", "be", "or", "not"]);
}

#[test]
fn very_long_words_are_cut() {
    assert_eq!(english(&"x9".repeat(500))[0].len(), LONGEST_TERM);
}
