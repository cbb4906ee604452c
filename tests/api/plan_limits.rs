//! What a plan allows is what one gets: never more, never less, however many come at once.
//!
//! `PARLANCE_ROUNDS` says how often each race is run, `PARLANCE_SEED` with what.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use futures::future::join_all;
use serde_json::{Value, json};

use super::orgs::team_plan;
use crate::support::{Answer, Caller, RACERS, Test, rounds, statuses};

const CHATBOTS: &str = "/api/v1/chatbots";
const UPLOADS: &str = "/api/v1/documents/uploads";
const ORGS: &str = "/api/v1/orgs";
const APP: &str = "parlance-app";
const MIB: u64 = 1024 * 1024;
/// Size of a file of which ten fit into a MiB.
const SIZE: usize = 100 * 1024;

/// What was created, and how many were refused because this is used of this limit.
#[track_caller]
fn outcome(answers: Vec<Answer>, kind: &str, limit: u64) -> Vec<Value> {
    let counts = statuses(&answers);
    let (created, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status.as_u16() == 201);
    for answer in refused {
        assert_eq!(
            answer.status.as_u16(),
            409,
            "{counts:?} {}",
            String::from_utf8_lossy(&answer.body)
        );
        let problem = answer.problem(409, "limit_reached");
        let found = &problem["limit"];
        assert_eq!(
            (&found["kind"], &found["limit"]),
            (&json!(kind), &json!(limit)),
            "{problem}"
        );
        let used = found["used"].as_u64().unwrap();
        assert!(
            used <= limit && used + found["needed"].as_u64().unwrap() > limit,
            "{problem}"
        );
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains("plan"), "{detail}");
    }
    created.iter().map(Answer::json).collect()
}

fn id(created: &Value) -> &str {
    created["id"].as_str().unwrap()
}

/// Puts rows of documents into the table, as a release before wrote them.
async fn earlier_documents(t: &Test, ada: &Caller, count: u64, size: u64) {
    let sample = ada.upload("sample.txt", "text").await.created().text("id");
    let get = t.db().get_item().table_name(APP);
    let get = get.key("pk", AttributeValue::S(format!("O#{}", ada.org())));
    let get = get.key("sk", AttributeValue::S(format!("D#{sample}")));
    let row = get.send().await.unwrap().item.unwrap();
    for number in 0..count {
        let mut row = row.clone();
        let id = format!("00000000-0000-7000-8000-{number:012}");
        row.insert("sk".to_owned(), AttributeValue::S(format!("D#{id}")));
        row.insert("id".to_owned(), AttributeValue::S(id));
        row.insert("size_bytes".to_owned(), AttributeValue::N(size.to_string()));
        t.db()
            .put_item()
            .table_name(APP)
            .set_item(Some(row))
            .send()
            .await
            .unwrap();
    }
    forget_counters(t, ada.org()).await;
}

/// Takes the counters of an organization away: they are counted anew.
async fn forget_counters(t: &Test, org: &str) {
    let delete = t.db().delete_item().table_name(APP);
    let delete = delete.key("pk", AttributeValue::S(format!("O#{org}")));
    let delete = delete.key("sk", AttributeValue::S("COUNTS".to_owned()));
    delete.send().await.unwrap();
}

/// A counter of an organization; none when there is none.
async fn counter(t: &Test, org: &str, name: &str) -> Option<u64> {
    let get = t.db().get_item().table_name(APP).consistent_read(true);
    let get = get.key("pk", AttributeValue::S(format!("O#{org}")));
    let get = get.key("sk", AttributeValue::S("COUNTS".to_owned()));
    let item = get.send().await.unwrap().item?;
    Some(item.get(name)?.as_n().unwrap().parse().unwrap())
}

#[tokio::test]
async fn of_many_chatbots_at_once_as_many_are_created_as_the_plan_allows() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    for _ in 0..rounds() {
        let new = |number: usize| ada.post(CHATBOTS, json!({"name": format!("Helper {number}")}));
        let created = outcome(join_all((0..RACERS).map(new)).await, "chatbots", 3);
        assert_eq!(created.len(), 3);
        // Whoever deletes one makes room for one, however often it is said.
        let path = format!("{CHATBOTS}/{}", id(&created[0]));
        let gone = join_all((0..8).map(|_| ada.delete(&path))).await;
        assert_eq!(statuses(&gone), BTreeMap::from([(204, 1), (404, 7)]));
        assert_eq!(outcome(join_all((0..RACERS).map(new)).await, "chatbots", 3).len(), 1);
        // Those who delete and those who create at the same moment.
        let listed = ada.get(CHATBOTS).await.ok().json();
        let paths: Vec<String> = listed
            .as_array()
            .unwrap()
            .iter()
            .map(|bot| format!("{CHATBOTS}/{}", id(bot)))
            .collect();
        let deletes = join_all(paths.iter().map(|path| ada.delete(path)));
        let (gone, created) = tokio::join!(deletes, join_all((0..RACERS).map(new)));
        assert_eq!(statuses(&gone), BTreeMap::from([(204, 3)]));
        let created = outcome(created, "chatbots", 3);
        assert!(created.len() <= 3);
        let listed = ada.get(CHATBOTS).await.ok().json();
        assert_eq!(listed.as_array().unwrap().len(), created.len());
        assert_eq!(
            outcome(join_all((0..RACERS).map(new)).await, "chatbots", 3).len(),
            3 - created.len()
        );
        for bot in ada.get(CHATBOTS).await.ok().json().as_array().unwrap() {
            ada.delete(&format!("{CHATBOTS}/{}", id(bot))).await.expect(204);
        }
        assert_eq!(counter(&t, ada.org(), "chatbots").await, Some(0));
    }
}

#[tokio::test]
async fn a_larger_plan_allows_more_and_a_smaller_one_takes_nothing_away() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    team_plan(&t, ada.org()).await;
    for number in 0..5 {
        ada.post(CHATBOTS, json!({"name": format!("Helper {number}")}))
            .await
            .created();
    }
    t.set_plan(ada.org(), "FREE").await;
    let refused = ada
        .post(CHATBOTS, json!({"name": "One more"}))
        .await
        .problem(409, "limit_reached");
    assert_eq!(
        refused["limit"],
        json!({"kind": "chatbots", "scope": "org", "limit": 3, "used": 5, "needed": 1, "remaining": 0})
    );
    assert_eq!(
        refused["detail"],
        "The FREE plan allows 3 chatbots, and this organization has 5. Delete some, or change to the PRO plan, \
         which allows 25."
    );
    let listed = ada.get(CHATBOTS).await.ok().json();
    assert_eq!(
        listed.as_array().unwrap().len(),
        5,
        "what exceeds the smaller plan stays"
    );
    ada.put(&format!("{CHATBOTS}/{}", id(&listed[0])), json!({"name": "Renamed"}))
        .await
        .ok();
}

#[tokio::test]
async fn chatbots_of_an_earlier_release_count() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    for round in 0..rounds() {
        let made = ada
            .post(CHATBOTS, json!({"name": "Earlier"}))
            .await
            .created()
            .text("id");
        forget_counters(&t, ada.org()).await;
        let new = |number: usize| ada.post(CHATBOTS, json!({"name": format!("Helper {number}")}));
        let (gone, answers) = tokio::join!(
            async {
                if round % 2 == 0 {
                    Some(ada.delete(&format!("{CHATBOTS}/{made}")).await)
                } else {
                    None
                }
            },
            join_all((0..RACERS).map(new))
        );
        let created = outcome(answers, "chatbots", 3).len();
        let listed = ada.get(CHATBOTS).await.ok().json();
        let listed = listed.as_array().unwrap();
        assert_eq!(listed.len(), created + usize::from(gone.is_none()));
        assert!((2..=3).contains(&created), "{created}");
        assert_eq!(counter(&t, ada.org(), "chatbots").await, Some(listed.len() as u64));
        for bot in listed {
            ada.delete(&format!("{CHATBOTS}/{}", id(bot))).await.expect(204);
        }
    }
}

#[tokio::test]
async fn of_many_documents_at_once_as_many_are_taken_as_the_plan_allows() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    // With the sample and these, 95 of an earlier release.
    earlier_documents(&t, &ada, 94, 10).await;
    let upload = |number: usize| {
        let ada = ada.clone();
        async move {
            if number.is_multiple_of(2) {
                ada.upload(&format!("{number}.txt"), "text").await
            } else {
                ada.post(UPLOADS, json!({"file_name": "a.txt", "size": 4})).await
            }
        }
    };
    let created = outcome(join_all((0..RACERS).map(upload)).await, "documents", 100);
    assert_eq!(created.len(), 5);
    assert_eq!(counter(&t, ada.org(), "documents").await, Some(100));
    assert_eq!(counter(&t, ada.org(), "storage_bytes").await, Some(94 * 10 + 4 + 5 * 4));
    let files: Vec<String> = t
        .object_keys()
        .await
        .into_iter()
        .filter(|key| key.ends_with("/source"))
        .collect();
    let announced = created.iter().filter(|made| made.get("url").is_some()).count();
    assert_eq!(
        files.len(),
        1 + 5 - announced,
        "what was refused leaves no file: {files:?}"
    );
}

#[tokio::test]
async fn of_many_bytes_at_once_as_many_are_taken_as_the_plan_allows() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    for round in 0..rounds() {
        let caller = t.user(&format!("ada{round}")).await;
        earlier_documents(&t, &caller, 1, 249 * MIB).await;
        let text = "a line of text, and one more ".repeat(SIZE / 29 + 1);
        let upload = |number: usize| {
            let (caller, file) = (caller.clone(), text.as_bytes()[..SIZE].to_vec());
            async move {
                if number.is_multiple_of(3) {
                    caller.post(UPLOADS, json!({"file_name": "a.txt", "size": SIZE})).await
                } else {
                    caller.upload(&format!("{number}.txt"), file).await
                }
            }
        };
        // Ten fit into the last MiB, beside the sample.
        let created = outcome(join_all((0..RACERS).map(upload)).await, "storage_bytes", 250 * MIB);
        assert_eq!(created.len(), 10);
        let used = counter(&t, caller.org(), "storage_bytes").await;
        assert_eq!(used, Some(249 * MIB + 4 + 10 * SIZE as u64));
        // What still fits is taken to the byte.
        let left = 250 * MIB - used.unwrap();
        let begin = |size: u64| caller.post(UPLOADS, json!({"file_name": "a.txt", "size": size}));
        begin(left + 1).await.problem(409, "limit_reached");
        begin(left).await.created();
        begin(1).await.problem(409, "limit_reached");
        // Others have their own room.
        ada.upload("a.txt", "text").await.created();
    }
}

#[tokio::test]
async fn an_announced_file_takes_room_until_its_upload_has_ended() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let begin = |ada: Caller| async move {
        let large = json!({"file_name": "a.pdf", "size": 25 * MIB});
        outcome(
            join_all((0..RACERS).map(|_| ada.post(UPLOADS, large.clone()))).await,
            "storage_bytes",
            250 * MIB,
        )
    };
    assert_eq!(begin(ada.clone()).await.len(), 10);
    // They have ended; whoever needs their room gets it, once.
    t.advance_seconds(3601);
    let ada = ada.sign_in_again().await;
    assert_eq!(begin(ada.clone()).await.len(), 10);
    assert_eq!(counter(&t, ada.org(), "storage_bytes").await, Some(250 * MIB));
    // A day later those that nobody needed are swept, and nothing is released twice.
    t.advance_seconds(26 * 3600);
    for _ in 0..2 {
        t.anonymous().post("/_local/run/relay_outbox", json!({})).await.ok();
        assert_eq!(counter(&t, ada.org(), "storage_bytes").await, Some(0));
        assert_eq!(counter(&t, ada.org(), "documents").await, Some(0));
    }
    // A completed upload is the room that was announced.
    let ada = ada.sign_in_again().await;
    let upload = ada.begin_upload("a.txt", 4).await;
    upload.put(b"text".to_vec()).await.ok();
    let completed = join_all((0..8).map(|_| upload.complete())).await;
    assert_eq!(statuses(&completed), BTreeMap::from([(200, 7), (201, 1)]));
    t.drain().await;
    t.advance_seconds(26 * 3600);
    t.anonymous().post("/_local/run/relay_outbox", json!({})).await.ok();
    assert_eq!(counter(&t, ada.org(), "storage_bytes").await, Some(4));
    assert_eq!(counter(&t, ada.org(), "documents").await, Some(1));
}

#[tokio::test]
async fn a_deleted_document_gives_its_room_back_once() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    earlier_documents(&t, &ada, 98, 10).await;
    for _ in 0..rounds() {
        let made = ada
            .upload("a.txt", "The warranty is five years.")
            .await
            .created()
            .text("id");
        ada.upload("b.txt", "text").await.problem(409, "limit_reached");
        let path = format!("/api/v1/documents/{made}");
        // Deleting it, uploading and indexing meet.
        let upload = |number: usize| {
            let ada = ada.clone();
            async move { ada.upload(&format!("{number}.txt"), "text").await }
        };
        let (gone, uploads, _) = tokio::join!(
            join_all((0..8).map(|_| ada.delete(&path))),
            join_all((0..16).map(upload)),
            t.drain()
        );
        assert_eq!(statuses(&gone), BTreeMap::from([(204, 1), (404, 7)]));
        let mut created = outcome(uploads, "documents", 100);
        if created.is_empty() {
            created.push(ada.upload("b.txt", "text").await.created().json());
        }
        assert_eq!(created.len(), 1);
        ada.upload("c.txt", "text").await.problem(409, "limit_reached");
        ada.delete(&format!("/api/v1/documents/{}", id(&created[0])))
            .await
            .expect(204);
        assert_eq!(counter(&t, ada.org(), "documents").await, Some(99));
        assert_eq!(counter(&t, ada.org(), "storage_bytes").await, Some(98 * 10 + 4));
    }
    t.drain_all().await;
    t.advance_seconds(25 * 3600);
    t.anonymous().post("/_local/run/relay_outbox", json!({})).await.ok();
    let files: Vec<String> = t.object_keys().await;
    let sample = ada
        .sign_in_again()
        .await
        .get("/api/v1/documents?limit=1")
        .await
        .ok()
        .json()[0]["id"]
        .clone();
    let sample = sample.as_str().unwrap();
    assert!(
        files.iter().all(|key| key.contains(sample)),
        "files of deleted documents: {files:?}"
    );
}

#[tokio::test]
async fn counters_that_are_wrong_are_counted_anew() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    ada.chatbot(&[]).await;
    ada.upload("a.txt", "text").await.created();
    ada.begin_upload("b.txt", 6).await;
    let store = store::Store::new(t.stack.sdk(), store::Tables::with_prefix("parlance"));
    for wrong in [0, 99] {
        let update = t.db().update_item().table_name(APP);
        let update = update.key("pk", AttributeValue::S(format!("O#{}", ada.org())));
        let update = update.key("sk", AttributeValue::S("COUNTS".to_owned()));
        let update = update.update_expression("SET chatbots = :n, documents = :n, storage_bytes = :n");
        let wrong = AttributeValue::N(wrong.to_string());
        update.expression_attribute_values(":n", wrong).send().await.unwrap();
        store
            .recount_resources(&model::OrgId(ada.org().to_owned()))
            .await
            .unwrap();
        let bot = ada.chatbot(&[]).await;
        assert_eq!(counter(&t, ada.org(), "chatbots").await, Some(2));
        ada.delete(&format!("{CHATBOTS}/{bot}")).await.expect(204);
        let made = ada.upload("c.txt", "ten bytes.").await.created().text("id");
        assert_eq!(counter(&t, ada.org(), "documents").await, Some(3));
        assert_eq!(counter(&t, ada.org(), "storage_bytes").await, Some(4 + 6 + 10));
        ada.delete(&format!("/api/v1/documents/{made}")).await.expect(204);
    }
}

/// The organizations that the caller owns, the personal one left out.
async fn owned(caller: &Caller) -> Vec<String> {
    let listed = caller.get(ORGS).await.ok().json();
    let shared = listed
        .as_array()
        .unwrap()
        .iter()
        .filter(|org| org["personal"] == false && org["role"] == "owner");
    shared.map(|org| org["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn of_many_organizations_at_once_a_person_gets_as_many_as_their_plan_allows() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    for _ in 0..rounds() {
        let new = |number: usize| ada.post(ORGS, json!({"name": format!("Acme {number}")}));
        assert_eq!(
            outcome(join_all((0..RACERS).map(new)).await, "organizations", 3).len(),
            3
        );
        assert_eq!(owned(&ada).await.len(), 3);
        let paths: Vec<String> = owned(&ada).await.iter().map(|id| format!("{ORGS}/{id}")).collect();
        ada.delete(&paths[0]).await.expect(204);
        assert_eq!(
            outcome(join_all((0..RACERS).map(new)).await, "organizations", 3).len(),
            1
        );
        for id in owned(&ada).await {
            ada.delete(&format!("{ORGS}/{id}")).await.expect(204);
        }
    }
    // The largest plan that they own counts.
    ada.found_org("acme").await;
    let ids = owned(&ada).await;
    t.set_plan(&ids[0], "PRO").await;
    let new = |number: usize| ada.post(ORGS, json!({"name": format!("Acme {number}")}));
    assert_eq!(
        outcome(join_all((0..RACERS).map(new)).await, "organizations", 10).len(),
        9
    );
}

#[tokio::test]
async fn nobody_is_made_the_owner_of_more_organizations_than_their_plan_allows() {
    let t = Test::new().await;
    let (ada, bob) = (t.user("ada").await, t.user("bob").await);
    for number in 0..3 {
        bob.found_org(&format!("own {number}")).await;
    }
    let acme = format!("{ORGS}/{}", ada.found_org("acme").await);
    super::orgs::join(&t, &ada, &acme, &bob, "admin").await;
    let of_bob = format!("{acme}/members/{}", bob.id());
    let promoted = ada.patch(&of_bob, json!({"role": "owner"})).await;
    assert_eq!(promoted.problem(409, "limit_reached")["limit"]["kind"], "organizations");
    let handed = ada
        .post(&format!("{acme}/transfer"), json!({"user_id": bob.id()}))
        .await;
    assert_eq!(handed.problem(409, "limit_reached")["limit"]["used"], 3);
    bob.post(&format!("{acme}/leave"), json!({})).await.expect(204);
    ada.post(
        &format!("{acme}/invite"),
        json!({"email": "bob@example.com", "role": "owner"}),
    )
    .await
    .created();
    let token = json!({"token": t.invitation_token("bob@example.com").await});
    bob.post("/api/v1/invitations/accept", token.clone())
        .await
        .problem(409, "limit_reached");
    let first = owned(&bob).await.remove(0);
    bob.delete(&format!("{ORGS}/{first}")).await.expect(204);
    bob.post("/api/v1/invitations/accept", token).await.ok();
    assert_eq!(owned(&bob).await.len(), 3);
}

#[tokio::test]
async fn whoever_is_handed_many_organizations_at_once_gets_as_many_as_their_plan_allows() {
    let t = Test::new().await;
    let bob = t.user("bob").await;
    let mut offers = Vec::new();
    for number in 0..8 {
        let ada = t.user(&format!("ada{number}")).await;
        let acme = format!("{ORGS}/{}", ada.found_org("acme").await);
        super::orgs::join(&t, &ada, &acme, &bob, "member").await;
        offers.push((ada, acme));
    }
    let acts = offers.iter().enumerate().map(|(number, (ada, acme))| {
        let bob = bob.id();
        async move {
            if number % 2 == 0 {
                ada.patch(&format!("{acme}/members/{bob}"), json!({"role": "owner"}))
                    .await
            } else {
                ada.post(&format!("{acme}/transfer"), json!({ "user_id": bob })).await
            }
        }
    });
    let founding = join_all((0..8).map(|number| bob.post(ORGS, json!({"name": format!("own {number}")}))));
    let (handed, founded) = tokio::join!(join_all(acts), founding);
    for answer in handed.iter().chain(&founded) {
        assert!(
            [200, 201, 204, 409].contains(&answer.status.as_u16()),
            "{}",
            answer.status
        );
    }
    assert_eq!(owned(&bob).await.len(), 3);
}

#[tokio::test]
async fn requests_a_minute_are_a_persons_own_however_many_organizations_they_make() {
    let t = Test::new().await;
    let (ada, bob) = (t.user("ada").await, t.user("bob").await);
    let mut places = vec![ada.clone()];
    for number in 0..3 {
        let org = ada.found_org(&format!("acme {number}")).await;
        places.push(ada.with_header("x-current-org", &org));
    }
    let question = json!({"model": "local", "max_tokens": 1, "messages": [{"role": "user", "content": "Hello?"}]});
    let clock = &t.stack.app().clock;
    let began = clock.now();
    let answers = join_all((0..160).map(|number| {
        let (place, question) = (&places[number % places.len()], question.clone());
        async move { place.post("/v1/chat/completions", question).await }
    }))
    .await;
    let seconds = usize::try_from(clock.now().duration_since(began).as_secs()).unwrap() + 1;
    let counts = statuses(&answers);
    let passed = counts[&200];
    assert!((60..=60 + seconds).contains(&passed), "{counts:?} in {seconds} s");
    assert_eq!(passed + counts[&429], 160, "{counts:?}");
    // Somebody else is not in the way.
    bob.post("/v1/chat/completions", question.clone()).await.ok();
    t.advance_seconds(60);
    for place in &places {
        place.post("/v1/chat/completions", question.clone()).await.ok();
    }
}
