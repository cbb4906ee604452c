//! `parlance bench`: the latency of the API, measured over HTTP against a stack in this process.
//!
//! `GET /live` reads nothing, so it is the cost of HTTP itself on this machine at this moment. It is measured in turn
//! with the other requests, whose medians are also given as multiples of it: these can be compared between machines
//! and runs, milliseconds cannot.

#[cfg(target_os = "linux")]
mod cold;
mod corpus;
mod figures;
#[cfg(target_os = "linux")]
mod overhead;
mod reading;
mod timing;

use std::{
    error::Error,
    path::PathBuf,
    time::{Duration, Instant},
};

use aws_sdk_dynamodb::types::AttributeValue;
#[cfg(target_os = "linux")]
pub use cold::{ColdStart, cold_start, run as cold};
use figures::Measurements;
use futures::{StreamExt as _, TryStreamExt as _, stream};
#[cfg(target_os = "linux")]
pub use overhead::run as overhead;
pub use reading::run as reading;
use reqwest::{Client, RequestBuilder, Response, multipart};
use serde_json::{Value, json};
pub use timing::run as timing;

use crate::{Options, Stack};

/// Measures the overhead of a model call through the API, on systems that can pin processes to a core.
///
/// # Errors
/// Always.
#[cfg(not(target_os = "linux"))]
#[expect(clippy::unused_async, reason = "it is one elsewhere")]
pub async fn overhead() -> Result<()> {
    Err("this is measured on Linux only".into())
}

/// Measures the cold start of functions, on systems that report a process's usage.
///
/// # Errors
/// Always.
#[cfg(not(target_os = "linux"))]
#[expect(clippy::unused_async, reason = "it is one elsewhere")]
pub async fn cold(_: Extent, _: Vec<PathBuf>) -> Result<()> {
    Err("this is measured on Linux only".into())
}

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// How much is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// As much as meaningful figures need.
    Full,
    /// A little of everything, to check that it runs.
    Short,
}

impl Extent {
    /// Returns the number of repetitions.
    fn of(self, full: usize) -> usize {
        match self {
            Self::Full => full,
            Self::Short => full.div_ceil(100),
        }
    }
}

/// Number of passages to search.
const CHUNKS: usize = 1000;
/// Number of documents after which filling is abandoned.
const MAX_DOCUMENTS: usize = 40;
/// Rounds of plain requests.
const REQUESTS: usize = 500;
/// Number of questions.
const QUESTIONS: usize = 100;
/// Number of small uploads.
const UPLOADS: usize = 100;
/// Concurrent uploads.
const PARALLEL: usize = 8;
/// Rounds that are not counted: they open connections and fill caches.
const WARM_UP: usize = 5;
/// A measurement ends after this time, regardless of its rounds.
const AT_MOST: Duration = Duration::from_secs(15);

/// Measures, and prints a table. `reader`: the program that reads documents, by default this one.
///
/// # Errors
/// The first failure: figures of a broken stack would mean nothing.
pub async fn run(extent: Extent, reader: Option<PathBuf>) -> Result<()> {
    let options = Options {
        reader,
        ..Options::ephemeral()
    };
    let stack = Stack::start(options).await?;
    let http = Client::builder()
        .connect_timeout(Duration::from_secs(2))
        .timeout(Duration::from_mins(1))
        .build()?;
    let mut bench = Bench {
        http,
        url: stack.url(),
        token: String::new(),
        extent,
        figures: Measurements::default(),
    };
    bench.sign_up(&stack).await?;
    let documents = bench.fill(&stack).await?;
    bench.plain_requests(&documents).await?;
    bench.questions(&documents).await?;
    bench.uploads(&stack).await?;
    print!("{}", bench.figures);
    stack.stop().await;
    Ok(())
}

struct Bench {
    http: Client,
    url: String,
    token: String,
    extent: Extent,
    figures: Measurements,
}

impl Bench {
    fn get(&self, path: &str) -> RequestBuilder {
        self.http.get(format!("{}{path}", self.url)).bearer_auth(&self.token)
    }

    fn post(&self, path: &str) -> RequestBuilder {
        self.http.post(format!("{}{path}", self.url)).bearer_auth(&self.token)
    }

    async fn sign_up(&mut self, stack: &Stack) -> Result<()> {
        let account = json!({"email": "bench@example.com", "password": "correct horse battery"});
        let registered = json_of(self.post("/api/v1/auth/register").json(&account).send().await?).await?;
        self.token = text(&registered, "access_token")?;
        // The rate limit of the plan must not apply.
        largest_plan(stack, &text(&registered, "default_org_id")?).await
    }

    async fn upload(&self, name: String, bytes: Vec<u8>) -> Result<String> {
        let file = multipart::Part::bytes(bytes).file_name(name);
        let form = multipart::Form::new().part("file", file);
        let uploaded = json_of(self.post("/api/v1/documents/upload").multipart(form).send().await?).await?;
        text(&uploaded, "id")
    }

    /// Uploads documents until [`CHUNKS`] passages can be searched. Returns their IDs.
    async fn fill(&mut self, stack: &Stack) -> Result<Vec<String>> {
        let started = now();
        let (mut documents, mut chunks) = (Vec::new(), 0);
        let wanted = u64::try_from(self.extent.of(CHUNKS))?;
        while chunks < wanted {
            let number = documents.len();
            if number == MAX_DOCUMENTS {
                return Err(format!("{number} documents made only {chunks} passages").into());
            }
            let (name, bytes) = corpus::document(number);
            let id = self.upload(name, bytes).await?;
            stack.drain().await?;
            let document = json_of(self.get(&format!("/api/v1/documents/{id}")).send().await?).await?;
            chunks += document["chunks"]
                .as_u64()
                .ok_or_else(|| format!("a document did not become ready: {document}"))?;
            documents.push(id);
        }
        let took = started.elapsed().as_secs_f64();
        self.figures.note(format!(
            "{chunks} passages in {} documents, uploaded and indexed one by one in {took:.1} s",
            documents.len()
        ));
        Ok(documents)
    }

    async fn plain_requests(&mut self, documents: &[String]) -> Result<()> {
        let document = format!("/api/v1/documents/{}", documents[0]);
        let rows = [
            ("GET /live (baseline)", "/live"),
            ("GET /api/v1/auth/me", "/api/v1/auth/me"),
            ("GET /api/v1/documents/{document_id}", document.as_str()),
        ];
        let started = now();
        for round in 0..WARM_UP + self.extent.of(REQUESTS) {
            if started.elapsed() > AT_MOST {
                break;
            }
            for (row, path) in rows {
                let sent = now();
                self.get(path).send().await?.error_for_status()?.bytes().await?;
                if round >= WARM_UP {
                    self.figures.add(row, sent.elapsed());
                }
            }
        }
        Ok(())
    }

    /// Asks all questions in one conversation, so that answers also read the ten previous turns.
    async fn questions(&mut self, documents: &[String]) -> Result<()> {
        let bot = json!({"name": "Bench", "documents": documents});
        let bot = json_of(self.post("/api/v1/chatbots").json(&bot).send().await?).await?;
        let session = json!({"chatbotId": bot["id"]});
        let session = text(
            &json_of(self.post("/api/chat/sessions").json(&session).send().await?).await?,
            "id",
        )?;
        let path = format!("/api/chat/sessions/{session}/messages");
        let started = now();
        for round in 0..WARM_UP + self.extent.of(QUESTIONS) {
            if started.elapsed() > AT_MOST {
                break;
            }
            let question = json!({"content": corpus::question(round % documents.len()), "stream": true});
            let sent = now();
            let (first, answer) = answer(self.post(&path).json(&question).send().await?).await?;
            if round >= WARM_UP {
                self.figures.add("message, first streamed byte", first - sent);
                self.figures.add("message, whole answer", sent.elapsed());
            }
            let fact = corpus::fact(round % documents.len());
            if !answer.contains(&fact) || !answer.ends_with("data: [DONE]\n\n") {
                return Err(format!("the answer does not say {fact:?}:\n{answer}").into());
            }
        }
        Ok(())
    }

    async fn uploads(&mut self, stack: &Stack) -> Result<()> {
        let started = now();
        let uploads = u32::try_from(self.extent.of(UPLOADS))?;
        let took: Vec<Duration> = stream::iter(0..uploads)
            .map(|number| {
                let bench = &*self;
                async move {
                    let sent = now();
                    bench.upload(format!("note-{number}.txt"), corpus::note(number)).await?;
                    Result::Ok(sent.elapsed())
                }
            })
            .buffer_unordered(PARALLEL)
            .try_collect()
            .await?;
        let uploaded = started.elapsed();
        stack.drain().await?;
        let indexed = started.elapsed();
        for took in took {
            self.figures.add("POST /api/v1/documents/upload, 8 at a time", took);
        }
        let rate = |time: Duration| f64::from(uploads) / time.as_secs_f64();
        self.figures.note(format!(
            "{:.0} uploads of 2 kB a second, {PARALLEL} at a time; {:.0} a second until they are ready",
            rate(uploaded),
            rate(indexed)
        ));
        Ok(())
    }
}

/// Moves an organization to the largest plan.
async fn largest_plan(stack: &Stack, org: &str) -> Result<()> {
    set(stack, (&format!("O#{org}"), "ORG"), "plan", "TEAM").await
}

/// Sets a text attribute of an item of the identity table, by its key.
async fn set(stack: &Stack, (pk, sk): (&str, &str), name: &str, value: &str) -> Result<()> {
    let update = aws_sdk_dynamodb::Client::new(stack.sdk())
        .update_item()
        .table_name(&stack.app().config.tables.identity)
        .key("pk", AttributeValue::S(pk.to_owned()))
        .key("sk", AttributeValue::S(sk.to_owned()))
        .update_expression("SET #name = :value")
        .expression_attribute_names("#name", name)
        .expression_attribute_values(":value", AttributeValue::S(value.to_owned()));
    update.send().await?;
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "measuring real time is what this is for")]
fn now() -> Instant {
    Instant::now()
}

/// Returns when the first event of an answer arrived, and the whole answer.
async fn answer(response: Response) -> Result<(Instant, String)> {
    let mut bytes = response.error_for_status()?.bytes_stream();
    let (mut first, mut all) = (None, Vec::new());
    while let Some(part) = bytes.try_next().await? {
        all.extend_from_slice(&part);
        // A comment that keeps the connection open is not part of the answer.
        if first.is_none() && all.windows(5).any(|window| window == b"data:") {
            first = Some(now());
        }
    }
    let all = String::from_utf8(all)?;
    Ok((first.ok_or_else(|| format!("an answer without an event: {all}"))?, all))
}

async fn json_of(response: Response) -> Result<Value> {
    let status = response.status();
    let body: Value = response.json().await?;
    if status.is_success() {
        Ok(body)
    } else {
        Err(format!("{status}: {body}").into())
    }
}

fn text(value: &Value, field: &str) -> Result<String> {
    let text = value[field].as_str().ok_or_else(|| format!("no {field} in {value}"))?;
    Ok(text.to_owned())
}
