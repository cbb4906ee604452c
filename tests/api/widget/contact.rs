//! Visitors who leave their address, or ask for a person.

use serde_json::json;

use super::OnSite;

#[tokio::test]
async fn the_creator_hears_of_visitors_who_leave_their_address() {
    let site = OnSite::with(json!({"lead_form": true})).await;
    let session = site.session().await;
    let body = json!({"sessionId": session, "name": "Grace", "email": "grace@example.com",
        "message": "Please call me.\nhttps://evil.example"});
    site.visitor().post(&site.path("lead"), body).await.expect(204);
    site.t.drain().await;
    let mails = site.t.outbox().await;
    let mail = mails
        .iter()
        .find(|mail| mail["subject"].as_str().unwrap().contains("left their address"))
        .unwrap();
    let text = mail["text"].as_str().unwrap();
    assert!(
        text.contains("Name: Grace") && text.contains("Email: grace@example.com"),
        "{text}"
    );
    assert!(
        text.contains("> Please call me.\n> https://evil.example\n"),
        "a visitor's words are quoted: {text}"
    );
    let sessions = site.ada.get("/api/v1/chat/sessions?channel=website").await.ok().json();
    assert_eq!(
        sessions[0]["visitor"],
        json!({"name": "Grace", "email": "grace@example.com", "note": "Please call me.\nhttps://evil.example",
            "asked_for_person": false})
    );
    // It is offered only where the integration says so.
    let body = json!({"sessionId": session});
    site.visitor()
        .post(&site.path("handover"), body)
        .await
        .problem(404, "not_found");
    let body = json!({"sessionId": session, "email": "no address"});
    assert_eq!(
        site.visitor().post(&site.path("lead"), body).await.invalid(),
        ["/email"]
    );
}

#[tokio::test]
async fn a_person_is_asked_for_and_mails_are_limited() {
    let site = OnSite::with(json!({"handover": true})).await;
    let session = site.session().await;
    let ask = async |message: &str| {
        let body = json!({"sessionId": session, "message": message, "email": "grace@example.com"});
        site.visitor().post(&site.path("handover"), body).await
    };
    let asked = futures::future::join_all(["one", "two", "three"].map(&ask)).await;
    for answer in asked {
        answer.expect(204);
    }
    ask("four").await.problem(429, "too_many_messages");
    site.t.drain().await;
    let mails = site.t.outbox().await;
    let told = mails
        .iter()
        .filter(|mail| mail["subject"].as_str().unwrap().contains("asks for a person"));
    assert_eq!(told.count(), 3, "{mails:?}");
    let sessions = site.ada.get("/api/v1/chat/sessions?channel=website").await.ok().json();
    assert_eq!(sessions[0]["visitor"]["asked_for_person"], true);
}

#[tokio::test]
async fn a_lead_is_not_lost_with_the_queue() {
    let site = OnSite::with(json!({"lead_form": true})).await;
    let session = site.session().await;
    let body = json!({"sessionId": session, "email": "grace@example.com"});
    let send = async || site.visitor().post(&site.path("lead"), body).await;
    site.t.without_queue("send_mail", send()).await.expect(204);
    site.t.advance_seconds(20 * 60);
    site.t
        .anonymous()
        .post("/_local/run/relay_outbox", json!({}))
        .await
        .ok();
    site.t.drain().await;
    let mails = site.t.outbox().await;
    assert!(
        mails
            .iter()
            .any(|mail| mail["subject"].as_str().unwrap().contains("left their address")),
        "{mails:?}"
    );
}
