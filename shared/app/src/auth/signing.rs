//! Signs requests to AWS services of which only one call is used (AWS Signature Version 4): their SDKs would be the
//! largest crates of the workspace.

use std::time::{Duration, SystemTime};

use aws_credential_types::provider::{ProvideCredentials as _, SharedCredentialsProvider};
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4,
};
use domain::{Clock, Error, Result};
use futures::future::BoxFuture;

/// The credentials, service and region to sign for.
pub(crate) struct Signing {
    credentials: Option<SharedCredentialsProvider>,
    service: &'static str,
    region: String,
    clock: Clock,
}

impl Signing {
    /// Creates a signer with the function's credentials.
    pub(crate) fn new(sdk: &aws_types::SdkConfig, service: &'static str, region: String, clock: Clock) -> Self {
        Self {
            credentials: sdk.credentials_provider(),
            service,
            region,
            clock,
        }
    }

    /// Returns the headers that sign a POST of JSON.
    pub(crate) async fn sign(&self, url: &str, body: &[u8]) -> Result<Vec<(String, String)>> {
        let provider = self.credentials.as_ref();
        let provider = provider.ok_or_else(|| Error::internal("there are no AWS credentials"))?;
        let identity = provider.provide_credentials().await.map_err(Error::unavailable)?.into();
        let now = Duration::from_millis(u64::try_from(self.clock.now_ms()).unwrap_or_default());
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(self.service)
            .time(SystemTime::UNIX_EPOCH + now)
            .settings(SigningSettings::default())
            .build()
            .map_err(Error::internal)?
            .into();
        let headers = [("content-type", "application/json")].into_iter();
        let request = SignableRequest::new("POST", url, headers, SignableBody::Bytes(body)).map_err(Error::internal)?;
        let signed = sign(request, &parameters).map_err(Error::internal)?;
        let headers = signed.output().headers();
        Ok(headers
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect())
    }
}

impl llm::Signer for Signing {
    fn sign<'a>(&'a self, url: &'a str, body: &'a [u8]) -> BoxFuture<'a, Result<Vec<(String, String)>>> {
        Box::pin(Self::sign(self, url, body))
    }
}
