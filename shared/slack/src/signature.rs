//! Signatures of Slack's requests (<https://docs.slack.dev/authentication/verifying-requests-from-slack>).

use aws_lc_rs::hmac;

/// Maximum age of a signature, in seconds; the same for one of the future, since clocks differ.
pub const TOLERANCE_SECONDS: i64 = 300;

/// Returns whether `secret` signed these bytes within five minutes of `now` (seconds since the Unix epoch).
/// `timestamp`: `X-Slack-Request-Timestamp`; `signature`: `X-Slack-Signature`, as in `v0=` and 64 lower-case hex digits.
pub fn is_signed(timestamp: &str, signature: &str, body: &[u8], secret: &str, now: i64) -> bool {
    let is_number = !timestamp.is_empty() && timestamp.bytes().all(|byte| byte.is_ascii_digit());
    let is_now = timestamp
        .parse()
        .is_ok_and(|at: i64| now.saturating_sub(at).saturating_abs() <= TOLERANCE_SECONDS);
    if !is_number || !is_now || secret.is_empty() {
        return false;
    }
    // Compared as bytes of the tag; Slack's own libraries compare the text, so upper case is refused.
    let tag = signature
        .strip_prefix("v0=")
        .filter(|tag| !tag.bytes().any(|byte| byte.is_ascii_uppercase()));
    let Some(tag) = tag.and_then(|tag| hex::decode(tag).ok()) else {
        return false;
    };
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let signed = [b"v0:", timestamp.as_bytes(), b":", body].concat();
    hmac::verify(&key, &signed, &tag).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of Slack's documentation.
    const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";
    const AT: &str = "1531420618";
    const BODY: &[u8] =
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&\
        channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&\
        response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRs\
        kXaIFfN&\
        trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
    const SIGNATURE: &str = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";
    const NOW: i64 = 1_531_420_618;

    #[test]
    fn the_documented_example_is_valid_for_five_minutes() {
        for (age, expected) in [(-301, false), (-300, true), (0, true), (300, true), (301, false)] {
            assert_eq!(is_signed(AT, SIGNATURE, BODY, SECRET, NOW + age), expected, "{age}");
        }
    }

    #[test]
    fn what_is_not_signed_is_refused() {
        let upper = SIGNATURE.to_ascii_uppercase().replace("V0", "v0");
        let digits = &SIGNATURE[3..];
        for (timestamp, signature, body, secret) in [
            (AT, SIGNATURE, &b"{}"[..], SECRET),
            (AT, SIGNATURE, BODY, "another"),
            (AT, SIGNATURE, BODY, ""),
            (AT, upper.as_str(), BODY, SECRET),
            (AT, digits, BODY, SECRET),
            (AT, &SIGNATURE[..SIGNATURE.len() - 2], BODY, SECRET),
            (AT, "v0=", BODY, SECRET),
            (AT, "", BODY, SECRET),
            ("", SIGNATURE, BODY, SECRET),
            ("now", SIGNATURE, BODY, SECRET),
            ("1531420619", SIGNATURE, BODY, SECRET),
            ("+1531420618", SIGNATURE, BODY, SECRET),
            ("99999999999999999999", SIGNATURE, BODY, SECRET),
        ] {
            assert!(
                !is_signed(timestamp, signature, body, secret, NOW),
                "{timestamp} {signature}"
            );
        }
    }
}
