//! Questions that a chatbot did not answer: listed for its editors, dismissed, and answered for good.

use futures::future::join_all;
use serde_json::{Value, json};

use crate::support::{Caller, Test};

const WARRANTY: &str = "The warranty of the Meridian lamp is three years.";

/// A chatbot about a lamp.
async fn desk(t: &Test, caller: &Caller) -> String {
    let document = caller.upload("lamp.txt", WARRANTY).await.created().text("id");
    t.drain().await;
    caller.chatbot(&[document.as_str()]).await
}

/// Asks a chatbot in a new chat session, whose ID is returned.
async fn asked(caller: &Caller, chatbot: &str, question: &str) -> String {
    let new = json!({"chatbot_id": chatbot});
    let session = caller.post("/api/v1/chat/sessions", new).await.created().text("id");
    caller.ask(&session, question).await.ok();
    session
}

fn path(chatbot: &str) -> String {
    format!("/api/v1/chatbots/{chatbot}/unanswered")
}

async fn listed(caller: &Caller, chatbot: &str) -> Vec<Value> {
    let list = caller.get(&path(chatbot)).await.ok().json();
    list.as_array().unwrap().clone()
}

/// The questions of a list, with how often each was asked.
fn questions(list: &[Value]) -> Vec<(&str, u64)> {
    list.iter()
        .map(|row| (row["question"].as_str().unwrap(), row["times"].as_u64().unwrap()))
        .collect()
}

/// The sort keys of the rows that list unanswered questions.
async fn rows(t: &Test) -> Vec<String> {
    let items = t.items("parlance-app").await;
    items
        .into_keys()
        .map(|(_, sk)| sk)
        .filter(|sk| sk.starts_with("UA#"))
        .collect()
}

#[tokio::test]
async fn editors_see_what_a_chatbot_did_not_answer_and_how_often_it_was_asked() {
    let t = Test::new().await;
    let (ada, bob, eve) = (t.user("ada").await, t.user("bob").await, t.user("eve").await);
    let org = t
        .shared_org("acme", &[(&ada, "owner"), (&bob, "member"), (&eve, "member")])
        .await;
    t.set_plan(&org, "TEAM").await;
    let [of_ada, of_bob, of_eve] = [&ada, &bob, &eve].map(|user| user.with_header("x-current-org", &org));
    let desk = desk(&t, &of_bob).await;
    assert!(listed(&of_bob, &desk).await.is_empty());
    asked(&of_eve, &desk, "How long is the warranty of the lamp?").await;
    asked(&of_eve, &desk, "Who painted the ceiling of the chapel?").await;
    let session = asked(&of_bob, &desk, "Which river flows through Cologne?").await;
    let newest = asked(&of_eve, &desk, "who painted the ceilings of the chapel").await;
    let list = listed(&of_bob, &desk).await;
    assert_eq!(
        questions(&list),
        [
            ("who painted the ceilings of the chapel", 2),
            ("Which river flows through Cologne?", 1)
        ]
    );
    assert_eq!(
        (&list[0]["session_id"], &list[1]["session_id"]),
        (&json!(newest), &json!(session))
    );
    assert!(list[0]["asked_at"].as_str().unwrap() >= list[1]["asked_at"].as_str().unwrap());
    // Administrators see the same, on either surface; other members and organizations do not.
    assert_eq!(listed(&of_ada, &desk).await, list);
    let camel = of_ada
        .get(&format!("/api/chatbots/{desk}/unanswered"))
        .await
        .ok()
        .json();
    assert_eq!(camel[0]["sessionId"], json!(newest));
    of_eve.get(&path(&desk)).await.problem(403, "not_yours");
    ada.get(&path(&desk)).await.problem(404, "not_found");
    let id = list[0]["id"].as_str().unwrap();
    let one = format!("{}/{id}", path(&desk));
    let answer = json!({"answer": "Michelangelo."});
    for other in [&ada, &eve] {
        other.delete(&one).await.problem(404, "not_found");
        other
            .post(&format!("{one}/answer"), answer.clone())
            .await
            .problem(404, "not_found");
    }
    of_eve.delete(&one).await.problem(403, "not_yours");
    of_eve
        .post(&format!("{one}/answer"), answer)
        .await
        .problem(403, "not_yours");
    // A page at a time.
    let first = of_bob.get(&format!("{}?limit=1", path(&desk))).await.ok();
    assert_eq!(
        questions(first.json().as_array().unwrap()),
        [("who painted the ceilings of the chapel", 2)]
    );
    let next = first.next().expect("a second page");
    let second = of_bob.get(&next).await.ok();
    assert_eq!(
        questions(second.json().as_array().unwrap()),
        [("Which river flows through Cologne?", 1)]
    );
    assert_eq!(second.next(), None);
    // A question goes with its chat session, a question asked twice with the last one.
    of_eve
        .delete(&format!("/api/v1/chat/sessions/{newest}"))
        .await
        .expect(204);
    let list = listed(&of_bob, &desk).await;
    assert_eq!(
        questions(&list),
        [
            ("Who painted the ceiling of the chapel?", 2),
            ("Which river flows through Cologne?", 1)
        ]
    );
    of_bob
        .delete(&format!("/api/v1/chat/sessions/{session}"))
        .await
        .expect(204);
    assert_eq!(
        questions(&listed(&of_bob, &desk).await),
        [("Who painted the ceiling of the chapel?", 2)]
    );
    // Nobody's text is in the rows, and they expire.
    let items = t.items("parlance-app").await;
    let of_questions = items.iter().filter(|((_, sk), _)| sk.starts_with("UA#"));
    assert!(of_questions.clone().count() == 3 && of_questions.clone().all(|(_, item)| !item.contains("painted")));
    t.advance_seconds(91 * 24 * 3600);
    let of_bob = bob.sign_in_again().await.with_header("x-current-org", &org);
    assert!(listed(&of_bob, &desk).await.is_empty());
    of_bob.delete(&one).await.problem(404, "not_found");
}

#[tokio::test]
async fn a_dismissed_question_is_listed_again_when_it_is_asked_again() {
    let t = Test::new().await;
    let ada = t.talker("ada").await;
    let desk = desk(&t, &ada).await;
    for _ in 0..2 {
        asked(&ada, &desk, "Who painted the ceiling of the chapel?").await;
    }
    asked(&ada, &desk, "Which river flows through Cologne?").await;
    let list = listed(&ada, &desk).await;
    let one = format!("{}/{}", path(&desk), list[1]["id"].as_str().unwrap());
    // However often it was asked, and by however many at once.
    let dismissed = join_all((0..4).map(|_| ada.delete(&one))).await;
    assert!(dismissed.iter().any(|answer| answer.status == 204));
    assert!(
        dismissed
            .iter()
            .all(|answer| answer.status == 204 || answer.status == 404)
    );
    assert_eq!(
        questions(&listed(&ada, &desk).await),
        [("Which river flows through Cologne?", 1)]
    );
    ada.delete(&one).await.problem(404, "not_found");
    asked(&ada, &desk, "Who painted the ceiling of the chapel?").await;
    let list = listed(&ada, &desk).await;
    assert_eq!(
        questions(&list),
        [
            ("Who painted the ceiling of the chapel?", 1),
            ("Which river flows through Cologne?", 1)
        ]
    );
    // A chatbot takes its questions with it.
    assert_eq!(rows(&t).await.len(), 2);
    ada.delete(&format!("/api/v1/chatbots/{desk}")).await.expect(204);
    ada.get(&path(&desk)).await.problem(404, "not_found");
    t.drain_all().await;
    assert!(rows(&t).await.is_empty());
}

#[tokio::test]
async fn an_answer_to_an_unanswered_question_is_fixed() {
    let t = Test::new().await;
    let ada = t.talker("ada").await;
    let desk = desk(&t, &ada).await;
    let chapel = "Who painted the ceiling of the chapel?";
    for question in [chapel, chapel, "Which river flows through Cologne?"] {
        asked(&ada, &desk, question).await;
    }
    let list = listed(&ada, &desk).await;
    let of = |at: usize| format!("{}/{}/answer", path(&desk), list[at]["id"].as_str().unwrap());
    for (body, pointer) in [
        (json!({"answer": " "}), "/answer"),
        (json!({"answer": "x".repeat(2_001)}), "/answer"),
        (json!({"answer": "Yes.", "question": "x".repeat(301)}), "/question"),
        (json!({}), "/answer"),
    ] {
        let problem = ada.post(&of(1), body).await.problem(422, "invalid");
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem}");
    }
    // Two editors answer two questions at the same time: neither answer is lost.
    let both = [(1, "Michelangelo."), (0, "The Rhine.")].map(|(at, answer)| {
        let (ada, path) = (&ada, of(at));
        async move { ada.post(&path, json!({"answer": answer})).await }
    });
    for answered in join_all(both).await {
        answered.ok();
    }
    let bot = ada.get(&format!("/api/v1/chatbots/{desk}")).await.ok().json();
    let mut fixed: Vec<&str> = bot["settings"]["fixed_answers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|fixed| fixed["answer"].as_str().unwrap())
        .collect();
    fixed.sort_unstable();
    assert_eq!(fixed, ["Michelangelo.", "The Rhine."]);
    assert!(listed(&ada, &desk).await.is_empty() && rows(&t).await.is_empty());
    ada.post(&of(1), json!({"answer": "Someone."}))
        .await
        .problem(404, "not_found");
    let session = asked(&ada, &desk, "who painted the ceiling of the chapel").await;
    let messages = ada.get(&format!("/api/v1/chat/sessions/{session}/messages")).await.ok();
    assert!(messages.json().to_string().contains("Michelangelo."));
    assert!(listed(&ada, &desk).await.is_empty());
    // In words of its own.
    asked(&ada, &desk, "Does Mr Smith of Acme get a discount?").await;
    let id = listed(&ada, &desk).await[0]["id"].as_str().unwrap().to_owned();
    let body = json!({"question": "Do companies get a discount?", "answer": "Ask our sales team."});
    let bot = ada
        .post(&format!("{}/{id}/answer", path(&desk)), body)
        .await
        .ok()
        .json();
    assert_eq!(
        bot["settings"]["fixed_answers"][2]["question"],
        "Do companies get a discount?"
    );
}

#[tokio::test]
async fn an_erased_member_leaves_no_question_behind() {
    let t = Test::new().await;
    let (ada, bob) = (t.user("ada").await, t.user("bob").await);
    let org = t.shared_org("acme", &[(&ada, "owner"), (&bob, "member")]).await;
    t.set_plan(&org, "TEAM").await;
    let [of_ada, of_bob] = [&ada, &bob].map(|user| user.with_header("x-current-org", &org));
    let desk = desk(&t, &of_ada).await;
    asked(&of_bob, &desk, "Who painted the ceiling of the chapel?").await;
    asked(&of_ada, &desk, "Who painted the ceiling of the chapel?").await;
    bob.delete("/api/v1/users/me").await.ok();
    t.drain_all().await;
    assert_eq!(
        questions(&listed(&of_ada, &desk).await),
        [("Who painted the ceiling of the chapel?", 1)]
    );
    assert_eq!(rows(&t).await.len(), 1);
}
