//! Signatures of Standard Webhooks
//! (<https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>).

use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use domain::{Error, Result, Secret, Timestamp, WebhookEventId, id::random_bytes};

/// Prefix of a signing secret.
const PREFIX: &str = "whsec_";

/// Returns a new signing secret: `whsec_` and 32 random bytes in base64.
pub(super) fn new_secret() -> Result<Secret> {
    let bytes: [u8; 32] = random_bytes()?;
    Ok(Secret::new(format!("{PREFIX}{}", STANDARD.encode(bytes))))
}

/// Returns the value of `webhook-signature`: a signature by each secret, separated by spaces.
pub(super) fn signatures(secrets: &[Secret], id: &WebhookEventId, at: Timestamp, body: &str) -> Result<String> {
    let signed = format!("{id}.{}.{body}", at.as_second());
    let sign = |secret: &Secret| {
        let key = secret.expose().strip_prefix(PREFIX);
        let key = key.and_then(|key| STANDARD.decode(key).ok());
        let key = key.ok_or_else(|| Error::internal("a signing secret is malformed"))?;
        let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
        Ok(format!("v1,{}", STANDARD.encode(hmac::sign(&key, signed.as_bytes()))))
    };
    Ok(secrets.iter().map(sign).collect::<Result<Vec<_>>>()?.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_that_of_the_specification() {
        // The example of <https://docs.svix.com/receiving/verifying-payloads/how-manual>.
        let secret = Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let id = WebhookEventId("msg_p5jXN8AQM9LWM0D4loKWxJek".to_owned());
        let at = Timestamp::from_second(1_614_265_330).unwrap_or(Timestamp::UNIX_EPOCH);
        let signed = signatures(&[secret.clone(), secret], &id, at, r#"{"test": 2432232314}"#).unwrap_or_default();
        let one = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        assert_eq!(signed, format!("{one} {one}"));
    }

    #[test]
    fn a_secret_has_256_random_bits() {
        let (one, other) = (new_secret().unwrap_or_default(), new_secret().unwrap_or_default());
        assert_ne!(one, other);
        assert!(one.expose().starts_with("whsec_") && one.expose().len() == 50);
    }
}
