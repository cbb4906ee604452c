//! Outgoing connections: one TLS configuration for all clients, and the HTTP client of the AWS SDKs. Nothing here
//! reads a file or opens a connection before the first request.

mod sdk;
#[cfg(test)]
mod tests;
mod tls;

pub use rustls::Error as TlsError;
pub use sdk::SdkHttpClient;
pub use tls::tls_config;
