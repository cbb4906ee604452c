//! Documents that take several runs of the reader, and generations that crash, repeat and overtake one another.

use std::time::Duration;

use domain::{Document, documents::outbox::IndexMessage, time::after};
use local::{Options, Stack};
use reading::Limits;
use retrieval::Kind;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use store::{Documents, Outcome, Store, Tables};

use crate::support::{Caller, PASSWORD, Test, options, rounds};

/// A file in which no two pages are alike.
fn manual(pages: usize) -> Vec<u8> {
    let page = |page: usize| {
        let line = |line: usize| {
            format!(
                "Step {line} of chapter {page}: set valve {} to {}.",
                line * 7 % 13,
                page * line % 90
            )
        };
        (1..25).map(line).collect::<Vec<_>>().join("\n")
    };
    let pages: Vec<String> = (0..pages).map(page).collect();
    samples::text_pdf(&pages.iter().map(String::as_str).collect::<Vec<_>>())
}

fn documents(t: &Test, caller: &Caller) -> Documents {
    let store = Store::new(t.stack.sdk(), Tables::with_prefix("parlance"));
    store.documents(&caller.org().to_owned().into())
}

pub(super) async fn document(t: &Test, caller: &Caller, id: &str) -> Document {
    documents(t, caller).get(&id.to_owned().into()).await.unwrap().unwrap()
}

/// Where the segment of a file is stored.
fn segment_key(document: &Document, bytes: &[u8], kind: Kind) -> String {
    let indexed = retrieval::index_file(bytes, kind).unwrap();
    let hash = hex::encode(&Sha256::digest(&indexed.segment)[..16]);
    Document::segment_key(&document.org, &document.id, &hash)
}

#[tokio::test]
async fn a_long_document_takes_several_runs_and_becomes_what_it_would_in_one() {
    let limits = Limits {
        run: Duration::from_millis(50),
        ..Limits::for_function(1769 * 1024 * 1024)
    };
    let stack = Stack::start(Options {
        reader_limits: Some(limits),
        ..options()
    });
    let t = Test::of(stack.await.unwrap());
    let ada = t.user("ada").await;
    let file = manual(300);
    let id = ada.upload("manual.pdf", file.clone()).await.created().text("id");
    let (mut progress, mut runs) = (Vec::new(), 0);
    loop {
        t.drain().await;
        let now = document(&t, &ada, &id).await;
        progress.push(now.progress);
        let Some(checkpoint) = &now.checkpoint else {
            assert_eq!(serde_json::to_value(now.status).unwrap(), "ready", "{now:?}");
            break;
        };
        assert!(t.object_keys().await.contains(&checkpoint.key), "{checkpoint:?}");
        runs += 1;
        assert!(runs < 45, "{progress:?}");
        t.advance_seconds(10);
    }
    assert!(runs >= 1, "all of it was read in one run");
    assert!(progress.is_sorted(), "{progress:?}");
    let read = document(&t, &ada, &id).await;
    assert_eq!((read.pages, read.progress), (Some(300), 100));
    assert_eq!(
        read.segment,
        Some(segment_key(&read, &file, Kind::Pdf)),
        "the same text, page by page"
    );
    let mut keys = t.object_keys().await;
    keys.retain(|key| key.contains(".pages"));
    assert_eq!(keys, Vec::<String>::new(), "nothing is left of the runs");
}

/// Numbers from a seed (`SplitMix64`).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % below
    }
}

/// What the file says in a version; all versions have the same size.
fn text(version: u64) -> String {
    format!("Gate {version:04} opens at noon. Its keeper has the key.")
}

/// A document whose workers die, repeat, come late and overtake one another, while it is reindexed.
struct Story<'a> {
    t: &'a Test,
    ada: &'a Caller,
    id: String,
    /// The version in the bucket.
    version: u64,
    /// Workers that took the document and were not heard of since: their name, and the generation they work at.
    lost: Vec<(String, u64)>,
}

impl Story<'_> {
    async fn step(&mut self, numbers: &mut Numbers, name: usize) {
        let app = self.t.stack.app();
        let documents = documents(self.t, self.ada);
        let (id, holder) = (self.id.clone().into(), format!("worker {name}"));
        match numbers.next(6) {
            0 | 1 => {
                let message = IndexMessage {
                    org_id: self.ada.org().to_owned().into(),
                    document_id: id,
                };
                // Another worker may hold it: then the message comes back later.
                app.index_document(&message, &self.t.delivery(1)).await.ok();
            }
            2 => {
                let (now, until) = (app.clock.now(), after(app.clock.now(), Duration::from_secs(20)));
                let leased = documents.lease(&id, &holder, (now, until), None).await.unwrap();
                if let store::Lease::Taken(taken, _) = leased {
                    self.lost.push((holder, taken.want));
                }
            }
            3 => {
                let Some((holder, generation)) = self.lost.pop() else {
                    return;
                };
                // It was only slow, and stores what it read long ago.
                let outcome = Outcome::Ready {
                    segment: format!("t/{}/d/{}/stale-{generation}.seg", self.ada.org(), self.id),
                    replaced: None,
                    pages: None,
                    chunks: 1,
                    transcribed_pages: 0,
                    reader_version: 0,
                    duplicate_of: None,
                    version: None,
                };
                let now = app.clock.now();
                documents
                    .finish(&id, &holder, generation, (&outcome, None), now)
                    .await
                    .unwrap();
            }
            4 => {
                let read = documents.get(&id).await.unwrap().unwrap();
                if read.is_unfinished() {
                    return;
                }
                self.version += 1;
                let key = Document::source_key(&read.org, &read.id);
                let put = self.t.s3().put_object().bucket("parlance").key(key);
                put.body(text(self.version).into_bytes().into()).send().await.unwrap();
                let path = format!("/api/v1/documents/{}/reindex", self.id);
                self.ada.post(&path, json!({})).await.ok();
            }
            _ => self.t.advance_seconds(numbers.next(30)),
        }
    }
}

/// The same user in a session of a month: stories move the clock by minutes, and checking a password takes longer than
/// many of them.
async fn month(caller: &Caller) -> Caller {
    let credentials = json!({"email": caller.account["email"], "password": PASSWORD});
    let login = caller.with_token("").post("/api/auth/login", credentials).await.ok();
    caller.with_token(&login.text("token"))
}

#[tokio::test]
async fn whatever_crashes_repeats_or_overtakes_the_last_generation_is_in_use_at_the_end() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let seed = std::env::var("PARLANCE_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or(1);
    let mut ada = month(&ada).await;
    for story in 0..50 * rounds() as u64 {
        let mut numbers = Numbers(seed * 1_000_000 + story);
        if story % 200 == 199 {
            ada = month(&ada).await;
        }
        let ada = &ada;
        let id = ada.upload("gate.txt", text(0)).await.created().text("id");
        let mut story_of = Story {
            t: &t,
            ada,
            id,
            version: 0,
            lost: Vec::new(),
        };
        for name in 0..12 {
            story_of.step(&mut numbers, name).await;
        }
        // Everybody is heard of or has lost its lease.
        t.advance_seconds(100);
        t.drain_all().await;
        let last = document(&t, ada, &story_of.id).await;
        let read = segment_key(&last, text(story_of.version).as_bytes(), Kind::Text);
        // What a slow worker that held the document stored for this generation.
        let slow = format!("{}stale-{}.seg", Document::folder(&last.org, &last.id), last.want);
        let segment = last.segment.clone().unwrap_or_default();
        assert!(
            [read, slow].contains(&segment) && last.done == last.want,
            "seed {seed}, story {story}: {last:?}, version {}",
            story_of.version
        );
        // The plan has room for a hundred.
        ada.delete(&format!("/api/v1/documents/{}", story_of.id))
            .await
            .expect(204);
    }
    t.drain().await;
    assert_eq!(t.object_keys().await, Vec::<String>::new());
}
