//! Signatures and bodies of webhooks (<https://docs.stripe.com/webhooks#verify-manually>).

use aws_lc_rs::hmac;
use serde::Deserialize;
use serde_json::Value;

/// Maximum age of a signature, in seconds; the same for one of the future, since clocks differ.
pub const TOLERANCE_SECONDS: i64 = 300;

/// Returns whether one of the `secrets` signed these bytes within five minutes of `now` (seconds since the Unix
/// epoch). `header`: `Stripe-Signature`, with one `t` and any number of `v1`; other schemes are ignored. While a secret
/// is rotated, Stripe signs with both.
pub fn is_signed(header: &str, body: &[u8], secrets: &[&str], now: i64) -> bool {
    let (mut time, mut tags) = (None, Vec::new());
    for (name, value) in header.split(',').filter_map(|part| part.trim().split_once('=')) {
        match name {
            "t" if time.is_none() => time = Some(value),
            "v1" => tags.extend(hex::decode(value).ok()),
            _ => {}
        }
    }
    let Some(time) = time else { return false };
    let is_now = time.bytes().all(|byte| byte.is_ascii_digit())
        && time
            .parse()
            .is_ok_and(|at: i64| now.saturating_sub(at).saturating_abs() <= TOLERANCE_SECONDS);
    if !is_now {
        return false;
    }
    let signed = [time.as_bytes(), b".", body].concat();
    secrets.iter().filter(|secret| !secret.is_empty()).any(|secret| {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        tags.iter().any(|tag| hmac::verify(&key, &signed, tag).is_ok())
    })
}

/// An event. Its object is the one of some earlier time, in some version of the API.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Event {
    /// Its ID.
    pub id: String,
    /// Its type, for example `customer.subscription.updated`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether it is about real money.
    pub livemode: bool,
    /// What it is about.
    pub data: EventData,
}

/// What an event is about.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct EventData {
    /// The object.
    pub object: Value,
}

impl Event {
    /// Returns the ID of the customer that the event is about.
    pub fn customer(&self) -> Option<&str> {
        let object = &self.data.object;
        if object["object"] == "customer" {
            return object["id"].as_str();
        }
        let customer = &object["customer"];
        // Expanded, or only its ID.
        customer.as_str().or_else(|| customer["id"].as_str())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const SECRET: &str = "whsec_test";
    const AT: i64 = 1_795_305_600;
    const BODY: &[u8] =
        br#"{"id":"evt_1","object":"event","type":"customer.subscription.updated","data":{"object":{"id":"sub_1"}}}"#;
    /// Computed with Stripe's library for Python.
    const TAG: &str = "16a491540a65a38827d4f30f23b03dd540d4e6dbe958200159f248b645019632";

    fn header(tag: &str) -> String {
        format!("t={AT},v1={tag}")
    }

    #[test]
    fn a_signature_of_stripes_library_is_valid_for_five_minutes() {
        let signed = |now| is_signed(&header(TAG), BODY, &[SECRET], now);
        for (age, expected) in [
            (-301, false),
            (-300, true),
            (0, true),
            (299, true),
            (300, true),
            (301, false),
        ] {
            assert_eq!(signed(AT + age), expected, "{age}");
        }
    }

    #[test]
    fn any_signature_of_any_secret_is_enough() {
        let wrong = "00".repeat(32);
        for header in [
            format!("t={AT},v1={wrong},v1={TAG}"),
            format!("t={AT}, v1={TAG}, v0={wrong}"),
            format!("v1={TAG},t={AT}"),
            format!("t={AT},v1=zz,v2={TAG},v1={TAG}"),
        ] {
            assert!(is_signed(&header, BODY, &["whsec_old", SECRET], AT), "{header}");
        }
    }

    #[test]
    fn what_is_not_signed_is_refused() {
        let signed = |header: &str, body: &[u8], secrets: &[&str]| is_signed(header, body, secrets, AT);
        assert!(!signed(&header(TAG), b"{}", &[SECRET]));
        assert!(!signed(&header(TAG), BODY, &["whsec_other"]));
        assert!(!signed(&header(TAG), BODY, &[]));
        assert!(!signed(&header(TAG), BODY, &[""]));
        for header in [
            String::new(),
            TAG.to_owned(),
            format!("v1={TAG}"),
            format!("t=,v1={TAG}"),
            format!("t={AT}.0,v1={TAG}"),
            format!("t=+{AT},v1={TAG}"),
            format!("t={},v1={TAG}", AT + 1),
            format!("t={AT},v0={TAG}"),
            format!("t={AT},v1={}", &TAG[2..]),
            format!("t={AT},v1={TAG}00"),
            format!("t={},t={AT},v1={TAG}", AT + 1),
            format!("t={AT},v1="),
            "t=99999999999999999999,v1=00".to_owned(),
        ] {
            assert!(!signed(&header, BODY, &[SECRET]), "{header}");
        }
    }

    #[test]
    fn the_customer_is_found_wherever_it_stands() {
        let event = |object: Value| {
            let event = json!({"id": "evt_1", "type": "x", "livemode": false, "data": {"object": object}});
            serde_json::from_value::<Event>(event).ok()
        };
        for (object, expected) in [
            (json!({"object": "customer", "id": "cus_1"}), Some("cus_1")),
            (json!({"object": "subscription", "customer": "cus_2"}), Some("cus_2")),
            (json!({"object": "invoice", "customer": {"id": "cus_3"}}), Some("cus_3")),
            (json!({"object": "product", "id": "prod_1"}), None),
            (json!(7), None),
        ] {
            let event = event(object);
            assert_eq!(event.as_ref().and_then(Event::customer), expected);
        }
    }
}
