//! Every function of the workspace is deployed, and wired the way its `main` runs.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use domain::Queue;

use super::template;

/// What every function is told besides the URLs of the queues: `app::Config` reads it.
const ENVIRONMENT: [&str; 32] = [
    // Of `sam local invoke` alone.
    "AWS_ENDPOINT_URL",
    "AWS_LAMBDA_HTTP_IGNORE_STAGE_IN_PATH",
    "AZURE_OPENAI_ENDPOINT",
    "BEDROCK_REGION",
    "BILLING_GRACE_DAYS",
    "BROWSER_ORIGINS",
    "BUCKET",
    "CLERK_AUTHORIZED_PARTIES",
    "CLERK_ISSUER",
    "CLERK_JWKS_URL",
    "EMBEDDING_MODEL_KEY",
    "KEY_MODE",
    "MODEL_LIMITS",
    "OPENAI_BASE_URL",
    "OPENAI_COMPATIBLE_BASE_URL",
    "PUBLIC_URL",
    "SECRETS_PREFIX",
    "SLACK_CLIENT_ID",
    "STRIPE_AUTOMATIC_TAX",
    "STRIPE_METER_EVENT",
    "STRIPE_MODE",
    "STRIPE_PRICE_PACKS",
    "STRIPE_PRICE_PRO",
    "STRIPE_PRICE_TEAM",
    "STRIPE_PROMOTION_CODES",
    "STRIPE_TRIAL_DAYS",
    "TABLE_APP",
    "TABLE_AUDIT",
    "TABLE_EPHEMERAL",
    "TABLE_IDENTITY",
    "TABLE_USAGE",
    "WHOLE_ANSWER_SECONDS",
];

/// The longest that the gateway waits for an answer that is not streamed, in seconds.
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-execution-service-limits-table.html>
const BUFFERED_LIMIT_SECONDS: u64 = 29;

/// The folder that holds `template.yaml`.
fn root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().map_or_else(|| tests.to_owned(), Path::to_owned)
}

/// The folders under functions/ that are crates.
fn crates() -> BTreeSet<String> {
    let folder = root().join("functions");
    let entries = std::fs::read_dir(folder)
        .expect("functions/ is there")
        .map(|entry| entry.expect("a readable entry"));
    let crates = entries.filter(|entry| entry.path().join("Cargo.toml").is_file());
    crates
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect()
}

#[test]
fn every_crate_under_functions_is_deployed_once_and_nothing_else_is() {
    let deployed: Vec<_> = template()
        .functions
        .iter()
        .map(|function| function.crate_name.clone())
        .collect();
    let unique: BTreeSet<_> = deployed.iter().cloned().collect();
    assert_eq!(deployed.len(), unique.len(), "a crate is deployed twice: {deployed:?}");
    assert_eq!(unique, crates());
    let local: BTreeSet<_> = local::functions::names().into_iter().map(str::to_owned).collect();
    assert_eq!(unique, local, "the local stack runs other functions");
}

#[test]
fn schedules_are_the_same_locally_and_in_the_cloud() {
    let deployed: Vec<_> = template()
        .functions
        .iter()
        .flat_map(|function| {
            function
                .schedules
                .iter()
                .map(move |schedule| (function.crate_name.clone(), schedule.clone()))
        })
        .collect();
    let local: Vec<_> = local::functions::schedules()
        .into_iter()
        .map(|schedule| {
            (
                schedule.name.to_owned(),
                format!("rate({} minutes)", schedule.every.as_secs() / 60),
            )
        })
        .collect();
    assert_eq!(deployed, local);
}

#[test]
fn routes_stream_exactly_where_the_binary_does() {
    for function in &template().functions {
        let main = root().join("functions").join(&function.crate_name).join("src/main.rs");
        let main = std::fs::read_to_string(&main).unwrap_or_else(|error| panic!("{}: {error}", main.display()));
        let streams = main.contains("serve_streaming");
        assert_eq!(
            !function.routes.is_empty(),
            streams || main.contains("serve("),
            "{}: an HTTP function has routes, a worker has none",
            function.crate_name
        );
        for route in &function.routes {
            assert_eq!(
                route.streaming, streams,
                "{} {} of {}",
                route.method, route.path, function.crate_name
            );
            if !streams {
                assert!(
                    function.timeout_seconds <= BUFFERED_LIMIT_SECONDS,
                    "{} outlives the gateway",
                    function.crate_name
                );
            }
        }
    }
}

/// What is left of an invocation when its call has ended: its attempts begin within half a minute, and then its answer is
/// stored and paid for.
const AFTER_A_CALL: Duration = Duration::from_secs(45);

#[test]
fn a_function_that_streams_outlives_the_longest_call_of_a_model_and_so_does_the_gateway() {
    for function in &template().functions {
        for route in function.routes.iter().filter(|route| route.streaming) {
            let timeout = Duration::from_secs(function.timeout_seconds);
            assert!(timeout >= llm::LONGEST_CALL + AFTER_A_CALL, "{}", function.crate_name);
            assert!(route.timeout >= timeout, "{}", route.path);
        }
    }
}

#[test]
fn a_path_belongs_to_one_function() {
    let mut seen = BTreeSet::new();
    for function in &template().functions {
        for route in &function.routes {
            assert!(
                seen.insert((&*route.path, &*route.method)),
                "{} is wired twice",
                route.path
            );
        }
    }
    assert!(
        seen.iter()
            .any(|(path, method)| *path == "/{proxy+}" && *method == "ANY"),
        "unknown paths reach nobody"
    );
}

#[test]
fn a_worker_has_a_queue_a_stream_or_a_schedule() {
    for function in &template().functions {
        let fed = !function.sources.is_empty() || !function.streams.is_empty();
        let worker = fed || !function.schedules.is_empty();
        assert_ne!(
            worker,
            !function.routes.is_empty(),
            "{} is neither or both",
            function.crate_name
        );
    }
}

#[test]
fn every_function_is_told_all_that_it_reads() {
    for function in &template().functions {
        let own: &[&str] = match function.crate_name.as_str() {
            "send_mail" => &["MAIL_FROM"],
            _ => &[],
        };
        let queues = Queue::ALL.iter().map(|queue| queue.variable());
        let others = ENVIRONMENT.iter().chain(own).map(|&name| name.to_owned());
        let wanted: BTreeSet<_> = others.chain(queues).collect();
        let told: BTreeSet<_> = function.environment.keys().cloned().collect();
        assert_eq!(told, wanted, "{}", function.crate_name);
    }
}
