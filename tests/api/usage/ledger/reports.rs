//! Statistics as the API shows them: who sees what, of which days, and what it costs to read.

use domain::usage::statistics::PeriodRequest;
use model_double::{Script, Step};

use super::*;
use crate::support::Metered;

/// The operations that tell what the caller used.
pub(crate) const OWN: [&str; 8] = [
    "/api/v1/auth/stats",
    "/api/v1/auth/model-stats",
    "/api/v1/auth/token-breakdown",
    "/api/v1/auth/daily-model-stats",
    "/api/v1/tokens/usage",
    "/api/v1/tokens/dashboard",
    "/api/v1/analytics/usage",
    "/api/v1/analytics/export",
];

fn words(count: usize) -> Script {
    Script::of(vec![Step::Text("abc ".to_owned()); count])
}

async fn tokens(caller: &Caller, path: &str) -> u64 {
    let found = caller.get(path).await.ok().json();
    found["totals"]["total_tokens"].as_u64().unwrap()
}

#[tokio::test]
async fn members_see_their_own_part_and_those_who_administer_see_all() {
    let (t, double) = with_double().await;
    let (ada, bob, eve) = (t.user("ada").await, t.user("bob").await, t.user("eve").await);
    let org = t.shared_org("lovelace", &[(&ada, "admin"), (&bob, "member")]).await;
    let app = t.stack.app();
    for (caller, place, count) in [(&ada, Some(&*org), 10), (&bob, Some(&*org), 11), (&bob, None, 12)] {
        double.next(words(count));
        let billing = payer_in(app, caller, place).await;
        answered(app, &billing, "What is the best", 20).await.unwrap();
    }
    let inside = |caller: &Caller| caller.with_header("x-current-org", &org);
    let of_org = inside(&ada).get("/api/v1/ai/usage?group_by=user").await.ok().json();
    assert_eq!(
        (&of_org["covers"], &of_org["org_id"]),
        (&json!("organization"), &json!(org))
    );
    assert_eq!(of_org["totals"]["total_tokens"], 14 + 15);
    let groups = of_org["groups"].as_array().unwrap();
    let groups: Vec<_> = groups.iter().map(|it| (&it["name"], &it["total_tokens"])).collect();
    assert_eq!(groups, [(&json!(bob.id()), &json!(15)), (&json!(ada.id()), &json!(14))]);

    let of_bob = inside(&bob).get("/api/v1/ai/usage?group_by=user").await.ok().json();
    assert_eq!(
        (&of_bob["covers"], &of_bob["totals"]["total_tokens"]),
        (&json!("own"), &json!(15))
    );
    assert_eq!(of_bob["groups"].as_array().unwrap().len(), 1);
    assert_eq!(tokens(&bob, "/api/v1/ai/usage").await, 16, "the personal one");
    inside(&eve).get("/api/v1/ai/usage").await.problem(404, "not_found");
    for path in OWN {
        assert_eq!(tokens(&ada, path).await, 14, "{path}");
        assert_eq!(tokens(&bob, path).await, 15 + 16, "{path}: wherever it was");
        assert_eq!(tokens(&inside(&bob), path).await, 15 + 16, "{path}");
        assert_eq!(tokens(&eve, path).await, 0, "{path}");
    }

    // A key sees nothing outside of its organization, and all of it only with the scope.
    for (scopes, expected) in [
        (json!(["account:read"]), 14),
        (json!(["account:read", "usage:org"]), 14 + 15),
    ] {
        let key = inside(&ada).api_key(json!({"name": "Kiosk", "scopes": scopes})).await;
        let kiosk = t.anonymous().with_token(&key.text("key"));
        assert_eq!(tokens(&kiosk, "/api/v1/ai/usage").await, expected);
        assert_eq!(tokens(&kiosk, "/api/v1/auth/stats").await, 14);
    }
    let key = inside(&ada)
        .api_key(json!({"name": "Blind", "scopes": ["chats:read"]}))
        .await;
    let blind = t.anonymous().with_token(&key.text("key"));
    blind.get("/api/v1/ai/usage").await.problem(403, "scope_required");
}

#[tokio::test]
async fn a_period_is_asked_for_by_its_days() {
    let (t, double) = with_double().await;
    let ada = t.user("ada").await;
    double.always(words(10));
    let app = t.stack.app();
    answered(app, &billing(&t, &ada).await, "What is the best", 20)
        .await
        .unwrap();
    let first = today(&t);
    t.advance_seconds(24 * 3600);
    let ada = ada.sign_in_again().await;
    let billing = billing(&t, &ada).await;
    for _ in 0..2 {
        answered(app, &billing, "What is the best", 20).await.unwrap();
    }
    let second = today(&t);
    assert_eq!(
        ada.get("/api/v1/tokens/dashboard").await.ok().json()["today"]["requests"],
        2
    );
    let paths = OWN.iter().filter(|path| !path.ends_with("/dashboard"));
    for path in paths.chain(&["/api/v1/ai/usage"]) {
        for (query, expected) in [
            (String::new(), 3 * 14),
            (format!("?from={first}&to={first}"), 14),
            (format!("?to={first}"), 14),
            (format!("?from={second}"), 2 * 14),
            ("?from=2001-01-01&to=2001-12-31".to_owned(), 0),
        ] {
            assert_eq!(tokens(&ada, &format!("{path}{query}")).await, expected, "{path}{query}");
        }
        for (query, pointer) in [
            ("from=yesterday", "/from"),
            ("to=2026-02-30", "/to"),
            ("from=2001-01-02&to=2001-01-01", "/from"),
            ("from=2001-01-01&to=2002-01-02", "/from"),
            ("from=-000002-01-01&to=-000001-01-01", "/from"),
        ] {
            let answer = ada.get(&format!("{path}?{query}")).await;
            assert_eq!(answer.invalid(), [pointer], "{path}?{query}");
        }
    }
    for (path, pointer) in [
        ("/api/v1/ai/usage?group_by=planet", "/group_by"),
        ("/api/v1/analytics/export?format=xlsx", "/format"),
    ] {
        assert_eq!(ada.get(path).await.invalid(), [pointer], "{path}");
    }
}

#[tokio::test]
async fn performance_is_that_of_answers_that_ended_well() {
    let (t, double) = with_double().await;
    let (ada, app) = (t.user("ada").await, t.stack.app());
    let billing = billing(&t, &ada).await;
    let empty = ada.get("/api/v1/analytics/performance").await.ok().json();
    assert_eq!(empty["totals"]["error_percent"], Value::Null);
    assert_eq!(
        empty["totals"]["latency"],
        json!({"count": 0, "p50_ms": null, "p95_ms": null})
    );
    for _ in 0..3 {
        double.next(words(10));
        answered(app, &billing, "What is the best", 20).await.unwrap();
    }
    double.next(Script::refuse(400, "invalid_request_error"));
    answered(app, &billing, "What is the best", 20).await.unwrap_err();
    let found = ada.get("/api/v1/analytics/performance").await.ok().json();
    let part = |it: &Value| {
        let counted = [&it["requests"], &it["errors"], &it["latency"]["count"]];
        let counted = counted.map(|number| number.as_u64().unwrap());
        (counted, it["error_percent"].as_f64().unwrap())
    };
    for it in [&found["totals"], &found["models"][0], &found["days"][0]] {
        assert_eq!(part(it), ([4, 1, 3], 25.0), "{it}");
        assert!(it["latency"]["p50_ms"].as_u64() <= it["latency"]["p95_ms"].as_u64());
        assert_eq!(it["time_to_first_token"]["count"], 3);
    }
    let model = ada.get("/api/v1/auth/model-stats").await.ok().json();
    assert_eq!(
        (&model["models"][0]["name"], &model["models"][0]["latency"]["count"]),
        (&json!(MODEL), &json!(3))
    );
}

#[tokio::test]
async fn an_export_is_a_file_that_no_spreadsheet_runs() {
    let (t, double) = with_double().await;
    let (ada, app) = (t.user("ada").await, t.stack.app());
    let billing = billing(&t, &ada).await;
    double.always(words(10));
    for model in [MODEL, "openai/=1+2, \"x\""] {
        let asked = Generation {
            model: model.to_owned(),
            ..question(app, &billing, "What is the best", 20)
        };
        whole(app.generate(asked).await.unwrap()).await.unwrap();
    }
    let day = today(&t);
    let answer = ada
        .get(&format!("/api/v1/analytics/export?format=csv&from={day}"))
        .await
        .ok();
    assert_eq!(answer.header("content-type"), "text/csv; charset=utf-8");
    let name = format!("attachment; filename=\"usage-{day}-{day}.csv\"");
    assert_eq!(answer.header("content-disposition"), name);
    let text = String::from_utf8(answer.body.clone()).unwrap();
    let mut lines = text.lines();
    assert!(
        lines.next().unwrap().starts_with("date,category,model,requests,"),
        "{text}"
    );
    assert_eq!(
        lines.next().unwrap(),
        format!("{day},chat,\"'=1+2, \"\"x\"\"\",1,0,4,10,0,14,,1,0"),
        "and a price that nobody knows is none"
    );
    assert!(
        lines
            .next()
            .unwrap()
            .starts_with(&format!("{day},chat,{MODEL},1,0,4,10,0,14,"))
    );
    assert_eq!(lines.next(), None);
    let json = ada.get("/api/v1/analytics/export").await.ok().json();
    assert_eq!(json["rows"].as_array().unwrap().len(), 2);
    assert_eq!(json["rows"][0]["model"], "=1+2, \"x\"");
    assert_eq!(json["unpriced_models"], json!(["=1+2, \"x\""]));
    assert_eq!(json["totals"]["cost_micro_usd"], Value::Null);
    assert!(json["totals"]["priced_cost_micro_usd"].as_u64().unwrap() > 0);
}

#[tokio::test]
async fn an_export_by_a_link_is_the_same_file_and_goes_with_its_person() {
    let (t, double) = with_double().await;
    let ada = t.user("ada").await;
    double.always(words(10));
    let asked = question(t.stack.app(), &billing(&t, &ada).await, "What is the best", 20);
    whole(t.stack.app().generate(asked).await.unwrap()).await.unwrap();
    for (format, media_type) in [
        ("csv", "text/csv; charset=utf-8"),
        ("json", "application/json"),
        ("parquet", "application/vnd.apache.parquet"),
    ] {
        let path = format!("/api/v1/analytics/export?format={format}");
        let whole = ada.get(&path).await.ok();
        let answer = ada.get(&format!("{path}&delivery=link")).await.expect(303);
        let file = t.follow(answer.header("location")).await;
        assert_eq!(file.headers()["content-type"], media_type);
        assert_eq!(file.bytes().await.unwrap(), whole.body);
    }
    let folder = format!("exports/{}/", ada.id());
    let kept = async || {
        t.object_keys()
            .await
            .into_iter()
            .filter(|key| key.starts_with(&folder))
            .count()
    };
    assert_eq!(kept().await, 3);
    let wrong = ada.get("/api/v1/analytics/export?delivery=pigeon").await;
    assert_eq!(wrong.invalid(), ["/delivery"]);
    ada.delete("/api/v1/users/me").await.ok();
    t.drain().await;
    assert_eq!(kept().await, 0);
}

#[tokio::test]
async fn a_month_of_a_person_is_read_for_at_most_ten_units() {
    let (t, double) = with_double().await;
    let ada = t.user("ada").await;
    double.always(words(10));
    let app = t.stack.app();
    let mut ada = ada;
    for _ in 0..30 {
        t.advance_seconds(24 * 3600);
        ada = ada.sign_in_again().await;
        let billing = billing(&t, &ada).await;
        for model in [MODEL, "gpt-4.1-nano"] {
            let asked = Generation {
                model: model.to_owned(),
                ..question(app, &billing, "What is the best", 20)
            };
            whole(app.generate(asked).await.unwrap()).await.unwrap();
        }
    }
    let metered = Metered::new(&t).await;
    let identity = metered.app.authenticate(&Secret::new(&*ada.token)).await.unwrap();
    let place = metered.app.membership_of(&identity, None).await.unwrap();
    metered.units();
    let report = metered
        .app
        .own_usage(&identity, &place, PeriodRequest::default())
        .await
        .unwrap();
    let (read, written) = metered.units();
    assert_eq!(report.statistics.total().requests, 60);
    assert!(read <= 10.0, "{read} units");
    assert!(written.abs() < f64::EPSILON);
}
