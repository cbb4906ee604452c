//! `parlance bench overhead`: the overhead of a model call through the API.
//!
//! Three processes: the API only on one core, as a function runs it; the double of the models; and this one, with the
//! embedded services and the load, on the other core. The same answer is fetched from the double directly and through
//! the API, in turn. Processor time is that of the API's process, so it does not depend on the load of the machine;
//! response times do.

mod children;

use std::time::{Duration, Instant};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use reqwest::{Client, RequestBuilder};
use serde_json::json;

use super::{
    Result,
    figures::{milliseconds, percentile},
    json_of, largest_plan, now, text,
};
use crate::{Options, Stack, cloud::Data};
use children::{Child, pin_this_process};

/// Tokens per answer.
const TOKENS: usize = 32;
/// Number of users: each organization may make 3,000 requests a minute.
const PEOPLE: usize = 24;
/// Concurrency, and requests of each kind.
const LOADS: [(usize, usize); 3] = [(1, 400), (16, 3_000), (64, 4_000)];
/// Consecutive requests of one kind.
const TURN: usize = 400;
/// Requests per operation whose processor time is measured; a quarter of them before, to estimate their duration.
const SAMPLES: usize = 2_000;
const MODEL: &str = "gpt-4o-mini";

/// Operations with increasing parts of a completion's work.
const OPERATIONS: [(&str, Operation); 6] = [
    ("GET /live: HTTP", Operation::Live),
    ("GET /api/v1/tokens/limits without a key: + refusal", Operation::Refused),
    ("GET /v1/models/local: + key, person, membership", Operation::Model),
    (
        "POST /v1/chat/completions by `local`: + limits, ledger",
        Operation::Local,
    ),
    ("POST /v1/chat/completions by the double: + the call", Operation::Whole),
    ("the same, streamed: + a part for each word", Operation::Streamed),
];

#[derive(Clone, Copy)]
enum Operation {
    Live,
    Refused,
    Model,
    Local,
    Whole,
    Streamed,
}

struct Bench {
    http: Client,
    double: String,
    api: String,
    keys: Vec<String>,
}

/// The measured target.
#[derive(Clone, Copy)]
enum Target {
    Direct,
    Through,
}

/// Measures, and prints two tables.
///
/// # Errors
/// The first failure: figures of a broken system would mean nothing.
pub async fn run() -> Result<()> {
    let cores = std::thread::available_parallelism()?.get();
    if cores < 2 {
        return Err("this needs two cores, one of them for the API alone".into());
    }
    pin_this_process(1)?;
    let this = std::env::current_exe()?;
    let double = Child::start(
        &this,
        &["model-double", "--port", "0", "--tokens", &TOKENS.to_string()],
        1,
        &[],
    )?;
    let environment = vec![
        ("OPENAI_BASE_URL".to_owned(), double.url.clone()),
        ("OPENAI_API_KEY".to_owned(), "sk-double".to_owned()),
    ];
    // On disk, where table streams have an index: in memory each write scans all earlier ones.
    let folder = tempfile::tempdir()?;
    let stack = Stack::start(Options {
        data: Data::Folder(folder.path().to_owned()),
        environment: environment.clone(),
        ..Options::ephemeral()
    })
    .await?;
    let told = stack.function_environment().into_iter();
    let told: Vec<(String, String)> = told.chain(environment).collect();
    let api = Child::start(&this.with_file_name("parlance-api"), &[], 0, &told)?;
    let mut bench = Bench {
        http: Client::builder().timeout(Duration::from_mins(1)).build()?,
        double: double.url.clone(),
        api: api.url.clone(),
        keys: Vec::new(),
    };
    for number in 0..PEOPLE {
        let key = bench.person(&stack, number).await?;
        bench.keys.push(key);
    }
    let build = if cfg!(debug_assertions) { "debug" } else { "release" };
    let memory = api.memory_mb()?;
    println!("{build} build, the API on one core, everything else on the other; its resident memory: {memory:.0} MB");
    bench.times(&api).await?;
    bench.costs(&api).await?;
    stack.stop().await;
    Ok(())
}

impl Bench {
    /// Creates a user with an API key, whose organization has the largest plan.
    async fn person(&self, stack: &Stack, number: usize) -> Result<String> {
        let account = json!({"email": format!("bench-{number}@example.com"), "password": "correct horse battery"});
        let url = stack.url();
        let account = self.http.post(format!("{url}/api/v1/auth/register")).json(&account);
        let account = json_of(account.send().await?).await?;
        let token = text(&account, "access_token")?;
        let org = text(&account, "default_org_id")?;
        largest_plan(stack, &org).await?;
        let key = json!({"name": "Bench", "scopes": ["chats:write"]});
        let key = self
            .http
            .post(format!("{url}/api/v1/apikeys"))
            .bearer_auth(token)
            .json(&key);
        text(&json_of(key.send().await?).await?, "key")
    }

    fn key(&self, number: usize) -> &str {
        &self.keys[number % self.keys.len()]
    }

    fn completion(&self, target: Target, number: usize, streamed: bool, model: &str) -> RequestBuilder {
        let body = json!({
            "model": model, "stream": streamed, "max_tokens": 2 * TOKENS,
            "messages": [{"role": "user", "content": "What is the best grinder for a small kitchen?"}],
        });
        let request = match target {
            Target::Direct => self
                .http
                .post(format!("{}/v1/chat/completions", self.double))
                .bearer_auth("sk-double"),
            Target::Through => self
                .http
                .post(format!("{}/v1/chat/completions", self.api))
                .bearer_auth(self.key(number)),
        };
        request.json(&body)
    }

    /// Sends this many completions, `at_once` of them concurrently; returns how long each took.
    async fn go(&self, target: Target, streamed: bool, at_once: usize, count: usize) -> Result<Vec<Duration>> {
        let requests = stream::iter(0..count).map(|number| async move {
            let sent = now();
            let answer = self.completion(target, number, streamed, MODEL).send().await?;
            if !answer.status().is_success() {
                return Err(answer.text().await?.into());
            }
            let body = answer.bytes().await?;
            if body.len() < TOKENS {
                return Err("an answer without words".into());
            }
            Result::Ok(sent.elapsed())
        });
        requests.buffer_unordered(at_once).try_collect().await
    }

    async fn times(&self, api: &Child) -> Result<()> {
        println!(
            "\n{:<22} {:>6} {:>22} {:>22} {:>17} {:>6} {:>6} {:>7} {:>7}",
            "", "n", "direct p50/p95/p99 ms", "through p50/p95/p99 ms", "added ms", "x p50", "rps", "CPU ms", "RSS MB"
        );
        for (at_once, count) in LOADS {
            for streamed in [false, true] {
                self.go(Target::Direct, streamed, at_once, at_once * 4).await?;
                self.go(Target::Through, streamed, at_once, at_once * 4).await?;
                let (mut direct, mut through) = (Vec::new(), Vec::new());
                let (mut took, mut cpu) = (Duration::ZERO, Duration::ZERO);
                while through.len() < count {
                    let turn = TURN.min(count - through.len());
                    direct.extend(self.go(Target::Direct, streamed, at_once, turn).await?);
                    let (began, used): (Instant, Duration) = (now(), api.processor_time()?);
                    through.extend(self.go(Target::Through, streamed, at_once, turn).await?);
                    took += began.elapsed();
                    cpu += api.processor_time()?.saturating_sub(used);
                }
                direct.sort_unstable();
                through.sort_unstable();
                let of = |sorted: &[Duration]| [50, 95, 99].map(|percent| milliseconds(percentile(sorted, percent)));
                let (d, t) = (of(&direct), of(&through));
                let requests = f64::from(u32::try_from(through.len())?);
                println!(
                    "{:<22} {:>6} {:>22} {:>22} {:>17} {:>6.1} {:>6.0} {:>7.2} {:>7.0}",
                    format!("{at_once} at once, {}", if streamed { "streamed" } else { "whole" }),
                    through.len(),
                    format!("{:.2}/{:.2}/{:.2}", d[0], d[1], d[2]),
                    format!("{:.2}/{:.2}/{:.2}", t[0], t[1], t[2]),
                    format!("+{:.1}/{:.1}/{:.1}", t[0] - d[0], t[1] - d[1], t[2] - d[2]),
                    t[0] / d[0],
                    requests / took.as_secs_f64(),
                    milliseconds(cpu) / requests,
                    api.memory_mb()?,
                );
            }
        }
        Ok(())
    }

    /// Measures operations with increasing parts of a completion's work: latency and processor time of each.
    async fn costs(&self, api: &Child) -> Result<()> {
        println!(
            "\n{:<58} {:>13} {:>14} {:>9}",
            "", "alone p50 ms", "CPU ms at 16", "a core/s"
        );
        let (mut alone_before, mut cpu_before) = (0.0, 0.0);
        for (name, operation) in OPERATIONS {
            let mut alone = self.repeat(operation, 1, SAMPLES / 4).await?;
            alone.sort_unstable();
            let alone = milliseconds(percentile(&alone, 50));
            let used = api.processor_time()?;
            self.repeat(operation, 16, SAMPLES).await?;
            let cpu = milliseconds(api.processor_time()?.saturating_sub(used)) / f64::from(u32::try_from(SAMPLES)?);
            println!(
                "{name:<58} {:>13} {:>14} {:>9.0}",
                format!("{alone:.2} ({:+.2})", alone - alone_before),
                format!("{cpu:.2} ({:+.2})", cpu - cpu_before),
                1000.0 / cpu
            );
            (alone_before, cpu_before) = (alone, cpu);
        }
        Ok(())
    }

    /// Repeats an operation, and returns how long each run took.
    async fn repeat(&self, operation: Operation, at_once: usize, count: usize) -> Result<Vec<Duration>> {
        let get = |path: &str| self.http.get(format!("{}{path}", self.api));
        let requests = stream::iter(0..count).map(|number| async move {
            let request = match operation {
                Operation::Live => get("/live"),
                Operation::Refused => get("/api/v1/tokens/limits"),
                Operation::Model => get("/v1/models/local").bearer_auth(self.key(number)),
                Operation::Local => self.completion(Target::Through, number, false, "local"),
                Operation::Whole => self.completion(Target::Through, number, false, MODEL),
                Operation::Streamed => self.completion(Target::Through, number, true, MODEL),
            };
            let sent = now();
            let answer = request.send().await?;
            if !matches!(operation, Operation::Refused) && !answer.status().is_success() {
                return Err(answer.text().await?.into());
            }
            answer.bytes().await?;
            Result::Ok(sent.elapsed())
        });
        requests.buffer_unordered(at_once).try_collect().await
    }
}
