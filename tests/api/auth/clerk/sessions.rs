//! Session tokens of Clerk.

use std::sync::atomic::Ordering;

use aws_lc_rs::{
    encoding::AsDer as _,
    hmac,
    rsa::{KeyPair, KeySize},
    signature::KeyPair as _,
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use super::{Clerk, ISSUER, ME, jwk, modulus, part, sign_webhook, signed};
use crate::support::{PASSWORD, Test};

#[tokio::test]
async fn the_first_session_of_a_person_makes_their_account_and_later_ones_find_it() {
    let clerk = Clerk::start().await;
    let ada = clerk.verified("user_ada", "ada@example.com");
    let me = ada.get(ME).await.ok().json();
    assert_eq!(
        (&me["email"], &me["name"]),
        (&json!("ada@example.com"), &json!("Ada at Clerk"))
    );
    assert_eq!(me["role"], "user");
    assert_eq!(clerk.person("user_ada").get(ME).await.ok().json(), me);
    ada.get("/api/v1/documents").await.ok();
    let bare = clerk.person("user_bob").get(ME).await.ok().json();
    assert!(bare["email"].as_str().unwrap().ends_with("@clerk.invalid"), "{bare}");
    let log = ada.get("/api/v1/audit_logs/user/me").await.ok().json();
    assert_eq!(log[0]["action"], "user.created");
    assert_eq!(
        clerk.server.asked(),
        3,
        "each of three functions asks for the keys once"
    );
}

#[tokio::test]
async fn of_64_first_sessions_at_once_one_makes_the_account() {
    let clerk = Clerk::start().await;
    for round in 0..20 {
        let ada = clerk.verified(&format!("user_{round}"), &format!("ada{round}@example.com"));
        let answers = join_all((0..64).map(|_| ada.get(ME))).await;
        let first = answers[0].json();
        for answer in answers {
            assert_eq!(answer.ok().json(), first);
        }
    }
    let items = clerk.t.items("parlance-identity").await;
    let of_kind = |kind: &str| items.keys().filter(|(_, sk)| sk.starts_with(kind)).count();
    assert_eq!((of_kind("PROFILE"), of_kind("ORG"), of_kind("M#")), (20, 20, 20));
    assert_eq!(
        clerk.server.asked(),
        1,
        "1,280 requests, 64 at once, ask for the keys once"
    );
}

#[tokio::test]
async fn only_an_address_that_clerk_has_verified_finds_an_account_that_exists() {
    let clerk = Clerk::start().await;
    let ada = clerk.t.user("ada").await;
    let mut claims = clerk.claims("user_eve");
    for unverified in [Value::Null, false.into(), "true".into()] {
        claims["email"] = "ada@example.com".into();
        claims["email_verified"] = unverified;
        let eve = clerk.with(&clerk.token(&claims)).get(ME).await.ok().json();
        assert_ne!(eve["id"], ada.account["id"]);
    }
    let linked = clerk.verified("user_ada", "ADA@example.com").get(ME).await.ok().json();
    assert_eq!(linked["id"], ada.account["id"]);
    // Whoever had signed up with the address never showed that it is theirs.
    ada.get(ME).await.problem(401, "session_ended");
    let credentials = json!({"email": "ada@example.com", "password": PASSWORD});
    let login = clerk.t.anonymous().post("/api/v1/auth/login", credentials).await;
    login.problem(401, "invalid_credentials");
    // The account has its person: another one with the same address does not get it.
    clerk
        .verified("user_other", "ada@example.com")
        .get(ME)
        .await
        .problem(409, "email_taken");
}

#[tokio::test]
async fn signing_out_ends_the_session_here_and_only_this_one() {
    let clerk = Clerk::start().await;
    let ada = clerk.person("user_ada");
    ada.post("/api/v1/auth/logout", json!({})).await.ok();
    ada.get(ME).await.problem(401, "session_ended");
    clerk.person("user_ada").get(ME).await.problem(401, "session_ended");
    let mut claims = clerk.claims("user_ada");
    claims["sid"] = "sess_other".into();
    clerk.with(&clerk.token(&claims)).get(ME).await.ok();
}

#[tokio::test]
async fn signing_out_everywhere_ends_sessions_at_clerk_too_and_new_ones_count() {
    let clerk = Clerk::start().await;
    let of = |session: &str| {
        let mut claims = clerk.claims("user_ada");
        claims["sid"] = session.into();
        clerk.with(&clerk.token(&claims))
    };
    for session in ["sess_phone", "sess_desk"] {
        of(session).get(ME).await.ok();
    }
    of("sess_desk").post("/api/v1/auth/logout-all", json!({})).await.ok();
    clerk.t.advance_seconds(30);
    for session in ["sess_phone", "sess_desk"] {
        // Clerk goes on giving out tokens for it.
        of(session).get(ME).await.problem(401, "session_ended");
    }
    let again = of("sess_again");
    again.get(ME).await.ok();
    again.get(ME).await.ok();
    of("sess_phone").get(ME).await.problem(401, "session_ended");
}

#[tokio::test]
async fn no_mail_goes_to_an_address_that_nobody_has() {
    let clerk = Clerk::start().await;
    let ada = clerk.person("user_ada");
    let me = ada.get(ME).await.ok().json();
    assert!(me["email"].as_str().unwrap().ends_with("@clerk.invalid"), "{me}");
    ada.post("/api/v1/auth/verify-email/request", json!({})).await.ok();
    let reset = json!({"email": me["email"]});
    clerk
        .t
        .anonymous()
        .post("/api/v1/auth/reset-password", reset)
        .await
        .ok();
    assert_eq!(clerk.t.outbox().await, Vec::<Value>::new());
}

#[tokio::test]
async fn a_session_counts_within_its_time_by_our_clock() {
    let clerk = Clerk::start().await;
    let ada = clerk.person("user_ada");
    clerk.t.advance_seconds(55);
    ada.get(ME).await.ok();
    clerk.t.advance_seconds(6);
    ada.get(ME).await.problem(401, "token_expired");
    let mut early = clerk.claims("user_ada");
    early["nbf"] = (clerk.now() + 30).into();
    clerk
        .with(&clerk.token(&early))
        .get(ME)
        .await
        .problem(401, "token_invalid");
}

#[tokio::test]
async fn no_forged_session_is_accepted() {
    let clerk = Clerk::start().await;
    clerk.person("user_ada").get(ME).await.ok();
    let items = clerk.t.items("parlance-identity").await;
    let good = clerk.claims("user_ada");
    let changed = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        clerk.token(&claims)
    };
    let without = |name: &str| {
        let mut claims = good.clone();
        claims.as_object_mut().unwrap().remove(name);
        clerk.token(&claims)
    };
    let head = |fields: Value| clerk.sign(&fields, &good);
    let unsigned = |alg: &str| format!("{}.{}.", part(&json!({"alg": alg, "kid": "one"})), part(&good));
    // HS256 keyed with what everybody knows: the modulus, the DER and the PEM of the public key.
    let public = clerk.key.public_key();
    let spki = public.as_der().unwrap();
    let pem = format!(
        "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
        STANDARD.encode(spki.as_ref())
    );
    let keyed = |key: &[u8]| {
        let text = format!("{}.{}", part(&json!({"alg": "HS256", "kid": "one"})), part(&good));
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes());
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(tag))
    };
    let stranger = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let body = format!("{}.{}", part(&json!({"alg": "RS256", "kid": "one"})), part(&good));
    let own_key = part(&json!({"alg": "RS256", "kid": "one", "jwk": jwk("one", &stranger)}));
    let doubled = URL_SAFE_NO_PAD.encode(good.to_string().replacen('{', "{\"sub\":\"user_root\",", 1));
    let head_part = part(&json!({"alg": "RS256", "kid": "one"}));
    let real = clerk.token(&good);
    let (text, signature) = real.rsplit_once('.').unwrap();
    let forged = [
        ("alg none", unsigned("none")),
        ("alg None", unsigned("None")),
        ("alg NONE", unsigned("NONE")),
        ("no signature", format!("{text}.")),
        (
            "signature of zeros",
            format!("{text}.{}", URL_SAFE_NO_PAD.encode([0; 256])),
        ),
        ("hs256 with the modulus", keyed(&modulus(&clerk.key))),
        ("hs256 with the der", keyed(public.as_ref())),
        ("hs256 with the spki", keyed(spki.as_ref())),
        ("hs256 with the pem", keyed(pem.as_bytes())),
        ("hs256 with nothing", keyed(b"")),
        ("another key", signed(&stranger, &body)),
        (
            "a key in the header",
            signed(&stranger, &format!("{own_key}.{}", part(&good))),
        ),
        ("rs384 in the header", head(json!({"alg": "RS384", "kid": "one"}))),
        ("ps256 in the header", head(json!({"alg": "PS256", "kid": "one"}))),
        ("es256 in the header", head(json!({"alg": "ES256", "kid": "one"}))),
        ("no key id", head(json!({"alg": "RS256"}))),
        ("an unknown key id", head(json!({"alg": "RS256", "kid": "two"}))),
        ("a path as key id", head(json!({"alg": "RS256", "kid": "../../one"}))),
        ("another issuer", changed("iss", "https://clerk.evil.example".into())),
        ("an issuer with a slash", changed("iss", format!("{ISSUER}/").into())),
        ("issuers", changed("iss", json!([ISSUER, "x"]))),
        ("our own issuer", changed("iss", "parlance".into())),
        ("no issuer", without("iss")),
        ("no subject", without("sub")),
        ("no session", without("sid")),
        ("no end", without("exp")),
        ("an end as text", changed("exp", "9999999999".into())),
        ("an end before", changed("exp", (clerk.now() - 1).into())),
        ("another party", changed("azp", "https://evil.example.com".into())),
        ("a pending session", changed("sts", "pending".into())),
        ("an empty subject", changed("sub", "".into())),
        ("a subject that is a key", changed("sub", "user_1#U".into())),
        ("a subject twice", signed(&clerk.key, &format!("{head_part}.{doubled}"))),
        ("four parts", format!("{real}.x")),
        ("bytes behind", format!("{real}AA")),
        ("another text", format!("{text}x.{signature}")),
    ];
    for (what, token) in &forged {
        let answer = clerk.with(token).get(ME).await;
        assert_eq!(answer.status, 401, "{what}: {}", String::from_utf8_lossy(&answer.body));
    }
    assert_eq!(
        clerk.t.items("parlance-identity").await,
        items,
        "of {} nothing was written",
        forged.len()
    );
    clerk.person("user_ada").get(ME).await.ok();
}

#[tokio::test]
async fn unknown_key_ids_make_us_ask_once_a_minute_and_a_new_key_is_found() {
    let clerk = Clerk::start().await;
    clerk.person("user_ada").get(ME).await.ok();
    let unknown = |id: usize| {
        clerk.sign(
            &json!({"alg": "RS256", "kid": format!("x{id}")}),
            &clerk.claims("user_ada"),
        )
    };
    clerk.t.advance_seconds(61);
    let flood = join_all((0..32).map(|id| {
        let caller = clerk.with(&unknown(id));
        async move { caller.get(ME).await.status.as_u16() }
    }));
    assert!(flood.await.iter().all(|status| *status == 401));
    assert_eq!(clerk.server.asked(), 2);
    let next = KeyPair::generate(KeySize::Rsa2048).unwrap();
    clerk.server.keys.lock().unwrap().push(jwk("next", &next));
    let token = |clerk: &Clerk| {
        let head = part(&json!({"alg": "RS256", "kid": "next"}));
        signed(&next, &format!("{head}.{}", part(&clerk.claims("user_ada"))))
    };
    clerk.with(&token(&clerk)).get(ME).await.problem(401, "token_invalid");
    clerk.t.advance_seconds(60);
    clerk.with(&token(&clerk)).get(ME).await.ok();
    assert_eq!(clerk.server.asked(), 3);
}

#[tokio::test]
async fn known_keys_outlast_an_outage_and_a_withdrawn_key_does_not_outlast_the_hour() {
    let clerk = Clerk::start().await;
    clerk.person("user_ada").get(ME).await.ok();
    clerk.server.down.store(true, Ordering::SeqCst);
    clerk.t.advance_seconds(3601);
    clerk.person("user_ada").get(ME).await.ok();
    clerk.person("user_ada").get(ME).await.ok();
    assert_eq!(
        clerk.server.asked(),
        2,
        "an outage is not asked about with every request"
    );
    clerk.server.down.store(false, Ordering::SeqCst);
    let other = KeyPair::generate(KeySize::Rsa2048).unwrap();
    *clerk.server.keys.lock().unwrap() = vec![jwk("other", &other)];
    clerk.t.advance_seconds(61);
    clerk.person("user_ada").get(ME).await.problem(401, "token_invalid");
}

#[tokio::test]
async fn while_no_key_can_be_had_the_answer_is_an_outage_and_our_own_sessions_count() {
    let clerk = Clerk::start().await;
    clerk.server.down.store(true, Ordering::SeqCst);
    let ada = clerk.t.user("ada").await;
    clerk.person("user_ada").get(ME).await.problem(503, "unavailable");
    ada.get(ME).await.ok();
    clerk.server.down.store(false, Ordering::SeqCst);
    clerk.t.advance_seconds(6);
    clerk.person("user_bob").get(ME).await.ok();
}

#[tokio::test]
async fn a_stack_without_clerk_takes_none_of_its_sessions() {
    let clerk = Clerk::start().await;
    let t = Test::new().await;
    let token = clerk.token(&clerk.claims("user_ada"));
    t.anonymous()
        .with_token(&token)
        .get(ME)
        .await
        .problem(401, "token_invalid");
    let body = json!({"type": "user.deleted", "data": {"id": "user_ada"}}).to_string();
    let request = t.anonymous().request(Method::POST, "/api/v1/webhooks/clerk");
    let request = request
        .header("svix-id", "msg_1")
        .header("svix-timestamp", clerk.now().to_string())
        .header("svix-signature", sign_webhook("msg_1", clerk.now(), &body))
        .body(body);
    t.anonymous().send(request).await.problem(401, "signature_invalid");
}

#[tokio::test]
async fn a_webhook_looks_up_no_credentials() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let request = ada.request(Method::POST, "/api/v1/webhooks/clerk");
    let request = request.header("idempotency-key", "key-1").body("{}");
    ada.send(request).await.problem(401, "signature_invalid");
}
