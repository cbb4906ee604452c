//! Periods, sums and groups.

use super::*;
use crate::{KeyTally, UsageLine};

fn date(text: &str) -> Date {
    text.parse().unwrap()
}

fn period(from: Option<&str>, to: Option<&str>) -> std::result::Result<(String, String), String> {
    match Period::of(from.map(date), to.map(date), date("2026-11-24")) {
        Ok(period) => Ok((period.from.to_string(), period.to.to_string())),
        Err(Error::Invalid(fields)) => Err(fields[0].pointer.clone()),
        Err(other) => panic!("{other:?}"),
    }
}

#[test]
fn a_number_of_days_counts_from_the_end_that_is_given_or_until_today() {
    let within = |from: Option<&str>, to: Option<&str>, days| {
        let asked = PeriodRequest {
            from: from.map(date),
            to: to.map(date),
            days: Some(days),
        };
        match asked.within(date("2026-11-24")) {
            Ok(period) => Ok((period.from.to_string(), period.to.to_string())),
            Err(Error::Invalid(fields)) => Err(fields[0].pointer.clone()),
            Err(other) => panic!("{other:?}"),
        }
    };
    let of = |from: &str, to: &str| Ok((from.to_owned(), to.to_owned()));
    assert_eq!(within(None, None, 7), of("2026-11-18", "2026-11-24"));
    assert_eq!(within(None, None, 1), of("2026-11-24", "2026-11-24"));
    assert_eq!(within(None, Some("2026-11-10"), 10), of("2026-11-01", "2026-11-10"));
    assert_eq!(within(Some("2026-11-01"), None, 10), of("2026-11-01", "2026-11-10"));
    assert_eq!(within(None, None, 366), of("2025-11-24", "2026-11-24"));
    for days in [0, 367, u32::MAX] {
        assert_eq!(within(None, None, days), Err("/days".to_owned()));
    }
    assert_eq!(
        within(Some("2026-11-01"), Some("2026-11-02"), 2),
        Err("/days".to_owned())
    );
    assert_eq!(
        PeriodRequest::default().within(date("2026-11-24")).ok(),
        Period::of(None, None, date("2026-11-24")).ok()
    );
}

#[test]
fn a_period_is_30_days_until_today_and_at_most_366() {
    let of = |from: &str, to: &str| Ok((from.to_owned(), to.to_owned()));
    assert_eq!(period(None, None), of("2026-10-26", "2026-11-24"));
    assert_eq!(period(None, Some("2026-03-01")), of("2026-01-31", "2026-03-01"));
    assert_eq!(period(Some("2026-11-24"), None), of("2026-11-24", "2026-11-24"));
    assert_eq!(period(Some("2025-11-24"), None), of("2025-11-24", "2026-11-24"));
    assert_eq!(period(Some("2025-11-23"), None), Err("/from".to_owned()));
    assert_eq!(period(Some("2026-11-25"), None), Err("/from".to_owned()));
    assert_eq!(period(Some("2026-11-24"), Some("2026-11-23")), Err("/from".to_owned()));
    assert_eq!(period(None, Some("-000001-01-01")), Err("/to".to_owned()));
    assert_eq!(period(Some("0000-01-01"), Some("0000-01-02")), Err("/from".to_owned()));
    let leap = Period::of(Some(date("2024-02-28")), Some(date("2024-03-01")), date("2026-11-24")).unwrap();
    let dates: Vec<_> = leap.dates().map(|date| date.to_string()).collect();
    assert_eq!(dates, ["2024-02-28", "2024-02-29", "2024-03-01"]);
    assert_eq!(
        Period::of(None, Some(Date::MAX), Date::MAX).unwrap().dates().count(),
        30
    );
}

fn counters(requests: u64, tokens: u64, unpriced: u64) -> UsageCounters {
    UsageCounters {
        requests,
        prompt_tokens: tokens,
        unpriced,
        ..UsageCounters::default()
    }
}

fn day(on: &str, user: Option<&str>, lines: &[(Category, &str, UsageCounters)]) -> UsageDay {
    let line = |(category, model, counters): &(Category, &str, UsageCounters)| UsageLine {
        category: *category,
        model: (*model).to_owned(),
        counters: *counters,
    };
    UsageDay {
        date: date(on),
        user: user.map(|user| UserId(user.to_owned())),
        lines: lines.iter().map(line).collect(),
        ..UsageDay::default()
    }
}

#[test]
fn every_way_to_sum_up_gives_the_same_sum() {
    let mut first = day(
        "2026-11-01",
        Some("ada"),
        &[
            (Category::Chat, "small", counters(2, 10, 0)),
            (Category::Chat, "small", counters(1, 5, 0)),
            (Category::Titles, "large", counters(1, 100, 1)),
        ],
    );
    first.keys.push(KeyTally {
        id: ApiKeyId("key".to_owned()),
        counters: counters(2, 10, 0),
    });
    let nobody = day("2026-11-02", None, &[(Category::Chat, "small", counters(1, 7, 0))]);
    let all: Statistics = [nobody, first].into_iter().collect();
    assert_eq!(all.total(), counters(5, 122, 1));
    for group in GroupBy::ALL {
        let groups = all.by(group);
        assert_eq!(
            sum(groups.iter().map(|(_, counters)| counters)),
            all.total(),
            "{group:?}"
        );
    }
    let by = |group| {
        let groups = all.by(group).into_iter();
        groups
            .map(|(name, counters)| (name.unwrap_or_default(), counters.total_tokens()))
            .collect::<Vec<_>>()
    };
    let named = |groups: &[(&str, u64)]| {
        let groups = groups.iter();
        groups
            .map(|(name, tokens)| ((*name).to_owned(), *tokens))
            .collect::<Vec<_>>()
    };
    assert_eq!(by(GroupBy::Day), named(&[("2026-11-01", 115), ("2026-11-02", 7)]));
    assert_eq!(by(GroupBy::Model), named(&[("large", 100), ("small", 22)]));
    assert_eq!(by(GroupBy::User), named(&[("ada", 115), ("", 7)]));
    assert_eq!(by(GroupBy::Key), named(&[("", 112), ("key", 10)]));
    assert_eq!(by(GroupBy::Chatbot), named(&[("", 122)]));
    assert_eq!(all.unpriced_models(), ["large"]);
    assert_eq!(all.within(Period::day(date("2026-11-02"))), counters(1, 7, 0));
    let days = all.by_day_and_model();
    assert_eq!(days.len(), 2);
    assert_eq!(
        days[0].1,
        [
            (Some("large".to_owned()), counters(1, 100, 1)),
            (Some("small".to_owned()), counters(3, 15, 0))
        ]
    );
}
