//! The ledger of tokens: limits that hold, charges that are right, and nothing left reserved.

mod concurrency;
mod disowned;
mod month;
mod names;
mod refusals;
mod reports;
mod reservation_lifecycle;
mod shards;
mod statistics;
mod units;

use app::{App, BillingContext, Generated, Generation, GenerationStream, Outcome};
use aws_sdk_dynamodb::types::AttributeValue;
use domain::{Category, Error, LimitReached, Secret, TokenLimit};
use futures::StreamExt as _;
use llm::{ChatRequest, Message};
use model_double::ModelDouble;
use serde_json::{Value, json};

use crate::support::{ADMIN, Caller, Test};

const USAGE: &str = "parlance-usage";
const MODEL: &str = "gpt-4o-mini";

/// A stack whose models are all one double.
async fn with_double() -> (Test, ModelDouble) {
    let model = ModelDouble::start().await.unwrap();
    let environment = model.environment();
    let environment: Vec<_> = environment
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .chain(ADMIN)
        .collect();
    let t = Test::with(&environment).await;
    (t, model)
}

/// Who pays when `caller` asks in the organization that `org` names.
async fn payer_in(app: &App, caller: &Caller, org: Option<&str>) -> BillingContext {
    let identity = app.authenticate(&Secret::new(&*caller.token)).await.unwrap();
    let place = app.membership_of(&identity, org).await.unwrap();
    BillingContext::of(&identity, &place)
}

async fn billing(t: &Test, caller: &Caller) -> BillingContext {
    payer_in(t.stack.app(), caller, None).await
}

/// A question with an answer of at most `max_tokens`. 16 characters are 4 tokens, and 4 more for the message.
fn question(app: &App, billing: &BillingContext, text: &str, max_tokens: u32) -> Generation {
    Generation {
        id: app.ids.make().unwrap(),
        billing: billing.clone(),
        category: Category::Chat,
        model: MODEL.to_owned(),
        thinking_tokens: 0,
        request: ChatRequest {
            model: String::new(),
            system: None,
            messages: vec![Message::user(text)],
            sources: None,
            refusal: None,
            prescribed: None,
            max_tokens,
            temperature: None,
            reasoning_effort: None,
        },
    }
}

/// Reads the next words of an answer.
async fn next_words(stream: &mut GenerationStream) {
    loop {
        match stream.next().await {
            Some(Ok(Generated::Accepted)) => {}
            next => return assert!(matches!(next, Some(Ok(Generated::Text(_)))), "{next:?}"),
        }
    }
}

/// Reads an answer to its end.
async fn whole(mut stream: GenerationStream) -> Result<Outcome, Error> {
    while let Some(event) = stream.next().await {
        if let Generated::Done(outcome) = event? {
            return Ok(*outcome);
        }
    }
    panic!("an answer ended without its last event")
}

/// Asks and reads to the end.
async fn answered(app: &App, billing: &BillingContext, text: &str, max_tokens: u32) -> Result<Outcome, Error> {
    whole(app.generate(question(app, billing, text, max_tokens)).await?).await
}

/// Has the built-in model answer something, so that the ledger knows the caller.
pub(crate) async fn spend(t: &Test, caller: &Caller, org: Option<&str>) {
    let app = t.stack.app();
    let billing = payer_in(app, caller, org).await;
    let local = Generation {
        model: "local".to_owned(),
        ..question(app, &billing, "What is the best", 100)
    };
    whole(app.generate(local).await.unwrap()).await.unwrap();
}

/// The limit that refused, and how many tokens were needed.
#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T, Error>) -> (TokenLimit, u64) {
    match result {
        Err(Error::Limit(limit)) => match *limit {
            LimitReached::Tokens { limit, needed, .. } => (limit, needed),
            other @ (LimitReached::Requests(_) | LimitReached::Plan(_)) => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

/// `used`, `reserved` and `committed` of a counter, and how many reservations stand on it.
async fn counter(t: &Test, pk: &str, sk: &str) -> (i64, i64, i64, usize) {
    let get = t.db().get_item().table_name(USAGE).consistent_read(true);
    let get = get.key("pk", AttributeValue::S(pk.to_owned()));
    let get = get.key("sk", AttributeValue::S(sk.to_owned()));
    let item = get.send().await.unwrap().item.unwrap_or_default();
    let number = |name: &str| {
        let number = item.get(name).and_then(|value| value.as_n().ok());
        number.map_or(0, |number| number.parse().unwrap())
    };
    let reservations = item.keys().filter(|name| name.starts_with("r~")).count();
    (number("used"), number("reserved"), number("committed"), reservations)
}

/// Today, as everybody's personal organization has it.
fn today(t: &Test) -> String {
    t.stack.app().clock.now().to_string()[..10].to_owned()
}

/// The counter of a person's day.
async fn day_of(t: &Test, caller: &Caller) -> (i64, i64, i64, usize) {
    counter(t, &format!("U#{}", caller.id()), &format!("D#{}", today(t))).await
}

/// Gives an organization another plan.
async fn subscribe(t: &Test, org: &str, plan: &str) {
    t.set_plan(org, plan).await;
}

/// Sets the own daily limit.
async fn limit(caller: &Caller, tokens: u64) {
    let limit = json!({ "daily_limit": tokens });
    caller.put("/api/v1/users/me/quota", limit).await.ok();
}

/// The limits as the API shows them, by scope.
async fn limits(caller: &Caller) -> Value {
    let found = caller.get("/api/v1/tokens/limits").await.ok().json();
    found["limits"]
        .as_array()
        .unwrap()
        .iter()
        .map(|limit| (limit["scope"].as_str().unwrap().to_owned(), limit.clone()))
        .collect::<serde_json::Map<_, _>>()
        .into()
}
