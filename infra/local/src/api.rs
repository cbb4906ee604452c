//! The API alone, as functions run it: configuration from the environment, services wherever that says they are. For
//! measurements.

use std::net::SocketAddr;

use app::{App, Config};
use model::Clock;
use tokio::net::TcpListener;

use crate::{functions, stack::without_delay};

/// Serves on 127.0.0.1 until the listener fails; prints where.
///
/// # Errors
/// A sentence: what the environment lacks, or why the port cannot be opened.
pub async fn serve(port: u16) -> Result<(), String> {
    let config = Config::read(|name| std::env::var(name).ok()).map_err(|error| error.to_string())?;
    let sdk = aws_config::load_defaults(aws_config::BehaviorVersion::latest()).await;
    let app = App::new(&sdk, config, Clock::default()).map_err(|error| error.to_string())?;
    let listener = TcpListener::bind(("127.0.0.1", port))
        .await
        .map_err(|error| error.to_string())?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    println!("listening on http://{address}");
    let service = functions::router(app).into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(without_delay(listener), service)
        .await
        .map_err(|error| error.to_string())
}
