//! Who may call: programs that sign, and pages only where the bucket's CORS rules let them.

use std::time::Duration;

use aws_sdk_dynamodb::config::Credentials;
use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_s3::presigning::PresigningConfig;
use reqwest::{Client, RequestBuilder, Response};

use super::s3::with_bucket;
use super::{ACCESS_KEY_ID, Fixture, SECRET_ACCESS_KEY};

const PAGE: &str = "http://localhost:3000";

fn http() -> Client {
    Client::builder().timeout(Duration::from_secs(10)).build().unwrap()
}

/// A form that a page posts: no script, no preflight.
fn form(url: &str, kind: &str) -> RequestBuilder {
    let post = http().post(url).header("content-type", kind);
    post.body("--B\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\nk\r\n--B--\r\n")
}

fn codes(fixture: &Fixture, key: &str, secret: &str) -> impl Future<Output = [String; 4]> {
    let credentials = Credentials::new(key, secret, None, None, "tests");
    let provider = aws_sdk_dynamodb::config::SharedCredentialsProvider::new(credentials);
    let sdk = fixture
        .sdk
        .clone()
        .into_builder()
        .credentials_provider(provider)
        .build();
    async move {
        let tables = aws_sdk_dynamodb::Client::new(&sdk).list_tables().send().await;
        let queues = aws_sdk_sqs::Client::new(&sdk).list_queues().send().await;
        let secrets = aws_sdk_secretsmanager::Client::new(&sdk).list_secrets().send().await;
        let buckets = aws_sdk_s3::Client::new(&sdk).list_buckets().send().await;
        [
            code(tables.map(drop)),
            code(queues.map(drop)),
            code(secrets.map(drop)),
            code(buckets.map(drop)),
        ]
    }
}

fn code<E: ProvideErrorMetadata>(outcome: Result<(), E>) -> String {
    outcome.map_or_else(
        |error| error.code().unwrap_or("no code").to_owned(),
        |()| "ok".to_owned(),
    )
}

#[tokio::test]
async fn every_service_refuses_unknown_keys_and_wrong_secrets_as_aws_does() {
    let fixture = Fixture::new().await;
    for known in [ACCESS_KEY_ID, "application", "function-auth"] {
        assert_eq!(codes(&fixture, known, SECRET_ACCESS_KEY).await, ["ok"; 4], "{known}");
        let forged = codes(&fixture, known, "guessed").await;
        let mismatch = "InvalidSignatureException";
        assert_eq!(
            forged,
            [mismatch, "SignatureDoesNotMatch", mismatch, "SignatureDoesNotMatch"],
            "{known}"
        );
    }
    let unknown = codes(&fixture, "AKIDEXAMPLE", SECRET_ACCESS_KEY).await;
    let unrecognized = "UnrecognizedClientException";
    assert_eq!(
        unknown,
        [unrecognized, "InvalidClientTokenId", unrecognized, "InvalidAccessKeyId"]
    );
}

#[tokio::test]
async fn a_call_without_a_signature_does_nothing() {
    let fixture = Fixture::new().await;
    for (target, status) in [
        ("DynamoDB_20120810.ListTables", 400),
        ("DynamoDBStreams_20120810.ListStreams", 400),
        ("AmazonSQS.ListQueues", 403),
        ("secretsmanager.ListSecrets", 400),
    ] {
        let call = http().post(fixture.cloud.endpoint()).header("x-amz-target", target);
        let answer = call.body("{}").send().await.unwrap();
        assert_eq!(answer.status(), status, "{target}");
        let text = answer.text().await.unwrap();
        assert!(text.contains("MissingAuthenticationToken"), "{target}: {text}");
    }
    let bucket = http().get(fixture.cloud.endpoint()).send().await.unwrap();
    assert_eq!(bucket.status(), 403);
}

/// What is not signed could be another operation, or be sent to another host.
#[tokio::test]
async fn a_signature_that_leaves_out_the_operation_is_incomplete() {
    let fixture = Fixture::new().await;
    let signed = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/dynamodb/aws4_request, \
                  SignedHeaders=host;x-amz-date, Signature=00";
    let call = http().post(fixture.cloud.endpoint()).header("authorization", signed);
    let call = call.header("x-amz-date", "20260101T000000Z");
    let call = call.header("x-amz-target", "DynamoDB_20120810.ListTables").body("{}");
    let answer = call.send().await.unwrap().text().await.unwrap();
    assert!(answer.contains("IncompleteSignatureException"), "{answer}");
}

async fn refused(answer: Response, what: &str) {
    assert_eq!(answer.status(), 403, "{what}");
    for name in ["access-control-allow-origin", "access-control-allow-credentials"] {
        assert!(!answer.headers().contains_key(name), "{what}");
    }
    assert!(answer.text().await.unwrap().contains("<Code>Access"), "{what}");
}

#[tokio::test]
async fn what_a_foreign_page_sends_is_refused_whatever_it_signs() {
    let fixture = Fixture::new().await;
    let s3 = with_bucket(&fixture).await;
    let valid = PresigningConfig::expires_in(Duration::from_mins(5)).unwrap();
    let put = s3
        .put_object()
        .bucket("uploads")
        .key("a")
        .presigned(valid.clone())
        .await
        .unwrap();
    let kept = s3.put_object().bucket("uploads").key("kept").body(b"x".to_vec().into());
    kept.send().await.unwrap();
    let get = s3
        .get_object()
        .bucket("uploads")
        .key("kept")
        .presigned(valid)
        .await
        .unwrap();
    let endpoint = fixture.cloud.endpoint();
    for origin in [
        "http://evil.example",
        "http://localhost:3001",
        "http://127.0.0.1:4566",
        &endpoint,
        "null",
    ] {
        let with = |request: RequestBuilder| request.header("origin", origin).send();
        refused(with(http().put(put.uri()).body("x")).await.unwrap(), origin).await;
        refused(with(http().get(get.uri())).await.unwrap(), origin).await;
        let kind = "multipart/form-data; boundary=B";
        refused(with(form(&format!("{endpoint}/uploads"), kind)).await.unwrap(), origin).await;
        let scan = form(&endpoint, "text/plain").header("x-amz-target", "DynamoDB_20120810.Scan");
        refused(with(scan).await.unwrap(), origin).await;
    }
    // Images, scripts and frames carry no origin, but browsers say where the request comes from.
    for (site, mode) in [
        ("cross-site", "no-cors"),
        ("same-site", "no-cors"),
        ("same-origin", "cors"),
    ] {
        let get = http().get(get.uri()).header("sec-fetch-site", site);
        refused(get.header("sec-fetch-mode", mode).send().await.unwrap(), site).await;
    }
    let followed = http().get(get.uri()).header("sec-fetch-site", "cross-site");
    let followed = followed.header("sec-fetch-mode", "navigate").send().await.unwrap();
    assert_eq!(followed.status(), 200, "a person follows a link");
    // The page that was configured may put, and do nothing else.
    let page = |request: RequestBuilder| request.header("origin", PAGE).send();
    refused(page(http().get(get.uri())).await.unwrap(), PAGE).await;
    refused(page(form(&endpoint, "text/plain")).await.unwrap(), PAGE).await;
    let listed = s3.list_objects_v2().bucket("uploads").send().await.unwrap();
    assert_eq!(listed.contents().len(), 1);
    assert_eq!(page(http().put(put.uri()).body("x")).await.unwrap().status(), 200);
}

/// The database is called in this process: there is no second port.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn nothing_of_the_cloud_listens_but_its_one_port() {
    let own = std::process::id();
    let listening = || -> usize {
        let sockets = std::fs::read_dir(format!("/proc/{own}/fd")).unwrap();
        let sockets = sockets.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
        let inodes: Vec<String> = sockets
            .filter_map(|link| {
                Some(
                    link.to_str()?
                        .strip_prefix("socket:[")?
                        .trim_end_matches(']')
                        .to_owned(),
                )
            })
            .collect();
        let table = std::fs::read_to_string("/proc/self/net/tcp").unwrap();
        let lines = table
            .lines()
            .skip(1)
            .map(|line| line.split_whitespace().collect::<Vec<_>>());
        lines
            .filter(|line| line[3] == "0A" && inodes.iter().any(|inode| inode == line[9]))
            .count()
    };
    // Other tests of this binary start and stop theirs: the lowest difference of several is that of this one.
    let mut least = usize::MAX;
    for _ in 0..20 {
        let before = listening();
        let fixture = Fixture::new().await;
        least = least.min(listening().saturating_sub(before));
        fixture.cloud.shutdown().await;
    }
    assert!(least <= 1, "{least} ports");
}
