//! The authorization matrix: every operation of the route table, called by every kind of caller.
//!
//! `policy.tsv` says which access an operation has, `access.tsv` what each access answers to each kind of caller. An
//! operation without a row fails, and so does a row without an operation.

mod fixtures;
mod mass_assignment;
mod nulls;
mod policy;
mod requests;

use futures::future::join_all;
use http_api::Operation;
use model_double::ModelDouble;

use crate::support::{ADMIN, Site, Test};

use fixtures::Fixtures;
use policy::{Answers, Expected};

const SERVICE_KEY: &str = "a service key that only this test knows";
const SCRAPE_TOKEN: &str = "a-scrape-token-that-only-this-test-knows";
/// Names the server that turns texts into vectors.
const OWN_MODELS: &str = "OPENAI_COMPATIBLE_BASE_URL";

/// Every operation that clients may call.
pub(super) fn operations() -> Vec<Operation> {
    let apis = local::functions::groups().into_iter();
    let operations = apis.flat_map(|(_, api)| api.operations());
    operations.filter(|operation| operation.documented).collect()
}

/// The operations are shared out over tests that run beside each other: `part` of [`PARTS`].
const PARTS: usize = 4;

/// One part of the operations, with something of every function in it.
fn part_of<T>(operations: impl IntoIterator<Item = T>, part: usize) -> Vec<T> {
    operations.into_iter().skip(part).step_by(PARTS).collect()
}

/// A stack with something to protect in it.
async fn guarded() -> (Test, Fixtures, ModelDouble) {
    let double = ModelDouble::start().await.unwrap();
    let models = double.url();
    let page = b"<!doctype html><title>Hours</title><p>Open on Mondays.".to_vec();
    let site = Site::start(vec![("/", "text/html", page)]).await;
    let host = site.host();
    let environment = [
        ("ALLOW_PRIVATE_FETCH", host.as_str()),
        ADMIN[0],
        ADMIN[1],
        ("INTERNAL_API_KEY", SERVICE_KEY),
        ("METRICS_TOKEN", SCRAPE_TOKEN),
        (OWN_MODELS, &models),
    ];
    let t = Test::with(&environment).await;
    let mut fixtures = Box::pin(Fixtures::set(&t)).await;
    fixtures.things.page = site.url("/");
    (t, fixtures, double)
}

macro_rules! in_parts {
    ($check:path: $($name:ident = $part:literal),*) => {$(
        #[tokio::test]
        async fn $name() {
            $check($part).await;
        }
    )*};
}
use in_parts;

in_parts!(
    every_operation_lets_in_whom_the_policy_names_and_nobody_else:
    policy_of_the_first_part_holds = 0,
    policy_of_the_second_part_holds = 1,
    policy_of_the_third_part_holds = 2,
    policy_of_the_fourth_part_holds = 3
);

async fn every_operation_lets_in_whom_the_policy_names_and_nobody_else(part: usize) {
    let policy = policy::read();
    let all = operations();
    policy.names_only(&all);
    let operations = part_of(all, part);
    let (t, fixtures, _double) = Box::pin(guarded()).await;
    let (before, image) = (t.snapshot().await, t.image().await);
    assert!(before.len() > 100, "there is something to protect: {}", before.len());

    let (mut cells, mut deviations) = (0, Vec::new());
    for operation in &operations {
        let name = format!("{} {}", operation.method, operation.path);
        let row = policy.row(operation);
        // Those who are refused come first, and leave everything as it was.
        let (let_in, refused): (Vec<_>, Vec<_>) = policy
            .callers()
            .zip(row)
            .partition(|(_, expected)| expected.is_let_in());
        deviations.extend(at_once(&fixtures, operation, &refused).await);
        let touched = t.snapshot().await.differences(&before);
        if !touched.is_empty() {
            deviations.push(format!("{name}: those who are refused changed {touched:?}"));
            t.restore(&image).await;
        }
        // Everybody finds the same scenery; what reading makes, as the first settings, disturbs nobody.
        if operation.method == "GET" {
            deviations.extend(at_once(&fixtures, operation, &let_in).await);
            t.restore(&image).await;
        } else {
            for (kind, expected) in &let_in {
                deviations.extend(deviation(&fixtures, operation, kind, *expected).await);
                t.restore(&image).await;
            }
        }
        cells += refused.len() + let_in.len();
    }
    let kinds = policy.callers().count();
    println!(
        "{cells} cells: {} operations, {kinds} kinds of callers",
        operations.len()
    );
    assert_eq!(cells, operations.len() * kinds);
    assert!(deviations.is_empty(), "of {cells} cells:\n{}", deviations.join("\n"));
    assert_eq!(t.snapshot().await.differences(&before), Vec::<String>::new());
}

#[test]
fn every_operation_is_in_one_part() {
    let all = operations();
    let parts = (0..PARTS).map(|part| part_of(all.clone(), part).len());
    assert_eq!(parts.sum::<usize>(), all.len());
}

async fn at_once(fixtures: &Fixtures, operation: &Operation, callers: &[(&str, Expected)]) -> Vec<String> {
    let calls = callers
        .iter()
        .map(|(kind, expected)| deviation(fixtures, operation, kind, *expected));
    join_all(calls).await.into_iter().flatten().collect()
}

/// What is wrong with the answer to a kind of caller.
async fn deviation(fixtures: &Fixtures, operation: &Operation, kind: &str, expected: Expected) -> Option<String> {
    let caller = fixtures.caller(kind, operation);
    let answer = caller
        .send(requests::request(&caller, operation, &fixtures.things))
        .await;
    let (status, name) = (
        answer.status.as_u16(),
        format!("{} {}", operation.method, operation.path),
    );
    let said = || String::from_utf8_lossy(&answer.body).into_owned();
    (!expected.is(status)).then(|| format!("{name} by {kind}: {status} instead of {expected}: {}", said()))
}

/// A kind of access that nothing has, or a kind of caller whom nothing lets in, is an error of the table.
#[test]
fn every_access_is_used_and_every_kind_of_caller_is_told_apart() {
    let policy = policy::read();
    let Answers { unused, twins } = policy.answers();
    assert_eq!((unused, twins), (Vec::new(), Vec::new()));
}
