//! Names, descriptions and tags of documents, and lists by them.

use futures::future::join_all;
use reqwest::{Method, multipart};
use serde_json::{Value, json};

use super::SharedDocuments;
use crate::support::{Caller, Test};

const WARRANTY: &str = "The Meridian lamp has a warranty of three years.";

fn path(id: &str) -> String {
    format!("/api/v1/documents/{id}")
}

async fn names(caller: &Caller, query: &str) -> Vec<String> {
    let listed = caller.get(&format!("/api/v1/documents?{query}")).await.ok().json();
    let names = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|document| document["name"].as_str().unwrap().to_owned());
    names.collect()
}

async fn upload(caller: &Caller, name: &str, tags: &str) -> String {
    let file = multipart::Part::bytes(format!("{WARRANTY} {name}").into_bytes()).file_name(name.to_owned());
    let form = multipart::Form::new().part("file", file).text("tags", tags.to_owned());
    let request = caller.request(Method::POST, "/api/v1/documents/upload").multipart(form);
    caller.send(request).await.created().text("id")
}

#[tokio::test]
async fn a_renamed_document_is_cited_by_its_new_name() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let id = ada.upload("scan0001.txt", WARRANTY).await.created().text("id");
    t.drain().await;
    let session = ada.session(&[&id]).await;
    for (method, name) in [(Method::PATCH, "Lamp handbook"), (Method::PUT, "Handbook of lamps")] {
        let request = ada.request(method, &format!("/api/documents/{id}"));
        let changed = ada
            .send(request.json(&json!({"name": format!(" {name} ")})))
            .await
            .ok()
            .json();
        assert_eq!((&changed["name"], &changed["status"]), (&json!(name), &json!("ready")));
        assert_eq!(changed["fileName"], "scan0001.txt", "the file keeps its name");
        let answer = ada
            .ask(&session, "How long is the warranty of the lamp?")
            .await
            .ok()
            .json();
        assert_eq!(answer["sources"][0]["name"], name, "{answer}");
    }
    assert_eq!(names(&ada, "").await, ["Handbook of lamps"]);
}

#[tokio::test]
async fn what_is_left_out_stays_and_an_empty_value_removes() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let id = upload(&ada, "lamp.txt", " Price  List,lamps,,LAMPS ").await;
    t.drain().await;
    let change = async |body: Value| ada.patch(&path(&id), body).await.ok().json();
    let first = ada.get(&path(&id)).await.ok().json();
    assert_eq!(first["tags"], json!(["lamps", "price list"]));
    let described = change(json!({"description": "Of 2026"})).await;
    assert_eq!(
        (&described["name"], &described["description"], &described["tags"]),
        (&json!("lamp.txt"), &json!("Of 2026"), &first["tags"])
    );
    let tagged = change(json!({"tags": ["b", "A", " a "], "name": null})).await;
    assert_eq!(
        (&tagged["tags"], &tagged["description"]),
        (&json!(["a", "b"]), &json!("Of 2026"))
    );
    let bare = change(json!({"tags": [], "description": ""})).await;
    assert_eq!((&bare["tags"], &bare["description"]), (&json!([]), &Value::Null));
    assert_eq!(change(json!({})).await, bare, "nothing to change");
    let entries = ada.get("/api/v1/audit_logs?limit=100").await.ok().json();
    let entries = entries
        .as_array()
        .unwrap()
        .iter()
        .filter(|entry| entry["action"] == "document.updated");
    let fields: Vec<Value> = entries
        .map(|entry| entry["details"]["after"]["fields"].clone())
        .collect();
    assert_eq!(
        fields,
        [json!(["description", "tags"]), json!(["tags"]), json!(["description"])],
        "newest first, and none of what changed nothing"
    );
}

#[tokio::test]
async fn lists_are_filtered_by_tag_and_state() {
    let t = Test::new().await;
    let (ada, bob) = (t.user("ada").await, t.user("bob").await);
    let acme = t.shared_org("acme", &[(&ada, "owner"), (&bob, "member")]).await;
    let [ada, bob] = [&ada, &bob].map(|caller| caller.with_header("x-current-org", &acme));
    upload(&ada, "one.txt", "lamps").await;
    upload(&ada, "two.txt", "lamps, grinders").await;
    upload(&bob, "three.txt", "GRINDERS").await;
    ada.upload("blank.txt", " \n ").await.created();
    t.drain().await;
    upload(&ada, "four.txt", "lamp").await;
    assert_eq!(names(&ada, "tag=lamps").await, ["two.txt", "one.txt"]);
    assert_eq!(names(&ada, "tag=%20Grinders").await, ["two.txt"]);
    assert_eq!(names(&ada, "tag=grinders&scope=org").await, ["three.txt", "two.txt"]);
    assert_eq!(names(&ada, "status=failed").await, ["blank.txt"]);
    assert_eq!(
        names(&ada, "status=ready&tag=grinders&scope=org").await,
        ["three.txt", "two.txt"]
    );
    assert_eq!(names(&ada, "status=ready&tag=none").await, Vec::<String>::new());
    assert_eq!(ada.get("/api/v1/documents?status=lost").await.invalid(), ["/status"]);
    let page = ada.get("/api/v1/documents?scope=org&tag=grinders&limit=1").await.ok();
    assert_eq!(page.json()[0]["name"], "three.txt");
    let rest = ada.get(&page.next().unwrap()).await.ok();
    assert_eq!((rest.json()[0]["name"].as_str(), rest.next()), (Some("two.txt"), None));
}

#[tokio::test]
async fn its_uploader_and_admins_may_and_nobody_else() {
    let SharedDocuments {
        t,
        boss,
        ada,
        bob,
        eve,
        own,
        other,
    } = SharedDocuments::of(WARRANTY, WARRANTY).await;
    let body = || json!({"name": "New"});
    bob.patch(&path(&other), body()).await.problem(403, "not_yours");
    eve.patch(&path(&own), body()).await.problem(404, "not_found");
    eve.put(&path(&own), body()).await.problem(404, "not_found");
    ada.patch(&path(&own), body()).await.problem(404, "not_found");
    boss.patch(&path("none"), body()).await.problem(404, "not_found");
    t.anonymous().patch(&path(&own), body()).await.expect(401);
    bob.patch(&path(&own), body()).await.ok();
    boss.patch(&path(&own), json!({"name": "Newer"})).await.ok();
    boss.delete(&path(&own)).await.expect(204);
    bob.patch(&path(&own), body()).await.problem(404, "not_found");
}

#[tokio::test]
async fn what_cannot_be_a_name_or_a_tag_is_refused_with_a_pointer() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let id = ada.upload("a.txt", WARRANTY).await.created().text("id");
    let many: Vec<String> = (0..21).map(|number| format!("t{number}")).collect();
    for (body, pointer) in [
        (json!({"name": " "}), "/name"),
        (json!({"name": "a\u{202e}b"}), "/name"),
        (json!({"name": "x".repeat(201)}), "/name"),
        (json!({"description": "x".repeat(2001)}), "/description"),
        (json!({"tags": many}), "/tags"),
        (json!({"tags": ["fine", "x".repeat(51)]}), "/tags/1"),
        (json!({"tags": ["a,b"]}), "/tags/0"),
        (json!({"tags": ["a\u{7}"]}), "/tags/0"),
        (json!({"tags": "a"}), "/tags"),
    ] {
        assert_eq!(ada.patch(&path(&id), body.clone()).await.invalid(), [pointer], "{body}");
    }
    let new = json!({"file_name": "a.txt", "size": 4, "tags": ["x".repeat(51)]});
    assert_eq!(ada.post("/api/v1/documents/uploads", new).await.invalid(), ["/tags/0"]);
    let file = multipart::Part::bytes(WARRANTY.as_bytes()).file_name("b.txt");
    let form = multipart::Form::new().part("file", file).text("tags", many.join(","));
    let request = ada.request(Method::POST, "/api/v1/documents/upload").multipart(form);
    assert_eq!(ada.send(request).await.invalid(), ["/tags"]);
    assert_eq!(names(&ada, "").await, ["a.txt"]);
}

#[tokio::test]
async fn an_announced_file_keeps_its_tags() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let new = json!({"file_name": "a.txt", "size": 4, "tags": ["Lamps"]});
    let begun = ada.post("/api/v1/documents/uploads", new).await.created().json();
    let upload = crate::support::BegunUpload::of(&ada, begun);
    upload.put(b"text".to_vec()).await.ok();
    upload.complete().await.created();
    assert_eq!(upload.document().await["tags"], json!(["lamps"]));
}

#[tokio::test]
async fn changes_of_different_fields_and_indexing_do_not_undo_each_other() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    for round in 0..crate::support::rounds() {
        let id = ada
            .upload("a.txt", format!("{WARRANTY} {round}"))
            .await
            .created()
            .text("id");
        let bodies = [
            json!({"name": "Named"}),
            json!({"description": "Described"}),
            json!({"tags": ["tagged"]}),
        ];
        let path = path(&id);
        let changes = join_all(bodies.into_iter().map(|body| ada.patch(&path, body)));
        let (answers, _) = futures::join!(changes, t.drain());
        for answer in answers {
            answer.ok();
        }
        t.drain().await;
        let document = ada.get(&path).await.ok().json();
        assert_eq!(
            (
                &document["name"],
                &document["description"],
                &document["tags"],
                &document["status"]
            ),
            (
                &json!("Named"),
                &json!("Described"),
                &json!(["tagged"]),
                &json!("ready")
            )
        );
    }
}
