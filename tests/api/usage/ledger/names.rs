//! Callers name models as they like, and an item of the table holds 400 KB.

use model_double::Script;

use super::*;

/// Models that a day names.
const NAMED: usize = 40;

async fn ask(app: &App, billing: &BillingContext, model: &str) -> domain::Result<Outcome> {
    let asked = Generation {
        model: model.to_owned(),
        ..question(app, billing, "What is the best", 20)
    };
    whole(app.generate(asked).await?).await
}

#[tokio::test]
async fn models_beyond_the_fortieth_of_a_day_count_as_other_and_not_a_token_is_lost() {
    let (t, double) = with_double().await;
    let (ada, bob) = (t.user("ada").await, t.user("bob").await);
    let org = t.shared_org("lovelace", &[(&ada, "owner"), (&bob, "member")]).await;
    double.always(Script::tokens(10));
    let app = t.stack.app();
    for (billing, place) in [
        (billing(&t, &ada).await, ada.clone()),
        (
            payer_in(app, &bob, Some(&org)).await,
            bob.with_header("x-current-org", &org),
        ),
    ] {
        let before = double.totals();
        for number in 0..NAMED + 3 {
            ask(app, &billing, &format!("made-up-{number}")).await.unwrap();
        }
        // One that is named goes on to be.
        ask(app, &billing, "made-up-0").await.unwrap();
        let sold = double.totals();
        let sold = (
            sold.calls - before.calls,
            sold.completion_tokens - before.completion_tokens,
        );
        for path in [
            "/api/v1/ai/usage?group_by=model",
            "/api/v1/analytics/usage?group_by=model",
        ] {
            let used = place.get(path).await.ok().json();
            let groups = used["groups"].as_array().unwrap();
            assert_eq!(groups.len(), NAMED + 1, "{path}");
            let of = |name: &str| groups.iter().find(|group| group["name"] == name).unwrap()["requests"].clone();
            assert_eq!((of("other"), of("made-up-0")), (json!(3), json!(2)), "{path}");
            let totals = &used["totals"];
            assert_eq!(
                (&totals["requests"], &totals["completion_tokens"]),
                (&json!(sold.0), &json!(sold.1)),
                "{path}"
            );
        }
    }
}

#[tokio::test]
async fn a_day_without_room_settles_what_it_can_and_keeps_nobody_elses_from_being_closed() {
    let (t, double) = with_double().await;
    let (ada, bob) = (t.user("ada").await, t.user("bob").await);
    double.always(Script::tokens(10));
    let app = t.stack.app();
    let (of_ada, of_bob) = (billing(&t, &ada).await, billing(&t, &bob).await);
    let long = "m".repeat(200);
    let asked = Generation {
        model: long.clone(),
        ..question(app, &of_ada, "What is the best", 20)
    };
    let running = app.generate(asked).await.unwrap();
    fill(&t, &ada).await;
    whole(running).await.unwrap();
    let sold = double.totals().completion_tokens + double.totals().prompt_tokens;
    assert_eq!(day_of(&t, &ada).await, (sold.cast_signed(), 0, sold.cast_signed(), 0));
    fill(&t, &ada).await;
    let refused = ask(app, &of_ada, &long).await.unwrap_err();
    assert!(matches!(refused, Error::Unavailable(_)), "{refused:?}");

    // What nobody settles of other people is settled all the same.
    let lost = app
        .generate(question(app, &of_bob, "What is the best", 20))
        .await
        .unwrap();
    std::mem::forget(lost);
    t.advance_seconds(301);
    t.anonymous().post("/_local/run/reset_quotas", json!({})).await.ok();
    assert_eq!(day_of(&t, &bob).await.1, 0);
}

/// Leaves hardly any room in the item of somebody's day.
async fn fill(t: &Test, caller: &Caller) {
    let mut size = 400 * 1024;
    loop {
        let update = t.db().update_item().table_name("parlance-usage");
        let update = update.key("pk", AttributeValue::S(format!("U#{}", caller.id())));
        let update = update.key("sk", AttributeValue::S(format!("D#{}", today(t))));
        let update = update.update_expression("SET filling = :filling");
        let filling = AttributeValue::S("x".repeat(size));
        if update
            .expression_attribute_values(":filling", filling)
            .send()
            .await
            .is_ok()
        {
            return;
        }
        size -= 20;
    }
}
