//! A month of use, written through the ledger, of which every statistic tells the same: what was written.

mod calls;

use std::collections::BTreeMap;

use domain::{ApiKeyId, ChatbotId, Day, OrgId, Period, UsageCounters, UserId, time::after};
use jiff::ToSpan as _;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use store::{QuotaSubjects, Reserve, Store, Tables, TokenEstimate, UsageRecord};

use self::calls::{Call, write};
use super::{reports::OWN, *};

const DAYS: i64 = 30;
const CALLS: usize = 400;
const MODELS: [&str; 4] = [
    "gpt-4o-mini",
    "claude~sonnet",
    "gemini-2.5-flash",
    "nobody-knows-its-price",
];

/// Figures as an answer tells them.
fn told(counters: &UsageCounters) -> Value {
    json!({
        "requests": counters.requests,
        "errors": counters.errors,
        "total_tokens": counters.prompt_tokens + counters.completion_tokens,
        "prompt_tokens": counters.prompt_tokens,
        "completion_tokens": counters.completion_tokens,
        "cached_tokens": counters.cached_tokens,
        "cost_micro_usd": if counters.unpriced == 0 { json!(counters.cost_micro_usd) } else { Value::Null },
        "priced_cost_micro_usd": counters.cost_micro_usd,
        "unpriced_requests": counters.unpriced,
        "estimated_requests": counters.estimated,
    })
}

fn sum<'a>(calls: impl Iterator<Item = &'a Call>) -> Value {
    let mut all = UsageCounters::default();
    for call in calls {
        all += call.counters;
    }
    told(&all)
}

/// The books by name, as [`shown`] has an answer's groups.
fn booked(calls: &[&Call], name: impl Fn(&Call) -> Option<String>) -> BTreeMap<Option<String>, Value> {
    let names: std::collections::BTreeSet<_> = calls.iter().map(|call| name(call)).collect();
    let of = |wanted: &Option<String>| sum(calls.iter().copied().filter(|call| name(call) == *wanted));
    names.into_iter().map(|name| (name.clone(), of(&name))).collect()
}

/// The figures of groups by their names.
fn shown(groups: &Value) -> BTreeMap<Option<String>, Value> {
    let groups = groups.as_array().unwrap().iter();
    groups
        .map(|group| {
            let mut counters = group.as_object().unwrap().clone();
            let name = counters.shift_remove("name").unwrap();
            counters.shift_remove("latency");
            counters.shift_remove("time_to_first_token");
            (name.as_str().map(str::to_owned), counters.into())
        })
        .collect()
}

type Naming = fn(&Call) -> Option<String>;

const GROUPS: [(&str, Naming); 6] = [
    ("day", |call| Some(call.date.clone())),
    ("model", |call| Some(call.model.to_owned())),
    ("category", |call| Some(call.category.name().to_owned())),
    ("user", |call| Some(call.user.clone())),
    ("key", |call| call.key.map(str::to_owned)),
    ("chatbot", |call| call.chatbot.map(str::to_owned)),
];

/// The name of a model where it outlives whoever typed it.
fn public(model: &str) -> String {
    let is_known = llm::catalog::is_known(model);
    if is_known { model } else { "other" }.to_owned()
}

/// Every way in which a report can be grouped tells what was written.
async fn agrees(caller: &Caller, path: &str, calls: &[&Call]) {
    for (group, name) in GROUPS {
        let report = caller.get(&format!("{path}?group_by={group}")).await.ok().json();
        assert_eq!(report["totals"], sum(calls.iter().copied()), "{path}");
        assert_eq!(shown(&report["groups"]), booked(calls, name), "{path} by {group}");
    }
}

#[tokio::test]
async fn all_statistics_of_a_month_agree_with_what_was_written() {
    let (t, _double) = with_double().await;
    let (ada, bob, eve) = (t.user("ada").await, t.user("bob").await, t.user("eve").await);
    let users = [&ada, &bob, &eve];
    let mut orgs = Vec::new();
    for name in ["lovelace", "babbage"] {
        orgs.push(
            t.shared_org(name, &[(&ada, "owner"), (&bob, "admin"), (&eve, "member")])
                .await,
        );
    }
    let names: Vec<&str> = orgs.iter().map(String::as_str).collect();
    let calls = write(&t, &users, &names).await;
    assert!(calls.len() > CALLS * 8 / 10);
    for user in users {
        let own: Vec<&Call> = calls.iter().filter(|call| call.user == user.id()).collect();
        let total = sum(own.iter().copied());
        for path in OWN {
            let answer = user.get(path).await.ok().json();
            assert_eq!(answer["totals"], total, "{path}");
            assert_eq!(answer["unpriced_models"], json!([MODELS[3]]), "{path}");
        }
        agrees(user, "/api/v1/tokens/usage", &own).await;
        agrees(user, "/api/v1/analytics/usage", &own).await;
        own_details(user, &own).await;
        let personal: Vec<&Call> = own.iter().copied().filter(|call| call.org.is_none()).collect();
        agrees(user, "/api/v1/ai/usage", &personal).await;
        for org in &orgs {
            let of_org = calls.iter().filter(|call| call.org.as_deref() == Some(org));
            // eve is no admin: she sees what is hers.
            let seen: Vec<_> = of_org
                .filter(|call| user.id() != eve.id() || call.user == eve.id())
                .collect();
            agrees(&user.with_header("x-current-org", org), "/api/v1/ai/usage", &seen).await;
        }
    }
    let all: Vec<&Call> = calls.iter().collect();
    let root = t.admin().await;
    platform(&t, &root, &all).await;
    erased_people_stay_in_the_sums(&t, &orgs[0], &calls, &eve, &ada).await;
    platform(&t, &root, &all).await;
}

/// What those who run the platform see.
async fn platform(t: &Test, root: &Caller, all: &[&Call]) {
    t.drain().await;
    let [day, _, (_, category), ..] = GROUPS;
    let model: Naming = |call| Some(public(call.model));
    let get = async |path: &str| root.get(path).await.ok().json();
    let total = sum(all.iter().copied());
    for (group, name) in [day, ("model", model), GROUPS[2]] {
        let report = get(&format!("/api/v1/analytics/system/usage?group_by={group}")).await;
        assert_eq!(report["totals"], total);
        assert_eq!(shown(&report["groups"]), booked(all, name), "by {group}");
    }
    let stats = get("/api/v1/auth/admin/stats").await;
    assert_eq!(
        (&stats["totals"], &stats["unpriced_models"]),
        (&total, &json!(["other"]))
    );
    assert_eq!(shown(&stats["by_model"]), booked(all, model));
    assert_eq!(shown(&stats["by_category"]), booked(all, category));
    assert_eq!(stats["active_days"], booked(all, day.1).len());
    let performance = get("/api/v1/analytics/system/performance").await;
    for figure in ["requests", "errors"] {
        assert_eq!(performance["totals"][figure], total[figure]);
    }
    // Times are those of the people, bucket by bucket: so are the percentiles.
    let well = all.iter().filter(|call| call.counters.errors == 0).count();
    for kind in ["latency", "time_to_first_token"] {
        assert_eq!(performance["totals"][kind]["count"], well);
        assert_eq!(stats[kind], performance["totals"][kind]);
        let groups = performance["models"].as_array().unwrap().iter();
        let of_models: u64 = groups.map(|group| group[kind]["count"].as_u64().unwrap()).sum();
        assert_eq!(of_models, u64::try_from(well).unwrap());
    }
}

/// What the answers tell that are not grouped as they are asked to be.
async fn own_details(user: &Caller, own: &[&Call]) {
    let [_, (_, model), (_, category), _, (_, key), (_, chatbot)] = GROUPS;
    let get = async |path: &str| user.get(path).await.ok().json();
    let stats = get("/api/v1/auth/stats").await;
    assert_eq!(shown(&stats["by_model"]), booked(own, model));
    assert_eq!(shown(&stats["by_category"]), booked(own, category));
    assert_eq!(stats["active_days"], booked(own, GROUPS[0].1).len());
    let well = own.iter().filter(|call| call.counters.errors == 0);
    assert_eq!(stats["latency"]["count"], well.count());
    assert_eq!(
        shown(&get("/api/v1/auth/model-stats").await["models"]),
        booked(own, model)
    );
    let breakdown = get("/api/v1/auth/token-breakdown").await;
    assert_eq!(shown(&breakdown["categories"]), booked(own, category));
    assert_eq!(shown(&breakdown["keys"]), booked(own, key));
    assert_eq!(shown(&breakdown["chatbots"]), booked(own, chatbot));
    let daily = get("/api/v1/auth/daily-model-stats").await;
    for day in daily["days"].as_array().unwrap() {
        let of_day: Vec<&Call> = own
            .iter()
            .copied()
            .filter(|call| day["date"] == call.date.as_str())
            .collect();
        assert_eq!(shown(&day["models"]), booked(&of_day, model), "{}", day["date"]);
    }
    let dashboard = get("/api/v1/tokens/dashboard").await;
    let today = dashboard["date"].as_str().unwrap().to_owned();
    assert_eq!(
        dashboard["today"],
        sum(own.iter().copied().filter(|call| call.date == today))
    );
    let date: jiff::civil::Date = today.parse().unwrap();
    let week = (date - 6.days()).to_string();
    assert_eq!(
        dashboard["last_7_days"],
        sum(own.iter().copied().filter(|call| call.date >= week))
    );
    let performance = get("/api/v1/analytics/performance").await;
    let total = sum(own.iter().copied());
    for figure in ["requests", "errors"] {
        assert_eq!(performance["totals"][figure], total[figure]);
    }
    let csv = user.get("/api/v1/analytics/export?format=csv").await.ok();
    let csv = String::from_utf8(csv.body.clone()).unwrap();
    let column = |place: usize| -> u64 {
        let lines = csv.lines().skip(1);
        lines
            .map(|line| line.split(',').nth(place).unwrap().parse::<u64>().unwrap())
            .sum()
    };
    let file = user.get("/api/v1/analytics/export?format=parquet").await.ok();
    assert_eq!(file.header("content-type"), "application/vnd.apache.parquet");
    let file = SerializedFileReader::new(bytes::Bytes::from(file.body)).unwrap();
    let rows: Vec<String> = file
        .get_row_iter(None)
        .unwrap()
        .map(|row| {
            row.unwrap()
                .get_column_iter()
                .map(|(_, field)| field.to_string().replace('"', ""))
                .collect::<Vec<_>>()
                .join(",")
        })
        .collect();
    let lines: Vec<String> = csv.lines().skip(1).map(|line| line.replace(",,", ",null,")).collect();
    assert_eq!(rows, lines);
    for (place, figure) in [
        (3, "requests"),
        (4, "errors"),
        (5, "prompt_tokens"),
        (6, "completion_tokens"),
        (8, "total_tokens"),
    ] {
        assert_eq!(total[figure], column(place), "{figure}");
    }
}

/// Whoever leaves for good leaves their sums, without a name.
async fn erased_people_stay_in_the_sums(t: &Test, org: &str, calls: &[Call], gone: &Caller, admin: &Caller) {
    gone.delete("/api/v1/users/me").await.ok();
    t.advance_seconds(1);
    t.anonymous().post("/_local/run/relay_outbox", json!({})).await.ok();
    let of_org: Vec<&Call> = calls.iter().filter(|call| call.org.as_deref() == Some(org)).collect();
    let inside = admin.with_header("x-current-org", org);
    let report = inside.get("/api/v1/ai/usage?group_by=user").await.ok().json();
    let named = |call: &Call| (call.user != gone.id()).then(|| call.user.clone());
    assert_eq!(shown(&report["groups"]), booked(&of_org, named));
    let report = inside.get("/api/v1/ai/usage?group_by=model").await.ok().json();
    let of_model = |call: &Call| {
        let is_theirs = call.user == gone.id();
        Some(if is_theirs {
            public(call.model)
        } else {
            call.model.to_owned()
        })
    };
    assert_eq!(shown(&report["groups"]), booked(&of_org, of_model));
    let erased = t.items(USAGE).await;
    let erased: Vec<_> = erased.iter().filter(|((_, sk), _)| sk.contains("#U#erased-")).collect();
    // The mark would lead to what was summed up of the person, and from there to whose it was.
    assert!(!erased.is_empty() && erased.iter().all(|(_, item)| !item.contains("born")));
    let whole = Period::of(None, None, today(t).parse().unwrap()).unwrap();
    let rest = t
        .stack
        .app()
        .usage()
        .of_user(&UserId(gone.id().to_owned()), whole)
        .await
        .unwrap();
    assert_eq!(rest, []);
}
