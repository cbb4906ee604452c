//! Crawls: the pages of a site become documents, one request after the other, each page once.

use domain::FetchMessage;
use futures::future::join_all;
use serde_json::{Value, json};

use super::SharedDocuments;
use crate::support::{Caller, LiveSite, Test, statuses};

const URL: &str = "/api/v1/documents/url";
const CRAWLS: &str = "/api/v1/documents/crawls";

/// A site of a shop, and a stack that may read it.
async fn shop() -> (LiveSite, Test, Caller) {
    let site = LiveSite::start().await;
    let links = [
        "/lamps",
        "/lamps#top",
        "/lamps?utm_source=x",
        "tables",
        "/private/costs",
        "/missing",
        "https://other.example/",
    ];
    site.page("/", "Meridian", "We make lamps and tables by hand.", &links);
    site.page(
        "/lamps",
        "Lamps",
        "Each lamp has a warranty of three years.",
        &["/", "/lamps/blue", "/draft"],
    );
    site.page(
        "/tables",
        "Tables",
        "Our tables are made of oak from Norway.",
        &["/lamps"],
    );
    site.page(
        "/lamps/blue",
        "Blue lamp",
        "The blue lamp shines for nine hours.",
        &["/lamps/blue/parts"],
    );
    site.page("/lamps/blue/parts", "Parts", "The blue lamp has four screws.", &[]);
    site.page("/private/costs", "Costs", "A lamp costs us eleven euros.", &[]);
    let draft = b"<!doctype html><title>Draft</title><meta name=robots content=noindex><p>A red lamp, perhaps.";
    site.put("/draft", "text/html", draft.to_vec());
    site.put("/robots.txt", "text/plain", "User-agent: *\nDisallow: /private/\n");
    let t = Test::with(&[("ALLOW_PRIVATE_FETCH", &site.host())]).await;
    let ada = t.user("ada").await;
    (site, t, ada)
}

async fn begin(caller: &Caller, new: Value) -> String {
    let begun = caller.post(URL, new).await.created().json();
    assert_eq!(begun["status"], "queued", "{begun}");
    begun["id"].as_str().unwrap().to_owned()
}

async fn crawl(caller: &Caller, id: &str) -> Value {
    caller.get(&format!("{CRAWLS}/{id}")).await.ok().json()
}

/// Lets a crawl run to its end, with the pauses that the site asks for.
async fn run(t: &Test, caller: &Caller, id: &str) -> Value {
    for _ in 0..500 {
        t.drain().await;
        let now = crawl(caller, id).await;
        if !["queued", "running"].contains(&now["status"].as_str().unwrap()) {
            return now;
        }
        t.advance_seconds(1);
    }
    panic!("it does not end: {}", crawl(caller, id).await);
}

/// Names of the documents of a crawl, sorted.
async fn names(caller: &Caller, id: &str) -> Vec<String> {
    let found = caller.get(&format!("/api/v1/documents?crawl={id}")).await.ok().json();
    let mut names: Vec<String> = found
        .as_array()
        .unwrap()
        .iter()
        .map(|document| document["name"].as_str().unwrap().to_owned())
        .collect();
    names.sort();
    names
}

fn refusals(crawl: &Value) -> Vec<(String, String)> {
    let text = |refused: &Value, name: &str| refused[name].as_str().unwrap().to_owned();
    let path = |url: String| url.splitn(4, '/').nth(3).unwrap().to_owned();
    let refused = crawl["refusals"].as_array().unwrap().iter();
    let mut refused: Vec<_> = refused
        .map(|refused| (path(text(refused, "url")), text(refused, "code")))
        .collect();
    refused.sort();
    refused
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected
        .iter()
        .map(|(path, code)| ((*path).to_owned(), (*code).to_owned()))
        .collect()
}

#[tokio::test]
async fn the_pages_of_a_site_become_documents_that_chatbots_answer_from() {
    let (site, t, ada) = shop().await;
    let new = json!({"url": site.url("/"), "crawl": {"depth": 2}, "tags": ["Shop"]});
    let id = begin(&ada, new).await;
    let done = run(&t, &ada, &id).await;
    assert_eq!(
        (&done["status"], &done["end"]),
        (&json!("finished"), &json!("complete")),
        "{done}"
    );
    assert_eq!(names(&ada, &id).await, ["Blue lamp", "Lamps", "Meridian", "Tables"]);
    let expected = [
        ("draft", "noindex"),
        ("missing", "not_found"),
        ("private/costs", "robots_disallowed"),
    ];
    assert_eq!(refusals(&done), pairs(&expected));
    assert_eq!(
        (&done["pages"]["stored"], &done["pages"]["refused"]),
        (&json!(4), &json!(3))
    );
    let requests = site.requests();
    assert_eq!(
        requests,
        [
            "/robots.txt",
            "/",
            "/lamps",
            "/tables",
            "/missing 404",
            "/lamps/blue",
            "/draft"
        ],
        "the rules first, and each page once"
    );
    assert_eq!(site.most_at_once(), 1);
    let documents = ada.get(&format!("/api/v1/documents?crawl={id}")).await.ok().json();
    for document in documents.as_array().unwrap() {
        assert_eq!(
            (&document["status"], &document["tags"]),
            (&json!("ready"), &json!(["shop"])),
            "{document}"
        );
        assert_eq!(document["crawl_id"], id);
    }
    let blue = documents.as_array().unwrap().iter();
    let blue = blue.clone().find(|document| document["name"] == "Blue lamp").unwrap();
    assert_eq!(blue["source_url"], site.url("/lamps/blue"));
    let session = ada.session(&[blue["id"].as_str().unwrap()]).await;
    let answer = ada
        .ask(&session, "How long does the blue lamp shine?")
        .await
        .ok()
        .json();
    assert!(answer["content"].as_str().unwrap().contains("nine hours"), "{answer}");
    let listed = ada.get(CRAWLS).await.ok().json();
    assert_eq!(listed[0]["id"], id);
    assert!(t.audited(ada.org()).await.contains(&"crawl.created".to_owned()));
    let left: Vec<String> = t
        .object_keys()
        .await
        .into_iter()
        .filter(|key| key.contains("/crawls/"))
        .collect();
    assert_eq!(left, Vec::<String>::new(), "nothing is left of the steps");
}

#[tokio::test]
async fn sitemaps_list_pages_that_nothing_links_to() {
    let (site, t, ada) = shop().await;
    let urls = |paths: &[&str]| {
        let urls = paths
            .iter()
            .map(|path| format!("<url><loc>{}</loc></url>", site.url(path)));
        let urls = urls.collect::<Vec<_>>().concat();
        format!("<urlset>{urls}</urlset>")
    };
    site.page(
        "/hidden",
        "Hidden",
        "Nothing links to the green lamp.",
        &["/lamps/blue"],
    );
    let sitemap = |path: &str| format!("<sitemap><loc>{}</loc></sitemap>", site.url(path));
    let index = format!(
        "<sitemapindex>{}{}</sitemapindex>",
        sitemap("/1.xml"),
        sitemap("/2.xml")
    );
    site.put("/index.xml", "application/xml", index);
    site.put("/1.xml", "text/xml", urls(&["/hidden", "/private/costs", "/tables"]));
    let robots = format!(
        "User-agent: *\nDisallow: /private/\nSitemap: {}",
        site.url("/index.xml")
    );
    site.put("/robots.txt", "text/plain", robots);
    let id = begin(&ada, json!({"url": site.url("/"), "sitemap": true})).await;
    let done = run(&t, &ada, &id).await;
    assert_eq!(done["status"], "finished", "{done}");
    assert_eq!(names(&ada, &id).await, ["Hidden", "Meridian", "Tables"]);
    let expected = [("2.xml", "no_sitemap"), ("private/costs", "robots_disallowed")];
    assert_eq!(refusals(&done), pairs(&expected));
    // A sitemap by its own address, and one that is none.
    let listed = begin(
        &ada,
        json!({"url": site.url("/1.xml"), "sitemap": true, "crawl": {"depth": 1}}),
    )
    .await;
    run(&t, &ada, &listed).await;
    assert_eq!(names(&ada, &listed).await, ["Blue lamp", "Hidden", "Lamps", "Tables"]);
    let none = begin(&ada, json!({"url": site.url("/2.xml"), "sitemap": true})).await;
    let none = run(&t, &ada, &none).await;
    assert_eq!(
        (&none["status"], &none["error_code"]),
        (&json!("failed"), &json!("no_sitemap")),
        "{none}"
    );
    assert!(
        none["error"].as_str().unwrap().contains("no sitemap that can be read"),
        "{none}"
    );
}

#[tokio::test]
async fn a_crawl_stores_as_many_pages_as_it_may_and_the_plan_allows() {
    let (site, t, ada) = shop().await;
    let id = begin(
        &ada,
        json!({"url": site.url("/"), "crawl": {"depth": 3, "max_pages": 2}}),
    )
    .await;
    let done = run(&t, &ada, &id).await;
    assert_eq!(
        (&done["end"], &done["pages"]["stored"]),
        (&json!("page_limit"), &json!(2)),
        "{done}"
    );
    let update = t.db().update_item().table_name("parlance-app");
    let tenant = aws_sdk_dynamodb::types::AttributeValue::S(format!("O#{}", ada.org()));
    let update = update.key("pk", tenant);
    let update = update.key("sk", aws_sdk_dynamodb::types::AttributeValue::S("COUNTS".to_owned()));
    let update = update.update_expression("SET documents = :nearly");
    let update =
        update.expression_attribute_values(":nearly", aws_sdk_dynamodb::types::AttributeValue::N("99".to_owned()));
    update.send().await.unwrap();
    let id = begin(&ada, json!({"url": site.url("/"), "crawl": {"depth": 3}})).await;
    let done = run(&t, &ada, &id).await;
    assert_eq!(
        (&done["end"], &done["pages"]["stored"]),
        (&json!("plan_limit"), &json!(1)),
        "{done}"
    );
    let orphans = t.object_keys().await;
    let sources = orphans.iter().filter(|key| key.contains("/source")).count();
    assert_eq!(sources, 3, "{orphans:?}");
}

#[tokio::test]
async fn repeated_late_and_simultaneous_messages_store_no_page_twice() {
    let (site, t, ada) = shop().await;
    let new = json!({"url": site.url("/"), "crawl": {"depth": 5, "max_pages": 4}});
    let id = t.without_queue("fetch_pages", begin(&ada, new)).await;
    let app = t.stack.app();
    let store = store::Store::new(t.stack.sdk(), store::Tables::with_prefix("parlance"));
    let crawls = store.crawls(&ada.org().to_owned().into());
    let message = |step: u32| FetchMessage::Step {
        org_id: ada.org().to_owned().into(),
        crawl_id: id.clone().into(),
        run: 1,
        step,
    };
    let mut step = 0_u32;
    let mut ended = Value::Null;
    for _ in 0..60 {
        // The step, those before it, and those that are too early, all at once, from several workers.
        let numbers = [step, step, step + 1, step, step.saturating_sub(1), 0, step + 2, step];
        let deliveries = numbers.map(|number| (message(number), number));
        let deliveries = deliveries.iter().enumerate().map(|(worker, (message, _))| {
            let delivery = app::Delivery {
                message_id: format!("m{worker}"),
                ..t.delivery(1)
            };
            async move { app.fetch_pages(message, &delivery).await }
        });
        join_all(deliveries).await;
        ended = crawl(&ada, &id).await;
        if ended["status"] != "running" {
            break;
        }
        step += 1;
        if step.is_multiple_of(3) {
            // A worker takes the next step and dies.
            let now = app.clock.now();
            let until = domain::time::after(now, std::time::Duration::from_secs(65));
            crawls
                .lease(&id.clone().into(), (1, step), "dead", (now, until))
                .await
                .unwrap();
            t.advance_seconds(66);
        }
        t.advance_seconds(1);
    }
    assert_eq!(ended["status"], "finished", "{ended}");
    t.drain_all().await;
    let ada = ada.sign_in_again().await;
    let names = names(&ada, &id).await;
    assert_eq!((names.len(), &ended["pages"]["stored"]), (4, &json!(4)), "{names:?}");
    let mut unique = names.clone();
    unique.dedup();
    assert_eq!(unique, names, "no page twice");
    let counts = t.items("parlance-app").await;
    let counts = &counts[&(format!("O#{}", ada.org()), "COUNTS".to_owned())];
    assert!(counts.contains("\"documents\": \"N(\\\"4\\\")\""), "{counts}");
}

#[tokio::test]
async fn a_step_whose_worker_died_is_done_again() {
    let (site, t, ada) = shop().await;
    let new = json!({"url": site.url("/"), "crawl": {"depth": 1}});
    let id = t.without_queue("fetch_pages", begin(&ada, new)).await;
    let store = store::Store::new(t.stack.sdk(), store::Tables::with_prefix("parlance"));
    let crawls = store.crawls(&ada.org().to_owned().into());
    let now = t.stack.app().clock.now();
    let until = domain::time::after(now, std::time::Duration::from_secs(65));
    let lease = crawls
        .lease(&id.clone().into(), (1, 0), "dead", (now, until))
        .await
        .unwrap();
    assert!(matches!(lease, store::CrawlLease::Taken(_)), "{lease:?}");
    // The message was lost with the queue, and the worker says nothing: what is due finds it.
    t.advance_seconds(16 * 60);
    let ada = ada.sign_in_again().await;
    t.anonymous().post("/_local/run/relay_outbox", json!({})).await.ok();
    let done = run(&t, &ada, &id).await;
    assert_eq!(
        (&done["status"], &done["pages"]["stored"]),
        (&json!("finished"), &json!(3)),
        "{done}"
    );
}

#[tokio::test]
async fn a_canceled_crawl_stores_nothing_more() {
    let (site, t, ada) = shop().await;
    let id = begin(
        &ada,
        json!({"url": site.url("/"), "crawl": {"depth": 3}, "refresh": {"every": "day"}}),
    )
    .await;
    t.drain().await;
    t.advance_seconds(1);
    t.drain().await;
    let path = format!("{CRAWLS}/{id}");
    let cancel = json!({"status": "cancelled"});
    let answers = join_all((0..16).map(|_| ada.patch(&path, cancel.clone()))).await;
    assert_eq!(statuses(&answers), [(200, 16)].into());
    let stored = names(&ada, &id).await;
    for _ in 0..5 {
        t.advance_seconds(2);
        t.drain().await;
    }
    assert_eq!(
        (names(&ada, &id).await, crawl(&ada, &id).await["status"].clone()),
        (stored, json!("cancelled"))
    );
    assert_eq!(crawl(&ada, &id).await["refresh"], Value::Null, "it is not repeated");
    let actions = t.audited(ada.org()).await;
    assert_eq!(
        actions.iter().filter(|action| *action == "crawl.cancelled").count(),
        1,
        "{actions:?}"
    );
    assert!(t.items("parlance-app").await.keys().all(|(pk, _)| pk != "FETCH"));
    let other = begin(&ada, json!({"url": site.url("/tables"), "crawl": {"depth": 0}})).await;
    run(&t, &ada, &other).await;
    let ended = format!("{CRAWLS}/{other}");
    ada.patch(&ended, json!({"status": "cancelled"}))
        .await
        .problem(409, "crawl_ended");
}

#[tokio::test]
async fn a_deleted_crawl_takes_its_documents_with_it_if_that_is_wanted() {
    let (site, t, ada) = shop().await;
    let mut ids = Vec::new();
    for _ in 0..2 {
        let id = begin(&ada, json!({"url": site.url("/"), "crawl": {"depth": 1}})).await;
        run(&t, &ada, &id).await;
        ids.push(id);
    }
    let (kept, gone) = (&ids[0], &ids[1]);
    ada.delete(&format!("{CRAWLS}/{kept}")).await.expect(204);
    ada.delete(&format!("{CRAWLS}/{gone}?with_documents=true"))
        .await
        .expect(204);
    for id in [kept, gone] {
        ada.get(&format!("{CRAWLS}/{id}")).await.problem(404, "not_found");
    }
    t.drain().await;
    assert_eq!(names(&ada, kept).await.len(), 3);
    assert_eq!(names(&ada, gone).await, Vec::<String>::new());
    let items = t.items("parlance-app").await;
    let named: Vec<_> = items
        .iter()
        .filter(|((_, sk), item)| sk.contains(gone) || item.contains(gone))
        .collect();
    assert!(named.is_empty(), "{named:?}");
    let actions = t.audited(ada.org()).await;
    assert_eq!(
        actions.iter().filter(|action| *action == "document.deleted").count(),
        3,
        "{actions:?}"
    );
}

#[tokio::test]
async fn a_deleted_crawl_that_is_running_ends() {
    let (site, t, ada) = shop().await;
    let id = begin(&ada, json!({"url": site.url("/"), "crawl": {"depth": 3}})).await;
    t.drain().await;
    ada.delete(&format!("{CRAWLS}/{id}?with_documents=true"))
        .await
        .expect(204);
    for _ in 0..4 {
        t.advance_seconds(2);
        t.drain().await;
    }
    t.advance_seconds(25 * 60 * 60);
    t.anonymous().post("/_local/run/relay_outbox", json!({})).await.ok();
    t.drain_all().await;
    let ada = ada.sign_in_again().await;
    let left: Vec<String> = t
        .object_keys()
        .await
        .into_iter()
        .filter(|key| key.contains(&id))
        .collect();
    assert_eq!(left, Vec::<String>::new());
    assert_eq!(names(&ada, &id).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_site_is_asked_at_the_pace_that_it_asks_for() {
    let (site, t, ada) = shop().await;
    site.put("/robots.txt", "text/plain", "User-agent: *\nCrawl-delay: 7\n");
    let id = begin(&ada, json!({"url": site.url("/"), "crawl": {"depth": 1}})).await;
    t.drain().await;
    assert_eq!(site.requests(), ["/robots.txt"]);
    t.advance_seconds(6);
    t.drain().await;
    assert_eq!(site.requests(), Vec::<String>::new());
    t.advance_seconds(1);
    t.drain().await;
    assert_eq!(site.requests(), ["/"]);
    site.fail("/lamps", 429, Some(("retry-after", "120")));
    t.advance_seconds(7);
    t.drain().await;
    assert_eq!(site.requests(), ["/lamps 429"]);
    for _ in 0..11 {
        t.advance_seconds(10);
        t.drain().await;
    }
    assert_eq!(site.requests(), Vec::<String>::new(), "two minutes are not over");
    site.page("/lamps", "Lamps", "Each lamp has a warranty of three years.", &[]);
    t.advance_seconds(20);
    t.drain().await;
    assert_eq!(site.requests(), ["/lamps"]);
    let done = run(&t, &ada, &id).await;
    assert_eq!(done["status"], "finished", "{done}");
}

#[tokio::test]
async fn a_site_that_never_answers_fails_with_its_reason() {
    let (site, t, ada) = shop().await;
    site.fail("/robots.txt", 503, None);
    let id = begin(&ada, json!({"url": site.url("/"), "crawl": {}})).await;
    for _ in 0..8 {
        t.drain().await;
        t.advance_seconds(60);
    }
    let failed = crawl(&ada, &id).await;
    assert_eq!(
        (&failed["status"], &failed["error_code"]),
        (&json!("failed"), &json!("site_error")),
        "{failed}"
    );
    site.put("/robots.txt", "text/plain", "User-agent: ParlanceBot\nDisallow: /\n");
    let id = begin(&ada, json!({"url": site.url("/"), "crawl": {}})).await;
    let failed = run(&t, &ada, &id).await;
    assert_eq!(failed["error_code"], "robots_disallowed", "{failed}");
    assert!(failed["error"].as_str().unwrap().contains("robots.txt"), "{failed}");
}

#[tokio::test]
async fn an_organization_has_five_active_crawls_whoever_begins_them() {
    let (site, t, ada) = shop().await;
    let new = json!({"url": site.url("/"), "crawl": {"depth": 0}});
    let begun = t
        .without_queue("fetch_pages", join_all((0..32).map(|_| ada.post(URL, new.clone()))))
        .await;
    assert_eq!(statuses(&begun), [(201, 5), (409, 27)].into());
    let refused = begun.into_iter().find(|answer| answer.status == 409).unwrap();
    refused.problem(409, "too_many_crawls");
    let listed = ada.get(CRAWLS).await.ok().json();
    assert_eq!(listed.as_array().unwrap().len(), 5);
    let first = listed[0]["id"].as_str().unwrap();
    ada.patch(&format!("{CRAWLS}/{first}"), json!({"status": "cancelled"}))
        .await
        .ok();
    ada.post(URL, new.clone()).await.created();
    ada.post(URL, new).await.problem(409, "too_many_crawls");
    let second = listed[1]["id"].as_str().unwrap();
    ada.delete(&format!("{CRAWLS}/{second}")).await.expect(204);
    begin(&ada, json!({"url": site.url("/"), "crawl": {"depth": 0}})).await;
}

#[tokio::test]
async fn a_run_finds_new_pages_updates_changed_ones_and_reports_what_is_gone() {
    let (site, t, ada) = shop().await;
    let new = json!({"url": site.url("/"), "crawl": {"depth": 2}, "refresh": {"every": "week"}});
    let id = begin(&ada, new).await;
    let first = run(&t, &ada, &id).await;
    assert_eq!(
        (&first["run"], &first["refresh"]["every"]),
        (&json!(1), &json!("week")),
        "{first}"
    );
    let documents = ada.get(&format!("/api/v1/documents?crawl={id}")).await.ok().json();
    let document = |name: &str| {
        let mut found = documents.as_array().unwrap().iter();
        let found = found.find(|document| document["name"] == name).unwrap();
        found["id"].as_str().unwrap().to_owned()
    };
    let session = ada.session(&[&document("Lamps"), &document("Blue lamp")]).await;
    ada.delete(&format!("/api/v1/documents/{}", document("Tables")))
        .await
        .expect(204);
    site.page(
        "/lamps",
        "Lamps",
        "Each lamp has a warranty of eight years.",
        &["/lamps/green"],
    );
    site.page("/lamps/green", "Green lamp", "The green lamp floats on water.", &[]);
    site.remove("/lamps/blue");
    site.requests();
    let ada = {
        t.advance_seconds(7 * 24 * 60 * 60 + 60);
        ada.sign_in_again().await
    };
    t.anonymous().post("/_local/run/relay_outbox", json!({})).await.ok();
    let second = run(&t, &ada, &id).await;
    assert_eq!(second["run"], 2, "{second}");
    assert_eq!(names(&ada, &id).await, ["Blue lamp", "Green lamp", "Lamps", "Meridian"]);
    let pages = &second["pages"];
    let counted = ["stored", "unchanged", "updated", "gone"].map(|name| pages[name].as_u64().unwrap());
    assert_eq!(counted, [5, 1, 1, 1], "{second}");
    assert!(
        refusals(&second).contains(&("tables".to_owned(), "document_deleted".to_owned())),
        "{second}"
    );
    let requests = site.requests();
    assert!(requests.contains(&"/ 304".to_owned()), "{requests:?}");
    let lamps = ada
        .get(&format!("/api/v1/documents/{}", document("Lamps")))
        .await
        .ok()
        .json();
    assert_eq!(
        (&lamps["version"], &lamps["status"]),
        (&json!(2), &json!("ready")),
        "{lamps}"
    );
    let blue = ada
        .get(&format!("/api/v1/documents/{}", document("Blue lamp")))
        .await
        .ok()
        .json();
    assert_eq!(
        (&blue["status"], &blue["check_error_code"]),
        (&json!("ready"), &json!("not_found")),
        "{blue}"
    );
    assert!(blue["page_gone_since"].is_string(), "{blue}");
    let answer = ada
        .ask(&session, "How long is the warranty of a lamp?")
        .await
        .ok()
        .json();
    assert!(answer["content"].as_str().unwrap().contains("eight years"), "{answer}");
    let answer = ada
        .ask(&session, "How long does the blue lamp shine?")
        .await
        .ok()
        .json();
    assert!(
        answer["content"].as_str().unwrap().contains("nine hours"),
        "answers go on: {answer}"
    );
    ada.patch(&format!("{CRAWLS}/{id}"), json!({"refresh": null}))
        .await
        .ok();
    t.advance_seconds(8 * 24 * 60 * 60);
    t.anonymous().post("/_local/run/relay_outbox", json!({})).await.ok();
    t.drain_all().await;
    let ada = ada.sign_in_again().await;
    assert_eq!(crawl(&ada, &id).await["run"], 2, "it is not repeated any more");
}

#[tokio::test]
async fn what_is_wrong_with_a_crawl_is_said_at_its_place() {
    let (site, t, ada) = shop().await;
    let before = t.items("parlance-app").await;
    for (crawl, pointer) in [
        (json!({"depth": 11}), "/crawl/depth"),
        (json!({"max_pages": 0}), "/crawl/max_pages"),
        (json!({"max_pages": 100_000}), "/crawl/max_pages"),
        (json!({"hosts": ["https://example.com/"]}), "/crawl/hosts/0"),
        (json!({"include": ["docs"]}), "/crawl/include/0"),
        (json!({"exclude": vec!["/a"; 21]}), "/crawl/exclude"),
    ] {
        let problem = ada
            .post(URL, json!({"url": site.url("/"), "crawl": crawl}))
            .await
            .problem(422, "invalid");
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem}");
    }
    for url in ["http://10.0.0.1/", "http://169.254.169.254/latest/", "http://[::1]/"] {
        let new = json!({"url": url, "crawl": {"depth": 1}});
        ada.post(URL, new).await.problem(422, "address_not_allowed");
    }
    ada.post(
        URL,
        json!({"url": site.url("/"), "sitemap": true, "refresh": {"every": "hour"}}),
    )
    .await
    .problem(422, "invalid");
    ada.post(URL, json!({"url": "ftp://x/", "sitemap": true}))
        .await
        .problem(422, "scheme_not_allowed");
    assert_eq!(t.items("parlance-app").await, before, "nothing was stored");
}

#[tokio::test]
async fn a_crawl_never_leaves_the_public_internet_by_its_links() {
    let (site, t, ada) = shop().await;
    let port = site.host().rsplit(':').next().unwrap().to_owned();
    let inside = format!("http://localhost:{port}/lamps");
    site.page(
        "/",
        "Meridian",
        "We make lamps.",
        &[&inside, "http://169.254.169.254/latest/meta-data/", "/hop"],
    );
    site.fail(
        "/hop",
        302,
        Some(("location", "http://169.254.169.254/latest/meta-data/")),
    );
    let new = json!({
        "url": site.url("/"),
        "crawl": {"depth": 2, "hosts": ["169.254.169.254", format!("localhost:{port}")]},
    });
    let id = begin(&ada, new).await;
    let done = run(&t, &ada, &id).await;
    assert_eq!(done["pages"]["stored"], 1, "{done}");
    let codes: Vec<String> = refusals(&done).into_iter().map(|(_, code)| code).collect();
    assert_eq!(
        codes,
        ["address_not_allowed", "address_not_allowed", "address_not_allowed"],
        "{done}"
    );
}

#[tokio::test]
async fn a_crawl_belongs_to_its_organization_and_is_changed_by_its_creator() {
    let org = SharedDocuments::of("A page.", "Another page.").await;
    let new = json!({"url": "https://www.example.com/", "crawl": {"depth": 1}});
    for (creator, stranger) in [(&org.boss, Some(&org.bob)), (&org.bob, None)] {
        let id = org.t.without_queue("fetch_pages", begin(creator, new.clone())).await;
        let path = format!("{CRAWLS}/{id}");
        org.bob.get(&path).await.ok();
        if let Some(stranger) = stranger {
            stranger
                .patch(&path, json!({"status": "cancelled"}))
                .await
                .problem(403, "not_yours");
            stranger.delete(&path).await.problem(403, "not_yours");
        }
        for foreign in [&org.eve, &org.ada] {
            foreign.get(&path).await.problem(404, "not_found");
            foreign
                .patch(&path, json!({"refresh": null}))
                .await
                .problem(404, "not_found");
            foreign.delete(&path).await.problem(404, "not_found");
        }
        org.boss.patch(&path, json!({"refresh": {"every": "month"}})).await.ok();
        org.boss.delete(&path).await.expect(204);
    }
}
