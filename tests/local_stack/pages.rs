//! A page of another origin, in a real browser, tries every port that the server listens on.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::Mutex,
    time::Duration,
};

use aws_credential_types::Credentials;
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4,
};
use axum::{
    Json, Router,
    response::Html,
    routing::{get, post},
};
use local::Stack;
use reqwest::Client;
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::oneshot, task::JoinSet};

use crate::support;

/// Tells the process of [`a_server_for_pages`] from a run of all tests that are ignored.
const SERVER: &str = "PARLANCE_SERVER_FOR_PAGES";
/// Longest time that the page may take.
const PAGE_LIMIT: Duration = Duration::from_mins(2);
const BROWSERS: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// A process of its own, so that its ports are known; it ends with its input.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the server of another test"]
async fn a_server_for_pages() {
    if std::env::var_os(SERVER).is_none() {
        return;
    }
    let stack = Stack::start(support::options()).await.unwrap();
    println!("\nserver {} {}", stack.url(), stack.aws_endpoint());
    let ended = tokio::task::spawn_blocking(|| std::io::stdin().lines().count());
    ended.await.unwrap();
    stack.stop().await;
}

/// A process that ends with this value.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

struct Server {
    process: Process,
    api: String,
    aws: String,
    http: Client,
    db: aws_sdk_dynamodb::Client,
    sqs: aws_sdk_sqs::Client,
    s3: aws_sdk_s3::Client,
}

impl Server {
    async fn start() -> Self {
        let this = std::env::current_exe().unwrap();
        let test = format!("{}::a_server_for_pages", module_path!().split_once("::").unwrap().1);
        let mut command = Command::new(this);
        command
            .args(["--exact", &test, "--ignored", "--nocapture"])
            .env(SERVER, "1");
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = lines.find_map(|line| line.unwrap().strip_prefix("server ").map(str::to_owned));
        let line = line.expect("the server says where it listens");
        let (api, aws) = line.split_once(' ').unwrap();
        let sdk = local::local_sdk(port_of(aws)).await;
        let s3 = aws_sdk_s3::config::Builder::from(&sdk).force_path_style(true).build();
        Self {
            process: Process(child),
            api: api.to_owned(),
            aws: aws.to_owned(),
            http: Client::builder().timeout(Duration::from_secs(30)).build().unwrap(),
            db: aws_sdk_dynamodb::Client::new(&sdk),
            sqs: aws_sdk_sqs::Client::new(&sdk),
            s3: aws_sdk_s3::Client::from_conf(s3),
        }
    }

    /// All ports on which the process listens.
    fn ports(&self) -> BTreeSet<u16> {
        let sockets = std::fs::read_dir(format!("/proc/{}/fd", self.process.0.id())).unwrap();
        let targets = sockets.filter_map(|socket| std::fs::read_link(socket.ok()?.path()).ok());
        let inodes: BTreeSet<String> = targets
            .filter_map(|target| {
                Some(
                    target
                        .to_str()?
                        .strip_prefix("socket:[")?
                        .trim_end_matches(']')
                        .to_owned(),
                )
            })
            .collect();
        let tables =
            ["/proc/net/tcp", "/proc/net/tcp6"].map(|table| std::fs::read_to_string(table).unwrap_or_default());
        let lines = tables.iter().flat_map(|table| table.lines().skip(1));
        // proc_pid_net(5): the local address, the state, the inode. 0A is LISTEN.
        lines
            .map(|line| line.split_whitespace().collect::<Vec<_>>())
            .filter(|line| line[3] == "0A" && inodes.contains(line[9]))
            .map(|line| u16::from_str_radix(line[1].rsplit_once(':').unwrap().1, 16).unwrap())
            .collect()
    }

    async fn local(&self, path: &str, body: Option<Value>) -> Value {
        let url = format!("{}/_local/{path}", self.api.trim_end_matches("/live"));
        let request = match body {
            Some(body) => self.http.post(url).json(&body),
            None => self.http.get(url),
        };
        request.send().await.unwrap().json().await.unwrap()
    }

    /// Everything that a request could have changed.
    async fn state(&self) -> BTreeMap<String, Value> {
        let mut state = BTreeMap::new();
        for table in self.db.list_tables().send().await.unwrap().table_names() {
            let mut items = self.db.scan().table_name(table).into_paginator().items().send();
            while let Some(item) = items.next().await {
                let item = item.unwrap();
                let value = serde_dynamo::from_item(item.clone()).unwrap();
                state.insert(format!("{table} {:?} {:?}", item["pk"], item["sk"]), value);
            }
        }
        for queue in self.sqs.list_queues().send().await.unwrap().queue_urls() {
            let asked = self.sqs.get_queue_attributes().queue_url(queue);
            let count = asked.attribute_names(aws_sdk_sqs::types::QueueAttributeName::ApproximateNumberOfMessages);
            let count = format!("{:?}", count.send().await.unwrap().attributes());
            state.insert(queue.clone(), json!(count));
        }
        let objects = self.s3.list_objects_v2().bucket("parlance").send().await.unwrap();
        for object in objects.contents() {
            state.insert(format!("object {:?}", object.key()), json!(object.e_tag()));
        }
        state.insert("outbox".to_owned(), self.local("outbox", None).await);
        state.insert("dlq".to_owned(), self.local("dlq", None).await);
        state
    }
}

fn port_of(url: &str) -> u16 {
    url.rsplit_once(':')
        .unwrap()
        .1
        .split('/')
        .next()
        .unwrap()
        .parse()
        .unwrap()
}

/// A call of a service, signed with the keys that the README names: a page may know them.
fn signed(aws: &str, service: &str, target: &str, body: &Value) -> Value {
    let identity = Credentials::new("test", "test", None, None, "page").into();
    #[expect(
        clippy::disallowed_methods,
        reason = "AWS compares signatures with the time that it is"
    )]
    let now = std::time::SystemTime::now();
    let parameters = v4::SigningParams::builder().identity(&identity).region("us-east-1");
    let parameters = parameters.name(service).time(now).settings(SigningSettings::default());
    let parameters = parameters.build().unwrap().into();
    let (url, text) = (format!("{aws}/"), body.to_string());
    let headers = [("x-amz-target", target)].into_iter();
    let request = SignableRequest::new("POST", &url, headers, SignableBody::Bytes(text.as_bytes())).unwrap();
    let signed = sign(request, &parameters).unwrap();
    let headers = signed
        .output()
        .headers()
        .map(|(name, value)| (name.to_owned(), json!(value)));
    let mut headers: serde_json::Map<String, Value> = headers.collect();
    headers.insert("x-amz-target".to_owned(), json!(target));
    headers.insert("content-type".to_owned(), json!("application/x-amz-json-1.0"));
    // As the service names itself, and at every port: something else may be behind it.
    json!({"url": "http://HOST/", "method": "POST", "headers": headers, "body": text})
}

/// What the page is to try.
async fn attempts(server: &Server) -> Value {
    let aws = &server.aws;
    let admin = json!({"TableName": "parlance-identity", "Item": {
        "pk": {"S": "U#eve"}, "sk": {"S": "PROFILE"}, "role": {"S": "admin"},
    }});
    let queue = format!("{aws}/000000000000/send_mail");
    let s3 = &server.s3;
    let script = s3
        .put_object()
        .bucket("parlance")
        .key("probe.js")
        .content_type("text/javascript");
    script
        .body(b"window.leaked = 'the object'".to_vec().into())
        .send()
        .await
        .unwrap();
    let valid = PresigningConfig::expires_in(Duration::from_mins(5)).unwrap();
    let read = s3
        .get_object()
        .bucket("parlance")
        .key("probe.js")
        .presigned(valid.clone())
        .await
        .unwrap();
    let write = s3
        .put_object()
        .bucket("parlance")
        .key("evil")
        .presigned(valid.clone())
        .await
        .unwrap();
    let remove = s3
        .delete_object()
        .bucket("parlance")
        .key("probe.js")
        .presigned(valid)
        .await
        .unwrap();
    let plain =
        |method: &str, url: &str, body: &str| json!({"url": url, "method": method, "headers": {}, "body": body});
    let step = json!({"advance_seconds": 86_400}).to_string();
    json!({
        "ports": server.ports(),
        "attempts": [
            signed(aws, "dynamodb", "DynamoDB_20120810.ListTables", &json!({})),
            signed(aws, "dynamodb", "DynamoDB_20120810.Scan", &json!({"TableName": "parlance-identity"})),
            signed(aws, "dynamodb", "DynamoDB_20120810.PutItem", &admin),
            signed(aws, "dynamodb", "DynamoDBStreams_20120810.ListStreams", &json!({})),
            signed(aws, "sqs", "AmazonSQS.SendMessage", &json!({"QueueUrl": queue, "MessageBody": "{}"})),
            signed(aws, "sqs", "AmazonSQS.PurgeQueue", &json!({"QueueUrl": queue})),
            signed(aws, "secretsmanager", "secretsmanager.GetSecretValue", &json!({"SecretId": "JWT_SECRET"})),
            plain("GET", read.uri(), ""),
            plain("PUT", write.uri(), "evil"),
            plain("DELETE", remove.uri(), ""),
            plain("GET", "http://HOST/", ""),
            plain("POST", "http://HOST/", "{}"),
            plain("GET", "http://HOST/parlance?list-type=2", ""),
            plain("GET", "http://HOST/_local/outbox", ""),
            plain("GET", "http://HOST/_local/dlq", ""),
            plain("POST", "http://HOST/_local/clock", &step),
            plain("POST", "http://HOST/_local/drain", ""),
            plain("POST", "http://HOST/_local/run/relay_outbox", ""),
            // What any page may do: the API has no cookies.
            plain("GET", &format!("{}/live", server.api), ""),
        ],
        "forms": [
            {"url": "http://HOST/_local/clock", "enctype": "text/plain",
                "fields": [["{\"advance_seconds\":86400,\"x\":\"", "\"}"]]},
            {"url": "http://HOST/_local/run/relay_outbox", "enctype": "application/x-www-form-urlencoded", "fields": []},
            post_form(),
        ],
        "scripts": [read.uri()],
    })
}

/// The form of a page that puts a file into the bucket.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html>
fn post_form() -> Value {
    use base64::Engine as _;
    let policy = json!({
        "expiration": "2100-01-01T00:00:00.000Z",
        "conditions": [{"bucket": "parlance"}, ["starts-with", "$key", ""], {"x-amz-algorithm": "AWS4-HMAC-SHA256"},
            {"x-amz-credential": "test/20261130/us-east-1/s3/aws4_request"}, {"x-amz-date": "20261130T000000Z"}],
    });
    let policy = base64::engine::general_purpose::STANDARD.encode(policy.to_string());
    let hmac = |key: &[u8], message: &str| {
        let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, key);
        aws_lc_rs::hmac::sign(&key, message.as_bytes()).as_ref().to_vec()
    };
    let parts = ["20261130", "us-east-1", "s3", "aws4_request"];
    let key = parts.iter().fold(b"AWS4test".to_vec(), |key, part| hmac(&key, part));
    json!({"url": "http://HOST/parlance", "enctype": "multipart/form-data", "fields": [
        ["key", "evil-form"], ["policy", policy], ["x-amz-algorithm", "AWS4-HMAC-SHA256"],
        ["x-amz-credential", "test/20261130/us-east-1/s3/aws4_request"], ["x-amz-date", "20261130T000000Z"],
        ["x-amz-signature", hex::encode(hmac(&key, &policy))], ["file", "evil"],
    ]})
}

/// What the page could read, and how much it tried. `tasks`: keeps the server of the page.
async fn opened(browser: &str, attempts: Value, tasks: &mut JoinSet<()>) -> Value {
    let (told, seen) = oneshot::channel();
    let told = std::sync::Arc::new(Mutex::new(Some(told)));
    let page = Router::new()
        .route("/", get(|| async { Html(include_str!("page.html")) }))
        .route("/attempts", get(move || std::future::ready(Json(attempts.clone()))))
        .route(
            "/seen",
            post(move |body: String| {
                let told = told.lock().unwrap().take();
                if let Some(told) = told {
                    told.send(body).unwrap();
                }
                std::future::ready(())
            }),
        );
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tasks.spawn(async move { axum::serve(listener, page).await.unwrap() });
    let profile = tempfile::tempdir().unwrap();
    let mut command = Command::new(browser);
    command.args([
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
    ]);
    command
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(url);
    let _browser = Process(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    let seen = tokio::time::timeout(PAGE_LIMIT, seen).await;
    let seen = seen.expect("the page tells what it saw").unwrap();
    serde_json::from_str(&seen).unwrap()
}

fn browser() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let folders: Vec<_> = std::env::split_paths(&path).collect();
    let mut all = BROWSERS
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    all.find(|file| file.is_file())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_of_another_origin_reads_and_writes_nothing_at_any_port() {
    let Some(browser) = browser() else {
        eprintln!("SKIPPED: none of {BROWSERS:?} is here, so no page tried the ports of the local stack");
        return;
    };
    let server = Server::start().await;
    assert_eq!(server.ports(), [port_of(&server.api), port_of(&server.aws)].into());
    let ada = json!({"email": "ada@example.com", "password": support::PASSWORD});
    let registered = server
        .http
        .post(format!("{}/api/v1/auth/register", server.api))
        .json(&ada);
    assert_eq!(registered.send().await.unwrap().status(), 201);
    server.local("drain", Some(json!({}))).await;
    let attempts = attempts(&server).await;
    let before = server.state().await;
    let clock = server.local("clock", Some(json!({"advance_seconds": 0}))).await;
    let mut tasks = JoinSet::new();
    let told = opened(browser.to_str().unwrap(), attempts, &mut tasks).await;
    assert!(told["tried"].as_u64().unwrap() > 100, "{told}");
    let seen = told["seen"].as_array().unwrap();
    let (open, leaked): (Vec<_>, Vec<_>) = seen.iter().partition(|seen| {
        let url = seen["url"].as_str().unwrap();
        url.starts_with(&server.api) || is_of_api(url, port_of(&server.api)) && !url.contains("/_local/")
    });
    assert_eq!(leaked, Vec::<&Value>::new());
    assert!(
        open.iter().any(|seen| seen["how"] == "cors"),
        "the page could read what is open to all: {open:?}"
    );
    assert_eq!(server.state().await, before);
    let after = server.local("clock", Some(json!({"advance_seconds": 0}))).await;
    let time = |clock: &Value| clock["now"].as_str().unwrap().parse::<domain::Timestamp>().unwrap();
    let moved = time(&after).duration_since(time(&clock));
    assert!(moved.as_secs() < 3_600, "the clock was moved: {clock} {after}");
}

/// Whether a URL is at the port of the API, whatever the name of this machine.
fn is_of_api(url: &str, port: u16) -> bool {
    ["127.0.0.1", "localhost"]
        .iter()
        .any(|host| url.starts_with(&format!("http://{host}:{port}/")))
}
