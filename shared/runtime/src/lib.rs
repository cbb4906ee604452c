//! Runs functions on Lambda. No other crate of the product uses `lambda_*`: for all other crates, a request
//! is a request and a message is a message, whether Lambda or the local stack delivers it.
//!
//! A function that waits for I/O runs on one thread: it has a fraction of a CPU, and a second thread would only
//! alternate with the first. One that computes for seconds runs on several, so that its lease is renewed meanwhile.

mod follower;
mod http;
mod job;
pub mod log;
mod schedule;

pub use follower::{Follower, follow, process_batch};
pub use http::{serve, serve_streaming, with_source};
pub use job::{Job, consume, deliver};
pub use lambda_runtime::Error;
pub use schedule::{Schedule, on_schedule};

use app::{App, Config};
use domain::Clock;

/// Creates the app at a cold start: configuration from the environment, clients that connect when needed.
async fn start() -> Result<App, Error> {
    log::init_json();
    let config = Config::read(|name| std::env::var(name).ok())?;
    let sdk = aws_config::defaults(aws_config::BehaviorVersion::latest())
        .http_client(http_client::SdkHttpClient::default())
        .load()
        .await;
    Ok(App::new(&sdk, config, Clock::default())?)
}
