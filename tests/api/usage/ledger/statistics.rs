//! What was used, as the reader of statistics gives it.

use domain::{Period, UsageDay};
use model_double::{Counts, Script, Step};

use super::{reservation_lifecycle::date, *};

fn lines(days: &[UsageDay]) -> Vec<(String, &'static str, u64, u64, u64)> {
    let lines = days.iter().flat_map(|day| &day.lines);
    lines
        .map(|line| {
            let counters = line.counters;
            (
                line.model.clone(),
                line.category.name(),
                counters.requests,
                counters.errors,
                counters.total_tokens(),
            )
        })
        .collect()
}

#[tokio::test]
async fn use_is_found_by_day_model_category_member_key_and_chatbot() {
    let (t, double) = with_double().await;
    let (ada, bob, app) = (t.user("ada").await, t.user("bob").await, t.stack.app());
    let org = t.shared_org("lovelace", &[(&ada, "owner"), (&bob, "member")]).await;
    let in_org = ada.with_header("x-current-org", &org);
    let key = in_org.api_key(json!({"name": "Kiosk"})).await;
    let kiosk = t.anonymous().with_token(&key.text("key"));
    let bot = json!({"name": "Helper", "settings": {"model": MODEL}});
    let bot = in_org.post("/api/v1/chatbots", bot).await.created().text("id");
    let bot = app
        .chatbot(&domain::OrgId(org.clone()), &domain::ChatbotId(bot))
        .await
        .unwrap();
    let pieces = |count| Script::of(vec![Step::Text("abc ".to_owned()); count]);
    let stated = Counts {
        prompt: 2_000,
        completion: 10,
        ..Counts::default()
    };

    let own = billing(&t, &ada).await;
    let of_ada = payer_in(app, &ada, Some(&org)).await;
    let of_bob = payer_in(app, &bob, Some(&org)).await.with_chatbot(&bot);
    let of_key = payer_in(app, &kiosk, None).await;
    double.next(pieces(10));
    answered(app, &own, "What is the best", 20).await.unwrap();
    double.next(pieces(11));
    answered(app, &of_ada, "What is the best", 20).await.unwrap();
    double.next(pieces(12).usage(stated));
    answered(app, &of_bob, "What is the best", 20).await.unwrap();
    double.next(pieces(13));
    let title = Generation {
        category: Category::Titles,
        model: "gpt-4.1-nano".to_owned(),
        ..question(app, &of_key, "What is the best", 20)
    };
    whole(app.generate(title).await.unwrap()).await.unwrap();
    double.next(Script::refuse(400, "invalid_request_error"));
    answered(app, &of_bob, "What is the best", 20).await.unwrap_err();

    let (reader, today) = (app.usage(), Period::day(date(&t)));
    let org_id = domain::OrgId(org);
    let members = reader.of_org(&org_id, today).await.unwrap();
    let of = |user: &Caller| {
        let day = members
            .iter()
            .find(|day| day.user.as_ref().unwrap().as_str() == user.id());
        day.unwrap().clone()
    };
    assert_eq!(
        lines(&[of(&ada)]),
        [
            (MODEL.to_owned(), "chat", 1, 0, 15),
            ("gpt-4.1-nano".to_owned(), "titles", 1, 0, 17)
        ]
    );
    let day = of(&bob);
    assert_eq!(
        lines(std::slice::from_ref(&day)),
        [(MODEL.to_owned(), "chat", 2, 1, 2_010)]
    );
    assert!(day.lines[0].counters.cost_micro_usd > 0 && day.lines[0].counters.unpriced == 0);
    assert_eq!(day.chatbots.len(), 1);
    assert_eq!((&day.chatbots[0].id, day.chatbots[0].counters.requests), (&bot.id, 2));
    assert_eq!(
        day.latency[MODEL].0.values().sum::<u64>(),
        1,
        "of answers that ended well"
    );
    assert_eq!(day.first_token[MODEL].0.values().sum::<u64>(), 1);
    let keys = of(&ada).keys;
    assert_eq!(keys.len(), 1);
    assert_eq!(
        (keys[0].id.as_str(), keys[0].counters.total_tokens()),
        (&*key.text("id"), 17)
    );

    let user = domain::UserId(ada.id().to_owned());
    let all = reader.of_user(&user, today).await.unwrap();
    let total: u64 = lines(&all).iter().map(|line| line.4).sum();
    assert_eq!(total, 14 + 15 + 17, "of all organizations");
    assert_eq!(
        u64::try_from(day_of(&t, &ada).await.0).unwrap(),
        total,
        "and what the limit counts"
    );
    let personal = reader.of_personal_org(&user, today).await.unwrap();
    assert_eq!(lines(&personal), [(MODEL.to_owned(), "chat", 1, 0, 14)]);
    let yesterday = today.from.yesterday().unwrap();
    assert_eq!(reader.of_user(&user, Period::day(yesterday)).await.unwrap(), []);
    let both = Period {
        from: yesterday,
        to: today.to,
    };
    assert_eq!(reader.of_org(&org_id, both).await.unwrap(), members);
    let bob_id = domain::UserId(bob.id().to_owned());
    assert_eq!(reader.of_member(&org_id, &bob_id, both).await.unwrap(), [day]);
    let count = |days: &[UsageDay]| days[0].latency.values().flat_map(|times| times.0.values()).sum::<u64>();
    assert_eq!((count(&personal), count(&all)), (1, 3), "wherever it was");
    assert_eq!((personal[0].keys.len(), &all[0].keys), (0, &keys));
}

#[tokio::test]
async fn a_model_without_a_price_costs_nobody_knows_what() {
    let (t, _double) = with_double().await;
    let (ada, app) = (t.user("ada").await, t.stack.app());
    let billing = billing(&t, &ada).await;
    let unknown = Generation {
        model: "openai/nobody-knows~it".to_owned(),
        ..question(app, &billing, "What is the best", 20)
    };
    let outcome = whole(app.generate(unknown).await.unwrap()).await.unwrap();
    assert_eq!(outcome.cost_micro_usd, None);
    let days = app.usage().of_user(&billing.user, Period::day(date(&t))).await.unwrap();
    assert_eq!(days[0].lines[0].model, "nobody-knows~it");
    assert_eq!(days[0].lines[0].counters.cost(), None);
}
