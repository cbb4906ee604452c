//! Satisfaction and unanswered questions, by day, chatbot and member.

use futures::future::join_all;
use serde_json::{Value, json};

use crate::support::{Caller, Test};

const ANALYTICS: &str = "/api/v1/premium/analytics";

async fn analytics(caller: &Caller) -> Value {
    caller.get(ANALYTICS).await.ok().json()
}

/// Good, bad and unanswered, of the whole or of a group.
fn figures(answers: &Value) -> [u64; 3] {
    ["rated_up", "rated_down", "unanswered"].map(|name| answers[name].as_u64().unwrap())
}

fn group<'a>(report: &'a Value, by: &str, name: &str) -> &'a Value {
    let groups = report[by].as_array().unwrap().iter();
    let mut found = groups.filter(|group| group["name"].as_str() == Some(name));
    &found.next().unwrap_or_else(|| panic!("{name} in {report}"))["answers"]
}

/// Asks a chatbot; the session, and the ID of the answer.
async fn asked(caller: &Caller, chatbot: &str, question: &str) -> (String, String) {
    let session = caller
        .post("/api/v1/chat/sessions", json!({"chatbot_id": chatbot}))
        .await
        .created()
        .text("id");
    let answer = caller.ask(&session, question).await;
    assert!(answer.status.is_success(), "{}", answer.status);
    let list = caller
        .get(&format!("/api/v1/chat/sessions/{session}/messages"))
        .await
        .ok()
        .json();
    let answers = list.as_array().unwrap().iter();
    let id = answers
        .filter(|message| message["role"] == "assistant")
        .map(|message| message["id"].as_str().unwrap().to_owned())
        .next()
        .unwrap();
    (session, id)
}

#[tokio::test]
async fn ratings_and_refusals_count_by_day_chatbot_and_member() {
    let t = Test::new().await;
    let (ada, bob) = (t.user("ada").await, t.user("bob").await);
    let org = t.shared_org("acme", &[(&ada, "owner"), (&bob, "member")]).await;
    t.set_plan(&org, "TEAM").await;
    let [of_ada, of_bob] = [&ada, &bob].map(|user| user.with_header("x-current-org", &org));
    let document = of_ada
        .upload("lamp.txt", "The warranty of the Meridian lamp is three years.")
        .await
        .created()
        .text("id");
    t.drain().await;
    let desk = of_ada.chatbot(&[document.as_str()]).await;
    let polite = json!({
        "name": "Polite", "documents": [document],
        "settings": {"refusal_text": "Please  call us at 555-0100."},
    });
    let polite = of_ada.post("/api/v1/chatbots", polite).await.created().text("id");
    let (session, answered) = asked(&of_ada, &desk, "How long is the warranty of the lamp?").await;
    asked(&of_bob, &desk, "Who painted the ceiling of the chapel?").await;
    asked(&of_bob, &polite, "Who painted the ceiling of the chapel?").await;
    let report = analytics(&of_ada).await;
    assert_eq!(figures(&report["answers"]), [0, 0, 2], "{report}");
    assert_eq!(report["answers"]["satisfaction"], Value::Null);
    assert_eq!(figures(group(&report, "by_user", bob.id())), [0, 0, 2]);
    assert_eq!(figures(group(&report, "by_user", ada.id())), [0, 0, 0]);
    assert_eq!(figures(group(&report, "by_chatbot", &polite)), [0, 0, 1]);
    assert_eq!(figures(group(&report, "by_chatbot", &desk)), [0, 0, 1]);

    // A rating counts once, however often it is given and by how many requests at once; another one replaces it.
    let feedback = format!("/api/v1/chat/sessions/{session}/messages/{answered}/feedback");
    let rate = |rating: &str| of_ada.put(&feedback, json!({"rating": rating, "reason": "Because."}));
    for _ in 0..2 {
        for answer in join_all((0..16).map(|_| rate("up"))).await {
            answer.ok();
        }
        assert_eq!(figures(&analytics(&of_ada).await["answers"]), [1, 0, 2]);
    }
    let mixed = (0..16).map(|number| rate(if number % 2 == 0 { "down" } else { "up" }));
    for answer in join_all(mixed).await {
        answer.ok();
    }
    let report = analytics(&of_ada).await;
    let [up, down, _] = figures(&report["answers"]);
    assert_eq!(up + down, 1, "{report}");
    rate("down").await.ok();
    let report = analytics(&of_ada).await;
    assert_eq!(figures(group(&report, "by_chatbot", &desk)), [0, 1, 1]);
    assert_eq!(report["answers"]["satisfaction"], 0.0);
    // Groups add up to the whole, whatever they are by.
    for by in ["by_day", "by_chatbot", "by_user"] {
        let groups = report[by].as_array().unwrap().iter();
        let sum = groups.fold([0; 3], |sum, group| {
            let own = figures(&group["answers"]);
            [sum[0] + own[0], sum[1] + own[1], sum[2] + own[2]]
        });
        assert_eq!(sum, figures(&report["answers"]), "{by}");
    }
    assert!(
        report["by_model"]
            .as_array()
            .unwrap()
            .iter()
            .all(|group| group["answers"].is_null())
    );
    // Days later it is taken back from the day on which it counted.
    t.advance_seconds(3 * 24 * 3600);
    let of_ada = ada.sign_in_again().await.with_header("x-current-org", &org);
    let of_bob = bob.sign_in_again().await.with_header("x-current-org", &org);
    of_ada.delete(&feedback).await;
    assert_eq!(figures(&analytics(&of_ada).await["answers"]), [0, 0, 2]);
    // Members see their own part.
    let own = analytics(&of_bob).await;
    assert_eq!(
        (&own["covers_organization"], figures(&own["answers"])),
        (&json!(false), [0, 0, 2])
    );
}

#[tokio::test]
async fn a_personal_organization_and_the_api_of_openai_count_too() {
    let t = Test::new().await;
    let ada = t.talker("ada").await;
    let document = ada
        .upload("lamp.txt", "The warranty of the Meridian lamp is three years.")
        .await
        .created()
        .text("id");
    t.drain().await;
    let desk = ada.chatbot(&[document.as_str()]).await;
    let (session, answer) = asked(&ada, &desk, "How long is the warranty of the lamp?").await;
    let feedback = format!("/api/v1/chat/sessions/{session}/messages/{answer}/feedback");
    ada.put(&feedback, json!({"rating": "up"})).await.ok();
    for question in ["Who painted the ceiling of the chapel?", "How long is the warranty?"] {
        let body = json!({"model": format!("chatbot/{desk}"), "messages": [{"role": "user", "content": question}]});
        ada.post("/v1/chat/completions", body).await.ok();
    }
    let report = analytics(&ada).await;
    assert_eq!(figures(&report["answers"]), [1, 0, 1], "{report}");
    assert_eq!(report["answers"]["satisfaction"], 1.0);
    assert_eq!(figures(group(&report, "by_chatbot", &desk)), [1, 0, 1]);
    // An erased account leaves no numbers behind.
    ada.delete("/api/v1/users/me").await.ok();
    t.drain_all().await;
    let usage = t.items("parlance-usage").await;
    assert!(
        !usage.values().any(|item| item.contains(&format!("f~{desk}"))),
        "{usage:?}"
    );
}
