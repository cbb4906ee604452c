//! Forged tokens, by hand: none is accepted, wherever a token is.
//!
//! Some are signed with the server's own key, which no attacker has: they show that the signature is not all that is
//! checked.

use aws_lc_rs::{hkdf, hmac};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde_json::{Value, json};

use crate::support::{Caller, Test};

const HEADER: &str = r#"{"typ":"JWT","alg":"HS256"}"#;

fn encode(text: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

/// A token with any header and payload, signed with HMAC-SHA256.
fn forge(header: &str, payload: &str, key: &[u8]) -> String {
    let message = format!("{}.{}", encode(header), encode(payload));
    let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message.as_bytes());
    format!("{message}.{}", encode(signature))
}

/// The key that signs tokens, derived as the server does.
async fn signing_key(t: &Test) -> Vec<u8> {
    let secrets = aws_sdk_secretsmanager::Client::new(t.stack.sdk());
    let secret = secrets.get_secret_value().secret_id("JWT_SECRET").send().await.unwrap();
    let root = hkdf::Salt::new(hkdf::HKDF_SHA256, b"parlance").extract(secret.secret_string().unwrap().as_bytes());
    let mut key = vec![0; 32];
    let derived = root.expand(&[b"jwt-hs256"], hkdf::HKDF_SHA256).unwrap();
    derived.fill(&mut key).unwrap();
    key
}

fn payload_of(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

/// `payload` with one claim set to something else.
fn with(payload: &Value, claim: &str, value: Value) -> String {
    let mut payload = payload.clone();
    payload[claim] = value;
    payload.to_string()
}

fn without(payload: &Value, claim: &str) -> String {
    let mut payload = payload.clone();
    payload.as_object_mut().unwrap().remove(claim);
    payload.to_string()
}

/// Tokens that nobody but the server could sign, and that it never would.
fn signed_nonsense(payload: &Value, key: &[u8]) -> Vec<(String, String)> {
    let text = payload.to_string();
    let mut attacks = Vec::new();
    let mut add = |name: &str, header: &str, payload: &str| {
        attacks.push((name.to_owned(), forge(header, payload, key)));
    };
    for (claim, value) in [
        ("iss", json!("somebody")),
        ("iss", json!("parlance\u{0}")),
        ("iss", json!("ｐarlance")),
        ("iss", json!("Parlance")),
        ("iss", json!(["somebody"])),
        ("iss", json!(null)),
        ("aud", json!("another-api")),
        ("aud", json!([])),
        ("aud", json!({"parlance-api": true})),
        ("typ", json!("refresh")),
        ("typ", json!("Access")),
        ("typ", json!("id")),
        ("typ", json!(null)),
        ("exp", json!(1)),
        ("exp", json!(-1)),
        ("exp", json!("9999999999")),
        ("exp", json!(1e10)),
        ("exp", json!(1e300)),
        ("exp", json!(null)),
        ("exp", json!([9_999_999_999_i64])),
        ("sub", json!("")),
        ("sub", json!(["a"])),
        ("sub", json!("x".repeat(129))),
        ("sid", json!("00000000-0000-7000-8000-000000000000")),
        ("sid", json!(7)),
        ("gen", json!(-1)),
        ("gen", json!("1")),
    ] {
        add(&format!("{claim} is {value}"), HEADER, &with(payload, claim, value));
    }
    for claim in ["iss", "aud", "sub", "sid", "typ", "gen", "exp"] {
        add(&format!("no {claim}"), HEADER, &without(payload, claim));
    }
    add(
        "exp beyond any integer",
        HEADER,
        &text.replace(&payload["exp"].to_string(), "99999999999999999999999"),
    );
    for claim in ["exp", "sub", "typ"] {
        let twice = format!("{{\"{claim}\":{},{}", payload[claim], &text[1..]);
        add(&format!("{claim} twice"), HEADER, &twice);
    }
    for alg in [
        "none", "None", "NONE", "nOnE", "", "HS384", "HS512", "RS256", "ES256", "PS256", "EdDSA", "hs256",
    ] {
        add(
            &format!("alg {alg:?}"),
            &format!(r#"{{"typ":"JWT","alg":"{alg}"}}"#),
            &text,
        );
    }
    add("alg is a list", r#"{"alg":["HS256"]}"#, &text);
    add("no alg", r#"{"typ":"JWT"}"#, &text);
    add("a header that is no JSON", "HS256", &text);
    add("a payload that is a list", HEADER, &format!("[{text}]"));
    add("a payload that is text", HEADER, &json!(text).to_string());
    add("a payload with bytes behind it", HEADER, &format!("{text}{text}"));
    add("a token inside a token", HEADER, &forge(HEADER, &text, key));
    attacks
}

/// What an attacker can make from what they know: their own tokens, and everything that is public.
fn forgeries(mine: &Caller, payload: &Value) -> Vec<(String, String)> {
    let text = payload.to_string();
    let mut attacks = Vec::new();
    let mut add = |name: String, token: String| attacks.push((name, token));
    for alg in ["none", "None", "NONE", "nOnE", "n\\u006fne", ""] {
        let head = format!(
            "{}.{}",
            encode(format!(r#"{{"typ":"JWT","alg":"{alg}"}}"#)),
            encode(&text)
        );
        add(format!("alg {alg} without a signature"), format!("{head}."));
        add(format!("alg {alg} in two parts"), head.clone());
        let signature = mine.token.rsplit('.').next().unwrap();
        add(
            format!("alg {alg} with another token's signature"),
            format!("{head}.{signature}"),
        );
    }
    for key in [
        "",
        "secret",
        "parlance",
        "parlance-api",
        "jwt-hs256",
        "JWT_SECRET",
        "test",
        mine.id(),
        &text,
    ] {
        add(format!("signed with {key:?}"), forge(HEADER, &text, key.as_bytes()));
    }
    let jwk = json!({"kty": "oct", "k": encode("mine")});
    for (name, value) in [
        ("jwk", jwk.clone()),
        ("jku", json!("https://evil.example/keys.json")),
        ("x5u", json!("https://evil.example/cert.pem")),
        ("x5c", json!(["TUlJ"])),
        ("kid", json!("../../../../dev/null")),
        ("kid", json!("' UNION SELECT 'mine")),
        ("kid", json!("mine")),
        ("crit", json!(["exp"])),
    ] {
        let mut header: Value = serde_json::from_str(HEADER).unwrap();
        header[name] = value;
        add(
            format!("{name} in the header"),
            forge(&header.to_string(), &text, b"mine"),
        );
        add(
            format!("{name} in the header, empty key"),
            forge(&header.to_string(), &text, b""),
        );
    }
    for alg in ["RS256", "ES256"] {
        let header = format!(r#"{{"typ":"JWT","alg":"{alg}","jwk":{jwk}}}"#);
        add(format!("{alg} with a key of its own"), forge(&header, &text, b"mine"));
    }
    attacks
}

/// What can be made of the victim's own token by somebody who may change but not sign.
fn damaged(token: &str, other: &str) -> Vec<(String, String)> {
    let parts: Vec<&str> = token.split('.').collect();
    let others: Vec<&str> = other.split('.').collect();
    let (header, payload, signature) = (parts[0], parts[1], parts[2]);
    let raw = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let padded = STANDARD.encode(&raw);
    [
        (
            "another session's signature",
            format!("{header}.{payload}.{}", others[2]),
        ),
        (
            "another session's payload",
            format!("{header}.{}.{signature}", others[1]),
        ),
        ("no signature", format!("{header}.{payload}.")),
        ("two parts", format!("{header}.{payload}")),
        ("one part", header.to_owned()),
        ("four parts", format!("{token}.{signature}")),
        ("five parts, as a JWE", format!("{token}.{payload}.{signature}")),
        ("an empty part in front", format!(".{token}")),
        ("a byte behind", format!("{token}A")),
        ("a full stop behind", format!("{token}.")),
        ("padding behind", format!("{token}=")),
        ("a signature with padding", format!("{header}.{payload}.{padded}")),
        ("a signature cut by a character", token[..token.len() - 1].to_owned()),
        (
            "a signature cut to half",
            format!("{header}.{payload}.{}", &signature[..20]),
        ),
        (
            "a signature cut to a byte",
            format!("{header}.{payload}.{}", encode(&raw[..1])),
        ),
        (
            "a signature with a byte more",
            format!("{header}.{payload}.{}", encode([&raw[..], &[0]].concat())),
        ),
        (
            "a signature of zeros",
            format!("{header}.{payload}.{}", encode([0; 32])),
        ),
        (
            "a signature in upper case",
            format!("{header}.{payload}.{}", signature.to_uppercase()),
        ),
        (
            "payload and header exchanged",
            format!("{payload}.{header}.{signature}"),
        ),
        ("no header", format!(".{payload}.{signature}")),
        ("no payload", format!("{header}..{signature}")),
        ("a space inside", format!("{header}. {payload}.{signature}")),
        ("the token twice", format!("{token}{token}")),
        ("the token twice with a comma", format!("{token},{token}")),
        ("lower case", token.to_lowercase()),
        ("dots only", "..".to_owned()),
        (
            "a very long token",
            format!("{header}.{}.{signature}", "A".repeat(10_000)),
        ),
    ]
    .map(|(name, token)| (name.to_owned(), token))
    .into()
}

#[tokio::test]
async fn no_forged_token_is_accepted() {
    let t = Test::new().await;
    let (victim, mine) = (t.user("victim").await, t.user("mallory").await);
    let key = signing_key(&t).await;
    let (access, refresh) = (payload_of(&victim.token), payload_of(&victim.refresh));
    let own = t.anonymous().with_token(&forge(HEADER, &access.to_string(), &key));
    own.get("/api/v1/auth/me").await.ok();

    let mut attacks = signed_nonsense(&access, &key);
    attacks.extend(forgeries(&mine, &access));
    attacks.extend(damaged(&victim.token, &mine.token));
    attacks.push(("a refresh token".to_owned(), victim.refresh.clone()));
    let foreign = with(&payload_of(&mine.token), "sub", access["sub"].clone());
    attacks.push(("the victim in my session".to_owned(), forge(HEADER, &foreign, &key)));
    assert!(attacks.len() >= 40, "{}", attacks.len());
    let mut accepted = Vec::new();
    for (name, token) in &attacks {
        let status = t.anonymous().with_token(token).get("/api/v1/auth/me").await.status;
        if status != 401 {
            accepted.push(format!("{name}: {status}"));
        }
    }
    assert_eq!(accepted, Vec::<String>::new(), "of {} access tokens", attacks.len());

    let mut attacks = signed_nonsense(&refresh, &key);
    // For a refresh token, this is what it should be.
    attacks.retain(|(name, _)| name != "typ is \"refresh\"");
    attacks.extend(forgeries(&mine, &refresh));
    attacks.extend(damaged(&victim.refresh, &mine.refresh));
    attacks.push(("an access token".to_owned(), victim.token.clone()));
    attacks.push((
        "a generation to come".to_owned(),
        forge(HEADER, &with(&refresh, "gen", json!(2)), &key),
    ));
    for (name, token) in &attacks {
        let body = json!({"refresh_token": token});
        let status = t.anonymous().post("/api/v1/auth/refresh", body).await.status;
        if status != 401 {
            accepted.push(format!("{name}: {status}"));
        }
    }
    assert_eq!(accepted, Vec::<String>::new(), "of {} refresh tokens", attacks.len());
    let own = json!({"refresh_token": forge(HEADER, &refresh.to_string(), &key)});
    t.anonymous().post("/api/v1/auth/refresh", own).await.ok();
}

#[tokio::test]
async fn a_token_of_another_installation_is_not_accepted() {
    let (here, there) = (Test::new().await, Test::new().await);
    let (ada, key) = (here.user("ada").await, signing_key(&there).await);
    let foreign = forge(HEADER, &payload_of(&ada.token).to_string(), &key);
    let foreign = here.anonymous().with_token(&foreign);
    foreign.get("/api/v1/auth/me").await.problem(401, "token_invalid");
    there
        .anonymous()
        .with_token(&ada.token)
        .get("/api/v1/auth/me")
        .await
        .problem(401, "token_invalid");
}
