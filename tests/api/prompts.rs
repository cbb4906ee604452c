//! Prompts: those that people keep and share, and those of the platform.

use futures::future::join_all;
use serde_json::{Value, json};

use crate::support::{ADMIN, Caller, Test};

const OWN: &str = "/api/v1/user_prompts";
const SYSTEM: &str = "/api/v1/system_prompts";
const INTERNAL: &str = "/api/v1/internal";

async fn kept(by: &Caller, body: Value) -> String {
    let made = by.post(OWN, body).await.created();
    format!("{OWN}/{}", made.text("prompt_id"))
}

#[tokio::test]
async fn a_prompt_is_kept_read_changed_and_deleted() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let made = ada
        .post(OWN, json!({"prompt_text": "Say hello to {{name}}."}))
        .await
        .created()
        .json();
    assert_eq!(made["user_id"], ada.id());
    assert_eq!((&made["version"], &made["variables"]), (&json!(1), &json!(["name"])));
    let path = format!("{OWN}/{}", made["prompt_id"].as_str().unwrap());
    assert_eq!(ada.get(&path).await.ok().json(), made);
    let changed = ada
        .put(&path, json!({"prompt_text": "Say hello.", "name": "Greeting"}))
        .await
        .ok()
        .json();
    assert_eq!(
        (&changed["prompt_text"], &changed["name"], &changed["version"]),
        (&json!("Say hello."), &json!("Greeting"), &json!(2))
    );
    let same = ada.put(&path, json!({"prompt_text": "Say hello."})).await.ok().json();
    assert_eq!(same, changed, "the same text is no new version");
    for list in [
        OWN.to_owned(),
        format!("{OWN}/user/{}", ada.id()),
        format!("{OWN}/user/me"),
    ] {
        assert_eq!(ada.get(&list).await.ok().json(), json!([changed]), "{list}");
    }
    let deleted = ada.delete(&path).await.ok().json();
    assert_eq!(deleted, json!({"message": "Prompt deleted successfully"}));
    ada.get(&path).await.problem(404, "not_found");
    ada.delete(&path).await.problem(404, "not_found");
    ada.put(&path, json!({"name": "x"})).await.problem(404, "not_found");
    assert_eq!(ada.get(OWN).await.ok().json(), json!([]));
    let left = t.items("parlance-app").await;
    assert!(
        left.keys().all(|(pk, sk)| !pk.contains("UP#") && !sk.contains("UP#")),
        "{left:?}"
    );
}

#[tokio::test]
async fn a_prompt_of_another_person_is_not_there_and_one_of_another_organization_neither() {
    let t = Test::new().await;
    let (ada, bob) = (t.user("ada").await, t.user("bob").await);
    let org = t.shared_org("press", &[(&ada, "owner"), (&bob, "member")]).await;
    let path = kept(&ada.with_header("x-current-org", &org), json!({"prompt_text": "Mine"})).await;
    for caller in [&bob.with_header("x-current-org", &org), &bob, &ada] {
        caller.get(&path).await.problem(404, "not_found");
        caller.put(&path, json!({"name": "x"})).await.problem(404, "not_found");
        caller.delete(&path).await.problem(404, "not_found");
        caller.get(&format!("{path}/versions")).await.problem(404, "not_found");
        caller
            .get(&format!("{path}/versions/1"))
            .await
            .problem(404, "not_found");
        caller
            .post(&format!("{path}/render"), json!({}))
            .await
            .problem(404, "not_found");
        let label = caller.put(&format!("{path}/labels/live"), json!({"version": 1})).await;
        label.problem(404, "not_found");
    }
    bob.get(&format!("{OWN}/user/{}", ada.id()))
        .await
        .problem(404, "not_found");
}

#[tokio::test]
async fn a_shared_prompt_is_read_by_all_members_and_changed_by_its_owner() {
    let t = Test::new().await;
    let (ada, bob) = (t.user("ada").await, t.user("bob").await);
    let org = t.shared_org("press", &[(&ada, "member"), (&bob, "owner")]).await;
    let (ada, bob) = (
        ada.with_header("x-current-org", &org),
        bob.with_header("x-current-org", &org),
    );
    let path = kept(&ada, json!({"prompt_text": "Ours: {{topic}}", "shared": true})).await;
    let seen = bob.get(&path).await.ok().json();
    assert_eq!(seen["user_id"], ada.id());
    let shared = format!("{OWN}?scope=org");
    assert_eq!(bob.get(&shared).await.ok().json(), json!([seen]));
    assert_eq!(bob.get(OWN).await.ok().json(), json!([]), "it is not bob's own");
    let text = bob
        .post(&format!("{path}/render"), json!({"variables": {"topic": "rain"}}))
        .await
        .ok();
    assert_eq!(text.text("text"), "Ours: rain");
    bob.put(&path, json!({"name": "x"})).await.problem(403, "not_owner");
    bob.delete(&path).await.problem(403, "not_owner");

    ada.put(&path, json!({"prompt_text": "Changed"})).await.ok();
    assert_eq!(bob.get(&path).await.ok().text("prompt_text"), "Changed");
    ada.put(&path, json!({"shared": false})).await.ok();
    bob.get(&path).await.problem(404, "not_found");
    assert_eq!(bob.get(&shared).await.ok().json(), json!([]));
    ada.put(&path, json!({"shared": true})).await.ok();
    ada.delete(&path).await.ok();
    bob.get(&path).await.problem(404, "not_found");
}

#[tokio::test]
async fn versions_stay_and_labels_point_to_them() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let path = kept(&ada, json!({"prompt_text": "One"})).await;
    ada.put(&path, json!({"prompt_text": "Two {{x}}"})).await.ok();
    let texts = |answer: Value| -> Vec<String> {
        let versions = answer.as_array().unwrap().iter();
        versions
            .map(|version| version["prompt_text"].as_str().unwrap().to_owned())
            .collect()
    };
    let versions = ada.get(&format!("{path}/versions")).await.ok().json();
    assert_eq!(texts(versions), ["Two {{x}}", "One"]);
    let labelled = ada
        .put(&format!("{path}/labels/live"), json!({"version": 1}))
        .await
        .ok()
        .json();
    assert_eq!(labelled["labels"], json!({"live": 1}));
    for (name, text) in [
        ("live", "One"),
        ("1", "One"),
        ("2", "Two {{x}}"),
        ("latest", "Two {{x}}"),
    ] {
        let version = ada.get(&format!("{path}/versions/{name}")).await.ok();
        assert_eq!(version.text("prompt_text"), text, "{name}");
    }
    let rendered = ada
        .post(&format!("{path}/render"), json!({"version": "live"}))
        .await
        .ok();
    assert_eq!(rendered.text("text"), "One");
    for absent in ["3", "0", "staging"] {
        ada.get(&format!("{path}/versions/{absent}"))
            .await
            .problem(404, "not_found");
    }
    ada.delete(&format!("{path}/labels/live")).await.expect(204);
    ada.delete(&format!("{path}/labels/live"))
        .await
        .problem(404, "not_found");
    let label = |name: &str| format!("{path}/labels/{name}");
    assert_eq!(
        ada.put(&label("live"), json!({"version": 3})).await.invalid(),
        ["/version"]
    );
    for taken in ["latest", "2", "007"] {
        let answer = ada.put(&label(taken), json!({"version": 1})).await;
        assert_eq!(answer.invalid(), ["/label"], "{taken}");
    }
    for number in ["01", "+1", "1.0"] {
        ada.get(&format!("{path}/versions/{number}"))
            .await
            .problem(404, "not_found");
    }
    for number in 0..20 {
        ada.put(&label(&format!("l{number}")), json!({"version": 1})).await.ok();
    }
    let one_more = ada.put(&label("l20"), json!({"version": 1})).await;
    one_more.problem(409, "label_limit");
}

#[tokio::test]
async fn changes_at_once_are_all_kept_as_versions() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let path = kept(&ada, json!({"prompt_text": "0"})).await;
    let writers = (1..=16).map(|number| {
        let (ada, path) = (&ada, &path);
        async move { ada.put(path, json!({"prompt_text": number.to_string()})).await.ok() }
    });
    join_all(writers).await;
    let versions = ada.get(&format!("{path}/versions")).await.ok().json();
    let mut texts: Vec<u32> = versions
        .as_array()
        .unwrap()
        .iter()
        .map(|version| version["prompt_text"].as_str().unwrap().parse().unwrap())
        .collect();
    texts.sort_unstable();
    assert_eq!(texts, (0..=16).collect::<Vec<_>>());
    assert_eq!(ada.get(&path).await.ok().json()["version"], 17);
}

#[tokio::test]
async fn of_sixteen_deletions_one_finds_the_prompt() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let path = kept(&ada, json!({"prompt_text": "Gone soon"})).await;
    let answers = join_all((0..16).map(|_| ada.delete(&path))).await;
    assert!(answers.iter().any(|answer| answer.status.as_u16() == 200));
    assert!(
        answers
            .iter()
            .all(|answer| [200, 404].contains(&answer.status.as_u16()))
    );
    ada.get(&path).await.problem(404, "not_found");
    let left = t.items("parlance-app").await;
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn bad_input_is_named() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    for text in ["", " \n", "\u{200b}", &"x".repeat(32_001)] {
        assert_eq!(
            ada.post(OWN, json!({"prompt_text": text})).await.invalid(),
            ["/prompt_text"]
        );
    }
    ada.post(OWN, json!({"prompt_text": "x", "user_id": "somebody"}))
        .await
        .problem(403, "foreign_user_id");
    let path = kept(&ada, json!({"prompt_text": "{{a}} {{b}}", "user_id": ada.id()})).await;
    let values = json!({"variables": {"b": "1", "c": "2"}});
    let wrong = ada.post(&format!("{path}/render"), values).await.invalid();
    assert_eq!(wrong, ["/variables/a", "/variables/c"]);
    ada.get(&format!("{OWN}?scope=all")).await.expect(422);
}

#[tokio::test]
async fn admins_offer_prompts_and_everybody_reads_them() {
    let t = Test::with(&ADMIN).await;
    let (ada, root) = (t.user("ada").await, t.admin().await);
    let new = json!({"prompt_text": "Answer in one sentence."});
    ada.post(SYSTEM, new.clone()).await.problem(403, "role_required");
    let made = root.post(SYSTEM, new.clone()).await.created().json();
    let path = format!("{SYSTEM}/{}", made["prompt_id"].as_str().unwrap());
    assert_eq!(ada.get(SYSTEM).await.ok().json(), json!([made]));
    assert_eq!(ada.get(&path).await.ok().json(), made);
    ada.put(&path, new.clone()).await.problem(403, "role_required");
    ada.delete(&path).await.problem(403, "role_required");
    t.anonymous().get(SYSTEM).await.problem(401, "credentials_required");
    let change = json!({"prompt_text": "Answer in two sentences.", "name": "Short"});
    let changed = root.put(&path, change).await.ok().json();
    assert_eq!(ada.get(&path).await.ok().json(), changed);
    let deleted = root.delete(&path).await.ok().json();
    assert_eq!(deleted, json!({"message": "Prompt deleted successfully"}));
    root.delete(&path).await.problem(404, "not_found");
    root.put(&path, new).await.problem(404, "not_found");
    assert_eq!(ada.get(SYSTEM).await.ok().json(), json!([]));
    let log = root.get("/api/v1/audit_logs/user/me").await.ok().json();
    let actions: Vec<_> = log
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["action"].clone())
        .collect();
    for action in [
        "system_prompt.created",
        "system_prompt.changed",
        "system_prompt.deleted",
    ] {
        assert!(actions.contains(&json!(action)), "{actions:?}");
    }
}

#[tokio::test]
async fn an_admin_keeps_and_lists_prompts_for_somebody_else() {
    let t = Test::with(&ADMIN).await;
    let (ada, root) = (t.user("ada").await, t.admin().await);
    let made = root
        .post(OWN, json!({"prompt_text": "For you", "user_id": ada.id()}))
        .await
        .created()
        .json();
    assert_eq!(ada.get(OWN).await.ok().json(), json!([made]));
    let list = format!("{OWN}/user/{}", ada.id());
    assert_eq!(root.get(&list).await.ok().json(), json!([made]));
    let nobody = json!({"prompt_text": "x", "user_id": "nobody"});
    root.post(OWN, nobody).await.problem(404, "not_found");
}

#[tokio::test]
async fn the_service_lists_keeps_and_deletes_prompts_of_everybody() {
    let t = Test::with(&[("INTERNAL_API_KEY", "a-service-key")]).await;
    let service = t.anonymous().with_header("x-api-key", "a-service-key");
    let ada = t.user("ada").await;
    let new = json!({"user_id": ada.id(), "prompt_text": "Kept for Ada"});
    let made = service.post(&format!("{INTERNAL}/user-prompts"), new).await.created();
    let (id, list) = (
        made.text("prompt_id"),
        format!("{INTERNAL}/users/{}/user-prompts", ada.id()),
    );
    assert_eq!(service.get(&list).await.ok().json(), json!([made.json()]));
    assert_eq!(ada.get(OWN).await.ok().json()[0]["prompt_id"], json!(id));
    let path = format!("{INTERNAL}/user-prompts/{id}");
    ada.delete(&path).await.problem(401, "service_key_required");
    let deleted = service.delete(&path).await.ok().json();
    assert_eq!(deleted, json!({"message": "User prompt deleted successfully"}));
    service.delete(&path).await.problem(404, "not_found");
    assert_eq!(
        service.get(&format!("{INTERNAL}/system-prompts")).await.ok().json(),
        json!([])
    );
    let nobody = json!({"user_id": "nobody", "prompt_text": "x"});
    let nowhere = service.post(&format!("{INTERNAL}/user-prompts"), nobody).await;
    nowhere.problem(404, "not_found");
}
