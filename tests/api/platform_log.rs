//! The log of all organizations, which lies in several partitions a month.

use std::collections::BTreeSet;

use serde_json::json;

use crate::support::{ADMIN, Test};

#[tokio::test]
async fn the_log_of_the_platform_is_one_list_however_its_months_are_spread() {
    let t = Test::with(&ADMIN).await;
    let note = async |number: usize| {
        let name = format!("person{number}");
        let person = t.user(&name).await;
        let entry = json!({"action": "note", "details": {}});
        person.post("/api/v1/audit_logs", entry).await.created();
    };
    for number in 0..12 {
        note(number).await;
    }
    t.advance_seconds(40 * 24 * 3600);
    for number in 12..24 {
        note(number).await;
    }
    let admin = t.admin().await;
    let pages = async |limit: usize| {
        let (mut url, mut read) = (format!("/api/v1/admin/logs?source=audit&limit={limit}"), Vec::new());
        loop {
            let page = admin.get(&url).await.ok();
            let items = page.json();
            let ids = items.as_array().unwrap().iter();
            read.extend(ids.map(|entry| entry["id"].as_str().unwrap().to_owned()));
            assert!(items.as_array().unwrap().len() <= limit);
            let Some(next) = page.next() else { break read };
            url = next;
        }
    };
    let all = pages(100).await;
    assert!(all.len() >= 48, "{}", all.len());
    assert!(all.is_sorted_by(|a, b| a > b), "newest first, each once");
    for limit in [1, 3, 10] {
        assert_eq!(pages(limit).await, all, "{limit} at a time");
    }
    let stored = t.items("parlance-audit").await;
    let months = stored
        .values()
        .filter_map(|item| item.split_once("\"month\": \"S(\\\"")?.1.get(..9));
    let months: BTreeSet<_> = months.collect();
    assert!(months.len() > 8, "{months:?}");
}
