//! Keys that keys make: they draw on what they were made with, reach no further, and end with it.

use std::collections::BTreeMap;

use futures::future::join_all;
use model_double::{ModelDouble, Script, Step};
use serde_json::json;

use super::{KEYS, key_of, one};
use crate::support::{Answer, Caller, RACERS, Test, rounds, statuses};

const DOCUMENTS: &str = "/api/v1/documents";
/// What is reserved for a question of [`ask`], and what it uses: 16 characters are 4 tokens, the message around them is 4
/// more for us, and the answer has 20.
const RESERVED: u64 = 28;
const USED: u64 = 24;

async fn with_double() -> (Test, ModelDouble) {
    let double = ModelDouble::start().await.unwrap();
    double.always(Script::of(vec![Step::Text("abc ".to_owned()); 20]));
    (Test::with_model(&double).await, double)
}

async fn ask(key: &Caller) -> Answer {
    let question = json!({"role": "user", "content": "What is the best"});
    let body = json!({"model": "gpt-4o-mini", "max_tokens": 20, "messages": [question]});
    key.post("/v1/chat/completions", body).await
}

/// A key that may make keys and talk.
async fn maker(t: &Test, ada: &Caller, limits: serde_json::Value) -> (String, Caller) {
    let mut key = json!({"name": "Maker", "scopes": ["keys:write", "keys:read", "chats:write", "documents:read"]});
    key.as_object_mut().unwrap().extend(limits.as_object().unwrap().clone());
    key_of(t, ada, key).await
}

#[tokio::test]
async fn children_draw_on_the_budget_of_all_keys_above_them() {
    let (t, double) = with_double().await;
    for round in 0..rounds() {
        let ada = t.talker(&format!("ada{round}")).await;
        let budget = 10 * RESERVED;
        let (_, parent) = maker(&t, &ada, json!({"token_budget": budget})).await;
        let mut family = vec![parent.clone()];
        for number in 0..6 {
            // Children and grandchildren.
            let above = family[number / 2].clone();
            family.push(maker(&t, &above, json!({"token_budget": budget})).await.1);
        }
        let sold = double.totals();
        let answers = join_all((0..RACERS).map(|number| ask(&family[number % family.len()]))).await;
        let counts = statuses(&answers);
        let mut passed = counts.get(&200).copied().unwrap_or(0);
        assert!(counts.keys().all(|status| [200, 429].contains(status)), "{counts:?}");
        // As many more as still fit, none more.
        while ask(&family[1 + passed % 6]).await.status.as_u16() == 200 {
            passed += 1;
        }
        let (used, fit) = (passed as u64 * USED, (budget - RESERVED) / USED + 1);
        assert_eq!(
            passed as u64, fit,
            "round {round}: {used} of {budget} were used, {counts:?}"
        );
        let all = double.totals();
        let sold = all.prompt_tokens + all.completion_tokens - sold.prompt_tokens - sold.completion_tokens;
        assert_eq!(sold, used, "the provider's own sum");
        for key in family {
            assert_eq!(ask(&key).await.expect(429).json()["error"]["code"], "token_limit");
        }
    }
}

#[tokio::test]
async fn a_child_draws_on_a_budget_of_its_parent_that_was_set_after_it() {
    let (t, _double) = with_double().await;
    let ada = t.talker("ada").await;
    let (parent, maker_) = maker(&t, &ada, json!({})).await;
    let (_, child) = maker(&t, &maker_, json!({})).await;
    ask(&child).await.ok();
    ada.patch(&one(&parent), json!({"token_budget": RESERVED})).await.ok();
    ask(&child).await.ok();
    ask(&child).await.expect(429);
    ask(&maker_).await.expect(429);
    ada.patch(&one(&parent), json!({"token_budget": null})).await.ok();
    ask(&child).await.ok();
}

#[tokio::test]
async fn children_share_the_rate_of_their_parent() {
    let (t, _double) = with_double().await;
    let ada = t.talker("ada").await;
    let (_, parent) = maker(&t, &ada, json!({"requests_per_minute": 2})).await;
    let mut children = vec![];
    for _ in 0..4 {
        children.push(maker(&t, &parent, json!({"requests_per_minute": 2})).await.1);
    }
    let answers = join_all((0..16).map(|number| ask(&children[number % 4]))).await;
    assert_eq!(statuses(&answers), BTreeMap::from([(200, 2), (429, 14)]));
    t.advance_seconds(60);
    let answers = join_all((0..16).map(|number| ask(&children[number % 4]))).await;
    assert_eq!(
        statuses(&answers),
        BTreeMap::from([(200, 2), (429, 14)]),
        "what was refused was not counted"
    );
}

/// The states of keys, as the list shows them to their user.
async fn states(ada: &Caller, ids: &[&String]) -> Vec<String> {
    let listed = ada.get(KEYS).await.ok().json();
    let listed = listed.as_array().unwrap();
    let state = |id: &&String| {
        let key = listed.iter().find(|key| key["id"] == **id).unwrap();
        key["status"].as_str().unwrap().to_owned()
    };
    ids.iter().map(state).collect()
}

#[tokio::test]
async fn what_ends_a_key_ends_those_it_made() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    for end in ["switched off", "expired", "revoked", "deleted"] {
        let (top, parent) = maker(&t, &ada, json!({"expires_in_days": 10})).await;
        let (middle, child) = maker(&t, &parent, json!({})).await;
        let (low, grandchild) = maker(&t, &child, json!({})).await;
        assert_eq!(ada.get(&one(&low)).await.ok().json()["parent_id"], json!(middle));
        // A person may take the end off a key; it has its maker's all the same.
        for id in [&middle, &low] {
            ada.patch(&one(id), json!({"expires_at": null})).await.ok();
        }
        for key in [&parent, &child, &grandchild] {
            key.get(DOCUMENTS).await.ok();
        }
        let (status, shown) = match end {
            "switched off" => (ada.patch(&one(&top), json!({"enabled": false})).await, "disabled"),
            "expired" => {
                let end = domain::time::after(t.stack.app().clock.now(), std::time::Duration::from_mins(1));
                let changed = ada.patch(&one(&top), json!({"expires_at": end.to_string()})).await;
                t.advance_seconds(61);
                (changed, "expired")
            }
            "revoked" => (ada.delete(&one(&top)).await, "revoked"),
            _ => (ada.delete(&format!("{}/permanent", one(&top))).await, "revoked"),
        };
        assert!(status.status.is_success(), "{end}");
        for key in [&parent, &child, &grandchild] {
            key.get(DOCUMENTS).await.problem(401, "api_key_invalid");
            key.post(KEYS, json!({"name": "x"}))
                .await
                .problem(401, "api_key_invalid");
        }
        assert_eq!(states(&ada, &[&middle, &low]).await, [shown; 2], "{end}");
        if end == "switched off" {
            ada.patch(&one(&top), json!({"enabled": true})).await.ok();
            grandchild.get(DOCUMENTS).await.ok();
            assert_eq!(states(&ada, &[&middle, &low]).await, ["active"; 2]);
        }
    }
}

#[tokio::test]
async fn a_key_that_loses_something_takes_it_from_those_it_made() {
    let (t, _double) = with_double().await;
    let ada = t.user("ada").await;
    let (top, parent) = maker(&t, &ada, json!({})).await;
    let (middle, child) = maker(&t, &parent, json!({})).await;
    let (_, grandchild) = maker(&t, &child, json!({})).await;
    ask(&grandchild).await.ok();
    let less = json!({"scopes": ["keys:write", "chats:write"], "models": ["gpt-4o"]});
    ada.patch(&one(&top), less).await.ok();
    for key in [&child, &grandchild] {
        key.get(DOCUMENTS).await.problem(403, "scope_required");
        assert_eq!(ask(key).await.expect(403).json()["error"]["code"], "model_not_allowed");
    }
    // Nor does a key that these make have it.
    child
        .post(KEYS, json!({"name": "x", "scopes": ["documents:read"]}))
        .await
        .problem(403, "scope_not_held");
    let wider = json!({"name": "x", "scopes": ["chats:write"], "models": ["gpt-4o-mini"]});
    child.post(KEYS, wider).await.problem(403, "limit_not_held");
    ada.patch(&one(&middle), json!({"models": ["gpt-4o-mini", "gpt-4o"]}))
        .await
        .ok();
    assert_eq!(
        ask(&grandchild).await.expect(403).json()["error"]["code"],
        "model_not_allowed"
    );
    ada.patch(&one(&top), json!({"models": null})).await.ok();
    ask(&grandchild).await.ok();
}

#[tokio::test]
async fn keys_make_keys_down_to_a_depth() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let (_, mut key) = maker(&t, &ada, json!({})).await;
    for _ in 0..4 {
        key = maker(&t, &key, json!({})).await.1;
    }
    key.get(DOCUMENTS).await.ok();
    key.post(KEYS, json!({"name": "One too deep"}))
        .await
        .problem(409, "key_depth");
}

#[tokio::test]
async fn a_key_gets_no_secret_but_of_itself_and_of_what_it_made() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let (top, parent) = maker(&t, &ada, json!({"token_budget": 100})).await;
    let (other, _) = maker(&t, &ada, json!({"token_budget": 100})).await;
    let (middle, child) = maker(&t, &parent, json!({})).await;
    let (low, _) = maker(&t, &child, json!({})).await;
    let rotate = |by: &Caller, id: &str| {
        let (by, path) = (by.clone(), format!("{}/rotate", one(id)));
        async move { by.post(&path, json!({})).await }
    };
    // With the secret of another key it would have the budgets of both.
    rotate(&parent, &other).await.problem(403, "not_yours");
    rotate(&child, &top).await.problem(403, "not_yours");
    for id in [&low, &middle] {
        rotate(&parent, id).await.ok();
    }
    let renewed = rotate(&parent, &top).await.ok().text("key");
    let renewed = t.anonymous().with_token(&renewed);
    rotate(&ada, &other).await.ok();
    // What a key made is still below it when its secret is a new one.
    let child = rotate(&renewed, &middle).await.ok().text("key");
    let child = t.anonymous().with_token(&child);
    child.get(DOCUMENTS).await.ok();
    ada.delete(&one(&top)).await.expect(204);
    child.get(DOCUMENTS).await.problem(401, "api_key_invalid");
}

#[tokio::test]
async fn a_key_decides_on_none_of_the_keys_above_it() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let (top, parent) = maker(&t, &ada, json!({})).await;
    let (_, child) = maker(&t, &parent, json!({})).await;
    let limits = json!({"token_budget": 100, "requests_per_minute": 5, "models": ["local"], "expires_in_days": 2});
    ada.patch(&one(&top), limits).await.ok();
    for lifted in [
        json!({"token_budget": null}),
        json!({"token_budget": 101}),
        json!({"requests_per_minute": null}),
        json!({"models": null}),
        json!({"expires_at": null}),
    ] {
        child.patch(&one(&top), lifted).await.problem(403, "not_yours");
    }
    child.delete(&one(&top)).await.problem(403, "not_yours");
    let erase = format!("{}/permanent", one(&top));
    child.delete(&erase).await.problem(403, "not_yours");
    // What it makes is held to them as well.
    let made = child.api_key(json!({"name": "x"})).await.json();
    let shown = ["token_budget", "requests_per_minute", "models"].map(|name| made[name].clone());
    assert_eq!(shown, [json!(100), json!(5), json!(["local"])]);
}
