//! Verification of signatures (AWS Signature Version 4) of requests to the JSON services.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>
//!
//! S3 verifies its own, because presigned URLs have the signature in their query. The date of a signature is not
//! compared with the time: the clock of this process can be moved.

use std::collections::HashMap;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header::AUTHORIZATION, request::Parts};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::wire::{Protocol, reply};

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// Why a signature is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SignatureError {
    /// The request has none.
    Missing,
    /// A part of it is missing.
    Incomplete,
    /// The access key does not exist.
    UnknownKey,
    /// It is for another service.
    OtherService,
    /// It is that of another request, or of another secret.
    Mismatch,
}

/// Verifies the signature of a request to `service`, such as `dynamodb`. `secret_of`: returns the secret of an access
/// key.
///
/// # Errors
/// See [`SignatureError`].
pub(super) fn verify<'a>(
    parts: &Parts,
    body: &[u8],
    service: &str,
    secret_of: impl FnOnce(&str) -> Option<&'a str>,
) -> Result<(), SignatureError> {
    let header = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let header = header
        .and_then(|value| value.strip_prefix(ALGORITHM))
        .ok_or(SignatureError::Missing)?;
    let fields: HashMap<&str, &str> = header
        .split(',')
        .filter_map(|field| field.trim().split_once('='))
        .collect();
    let field = |name| fields.get(name).copied().ok_or(SignatureError::Incomplete);
    let (credential, signed_headers, signature) = (field("Credential")?, field("SignedHeaders")?, field("Signature")?);
    let (access_key_id, scope) = credential.split_once('/').ok_or(SignatureError::Incomplete)?;
    let [date, region, scoped_to, "aws4_request"] = *scope.split('/').collect::<Vec<_>>() else {
        return Err(SignatureError::Incomplete);
    };
    let time = text(&parts.headers, "x-amz-date").filter(|time| time.starts_with(date));
    let time = time.ok_or(SignatureError::Incomplete)?;
    // Otherwise a signature for one host, or one operation, would be valid for all.
    let signed: Vec<&str> = signed_headers.split(';').collect();
    if ["host", "x-amz-target"]
        .iter()
        .any(|name| parts.headers.contains_key(*name) && !signed.contains(name))
    {
        return Err(SignatureError::Incomplete);
    }
    let secret = secret_of(access_key_id).ok_or(SignatureError::UnknownKey)?;
    if scoped_to != service {
        return Err(SignatureError::OtherService);
    }
    let canonical = canonical_request(parts, &signed, signed_headers, body);
    let to_sign = format!(
        "{ALGORITHM}\n{time}\n{scope}\n{}",
        hex::encode(Sha256::digest(canonical))
    );
    let mut key = format!("AWS4{secret}").into_bytes();
    for part in [date, region, service, "aws4_request"] {
        key = hmac(&key, part.as_bytes());
    }
    if hex::encode(hmac(&key, to_sign.as_bytes())) == signature {
        Ok(())
    } else {
        Err(SignatureError::Mismatch)
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn canonical_request(parts: &Parts, signed: &[&str], signed_headers: &str, body: &[u8]) -> String {
    let mut query: Vec<(String, String)> = form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes())
        .map(|(name, value)| (encode(&name, false), encode(&value, false)))
        .collect();
    query.sort_unstable();
    let query: Vec<String> = query
        .into_iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let header = |name: &&str| {
        let values = parts.headers.get_all(*name).iter();
        let values: Vec<String> = values.map(|value| one_line(value.as_bytes())).collect();
        format!("{name}:{}", values.join(","))
    };
    let headers: Vec<String> = signed.iter().map(header).collect();
    format!(
        "{}\n{}\n{}\n{}\n\n{signed_headers}\n{}",
        parts.method,
        // The path is encoded as it is sent, and once more here.
        encode(parts.uri.path(), true),
        query.join("&"),
        headers.join("\n"),
        hex::encode(Sha256::digest(body)),
    )
}

/// Returns a value without surrounding spaces, and with single ones inside.
fn one_line(value: &[u8]) -> String {
    String::from_utf8_lossy(value)
        .split_ascii_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

/// `UriEncode` of the documentation.
fn encode(text: &str, keep_slashes: bool) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || keep_slashes && byte == b'/' {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            encoded.push_str(&hex::encode_upper([byte]));
        }
    }
    encoded
}

/// RFC 2104.
fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    const BLOCK: usize = 64;
    let mut block = if key.len() > BLOCK {
        Sha256::digest(key).to_vec()
    } else {
        key.to_vec()
    };
    block.resize(BLOCK, 0);
    let padded = |with: u8| block.iter().map(|byte| byte ^ with).collect::<Vec<u8>>();
    let inner = Sha256::new()
        .chain_update(padded(0x36))
        .chain_update(message)
        .finalize();
    Sha256::new()
        .chain_update(padded(0x5c))
        .chain_update(inner)
        .finalize()
        .to_vec()
}

impl SignatureError {
    /// Returns the message of the services.
    fn message(self) -> &'static str {
        match self {
            Self::Missing => "Request is missing Authentication Token",
            Self::Incomplete => {
                "Authorization header requires 'Credential', 'Signature' and 'SignedHeaders' parameters, existence of \
                 an 'X-Amz-Date' header, and the headers 'host' and 'x-amz-target' among the signed ones."
            }
            Self::UnknownKey => "The security token included in the request is invalid.",
            Self::OtherService => "Credential should be scoped to correct service.",
            Self::Mismatch => {
                "The request signature we calculated does not match the signature you provided. Check your AWS Secret \
                 Access Key and signing method. Consult the service documentation for details."
            }
        }
    }

    fn code(self) -> &'static str {
        match self {
            Self::Missing => "MissingAuthenticationTokenException",
            Self::Incomplete => "IncompleteSignatureException",
            Self::UnknownKey => "UnrecognizedClientException",
            Self::OtherService | Self::Mismatch => "InvalidSignatureException",
        }
    }

    /// Returns the code of SQS's query protocol, which SDKs show.
    fn query_code(self) -> &'static str {
        match self {
            Self::Missing => "MissingAuthenticationToken;Sender",
            Self::Incomplete => "IncompleteSignature;Sender",
            Self::UnknownKey => "InvalidClientTokenId;Sender",
            Self::OtherService | Self::Mismatch => "SignatureDoesNotMatch;Sender",
        }
    }

    /// Returns the error in the format of a service.
    /// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html>,
    /// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html>,
    /// <https://docs.aws.amazon.com/bedrock/latest/APIReference/CommonErrors.html>
    pub(super) fn response(self, service: &str) -> Response<Body> {
        let body = json!({ "__type": format!("com.amazon.coral.service#{}", self.code()), "message": self.message() });
        let (protocol, status) = match service {
            "secretsmanager" => (Protocol::Json11, StatusCode::BAD_REQUEST),
            "dynamodb" => (Protocol::Json10, StatusCode::BAD_REQUEST),
            _ => (Protocol::Json10, StatusCode::FORBIDDEN),
        };
        let mut response = reply(protocol, status, &body);
        let headers = response.headers_mut();
        match service {
            "sqs" => headers.insert("x-amzn-query-error", HeaderValue::from_static(self.query_code())),
            "bedrock" => headers.insert("x-amzn-errortype", HeaderValue::from_static(self.code())),
            _ => None,
        };
        response
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use axum::http::Request;

    use super::*;

    /// The example of AWS's test suite for signers (`get-vanilla-query-order-key-case`), whose date and secret are
    /// these. <https://github.com/awslabs/aws-c-auth/tree/main/tests/aws-signing-test-suite>
    fn example(query: &str, signature: &str, secret: &'static str) -> Result<(), SignatureError> {
        with_body(query, signature, secret, b"")
    }

    fn with_body(query: &str, signature: &str, secret: &'static str, body: &[u8]) -> Result<(), SignatureError> {
        let authorization = format!(
            "{ALGORITHM} Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
             SignedHeaders=host;x-amz-date, Signature={signature}"
        );
        let request = Request::get(format!("/{query}"))
            .header("host", "example.amazonaws.com")
            .header("x-amz-date", "20150830T123600Z")
            .header(AUTHORIZATION, authorization);
        let (parts, ()) = request.body(()).unwrap().into_parts();
        verify(&parts, body, "service", |id| (id == "AKIDEXAMPLE").then_some(secret))
    }

    #[test]
    fn the_signatures_of_awss_own_examples_are_right_and_others_are_not() {
        let secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
        let plain = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31";
        let ordered = "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500";
        assert_eq!(example("", plain, secret), Ok(()));
        assert_eq!(example("?Param2=value2&Param1=value1", ordered, secret), Ok(()));
        assert_eq!(
            example("?Param2=value2&Param1=value2", ordered, secret),
            Err(SignatureError::Mismatch)
        );
        assert_eq!(with_body("", plain, secret, b"x"), Err(SignatureError::Mismatch));
        assert_eq!(example("", plain, "another"), Err(SignatureError::Mismatch));
        assert_eq!(
            example("", &plain.replace('5', "6"), secret),
            Err(SignatureError::Mismatch)
        );
    }

    #[test]
    fn the_digest_of_long_keys_is_their_hash() {
        // RFC 4231, test cases 2 and 6.
        let short = hmac(b"Jefe", b"what do ya want for nothing?");
        assert!(hex::encode(short).starts_with("5bdcc146bf60754e6a042426089575c7"));
        let long = hmac(&[0xaa; 131], b"Test Using Larger Than Block-Size Key - Hash Key First");
        assert!(hex::encode(long).starts_with("60e431591ee0b67f0d8a26aacbf5b77f"));
    }
}
