use proptest::prelude::*;

use super::*;
use crate::terms::ANALYSER;

fn page(number: u32, text: &str) -> Chunk {
    Chunk {
        place: SourceLocation::Page(number),
        text: text.to_owned(),
        overlap: 0,
        language: Language::English,
    }
}

fn sample() -> Segment {
    Segment::build(&[
        page(1, "Refunds take 14 days. We ship refunds daily."),
        page(1, "Daily shipping."),
        Chunk {
            place: SourceLocation::Heading("Product > Grinder".to_owned()),
            text: "It grinds. 豆を挽く".to_owned(),
            overlap: 3,
            language: Language::English,
        },
        Chunk {
            place: SourceLocation::Whole,
            text: String::new(),
            overlap: 0,
            language: Language::English,
        },
    ])
}

#[test]
fn the_index_knows_which_chunks_hold_a_term_and_how_often() {
    let segment = sample();
    assert_eq!(segment.postings("refund"), [Posting { chunk: 0, count: 2 }]);
    assert_eq!(
        segment.postings("daili"),
        [Posting { chunk: 0, count: 1 }, Posting { chunk: 1, count: 1 }]
    );
    assert_eq!(segment.postings("missing"), []);
}

#[test]
fn the_words_of_a_heading_count_for_the_chunks_below_it() {
    assert_eq!(sample().postings("product"), [Posting { chunk: 2, count: 1 }]);
}

#[test]
fn chunks_come_back_as_they_were() {
    let segment = sample();
    assert_eq!(segment.len(), 4);
    assert_eq!(segment.get(1), Some(page(1, "Daily shipping.")));
    assert_eq!(segment.get(4), None);
    assert_eq!(Segment::build(&segment.chunks().collect::<Vec<_>>()), segment);
}

#[test]
fn another_version_is_refused_by_its_number() {
    let mut bytes = sample().to_bytes();
    bytes[4] = 9;
    assert_eq!(Segment::from_bytes(&bytes), Err(SegmentError::Version(9)));
    assert_eq!(Segment::from_bytes(b"%PDF-1.7"), Err(SegmentError::NotASegment));
}

#[test]
fn terms_made_by_other_rules_are_made_anew() {
    let segment = sample();
    let mut bytes = segment.to_bytes();
    bytes[5] = ANALYSER + 1;
    assert_eq!(Segment::from_bytes(&bytes).as_ref(), Ok(&segment));
}

#[test]
fn a_segment_of_the_version_before_languages_is_read_with_them() {
    // "PLSG" 1 0 0, the text, one place, one chunk of three English terms.
    let text = "Die Kündigung ist bis zum Ende des Monats möglich, wenn Sie uns vorher einen Brief mit Ihrer Unterschrift \
        und Ihrer Kundennummer schicken und wir ihn auch bekommen.";
    let mut bytes = b"PLSG\x01\0\0".to_vec();
    bytes.extend([u8::try_from(text.len() & 0x7f).unwrap_or(0) | 0x80, 1]);
    bytes.extend(text.as_bytes());
    bytes.extend([1, 0]);
    bytes.extend([1, u8::try_from(text.len() & 0x7f).unwrap_or(0) | 0x80, 1, 0, 0, 1]);
    bytes.extend([1, 0, 9]);
    bytes.extend(b"kundigung");
    bytes.extend([1, 0, 1]);
    let segment = Segment::from_bytes(&bytes).expect("a valid segment of version 1");
    assert_eq!(segment.language(0), Language::German);
    assert_eq!(segment.postings("kundig"), [Posting { chunk: 0, count: 1 }]);
    assert_eq!(segment.postings("kundigung"), []);
}

#[test]
fn a_segment_cut_off_anywhere_is_refused() {
    let bytes = sample().to_bytes();
    for end in 0..bytes.len() {
        assert!(Segment::from_bytes(&bytes[..end]).is_err(), "{end}");
    }
}

#[test]
fn a_huge_count_is_refused_before_anything_is_allocated() {
    let header = [b"PLSG".as_slice(), &[VERSION, ANALYSER, 0, 0]].concat();
    let huge = [0xff, 0xff, 0xff, 0xff, 0x0f];
    for zeros in 0..4 {
        let bytes = [header.as_slice(), &vec![0; zeros], &huge].concat();
        assert!(Segment::from_bytes(&bytes).is_err(), "{zeros}");
    }
}

const VERSION: u8 = 2;

fn chunks() -> impl Strategy<Value = Vec<Chunk>> {
    let place = prop_oneof![
        Just(SourceLocation::Whole),
        (0_u32..5).prop_map(SourceLocation::Page),
        "[A-Za-z>豆 ]{0,12}".prop_map(SourceLocation::Heading),
    ];
    let language = (0..Language::ALL.len()).prop_map(|index| Language::ALL[index]);
    let text = "(\\PC| the | shipping|ship){0,60}";
    let chunk = (place, text, 0_usize..20, language).prop_map(|(place, text, overlap, language)| {
        let overlap = (0..=overlap.min(text.len()))
            .rev()
            .find(|at| text.is_char_boundary(*at))
            .unwrap_or(0);
        Chunk {
            place,
            text,
            overlap: narrow(overlap),
            language,
        }
    });
    proptest::collection::vec(chunk, 0..8)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn what_is_written_reads_back_the_same(chunks in chunks()) {
        let segment = Segment::build(&chunks);
        let bytes = segment.to_bytes();
        let read = Segment::from_bytes(&bytes).expect("written by ourselves");
        prop_assert_eq!(&read, &segment);
        prop_assert_eq!(read.chunks().collect::<Vec<_>>(), chunks);
        prop_assert_eq!(Segment::from_bytes(&bytes).expect("again").to_bytes(), bytes);
    }

    #[test]
    fn changed_bytes_are_refused_or_mean_what_they_say(
        chunks in chunks(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = Segment::build(&chunks).to_bytes();
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        // Terms of other rules are made anew.
        prop_assume!(bytes[4..6] == [VERSION, ANALYSER]);
        if let Ok(segment) = Segment::from_bytes(&bytes) {
            prop_assert_eq!(segment.to_bytes(), bytes);
            prop_assert_eq!(segment.chunks().count(), segment.len());
            for term in ["the", "ship", "豆"] {
                prop_assert!(segment.postings(term).iter().all(|p| segment.text(p.chunk).is_some()));
            }
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(tail in proptest::collection::vec(any::<u8>(), 0..400)) {
        let bytes = [b"PLSG\x02\x01\0\0".as_slice(), &tail].concat();
        if let Ok(segment) = Segment::from_bytes(&bytes) {
            prop_assert_eq!(segment.to_bytes(), bytes);
        }
    }
}
