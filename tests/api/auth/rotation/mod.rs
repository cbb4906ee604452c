//! Keys and other secrets that change while processes run.

mod earlier_release;
mod encryption;
mod providers;
mod signing;

use domain::Result;
use local::keys::{Keys, rotate};

use crate::support::Test;

/// Longer than it takes until a new key is used.
const IN_USE_SECONDS: u64 = 91;

/// What `parlance admin rotate-secret` does.
pub(crate) async fn try_to_rotate(t: &Test, keys: Keys, force: bool) -> Result<String> {
    rotate(t.stack.sdk(), "", keys, force, &t.stack.app().clock).await
}

/// The same, until the new key is used everywhere.
pub(crate) async fn rotate_and_wait(t: &Test, keys: Keys) {
    try_to_rotate(t, keys, true).await.unwrap();
    t.advance_seconds(IN_USE_SECONDS);
}

fn secrets(t: &Test) -> aws_sdk_secretsmanager::Client {
    aws_sdk_secretsmanager::Client::new(t.stack.sdk())
}

/// The current value of a secret.
async fn value(t: &Test, name: &str) -> String {
    let found = secrets(t).get_secret_value().secret_id(name).send().await.unwrap();
    found.secret_string.unwrap()
}
