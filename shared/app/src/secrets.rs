//! Secrets Manager, read once per name and process.

use std::collections::HashMap;

use aws_sdk_secretsmanager::{Client, operation::get_secret_value::GetSecretValueError};
use model::{Error, Result, Secret};
use tokio::sync::Mutex;

/// Secrets by name.
pub(crate) struct Secrets {
    client: Client,
    prefix: String,
    /// Held while a secret is fetched, so that concurrent requests of a cold start ask once.
    known: Mutex<HashMap<&'static str, Option<Secret>>>,
}

impl Secrets {
    pub(crate) fn new(sdk: &aws_types::SdkConfig, prefix: &str) -> Self {
        Self {
            client: Client::new(sdk),
            prefix: prefix.to_owned(),
            known: Mutex::default(),
        }
    }

    /// The secret called `name`; none when it does not exist or is empty.
    pub(crate) async fn get(&self, name: &'static str) -> Result<Option<Secret>> {
        let mut known = self.known.lock().await;
        if let Some(secret) = known.get(name) {
            return Ok(secret.clone());
        }
        let secret = match self
            .client
            .get_secret_value()
            .secret_id(format!("{}{name}", self.prefix))
            .send()
            .await
        {
            Ok(found) => found
                .secret_string
                .filter(|text| !text.trim().is_empty())
                .map(|text| Secret::new(text.trim())),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(GetSecretValueError::is_resource_not_found_exception) =>
            {
                None
            }
            Err(error) => return Err(Error::unavailable(error)),
        };
        known.insert(name, secret.clone());
        Ok(secret)
    }

    /// Forgets everything.
    pub(crate) async fn clear(&self) {
        self.known.lock().await.clear();
    }

    /// The secret called `name`, without which nothing works.
    pub(crate) async fn require(&self, name: &'static str) -> Result<Secret> {
        self.get(name)
            .await?
            .ok_or_else(|| Error::internal(format!("the secret {name} does not exist")))
    }
}
