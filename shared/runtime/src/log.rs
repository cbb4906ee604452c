//! Structured logs. What may be logged is an allow-list by construction: each event names its fields, and
//! secrets are a type that prints `***`.

use tracing_subscriber::{EnvFilter, fmt};

fn filter() -> EnvFilter {
    EnvFilter::try_from_env("PARLANCE_LOG")
        .unwrap_or_else(|_| EnvFilter::new("info,aws=warn,hyper=warn,reqwest=warn,dynoxide=error,s3s=error,s3s_fs=off"))
}

/// Logs one JSON object per line, for `CloudWatch`. A second call changes nothing.
pub fn init_json() {
    let _ = fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_env_filter(filter())
        .try_init();
}

/// Logs readable lines to standard error. A second call changes nothing.
pub fn init_text() {
    let _ = fmt()
        .compact()
        .with_target(false)
        .with_writer(std::io::stderr)
        .with_env_filter(filter())
        .try_init();
}
