//! What a function is refused when its role in `template.yaml` does not allow it, as the AWS SDKs see it.

use std::{
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use aws_sdk_dynamodb::{
    error::ProvideErrorMetadata,
    types::{AttributeValue, Delete, Put, TransactWriteItem},
};
use aws_sdk_s3::presigning::PresigningConfig;
use local::cloud::iam::Denial;
use serde_json::json;

use crate::support::Test;

const APP: &str = "parlance-app";
const IDENTITY: &str = "parlance-identity";

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn tables(t: &Test, function: &str) -> aws_sdk_dynamodb::Client {
    aws_sdk_dynamodb::Client::new(&t.stack.sdk_of(function))
}

fn bucket(t: &Test, function: &str) -> aws_sdk_s3::Client {
    let config = aws_sdk_s3::config::Builder::from(&t.stack.sdk_of(function));
    aws_sdk_s3::Client::from_conf(config.force_path_style(true).build())
}

/// The code and the sentence of a refusal.
fn said<E: ProvideErrorMetadata>(refused: Result<impl Sized, E>) -> (String, String) {
    let error = refused.err().expect("a refusal");
    let own = |text: Option<&str>| text.unwrap_or_default().to_owned();
    (own(error.code()), own(error.message()))
}

/// The sentence of AWS.
fn sentence(role: &str, function: &str, action: &str, resource: &str) -> String {
    format!(
        "User: arn:aws:sts::000000000000:assumed-role/{role}/{function} is not authorized to perform: {action} on \
         resource: {resource} because no identity-based policy allows the {action} action"
    )
}

/// The one refusal of a function so far.
#[track_caller]
fn refused(t: &Test, function: &str, action: &str, resource: &str) {
    let expected = Denial {
        function: function.to_owned(),
        action: action.to_owned(),
        resource: resource.to_owned(),
    };
    assert_eq!(t.permissions.refused().into_iter().collect::<Vec<_>>(), [expected]);
}

#[tokio::test]
async fn a_table_refuses_what_a_role_does_not_name() {
    let t = Test::new().await;
    let system = tables(&t, "system");
    let get = system
        .get_item()
        .table_name(APP)
        .key("pk", text("P"))
        .key("sk", text("S"));
    get.send().await.unwrap();
    let put = system
        .put_item()
        .table_name(APP)
        .item("pk", text("P"))
        .item("sk", text("S"));
    let (code, message) = said(put.send().await);
    let arn = "arn:aws:dynamodb:us-east-1:000000000000:table/parlance-app";
    assert_eq!(code, "AccessDeniedException");
    assert_eq!(message, sentence("SystemRole", "system", "dynamodb:PutItem", arn));
    refused(&t, "system", "dynamodb:PutItem", arn);
    // The developer may do everything.
    let root = aws_sdk_dynamodb::Client::new(t.stack.sdk());
    let put = root
        .put_item()
        .table_name(APP)
        .item("pk", text("P"))
        .item("sk", text("S"));
    put.send().await.unwrap();
}

#[tokio::test]
async fn one_part_of_a_transaction_that_is_not_allowed_refuses_it_whole() {
    let t = Test::new().await;
    // It writes promises there, and removes none.
    let orgs = tables(&t, "orgs");
    let put = Put::builder()
        .table_name(APP)
        .item("pk", text("P"))
        .item("sk", text("S"));
    let delete = Delete::builder()
        .table_name(APP)
        .key("pk", text("Q"))
        .key("sk", text("S"));
    let parts = [
        TransactWriteItem::builder().put(put.build().unwrap()).build(),
        TransactWriteItem::builder().delete(delete.build().unwrap()).build(),
    ];
    let transaction = orgs.transact_write_items().set_transact_items(Some(parts.into()));
    let (code, message) = said(transaction.send().await);
    let arn = "arn:aws:dynamodb:us-east-1:000000000000:table/parlance-app";
    assert_eq!(code, "AccessDeniedException");
    assert_eq!(message, sentence("OrgsRole", "orgs", "dynamodb:DeleteItem", arn));
    refused(&t, "orgs", "dynamodb:DeleteItem", arn);
    assert!(t.items(APP).await.is_empty());
}

#[tokio::test]
async fn an_index_needs_a_permission_of_its_own() {
    let t = Test::new().await;
    let query = |function: &str| {
        let query = tables(&t, function)
            .query()
            .table_name(IDENTITY)
            .index_name("admin_list");
        query
            .key_condition_expression("kind = :kind AND #month = :month")
            .expression_attribute_names("#month", "month")
            .expression_attribute_values(":kind", text("user"))
            .expression_attribute_values(":month", text("2026-11"))
    };
    query("admin").send().await.unwrap();
    assert_eq!(said(query("orgs").send().await).0, "AccessDeniedException");
    let arn = "arn:aws:dynamodb:us-east-1:000000000000:table/parlance-identity/index/admin_list";
    refused(&t, "orgs", "dynamodb:Query", arn);
}

/// A person's first session at Clerk may arrive at any function; none of these makes keys, invitations, links that set
/// passwords, or names of organizations.
#[tokio::test]
async fn what_a_first_sign_in_writes_is_all_that_most_functions_write_of_identities() {
    let t = Test::new().await;
    for function in [
        "admin",
        "ai",
        "audit",
        "chatbots",
        "chats",
        "documents",
        "internal",
        "prompts",
        "usage",
    ] {
        let put = |pk: &str| {
            let put = tables(&t, function).put_item().table_name(IDENTITY);
            put.item("pk", text(pk)).item("sk", text("S")).send()
        };
        for allowed in ["U#ada", "O#acme", "EMAIL#fingerprint", "CLERK#user_ada"] {
            put(allowed).await.unwrap();
        }
        let arn = "arn:aws:dynamodb:us-east-1:000000000000:table/parlance-identity";
        for other in ["AK#hash", "INVT#hash", "PWR#digest", "EMV#digest", "SLUG#acme"] {
            assert_eq!(said(put(other).await).0, "AccessDeniedException", "{function} {other}");
            refused(&t, function, "dynamodb:PutItem", arn);
        }
    }
}

#[tokio::test]
async fn a_queue_refuses_senders_that_are_not_allowed() {
    let t = Test::new().await;
    let sqs = aws_sdk_sqs::Client::new(&t.stack.sdk_of("auth"));
    let attributes = sqs.get_queue_attributes().queue_url(t.queue_url("send_mail"));
    assert_eq!(said(attributes.send().await).0, "AccessDenied");
    refused(
        &t,
        "auth",
        "sqs:GetQueueAttributes",
        "arn:aws:sqs:us-east-1:000000000000:send_mail",
    );
    let send = sqs
        .send_message()
        .queue_url(t.queue_url("export_user"))
        .message_body("{}");
    let (code, message) = said(send.send().await);
    let arn = "arn:aws:sqs:us-east-1:000000000000:export_user";
    assert_eq!(code, "AccessDenied");
    assert_eq!(message, sentence("AuthRole", "auth", "sqs:sendmessage", arn));
    refused(&t, "auth", "sqs:SendMessage", arn);
}

#[tokio::test]
async fn a_secret_is_read_by_name_or_arn_by_those_who_may() {
    let t = Test::new().await;
    let secrets = aws_sdk_secretsmanager::Client::new(&t.stack.sdk_of("users"));
    let read = |id: &str| secrets.get_secret_value().secret_id(id).send();
    let found = read("JWT_SECRET").await.unwrap();
    read(found.arn().unwrap()).await.unwrap();
    // Whether it exists is no business of who may not read it.
    let (code, message) = said(read("INTERNAL_API_KEY").await);
    assert_eq!(code, "AccessDeniedException");
    let action = "secretsmanager:GetSecretValue";
    assert_eq!(message, sentence("UsersRole", "users", action, "INTERNAL_API_KEY"));
    let arn = "arn:aws:secretsmanager:us-east-1:000000000000:secret:INTERNAL_API_KEY-local0";
    refused(&t, "users", action, arn);
}

#[tokio::test]
async fn a_bucket_refuses_what_lies_outside_the_places_of_a_function() {
    let t = Test::new().await;
    let put = |key: &str| {
        let put = bucket(&t, "index_documents").put_object().bucket("parlance").key(key);
        put.body(b"text".to_vec().into()).send()
    };
    put("t/acme/one").await.unwrap();
    let (code, message) = said(put("exports/one").await);
    assert_eq!(code, "AccessDenied");
    let quoted = "\"arn:aws:s3:::parlance/exports/one\"";
    assert_eq!(
        message,
        sentence("IndexDocumentsRole", "index_documents", "s3:PutObject", quoted)
    );
    refused(
        &t,
        "index_documents",
        "s3:PutObject",
        "arn:aws:s3:::parlance/exports/one",
    );
}

#[tokio::test]
async fn who_may_not_list_a_bucket_does_not_learn_what_is_missing() {
    let t = Test::new().await;
    let get = |function: &str, key: &str| bucket(&t, function).get_object().bucket("parlance").key(key).send();
    // It signs links to archives, and lists nothing.
    let (code, message) = said(get("users", "exports/none").await);
    assert_eq!(code, "AccessDenied");
    assert_eq!(
        message,
        sentence("UsersRole", "users", "s3:ListBucket", "\"arn:aws:s3:::parlance\"")
    );
    refused(&t, "users", "s3:ListBucket", "arn:aws:s3:::parlance");
    assert_eq!(said(get("index_documents", "t/acme/none").await).0, "NoSuchKey");
}

#[tokio::test]
async fn a_link_opens_what_its_signer_may_read() {
    let t = Test::new().await;
    let root = aws_sdk_s3::config::Builder::from(t.stack.sdk()).force_path_style(true);
    let root = aws_sdk_s3::Client::from_conf(root.build());
    let put = root.put_object().bucket("parlance").key("exports/one");
    put.body(b"archive".to_vec().into()).send().await.unwrap();
    let link = async |function: &str| {
        let valid = PresigningConfig::expires_in(Duration::from_mins(1)).unwrap();
        let get = bucket(&t, function).get_object().bucket("parlance").key("exports/one");
        get.presigned(valid).await.unwrap().uri().to_owned()
    };
    assert_eq!(t.follow(&link("users").await).await.status(), 200);
    let answer = t.follow(&link("auth").await).await;
    assert_eq!(answer.status(), 403);
    let body = answer.text().await.unwrap();
    assert!(body.contains("<Code>AccessDenied</Code>"), "{body}");
    refused(&t, "auth", "s3:GetObject", "arn:aws:s3:::parlance/exports/one");
}

/// Each function keeps the answers of requests with an `Idempotency-Key`, and frees the key when it lets nobody in.
#[tokio::test]
async fn every_function_may_do_what_an_idempotency_key_takes() {
    let t = Test::new().await;
    let mut let_in_nobody = 0;
    for (_, api) in local::functions::groups() {
        let operations = api.operations().into_iter();
        for operation in operations.filter(|operation| operation.method != "GET") {
            let parts = operation.path.split('/');
            let parts = parts.map(|part| if part.starts_with('{') { "none" } else { part });
            let stranger = t.anonymous().with_header("idempotency-key", "one");
            let request = stranger.request(operation.method.parse().unwrap(), &parts.collect::<Vec<_>>().join("/"));
            let status = stranger.send(request.json(&json!({}))).await.status.as_u16();
            assert!(status < 500, "{}: {status}", operation.id);
            let_in_nobody += u32::from(status == 401);
        }
    }
    assert!(let_in_nobody > 20, "{let_in_nobody}");
}

/// A log in memory.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_refusal_is_told_in_the_log() {
    let log = Log::default();
    let writer = log.clone();
    let recorder = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(move || writer.clone());
    let _recording = tracing::subscriber::set_default(recorder.finish());
    // With a single subscriber in the process, an event that another thread meets first is switched off for all.
    let _second = tracing::Dispatch::new(tracing::subscriber::NoSubscriber::default());
    let t = Test::new().await;
    let put = tables(&t, "system").put_item().table_name(APP);
    let put = put.item("pk", text("P")).item("sk", text("S")).send().await;
    put.unwrap_err();
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let line = text
        .lines()
        .find(|line| line.contains("iam.denied"))
        .expect("a line in the log");
    for part in [
        "ERROR",
        "system",
        "dynamodb:PutItem",
        "table/parlance-app",
        "template.yaml",
    ] {
        assert!(line.contains(part), "{line}");
    }
    assert_eq!(t.permissions.refused().len(), 1);
}
