//! A second server on the data of a stack, as a further instance of a function is; and what it asks of the tables.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use app::App;
use axum::{
    Router,
    body::to_bytes,
    extract::Request,
    response::{IntoResponse as _, Response},
};
use futures::{FutureExt as _, future::BoxFuture};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinSet};

use super::{Caller, Test};

/// Read and write units of a table that were used.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Units {
    pub(crate) read: f64,
    pub(crate) write: f64,
}

/// A server with its own process memory, as far as anything of ours can tell.
pub(crate) struct Second {
    pub(crate) app: App,
    url: String,
    units: Arc<Mutex<(Units, Vec<String>)>>,
    _servers: JoinSet<()>,
}

impl Second {
    pub(crate) async fn on(t: &Test) -> Self {
        let mut servers = JoinSet::new();
        let units = Arc::<Mutex<(Units, Vec<String>)>>::default();
        let tables = meter(t.stack.aws_endpoint(), units.clone());
        let aws = listen(Router::new().fallback(tables), &mut servers).await;
        let sdk = t.stack.sdk().clone().into_builder().endpoint_url(aws).build();
        let of_stack = t.stack.app();
        let app = App::new(&sdk, of_stack.config.clone(), of_stack.clock.clone()).unwrap();
        let apis = local::functions::groups().into_iter().map(|(_, api)| api);
        let api = apis.reduce(http_api::Api::merge).unwrap().finish(app.clone());
        let url = listen(api, &mut servers).await;
        Self {
            app,
            url,
            units,
            _servers: servers,
        }
    }

    /// The same caller, at this server.
    pub(crate) fn of(&self, caller: &Caller) -> Caller {
        caller.at(&self.url)
    }

    /// Units used since the last call of this, and by what.
    pub(crate) fn units(&self) -> (Units, Vec<String>) {
        std::mem::take(&mut *self.units.lock().unwrap())
    }
}

async fn listen(router: Router, servers: &mut JoinSet<()>) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    servers.spawn(async move {
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        axum::serve(listener, service).await.unwrap();
    });
    url
}

/// Forwards to the services behind, and adds up what the tables say they used.
fn meter(
    behind: String,
    units: Arc<Mutex<(Units, Vec<String>)>>,
) -> impl Fn(Request) -> BoxFuture<'static, Response> + Clone + Send + Sync + 'static {
    let http = reqwest::Client::builder().build().unwrap();
    move |request| forward(http.clone(), behind.clone(), units.clone(), request).boxed()
}

async fn forward(
    http: reqwest::Client,
    behind: String,
    units: Arc<Mutex<(Units, Vec<String>)>>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let mut body = to_bytes(body, usize::MAX).await.unwrap();
    let target = parts.headers.get("x-amz-target");
    let target = target.and_then(|target| target.to_str().ok()).unwrap_or_default().to_owned();
    let operation = target.strip_prefix("DynamoDB_20120810.").map(str::to_owned);
    if operation.is_some() {
        let mut asked: Value = serde_json::from_slice(&body).unwrap();
        asked["ReturnConsumedCapacity"] = json!("TOTAL");
        body = serde_json::to_vec(&asked).unwrap().into();
    }
    let mut headers = parts.headers;
    headers.remove("content-length");
    let request = http.request(parts.method.clone(), format!("{behind}{}", &parts.uri));
    let answer = request.headers(headers).body(body).send().await.unwrap();
    let (status, mut headers) = (answer.status(), answer.headers().clone());
    let body = answer.bytes().await.unwrap();
    if let Some(operation) = operation {
        headers.remove("x-amz-crc32");
        headers.remove("content-length");
        let answered: Value = serde_json::from_slice(&body).unwrap_or_default();
        let used = match &answered["ConsumedCapacity"] {
            Value::Array(tables) => tables.iter().filter_map(|table| table["CapacityUnits"].as_f64()).sum(),
            table => table["CapacityUnits"].as_f64().unwrap_or_default(),
        };
        let mut units = units.lock().unwrap();
        match operation.as_str() {
            "GetItem" | "Query" | "BatchGetItem" => units.0.read += used,
            _ => units.0.write += used,
        }
        units.1.push(format!("{operation} {used}"));
    }
    if !status.is_success() {
        println!("{target} {} {status} {}", parts.uri, String::from_utf8_lossy(&body));
    }
    (status, headers, body).into_response()
}
