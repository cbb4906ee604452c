//! Where the secret of a webhook can be found: nowhere.

use serde_json::json;

use super::{path_of, webhook, with_receiver};

#[tokio::test]
async fn a_secret_is_found_nowhere() {
    let (t, receiver) = with_receiver().await;
    let ada = t.user("ada").await;
    let made = webhook(&ada, &receiver, "/hook", &["document.ready"]).await;
    let path = path_of(&made);
    let rotated = ada.post(&format!("{path}/rotate-secret"), json!({})).await.ok().json();
    ada.post(&format!("{path}/test"), json!({})).await.expect(202);
    t.drain().await;
    let secrets = [&made, &rotated].map(|one| one["secret"].as_str().unwrap().to_owned());
    let keys = secrets
        .clone()
        .map(|secret| secret.strip_prefix("whsec_").unwrap().to_owned());
    let mut texts = Vec::new();
    for table in ["identity", "app", "usage", "audit", "ephemeral"] {
        let items = t.items(&format!("parlance-{table}")).await;
        texts.extend(items.into_values());
    }
    for url in [path.clone(), super::WEBHOOKS.to_owned(), format!("{path}/deliveries")] {
        texts.push(ada.get(&url).await.ok().json().to_string());
    }
    let arrived = receiver.received();
    texts.extend(arrived.iter().map(|one| format!("{:?} {}", one.headers, one.body)));
    assert!(!texts.is_empty() && arrived.len() == 1);
    for secret in secrets.iter().chain(&keys) {
        let found = texts.iter().find(|text| text.contains(secret.as_str()));
        assert_eq!(found, None, "the secret is stored or shown");
    }
}

#[tokio::test]
async fn a_secret_that_was_copied_to_another_webhook_signs_nothing() {
    let (t, receiver) = with_receiver().await;
    let (ada, eve) = (t.user("ada").await, t.user("eve").await);
    let of_ada = webhook(&ada, &receiver, "/ada", &["document.ready"]).await;
    let of_eve = webhook(&eve, &receiver, "/eve", &["document.ready"]).await;
    let key = |owner: &crate::support::Caller, made: &serde_json::Value| {
        let s = |text: String| aws_sdk_dynamodb::types::AttributeValue::S(text);
        let sk = format!("W#{}", made["id"].as_str().unwrap());
        (s(format!("O#{}#WEBHOOKS", owner.org())), s(sk))
    };
    let (pk, sk) = key(&ada, &of_ada);
    let get = t.db().get_item().table_name("parlance-app").key("pk", pk).key("sk", sk);
    let stolen = get.send().await.unwrap().item.unwrap()["secret"].clone();
    let (pk, sk) = key(&eve, &of_eve);
    let put = t
        .db()
        .update_item()
        .table_name("parlance-app")
        .key("pk", pk)
        .key("sk", sk);
    let put = put
        .update_expression("SET secret = :stolen")
        .expression_attribute_values(":stolen", stolen);
    put.send().await.unwrap();
    eve.post(&format!("{}/test", path_of(&of_eve)), json!({}))
        .await
        .expect(202);
    t.drain().await;
    assert!(
        receiver.received().is_empty(),
        "a request was signed with the secret of another webhook"
    );
}
