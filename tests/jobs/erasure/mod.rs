//! Erasure, with a marker in everything that a person can write: an export has it, and after the erasure it is nowhere.
//!
//! What can be written is taken from the `OpenAPI` document: an operation that takes a text this test does not send
//! fails it.

pub(crate) mod residue;
mod text_fields;
mod texts;

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write,
    sync::{Arc, Mutex},
};

use local::{Options, Stack, cloud::Data};
use model_double::ModelDouble;
use serde_json::json;
use stripe_double::{Settings, StripeDouble};

use self::{
    residue::{contains, files_with, residue},
    text_fields::TextFieldWriter,
    texts::free_texts,
};
use super::export_user::{download, exported};
use crate::{
    drift::names,
    support::{self, Site, Test},
};

const MARKER: &str = "zyxmarker7291";
const SERVICE_KEY: &str = "a service key that only this test knows";

/// An archive has the marker in files of every kind, and in as many lines as there are items of the person's own.
fn an_export_holds(residue: &BTreeSet<String>, archive: &BTreeMap<String, Vec<u8>>) {
    let without_ids = |name: &str| {
        let parts = name
            .split('/')
            .map(|part| if part.starts_with("01") { "*" } else { part });
        parts.collect::<Vec<_>>().join("/")
    };
    let held = archive.iter().filter(|(_, content)| contains(content));
    let held: BTreeSet<String> = held.map(|(name, _)| without_ids(name)).collect();
    let file = format!("organizations/*/files/*/{MARKER}.txt");
    let version = format!("organizations/*/files/*/*/{MARKER}-2.txt");
    let kinds = [
        "account.jsonl",
        "audit.jsonl",
        "organizations/*/content.jsonl",
        &file,
        "organizations/*/members/*/conversations.jsonl",
        "organizations/*/members/*/conversations/*",
        "organizations/*/members/*/prompts/*",
        "organizations/*/organization.jsonl",
        "organizations/*/webhooks.jsonl",
        // The web page.
        "organizations/*/files/*/127.0.0.1.html",
        // That of a crawl, whose file is named like those of versions.
        "organizations/*/files/*/*/127.0.0.1.html",
        &version,
    ];
    assert_eq!(held, kinds.map(str::to_owned).into());
    let lines = |kind: &str| {
        let files = archive.iter().filter(|(name, _)| without_ids(name) == kind);
        let lines = files.flat_map(|(_, content)| content.split(|byte| *byte == b'\n'));
        lines.filter(|line| contains(line)).count()
    };
    let items = |prefix: &str, inside: &str| {
        let own = residue
            .iter()
            .filter(|trace| trace.starts_with(prefix) && trace.contains(inside));
        own.count()
    };
    assert_eq!(
        lines(kinds[4]),
        items("app O#", "#U#"),
        "conversations and prompts of {residue:?}"
    );
    assert_eq!(lines(kinds[5]), items("app S#", ""), "turns of {residue:?}");
    assert_eq!(lines(kinds[6]), items("app UP#", ""), "versions of {residue:?}");
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn whatever_a_person_wrote_is_nowhere_after_their_erasure_and_never_was_in_the_log() {
    let log = Log::default();
    let writer = log.clone();
    let filter = "debug,aws=info,hyper=info,h2=info,reqwest=info,dynoxide=error,s3s=error,s3s_fs=off";
    let recorder = tracing_subscriber::fmt().json().with_env_filter(filter);
    let recorder = tracing::Dispatch::new(recorder.with_writer(move || writer.clone()).finish());
    // While there is one recorder only, events that another test's thread comes by first are switched off for good.
    let _second = tracing::Dispatch::new(tracing::subscriber::NoSubscriber::default());
    let guard = tracing::dispatcher::set_default(&recorder);
    let double = ModelDouble::start().await.unwrap();
    let models = double.url();
    let page = format!("<!doctype html><title>{MARKER}</title><p>{MARKER} opens on Mondays.").into_bytes();
    let site = Site::start(vec![("/", "text/html", page)]).await;
    let host = site.host();
    let stripe = StripeDouble::start(Settings::new(|| 1_795_305_600)).await.unwrap();
    let payments = stripe.environment();
    let mut environment = vec![
        ("ALLOW_PRIVATE_FETCH", host.as_str()),
        ("INTERNAL_API_KEY", SERVICE_KEY),
        ("OPENAI_COMPATIBLE_BASE_URL", models.as_str()),
    ];
    environment.extend(payments.iter().map(|(name, value)| (*name, value.as_str())));
    let folder = tempfile::tempdir().unwrap();
    let stack = Stack::start(Options {
        environment: support::environment(&environment),
        data: Data::Folder(folder.path().to_owned()),
        ..support::options()
    });
    let t = Test::of(stack.await.unwrap());
    let mut writer = TextFieldWriter {
        t: &t,
        filled: BTreeSet::new(),
        sent: 0,
        page: site.url("/"),
    };
    let (ada, org) = writer.seed().await;
    let missing: Vec<_> = free_texts()
        .into_iter()
        .filter(|field| {
            !writer.filled.contains(field)
                && !writer
                    .filled
                    .iter()
                    .any(|filled| filled.starts_with(&format!("{field}/")))
        })
        .collect();
    assert_eq!(missing, Vec::<String>::new(), "texts that this test does not write");

    names::assert_stored_names(&t).await;

    let before = residue(&t).await;
    let kinds = ["identity U#", "identity O#", "app O#", "app S#", "object t/", "mail "];
    for kind in kinds {
        assert!(
            before.iter().any(|trace| trace.starts_with(kind)),
            "{kind} in {before:?}"
        );
    }
    an_export_holds(&before, &download(&t, &exported(&t, &ada).await).await);
    ada.delete(&format!("/api/v1/orgs/{org}")).await.expect(204);
    ada.delete("/api/v1/users/me").await.ok();
    t.advance_seconds(1);
    for _ in 0..2 {
        t.anonymous().post("/_local/run/relay_outbox", json!({})).await.ok();
        t.drain().await;
    }
    assert_eq!(residue(&t).await, BTreeSet::new());
    t.stack.stop().await;
    assert_eq!(files_with(MARKER, folder.path()), BTreeMap::new());
    drop(guard);
    let written = log.0.lock().unwrap().clone();
    let written = String::from_utf8(written).unwrap();
    assert!(
        written.contains("purge.done") && written.lines().count() > 20,
        "the log was recorded: {written}"
    );
    let leaks: Vec<&str> = written.lines().filter(|line| line.contains(MARKER)).collect();
    assert_eq!(leaks, Vec::<&str>::new());
}
