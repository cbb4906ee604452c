//! A change to a smaller plan while everything exceeds it.

use reqwest::{Method, multipart};
use serde_json::{Value, json};

use crate::{
    jobs::export_user::{download, exported},
    support::{Caller, Shop},
};

const MIB: u64 = 1024 * 1024;

/// All pages of a list.
async fn all(caller: &Caller, path: &str) -> Vec<Value> {
    let (mut url, mut found) = (format!("{path}?limit=100"), Vec::new());
    loop {
        let page = caller.get(&url).await.ok();
        found.extend(page.json().as_array().unwrap().clone());
        let Some(next) = page.next() else { return found };
        url = next;
    }
}

/// Nothing more is created in an organization that exceeds its limits.
async fn refuses_more_of_everything(of_org: &Caller, org: &str, document: &str) {
    let limit = |answer: crate::support::Answer| answer.problem(409, "limit_reached")["limit"]["kind"].clone();
    let kinds = [
        limit(of_org.post("/api/v1/chatbots", json!({"name": "One more"})).await),
        limit(of_org.upload("more.txt", "text").await),
        limit(
            of_org
                .post("/api/v1/documents/uploads", json!({"file_name": "a.txt", "size": 1}))
                .await,
        ),
    ];
    assert_eq!(kinds, ["chatbots", "documents", "documents"]);
    let part = multipart::Part::bytes(b"A longer text than before.".to_vec()).file_name("0.txt");
    let version = of_org
        .request(Method::POST, &format!("/api/v1/documents/{document}/versions"))
        .multipart(multipart::Form::new().part("file", part));
    assert_eq!(limit(of_org.send(version).await), "storage_bytes");
    of_org
        .post(
            &format!("/api/v1/orgs/{org}/invite"),
            json!({"email": "more@example.com"}),
        )
        .await
        .problem(409, "seat_limit");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_smaller_plan_that_everything_exceeds_loses_nothing_and_creates_nothing() {
    let shop = Shop::open().await;
    let (t, ada) = (&shop.t, shop.t.user("ada").await);
    let org = ada.found_org("Acme").await;
    let of_org = ada.with_header("x-current-org", &org);
    let subscription = shop.subscribe(&of_org, "TEAM").await;
    // More of everything than FREE allows.
    let text = |number: usize| format!("Part {number}: the warranty of the lamp {number} is {number} years.");
    let mut first = String::new();
    for number in 0..101 {
        let made = of_org.upload(&format!("{number}.txt"), text(number)).await.created();
        if number == 0 {
            first = made.text("id");
        }
    }
    let mut bots = Vec::new();
    for _ in 0..5 {
        bots.push(of_org.chatbot(&[first.as_str()]).await);
    }
    for number in 0..9 {
        let invited = json!({"email": format!("guest{number}@example.com")});
        of_org
            .post(&format!("/api/v1/orgs/{org}/invite"), invited)
            .await
            .created();
    }
    for _ in 0..4 {
        let large = json!({"file_name": "large.pdf", "size": 99 * MIB});
        of_org.post("/api/v1/documents/uploads", large).await.created();
    }
    t.drain_all().await;
    let session = of_org
        .post("/api/v1/chat/sessions", json!({"chatbot_id": bots[0]}))
        .await
        .created()
        .text("id");
    let lists = [
        "/api/v1/documents".to_owned(),
        "/api/v1/chatbots".to_owned(),
        format!("/api/v1/orgs/{org}/members"),
        "/api/v1/chat/sessions".to_owned(),
    ];
    let mut before = Vec::new();
    for list in &lists {
        before.push(all(&of_org, list).await);
    }
    assert_eq!([before[0].len(), before[1].len(), before[2].len()], [101, 5, 10]);

    shop.stripe.set_status(&subscription, "canceled");
    shop.settle().await;
    let found = shop.subscription(&of_org).await;
    assert_eq!(found["plan_type"], "FREE");
    let exceeded: Vec<(&str, u64)> = found["exceeded_limits"]
        .as_array()
        .unwrap()
        .iter()
        .map(|limit| (limit["resource"].as_str().unwrap(), limit["used"].as_u64().unwrap()))
        .collect();
    let stored = found["exceeded_limits"][2]["used"].as_u64().unwrap();
    assert_eq!(
        exceeded,
        [
            ("chatbots", 5),
            ("documents", 105),
            ("storage_bytes", stored),
            ("seats", 10)
        ]
    );
    assert!(stored > 4 * 99 * MIB);

    // Nothing is lost: every list is what it was, files and text are readable, chatbots answer, and all is exported.
    for (list, before) in lists.iter().zip(&before) {
        assert_eq!(&all(&of_org, list).await, before, "{list}");
    }
    let content = of_org
        .send(
            of_org
                .request(Method::GET, &format!("/api/v1/documents/{first}/content"))
                .header("accept", "application/json"),
        )
        .await
        .ok();
    let file = t.follow(&content.text("download_url")).await;
    assert_eq!(file.text().await.unwrap(), text(0));
    of_org.get(&format!("/api/v1/documents/{first}/text")).await.ok();
    let answer = of_org.ask(&session, "How long is the warranty of lamp 0?").await;
    assert!(answer.status.is_success(), "{}", answer.status);
    let export = exported(t, &ada).await;
    let files = download(t, &export).await;
    // Documents of a shared organization are no person's; their conversations there are.
    assert!(files.keys().any(|name| name.contains(&org) && name.contains(&session)));

    refuses_more_of_everything(&of_org, &org, &first).await;
    for (list, before) in lists.iter().zip(&before).take(3) {
        assert_eq!(&all(&of_org, list).await, before, "{list}");
    }
    // What exists can be changed and removed.
    of_org
        .put(&format!("/api/v1/chatbots/{}", bots[0]), json!({"name": "Renamed"}))
        .await
        .ok();
    of_org
        .delete(&format!("/api/v1/chatbots/{}", bots[1]))
        .await
        .expect(204);
    of_org.delete(&format!("/api/v1/documents/{first}")).await.expect(204);
}
