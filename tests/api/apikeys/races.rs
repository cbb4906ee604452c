//! Changes of a key by many at once.

use futures::future::join_all;
use serde_json::json;

use super::{KEYS, key_of, one};
use crate::support::Test;

#[tokio::test]
async fn of_many_who_rotate_or_erase_a_key_at_once_one_wins() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let (id, _) = key_of(&t, &ada, json!({"name": "Kiosk"})).await;
    let path = format!("{}/rotate", one(&id));
    let rotations = join_all((0..16).map(|_| ada.post(&path, json!({})))).await;
    let mut won = Vec::new();
    for rotation in rotations {
        if rotation.status == 200 {
            won.push(rotation.text("key"));
        } else {
            rotation.problem(409, "key_rotated");
        }
    }
    assert!(!won.is_empty());
    let working = join_all(
        won.iter()
            .map(|key| async { t.anonymous().with_token(key).get("/api/v1/documents").await.status == 200 }),
    );
    assert_eq!(
        working.await.into_iter().filter(|works| *works).count(),
        1,
        "one secret works"
    );
    let path = format!("{}/permanent", one(&id));
    let erased = join_all((0..16).map(|_| ada.delete(&path))).await;
    let statuses: Vec<u16> = erased.iter().map(|answer| answer.status.as_u16()).collect();
    assert_eq!(
        statuses.iter().filter(|status| **status == 204).count(),
        1,
        "{statuses:?}"
    );
    assert_eq!(
        statuses.iter().filter(|status| **status == 404).count(),
        15,
        "{statuses:?}"
    );
    let left = t.items("parlance-identity").await;
    assert!(
        left.keys()
            .all(|(pk, sk)| !pk.starts_with("AK#") && !sk.starts_with("AK#")),
        "no orphan"
    );
}

#[tokio::test]
async fn after_a_revocation_no_secret_works_whatever_was_going_on() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    for _ in 0..8 {
        let (id, first) = key_of(&t, &ada, json!({"name": "Kiosk"})).await;
        let (path, row) = (format!("{}/rotate", one(&id)), one(&id));
        let (rotations, revocations) = futures::join!(
            join_all((0..4).map(|_| ada.post(&path, json!({"overlap_seconds": 60})))),
            join_all((0..4).map(|_| ada.delete(&row))),
        );
        assert!(revocations.iter().all(|answer| answer.status == 204));
        let mut secrets = vec![first.token.clone()];
        secrets.extend(rotations.iter().filter(|it| it.status == 200).map(|it| it.text("key")));
        for secret in secrets {
            t.anonymous()
                .with_token(&secret)
                .get("/api/v1/documents")
                .await
                .problem(401, "api_key_invalid");
        }
        assert_eq!(ada.get(&row).await.ok().json()["status"], "revoked");
    }
    let revoked = t
        .audited(ada.org())
        .await
        .into_iter()
        .filter(|action| action == "api_key.revoked");
    assert_eq!(revoked.count(), 8, "once each");
}

#[tokio::test]
async fn of_many_who_take_the_last_place_for_a_key_one_gets_it() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    t.set_counter(ada.org(), "api_keys", 99).await;
    let made = join_all((0..16).map(|_| ada.post(KEYS, json!({"name": "Last"})))).await;
    let mut ids = Vec::new();
    for answer in made {
        if answer.status == 201 {
            ids.push(answer.text("id"));
        } else {
            answer.problem(409, "key_limit");
        }
    }
    assert_eq!(ids.len(), 1);
    ada.delete(&one(&ids[0])).await.expect(204);
    ada.api_key(json!({"name": "A revoked one frees its place"})).await;
}
