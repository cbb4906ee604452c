//! Requests of Slack are verified before anything else.

use serde_json::json;
use slack_double::{SIGNING_SECRET, sign};

use super::PATH;
use crate::support::{CLICKS, COMMANDS, EVENTS, SlackWorkspace};

/// What the organization's own app is signed with.
const OWN: &str = "0123456789abcdef0123456789abcdef";

#[tokio::test]
async fn only_what_is_signed_now_counts() {
    let world = SlackWorkspace::open().await;
    let body = world.mention("Hello?", &world.ts(), None).to_string();
    let (now, body) = (world.now(), body.as_bytes());
    for path in [EVENTS, CLICKS, COMMANDS, "/api/integrations/slack/events"] {
        for (age, status) in [(-310, 401), (-290, 200), (0, 200), (290, 200), (310, 401)] {
            let answer = world.post_signed(path, body, SIGNING_SECRET, world.now() - age).await;
            assert_eq!(answer.status, status, "{path} {age}");
        }
        let good = sign(SIGNING_SECRET, now, body);
        let (at, upper) = (now.to_string(), good.to_uppercase());
        let of_another = sign(OWN, now, body);
        let shifted = sign(SIGNING_SECRET, now - 1, body);
        for (timestamp, signature) in [
            (at.as_str(), ""),
            ("", good.as_str()),
            (&at, upper.as_str()),
            (&at, &good[3..]),
            (&at, &of_another),
            (&at, &shifted),
            ("soon", &good),
            ("1e9", &good),
        ] {
            let answer = world.post_with(path, body, timestamp, signature).await;
            answer.problem(401, "signature_invalid");
        }
        let altered = [body, b" "].concat();
        world
            .post_with(path, &altered, &at, &good)
            .await
            .problem(401, "signature_invalid");
    }
}

#[tokio::test]
async fn a_new_address_is_checked_with_its_challenge_if_it_is_signed() {
    let world = SlackWorkspace::open().await;
    let check = json!({"token": "x", "challenge": "3eZbrw1aB", "type": "url_verification"}).to_string();
    let answer = world
        .post_signed(EVENTS, check.as_bytes(), SIGNING_SECRET, world.now())
        .await
        .ok();
    assert_eq!(answer.json(), json!({"challenge": "3eZbrw1aB"}));
    let answer = world.post_with(EVENTS, check.as_bytes(), "", "").await;
    answer.problem(401, "signature_invalid");
    for body in [&b"{}"[..], b"[]", b"nonsense", b"\xff\xfe", b""] {
        world.post_signed(EVENTS, body, SIGNING_SECRET, world.now()).await.ok();
    }
}

#[tokio::test]
async fn an_app_of_an_organization_has_a_secret_and_addresses_of_its_own() {
    let world = SlackWorkspace::without_installation("local").await;
    let path = format!("{PATH}/slack/{}/credentials", world.integration);
    let view = world.ada.post(&path, json!({"signing_secret": OWN})).await.ok().json();
    let url = view["slack_urls"]["events"].as_str().unwrap();
    let own = url.split_once("/api").map(|(_, path)| format!("/api{path}")).unwrap();
    let check = json!({"challenge": "abc", "type": "url_verification"}).to_string();
    // The address is checked before the app is installed.
    let answer = world.post_signed(&own, check.as_bytes(), OWN, world.now()).await.ok();
    assert_eq!(answer.json()["challenge"], "abc");
    for (path, secret) in [
        (own.as_str(), SIGNING_SECRET),
        (EVENTS, OWN),
        ("/api/v1/integrations/slack/events?integration=x.y", OWN),
    ] {
        let answer = world.post_signed(path, check.as_bytes(), secret, world.now()).await;
        answer.problem(401, "signature_invalid");
    }
    world.slack.workspace().install("T1", "xoxb-own");
    world.ada.post(&path, json!({"bot_token": "xoxb-own"})).await.ok();
    let mention = |team: &str| {
        let ts = world.ts();
        let mut event = world.mention("How long is the warranty?", &ts, None);
        (event["team_id"], event["authorizations"]) = (json!(team), json!([]));
        (ts, event.to_string())
    };
    // Of its own workspace, at its own address and at the common one; not signed by the platform, not of another one.
    for (address, secret, team, status, replies) in [
        (own.as_str(), OWN, "T1", 200, 1),
        (EVENTS, OWN, "T1", 200, 1),
        (EVENTS, SIGNING_SECRET, "T1", 401, 0),
        (own.as_str(), OWN, "T2", 200, 0),
    ] {
        let (ts, body) = mention(team);
        let answer = world.post_signed(address, body.as_bytes(), secret, world.now()).await;
        assert_eq!(answer.status, status, "{address} {team}");
        world.t.drain_all().await;
        assert_eq!(world.thread(&ts).len(), replies, "{address} {team}");
    }
}
