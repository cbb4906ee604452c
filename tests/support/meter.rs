//! Counts what an application asks of the tables.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use app::App;
use aws_credential_types::provider::ProvideCredentials as _;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4,
};
use axum::{
    Router,
    body::to_bytes,
    extract::Request,
    http::{HeaderMap, Method},
    response::IntoResponse as _,
};
use serde_json::{Value, json};
use store::{Ledger, Store, Tables};
use tokio::sync::{Semaphore, watch};

use super::Test;

/// An application of its own on the services of a stack, with a counter in between.
pub(crate) struct Metered {
    pub(crate) app: App,
    /// The ledger behind the same counter.
    pub(crate) ledger: Ledger,
    calls: Arc<AtomicUsize>,
    units: Arc<Mutex<(f64, f64)>>,
    silent: Arc<AtomicBool>,
    updates_left: Arc<AtomicUsize>,
    refuses: Arc<AtomicUsize>,
    transactions: Arc<AtomicUsize>,
    touched: Arc<Mutex<HashMap<(String, String), usize>>>,
    secrets: Arc<Secrets>,
    downloads: Arc<Downloads>,
    _server: tokio::task::JoinSet<()>,
}

/// Calls of Secrets Manager.
#[derive(Default)]
struct Secrets {
    read: AtomicUsize,
    are_down: AtomicBool,
}

/// Downloads from the bucket, which can be held.
struct Downloads {
    permits: Semaphore,
    waiting: watch::Sender<usize>,
    /// Those that have come since they are held.
    begun: watch::Sender<usize>,
}

impl Default for Downloads {
    fn default() -> Self {
        Self {
            permits: Semaphore::new(Semaphore::MAX_PERMITS),
            waiting: watch::Sender::default(),
            begun: watch::Sender::default(),
        }
    }
}

impl Downloads {
    async fn pass(&self, method: &Method) {
        if method == Method::GET {
            self.waiting.send_modify(|waiting| *waiting += 1);
            self.begun.send_modify(|begun| *begun += 1);
            self.permits.acquire().await.unwrap().forget();
            self.waiting.send_modify(|waiting| *waiting -= 1);
        }
    }
}

impl Metered {
    pub(crate) async fn new(t: &Test) -> Self {
        let (calls, silent) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let updates_left = Arc::<AtomicUsize>::default();
        let units = Arc::<Mutex<(f64, f64)>>::default();
        let (refuses, transactions) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (secrets, downloads) = (Arc::<Secrets>::default(), Arc::<Downloads>::default());
        let touched = Arc::<Mutex<HashMap<(String, String), usize>>>::default();
        let (http, behind) = (reqwest::Client::builder().build().unwrap(), t.stack.aws_endpoint());
        let credentials = t.stack.sdk().credentials_provider().unwrap();
        let credentials = credentials.provide_credentials().await.unwrap();
        let forward = {
            let (calls, silent, units) = (calls.clone(), silent.clone(), units.clone());
            let (refuses, secrets, downloads) = (refuses.clone(), secrets.clone(), downloads.clone());
            let (transactions, touched) = (transactions.clone(), touched.clone());
            let updates_left = updates_left.clone();
            move |request: Request| async move {
                let (parts, body) = request.into_parts();
                let target = parts
                    .headers
                    .get("x-amz-target")
                    .and_then(|target| target.to_str().ok());
                downloads.pass(&parts.method).await;
                if target.is_some_and(|target| target.starts_with("DynamoDB")) {
                    calls.fetch_add(1, Ordering::SeqCst);
                }
                let is_update = target.is_some_and(|target| target.ends_with("UpdateItem"));
                if is_update && silent.load(Ordering::SeqCst) && take_one(&updates_left).is_none() {
                    std::future::pending::<()>().await;
                }
                let every = refuses.load(Ordering::SeqCst);
                if every > 0
                    && target.is_some_and(|target| target.ends_with("TransactWriteItems"))
                    && transactions.fetch_add(1, Ordering::SeqCst) % every == 0
                {
                    let refusal = json!({"__type": "com.amazonaws.dynamodb.v20120810#AccessDeniedException"});
                    return (axum::http::StatusCode::BAD_REQUEST, axum::Json(refusal)).into_response();
                }
                if target == Some("secretsmanager.GetSecretValue") {
                    secrets.read.fetch_add(1, Ordering::SeqCst);
                    if secrets.are_down.load(Ordering::SeqCst) {
                        let refusal = json!({"__type": "AccessDeniedException"});
                        return (axum::http::StatusCode::BAD_REQUEST, axum::Json(refusal)).into_response();
                    }
                }
                let operation = target.and_then(|target| target.strip_prefix("DynamoDB_20120810."));
                let operation = operation.map(str::to_owned);
                let mut headers = parts.headers;
                let mut body = to_bytes(body, usize::MAX).await.unwrap().to_vec();
                if operation.is_some() {
                    let mut asked: Value = serde_json::from_slice(&body).unwrap();
                    asked["ReturnConsumedCapacity"] = json!("TOTAL");
                    if operation.as_deref() == Some("TransactWriteItems") {
                        let mut touched = touched.lock().unwrap();
                        for key in keys(&asked) {
                            *touched.entry(key).or_default() += 1;
                        }
                    }
                    body = serde_json::to_vec(&asked).unwrap();
                    headers.remove("content-length");
                    sign_again(&mut headers, credentials.clone(), &behind, &body);
                }
                let request = http
                    .request(parts.method, format!("{behind}{}", parts.uri))
                    .headers(headers);
                let answer = request.body(body).send().await.unwrap();
                let (status, headers, body) =
                    (answer.status(), answer.headers().clone(), answer.bytes().await.unwrap());
                if let Some(operation) = operation {
                    let mut units = units.lock().unwrap();
                    let used = capacity(status.is_success(), &body);
                    match operation.as_str() {
                        "GetItem" | "BatchGetItem" | "Query" => units.0 += used,
                        _ => units.1 += used,
                    }
                }
                (status, headers, body).into_response()
            }
        };
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let mut server = tokio::task::JoinSet::new();
        server.spawn(async move { axum::serve(listener, Router::new().fallback(forward)).await.unwrap() });
        let sdk = t.stack.sdk().clone().into_builder().endpoint_url(url).build();
        let of_stack = t.stack.app();
        let app = App::new(&sdk, of_stack.config.clone(), of_stack.clock.clone()).unwrap();
        Self {
            app,
            ledger: Store::new(&sdk, Tables::with_prefix("parlance")).ledger(),
            calls,
            units,
            silent,
            updates_left,
            refuses,
            transactions,
            touched,
            secrets,
            downloads,
            _server: server,
        }
    }

    /// From here on no update of an item is answered.
    pub(crate) fn silence_updates(&self) {
        self.silent.store(true, Ordering::SeqCst);
    }

    /// So many updates of an item are answered from here on, and none after them.
    pub(crate) fn silence_updates_after(&self, updates: usize) {
        self.updates_left.store(updates, Ordering::SeqCst);
        self.silence_updates();
    }

    /// From here on the next transaction is refused, and every so manieth after it; none when 0.
    pub(crate) fn refuse_transactions(&self, every: usize) {
        self.transactions.store(0, Ordering::SeqCst);
        self.refuses.store(every, Ordering::SeqCst);
    }

    /// From here on no download from the bucket begins, until the others may.
    pub(crate) fn hold_downloads(&self) {
        self.downloads.permits.forget_permits(Semaphore::MAX_PERMITS);
        self.downloads.begun.send_replace(0);
    }

    /// Lets one of those that are held go on, and waits until as many have come.
    pub(crate) async fn pass_download_until(&self, begun: usize) {
        self.downloads.permits.add_permits(1);
        let mut seen = self.downloads.begun.subscribe();
        seen.wait_for(|seen| *seen >= begun).await.unwrap();
    }

    /// Waits until a download is held.
    pub(crate) async fn until_held(&self) {
        let mut waiting = self.downloads.waiting.subscribe();
        waiting.wait_for(|waiting| *waiting > 0).await.unwrap();
    }

    /// All downloads may go on.
    pub(crate) fn release_downloads(&self) {
        self.downloads.permits.add_permits(Semaphore::MAX_PERMITS / 2);
    }

    /// From here on Secrets Manager does not answer, or does again.
    pub(crate) fn stop_secrets(&self, are_down: bool) {
        self.secrets.are_down.store(are_down, Ordering::SeqCst);
    }

    /// Secrets that were read since the last call of this.
    pub(crate) fn secrets_read(&self) -> usize {
        self.secrets.read.swap(0, Ordering::SeqCst)
    }

    /// Units read and written since the last call of this. A write that was refused counts as one.
    pub(crate) fn units(&self) -> (f64, f64) {
        std::mem::take(&mut self.units.lock().unwrap())
    }

    /// How many transactions met each item since the last call of this, refused ones included: those that come at once are in
    /// each other's way.
    pub(crate) fn transactions_by_item(&self) -> HashMap<(String, String), usize> {
        std::mem::take(&mut self.touched.lock().unwrap())
    }

    /// Requests to the tables since the last call of this.
    pub(crate) fn calls(&self) -> usize {
        self.calls.swap(0, Ordering::SeqCst)
    }
}

/// Signs a call of the tables whose body is another one now, as it is sent to `url`.
fn sign_again(headers: &mut HeaderMap, credentials: aws_credential_types::Credentials, url: &str, body: &[u8]) {
    for name in ["host", "authorization", "x-amz-date"] {
        headers.remove(name);
    }
    let identity = credentials.into();
    #[expect(
        clippy::disallowed_methods,
        reason = "AWS compares signatures with the time that it is"
    )]
    let now = std::time::SystemTime::now();
    let parameters = v4::SigningParams::builder().identity(&identity).region("us-east-1");
    let parameters = parameters
        .name("dynamodb")
        .time(now)
        .settings(SigningSettings::default());
    let parameters = parameters.build().unwrap().into();
    let target = [("x-amz-target", headers["x-amz-target"].to_str().unwrap())];
    let url = format!("{url}/");
    let request = SignableRequest::new("POST", &url, target.into_iter(), SignableBody::Bytes(body)).unwrap();
    let signed = sign(request, &parameters).unwrap();
    for (name, value) in signed.output().headers() {
        headers.insert(axum::http::HeaderName::try_from(name).unwrap(), value.parse().unwrap());
    }
}

/// Takes one of those that are left; `None` when none is.
fn take_one(left: &AtomicUsize) -> Option<usize> {
    let one_less = |left: usize| left.checked_sub(1);
    left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less).ok()
}

/// The items that a transaction is about.
fn keys(transaction: &Value) -> Vec<(String, String)> {
    let parts = transaction["TransactItems"].as_array().unwrap().iter();
    let parts = parts.flat_map(|part| part.as_object().unwrap().values());
    let text = |part: &Value, name: &str| {
        let at = if part["Key"].is_null() {
            &part["Item"]
        } else {
            &part["Key"]
        };
        at[name]["S"].as_str().unwrap_or_default().to_owned()
    };
    parts.map(|part| (text(part, "pk"), text(part, "sk"))).collect()
}

/// What a call cost.
fn capacity(succeeded: bool, body: &[u8]) -> f64 {
    if !succeeded {
        return 1.0;
    }
    let answer: Value = serde_json::from_slice(body).unwrap();
    let used = match &answer["ConsumedCapacity"] {
        Value::Array(tables) => tables.clone(),
        one => vec![one.clone()],
    };
    used.iter().map(|table| table["CapacityUnits"].as_f64().unwrap()).sum()
}
