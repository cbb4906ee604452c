//! `parlance bench timing`: whether response times reveal that an account exists.
//!
//! Pairs of requests that must be indistinguishable are sent in turn, so that the load of the machine affects both. The
//! difference of their medians counts, compared with that of the same request against itself.

use std::time::Duration;

use reqwest::Client;
use serde_json::{Value, json};

use super::{Extent, Result, json_of, now, set, text};
use crate::{Options, Stack};

/// Samples of each class, unless `PARLANCE_SAMPLES` is set.
const SAMPLES: usize = 2000;
/// Rounds that are not counted.
const WARM_UP: usize = 20;
const PASSWORD: &str = "correct horse battery";

/// Requests that must be indistinguishable.
struct Group {
    name: &'static str,
    path: &'static str,
    classes: Vec<Class>,
}

/// One kind of request, with its durations.
struct Class {
    name: &'static str,
    body: fn(usize) -> Value,
    status: u16,
    took: Vec<Duration>,
}

impl Class {
    fn new(name: &'static str, status: u16, body: fn(usize) -> Value) -> Self {
        Self {
            name,
            body,
            status,
            took: Vec::new(),
        }
    }
}

fn credentials(email: impl Into<String>) -> Value {
    json!({"email": email.into(), "password": PASSWORD})
}

fn wrong(email: impl Into<String>) -> Value {
    json!({"email": email.into(), "password": "incorrect horse battery"})
}

fn groups() -> Vec<Group> {
    vec![
        Group {
            name: "login",
            path: "/api/v1/auth/login",
            classes: vec![
                Class::new("unknown address", 401, |n| wrong(format!("nobody-{n}@example.com"))),
                Class::new("unknown address again", 401, |n| {
                    wrong(format!("no-one-{n}@example.com"))
                }),
                Class::new("wrong password", 401, |_| wrong("known@example.com")),
                Class::new("disabled account", 401, |_| credentials("disabled@example.com")),
            ],
        },
        Group {
            name: "reset-password",
            path: "/api/v1/auth/reset-password",
            classes: vec![
                Class::new(
                    "unknown address",
                    200,
                    |n| json!({"email": format!("nobody-{n}@example.com")}),
                ),
                Class::new(
                    "unknown address again",
                    200,
                    |n| json!({"email": format!("no-one-{n}@example.com")}),
                ),
                Class::new("known address", 200, |_| json!({"email": "known@example.com"})),
            ],
        },
        Group {
            name: "register",
            path: "/api/v1/auth/register",
            classes: vec![
                Class::new("free address", 201, |n| credentials(format!("free-{n}@example.com"))),
                Class::new("free address again", 201, |n| {
                    credentials(format!("new-{n}@example.com"))
                }),
                Class::new("taken address", 409, |_| credentials("known@example.com")),
            ],
        },
    ]
}

/// Measures, and prints a table.
///
/// # Errors
/// The first unexpected response.
pub async fn run(extent: Extent) -> Result<()> {
    let samples = std::env::var("PARLANCE_SAMPLES").ok();
    let samples = samples.map_or(Ok(extent.of(SAMPLES)), |samples| samples.parse())?;
    let stack = Stack::start(Options::ephemeral()).await?;
    let http = Client::builder().timeout(Duration::from_mins(1)).build()?;
    for name in ["known", "disabled"] {
        let email = format!("{name}@example.com");
        let request = http.post(format!("{}/api/v1/auth/register", stack.url()));
        let account = json_of(request.json(&credentials(email)).send().await?).await?;
        if name == "disabled" {
            let profile = format!("U#{}", text(&account, "id")?);
            set(&stack, (&profile, "PROFILE"), "status", "disabled").await?;
        }
    }
    // Sign-ins must come from an unknown network: the one that created the accounts is known for 90 days.
    stack.advance(Duration::from_hours(91 * 24));
    for mut group in groups() {
        for round in 0..extent.of(WARM_UP) + samples {
            // A day later no attempt is remembered. The order changes, so that none always follows the same one.
            stack.advance(Duration::from_hours(25));
            let count = group.classes.len();
            for place in 0..count {
                stack.drain().await?;
                let class = &mut group.classes[(place + round) % count];
                let body = (class.body)(round);
                let sent = now();
                let request = http.post(format!("{}{}", stack.url(), group.path));
                let answer = request.json(&body).send().await?;
                let status = answer.status().as_u16();
                answer.bytes().await?;
                let took = sent.elapsed();
                if status != class.status {
                    return Err(format!("{}, {}: {status}", group.name, class.name).into());
                }
                if round >= extent.of(WARM_UP) {
                    class.took.push(took);
                }
            }
        }
        print(&mut group);
    }
    stack.stop().await;
    Ok(())
}

fn print(group: &mut Group) {
    let medians = group.classes.iter_mut().map(|class| {
        class.took.sort_unstable();
        let median = class.took.get(class.took.len() / 2).copied().unwrap_or_default();
        (class.name, class.took.len(), median.as_secs_f64() * 1000.0)
    });
    let medians: Vec<_> = medians.collect();
    let base = medians.first().map_or(0.0, |(_, _, median)| *median);
    println!("{:<44} {:>5} {:>10} {:>12}", group.name, "n", "median ms", "difference");
    for (name, count, median) in medians {
        println!("  {name:<42} {count:>5} {median:>10.3} {:>+12.3}", median - base);
    }
}
