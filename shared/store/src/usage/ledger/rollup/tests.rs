//! What the totals contain, and in which portions.
#![expect(clippy::unwrap_used, reason = "a failing step is the test's failure")]

use std::collections::HashMap;

use super::*;
use crate::usage::ledger::statistics::make_public;

fn image(pk: &str, sk: &str, numbers: &[(&str, u64)]) -> Image {
    let texts = [("pk", pk), ("sk", sk), (GENERATION, "1f")];
    let texts = texts.map(|(name, text)| (name.to_owned(), AttributeValue::S(text.to_owned())));
    let numbers = numbers.iter();
    let numbers = numbers.map(|(name, number)| ((*name).to_owned(), AttributeValue::N(number.to_string())));
    texts.into_iter().chain(numbers).collect::<HashMap<_, _>>().into()
}

fn seen(old: Image, new: Image) -> Option<DayImage> {
    let at = Timestamp::UNIX_EPOCH;
    DayImage::of(&Changed { at, old, new }, |model| !model.starts_with("typed"))
}

fn nothing() -> Image {
    HashMap::<String, AttributeValue>::new().into()
}

#[test]
fn only_days_of_users_and_members_count_in_the_totals() {
    let used = [
        ("s~c~a~b~p", 7),
        ("h~a~b~l12", 1),
        ("k~key~p", 7),
        ("x~c~a~b~p", 9),
        ("xh~a~b~l3", 1),
    ];
    for (pk, sk, counts) in [
        ("U#ada", "D#2026-11-24", true),
        ("O#acme", "D#2026-11-24#U#ada", true),
        ("O#acme", "D#2026-11-24#U#erased-00", false),
        ("O#acme", "D#2026-11-24", false),
        ("O#acme", "CB#bot#D#2026-11-24", false),
        ("R#sys#0", "D#2026-11-24#a~b", false),
    ] {
        let found = seen(nothing(), image(pk, sk, &used));
        assert_eq!(found.is_some(), counts, "{pk} {sk}");
        if let Some(day) = found {
            let numbers = [("h~a~b~l12".to_owned(), 1), ("s~c~a~b~p".to_owned(), 7)];
            assert_eq!(day.numbers, numbers.into());
            assert_eq!(day.date.to_string(), "2026-11-24");
        }
        let more = [("s~c~a~b~p", 7), ("h~a~b~l12", 1), ("committed", 100)];
        assert_eq!(seen(image(pk, sk, &used), image(pk, sk, &more)), None, "only reserved");
        assert_eq!(seen(image(pk, sk, &used), nothing()), None, "removed");
    }
}

#[test]
fn unknown_model_names_count_as_other_and_earlier_watermarks_hold() {
    let numbers = [
        ("s~c~typed 1~p", 7),
        ("s~c~typed~2~p", 5),
        ("s~c~other~p", 1),
        ("s~c~b~p", 2),
        ("h~typed 1~l12", 3),
    ];
    let day = seen(nothing(), image("U#ada", "D#2026-11-24", &numbers)).unwrap();
    let expected = [("h~other~l12", 3), ("s~c~b~p", 2), ("s~c~other~p", 13)];
    assert_eq!(
        day.numbers,
        expected.map(|(name, number)| (name.to_owned(), number)).into()
    );
    let mut mark: Item = [("s~c~typed 1~p", 6), ("s~c~typed~2~p", 5), ("s~c~b~p", 2)]
        .map(|(name, number)| (name.to_owned(), n(number)))
        .into();
    make_public(&mut mark, |model| !model.starts_with("typed"));
    let more: Vec<_> = above(&day, &mark).iter().map(|it| (it.name, it.more)).collect();
    assert_eq!(more, [("h~other~l12", 3), ("s~c~other~p", 2)]);
}

#[test]
fn a_recreated_item_has_its_own_watermark() {
    let of = |born: &str| {
        let mut new = image("U#ada", "D#2026-11-24", &[("s~c~m~n", 1)]);
        new.insert(GENERATION.to_owned(), AttributeValue::S(born.to_owned()));
        seen(nothing(), new).unwrap().item().to_owned()
    };
    assert_eq!(of("1f"), of("1f"));
    assert_ne!(of("1f"), of("2f"));
    assert!(!of("1f").contains("ada"));
}

#[test]
fn what_is_above_a_watermark_is_split_into_portions() {
    let names: Vec<String> = (0..100).map(|model| format!("s~c~model {model}~n")).collect();
    let buckets: Vec<String> = (0..250).map(|bucket| format!("h~model 0~l{bucket}")).collect();
    let numbers: Vec<_> = names.iter().chain(&buckets).map(|name| (name.as_str(), 2)).collect();
    let day = seen(nothing(), image("U#ada", "D#2026-11-24", &numbers)).unwrap();
    let (mut mark, mut rounds, mut added) = (None, 0, 0);
    loop {
        let (mut portion, place) = (Portion::default(), 0);
        let source = Source {
            place,
            image: &day,
            mark: mark.clone(),
        };
        assert!(portion.take(source, |_| true).unwrap().is_none());
        let (items, more) = portion.size();
        assert!(items <= 100, "{items}");
        rounds += 1;
        added += more;
        let Some(left) = portion.written().pop() else { break };
        mark = left.mark;
    }
    assert_eq!((rounds, added), (2, 700));
    let mut early = seen(nothing(), image("U#ada", "D#2026-11-24", &[("s~c~model 0~n", 1)])).unwrap();
    let all: Item = day
        .numbers
        .iter()
        .map(|(name, number)| (name.clone(), n(number)))
        .collect();
    assert!(above(&day, &all).is_empty(), "a second time adds nothing");
    assert!(above(&early, &all).is_empty(), "nor does an earlier image");
    early.merge(day.clone());
    assert_eq!(early, day);
}
#[test]
fn images_of_many_users_share_a_transaction_until_it_is_full() {
    let people: Vec<DayImage> = (0..250)
        .map(|person| {
            let numbers = [("s~c~m~n", person + 1), ("h~m~l7", 1)];
            seen(nothing(), image(&format!("U#{person}"), "D#2026-11-24", &numbers)).unwrap()
        })
        .collect();
    let (mut left, mut sizes, mut added): (VecDeque<_>, _, _) = (VecDeque::new(), Vec::new(), 0);
    left.extend(people.iter().enumerate().map(|(place, image)| Source {
        place,
        image,
        mark: None,
    }));
    while !left.is_empty() {
        let mut portion = Portion::default();
        while let Some(source) = left.pop_front() {
            if let Some(full) = portion.take(source, |_| true).unwrap() {
                left.push_front(full);
                break;
            }
        }
        let (items, more) = portion.size();
        sizes.push(items);
        added += more;
        assert!(portion.written().is_empty());
    }
    // Each has an item in each of the four partitions, which those of one partition would not need.
    assert_eq!((sizes, added), (vec![100, 100, 62], 250 * 251 / 2 + 250));
}
