//! Web pages that are fetched again: what has changed becomes a version, what is gone is reported.

use futures::future::join_all;
use serde_json::{Value, json};

use crate::support::{Caller, LiveSite, Test, statuses};

const URL: &str = "/api/v1/documents/url";
const DAY: u64 = 24 * 60 * 60;

/// A page that is refreshed every day, and somebody whose chatbot answers from it.
struct Daily {
    site: LiveSite,
    t: Test,
    ada: Caller,
    id: String,
    session: String,
}

impl Daily {
    async fn set() -> Self {
        let site = LiveSite::start().await;
        site.page("/hours", "Hours", "The roastery is open from nine to five.", &[]);
        let t = Test::with(&[("ALLOW_PRIVATE_FETCH", &site.host())]).await;
        let ada = t.user("ada").await;
        let new = json!({"url": site.url("/hours"), "refresh": {"every": "day"}});
        let id = ada.post(URL, new).await.created().text("id");
        let session = ada.session(&[&id]).await;
        site.requests();
        Self {
            site,
            t,
            ada,
            id,
            session,
        }
    }

    async fn document(&self) -> Value {
        self.ada
            .get(&format!("/api/v1/documents/{}", self.id))
            .await
            .ok()
            .json()
    }

    async fn next_day(&mut self) {
        self.t.advance_seconds(DAY + 60);
        self.ada = self.ada.sign_in_again().await;
        self.relay().await;
    }

    async fn relay(&self) {
        self.t
            .anonymous()
            .post("/_local/run/relay_outbox", json!({}))
            .await
            .ok();
        self.t.drain().await;
    }

    async fn answer(&self) -> String {
        let answer = self.ada.ask(&self.session, "When is the roastery open?").await.ok();
        answer.text("content")
    }
}

#[tokio::test]
async fn a_changed_page_becomes_a_version_and_an_unchanged_one_does_not() {
    let mut daily = Daily::set().await;
    daily.relay().await;
    assert_eq!(daily.site.requests(), Vec::<String>::new(), "it is not due");
    daily.next_day().await;
    assert_eq!(daily.site.requests(), ["/hours 304"]);
    let checked = daily.document().await;
    assert_eq!(
        (&checked["version"], &checked["check_error"]),
        (&json!(1), &Value::Null)
    );
    assert!(checked["checked_at"].is_string(), "{checked}");
    // Other bytes, the same text.
    let same = "<!doctype html><html lang=en><head><title>Hours</title><meta name=x content=1></head><body><main>\
                <h1>Hours</h1><p>The roastery is open from nine to five.</p></main></body></html>";
    daily.site.put("/hours", "text/html; charset=utf-8", same);
    daily.next_day().await;
    assert_eq!(daily.site.requests(), ["/hours"]);
    assert_eq!(daily.document().await["version"], 1);
    daily.next_day().await;
    assert_eq!(daily.site.requests(), ["/hours 304"], "its new tag is known");
    daily
        .site
        .page("/hours", "Hours", "The roastery is open from ten to six.", &[]);
    daily.next_day().await;
    let changed = daily.document().await;
    assert_eq!(
        (&changed["version"], &changed["status"]),
        (&json!(2), &json!("ready")),
        "{changed}"
    );
    assert!(daily.answer().await.contains("ten to six"));
    let actions = daily.t.audited(daily.ada.org()).await;
    assert!(actions.contains(&"document.version_created".to_owned()), "{actions:?}");
    // The version before can be had back.
    let restore = format!("/api/v1/documents/{}/versions/1/restore", daily.id);
    daily.ada.post(&restore, json!({})).await.ok();
    daily.t.drain().await;
    assert!(daily.answer().await.contains("nine to five"));
}

#[tokio::test]
async fn a_page_that_is_gone_is_reported_and_answers_go_on() {
    let mut daily = Daily::set().await;
    daily.site.fail("/hours", 410, None);
    daily.next_day().await;
    let gone = daily.document().await;
    assert_eq!(
        (&gone["status"], &gone["check_error_code"]),
        (&json!("ready"), &json!("not_found")),
        "{gone}"
    );
    let since = gone["page_gone_since"].clone();
    assert!(since.is_string(), "{gone}");
    assert!(daily.answer().await.contains("nine to five"));
    daily.next_day().await;
    assert_eq!(daily.document().await["page_gone_since"], since, "since the first time");
    daily.site.fail("/hours", 500, None);
    daily.next_day().await;
    daily.t.drain_all().await;
    let ada = daily.ada.sign_in_again().await;
    let down = ada.get(&format!("/api/v1/documents/{}", daily.id)).await.ok().json();
    assert_eq!(
        (&down["check_error_code"], &down["page_gone_since"]),
        (&json!("site_error"), &since),
        "{down}"
    );
    daily
        .site
        .page("/hours", "Hours", "The roastery is open at night.", &[]);
    daily.next_day().await;
    let back = daily.document().await;
    assert_eq!(
        (&back["version"], &back["page_gone_since"]),
        (&json!(2), &Value::Null),
        "{back}"
    );
}

#[tokio::test]
async fn messages_that_are_repeated_fetch_once() {
    let mut daily = Daily::set().await;
    daily
        .site
        .page("/hours", "Hours", "The roastery is open from ten to six.", &[]);
    daily.t.advance_seconds(DAY + 60);
    daily.ada = daily.ada.sign_in_again().await;
    // The schedule runs several times before a worker looks.
    let t = &daily.t;
    let schedule = t.anonymous();
    let runs = join_all((0..4).map(|_| schedule.post("/_local/run/relay_outbox", json!({})))).await;
    assert_eq!(statuses(&runs), [(200, 4)].into());
    t.drain().await;
    assert_eq!(daily.site.requests().len(), 1);
    assert_eq!(daily.document().await["version"], 2);
    let due: Vec<_> = t
        .items("parlance-app")
        .await
        .into_keys()
        .filter(|(pk, _)| pk == "FETCH")
        .collect();
    assert_eq!(due.len(), 1, "{due:?}");
}

#[tokio::test]
async fn a_lost_message_is_made_up_for_an_hour_later() {
    let mut daily = Daily::set().await;
    daily.t.advance_seconds(DAY + 60);
    daily.ada = daily.ada.sign_in_again().await;
    let schedule = daily.t.anonymous();
    let relay = schedule.post("/_local/run/relay_outbox", json!({}));
    daily.t.without_queue("fetch_pages", relay).await;
    daily.relay().await;
    assert_eq!(daily.site.requests(), Vec::<String>::new());
    daily.t.advance_seconds(3_700);
    daily.relay().await;
    assert_eq!(daily.site.requests(), ["/hours 304"]);
}

#[tokio::test]
async fn it_is_set_and_ended_like_other_details() {
    let mut daily = Daily::set().await;
    let path = format!("/api/v1/documents/{}", daily.id);
    let changed = daily
        .ada
        .patch(&path, json!({"refresh": {"every": "month"}, "name": "Mine"}))
        .await
        .ok()
        .json();
    assert_eq!(
        (&changed["refresh"]["every"], &changed["name"]),
        (&json!("month"), &json!("Mine"))
    );
    assert!(changed["next_refresh_at"].is_string());
    let kept = daily.ada.patch(&path, json!({"name": "Ours"})).await.ok().json();
    assert_eq!(kept["refresh"]["every"], "month", "what is left out stays");
    let ended = daily.ada.patch(&path, json!({"refresh": null})).await.ok().json();
    assert_eq!(
        (&ended["refresh"], &ended["next_refresh_at"]),
        (&Value::Null, &Value::Null)
    );
    assert!(daily.t.items("parlance-app").await.keys().all(|(pk, _)| pk != "FETCH"));
    daily.next_day().await;
    assert_eq!(daily.site.requests(), Vec::<String>::new());
    let notes = daily.ada.upload("notes.txt", "text").await.created().text("id");
    let notes = format!("/api/v1/documents/{notes}");
    daily
        .ada
        .patch(&notes, json!({"refresh": {"every": "day"}}))
        .await
        .problem(409, "no_web_page");
    daily
        .ada
        .patch(&path, json!({"refresh": {"every": "hour"}}))
        .await
        .problem(422, "invalid");
    let every = json!({"refresh": {"every": "week"}});
    let answers = join_all((0..16).map(|_| daily.ada.patch(&path, every.clone()))).await;
    assert_eq!(statuses(&answers), [(200, 16)].into());
    let due: Vec<_> = daily
        .t
        .items("parlance-app")
        .await
        .into_keys()
        .filter(|(pk, _)| pk == "FETCH")
        .collect();
    assert_eq!(due.len(), 1, "{due:?}");
    daily.ada.delete(&path).await.expect(204);
    assert!(daily.t.items("parlance-app").await.keys().all(|(pk, _)| pk != "FETCH"));
}
