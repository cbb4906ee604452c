//! The API only, as functions run it: configuration and services are those of the environment. For measurements.

use app::{App, Config};
use domain::Clock;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{RequestTimeouts, functions, listener, provision};

/// Serves on 127.0.0.1, and prints the URL.
///
/// # Errors
/// A sentence: what the environment lacks, or why the port cannot be opened.
pub async fn serve(port: u16) -> Result<(), String> {
    let config = Config::read(|name| std::env::var(name).ok()).map_err(|error| error.to_string())?;
    let sdk = provision::aws_sdk().await;
    let app = App::new(&sdk, config, Clock::default()).map_err(|error| error.to_string())?;
    let listener = TcpListener::bind(("127.0.0.1", port))
        .await
        .map_err(|error| error.to_string())?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    println!("listening on http://{address}");
    let forever = CancellationToken::new();
    listener::serve_router(listener, RequestTimeouts::default(), forever, functions::router(app)).await;
    Ok(())
}
