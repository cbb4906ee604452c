//! How a function runs on Lambda. No other crate of the product names `lambda_*`: to everything above, a request
//! is a request and a message is a message, whether Lambda or the local stack delivers it.

mod follower;
mod http;
mod job;
pub mod log;
mod schedule;

pub use follower::{Follower, follow, hand_over};
pub use http::{serve, serve_streaming, with_source};
pub use job::{Job, consume, deliver};
pub use lambda_runtime::Error;
pub use schedule::{Schedule, on_schedule};

use app::{App, Config};
use model::Clock;

/// The app of a cold start: configuration from the environment, clients that connect when they are needed.
async fn start() -> Result<App, Error> {
    log::init_json();
    let config = Config::read(|name| std::env::var(name).ok())?;
    let sdk = aws_config::defaults(aws_config::BehaviorVersion::latest())
        .http_client(http_client::SdkHttpClient::default())
        .load()
        .await;
    Ok(App::new(&sdk, config, Clock::default())?)
}
