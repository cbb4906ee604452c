//! Every limit of every plan, in one table: of many callers at once exactly as many pass as the plan has room for.

use domain::{Category, OrgId, Plan, UserId, orgs::plan::Limits, time::after};
use futures::future::{FutureExt as _, LocalBoxFuture, join_all};
use serde_json::{Value, json};
use store::{QuotaSubjects, Reserve, Store, Tables, TokenEstimate, UsageRecord};

use super::{APP, outcome};
use crate::support::{Answer, Caller, RACERS, Test, statuses};
use aws_sdk_dynamodb::types::AttributeValue;

/// For how many there is room.
const ROOM: usize = 5;
const UPLOADS: &str = "/api/v1/documents/uploads";

/// An organization on a plan, and its owner there.
struct Arena<'a> {
    t: &'a Test,
    owner: &'a Caller,
    org: &'a str,
    plan: &'static str,
    /// The number that is raced for.
    limit: u64,
}

type Race = for<'a> fn(Arena<'a>) -> LocalBoxFuture<'a, ()>;

/// The limits by their names in responses, and the race for the last of each.
const RACES: [(&str, Race); 9] = [
    ("tokens_per_day", |arena| tokens(arena).boxed_local()),
    ("requests_per_minute", |arena| requests(arena).boxed_local()),
    ("seats", |arena| seats(arena).boxed_local()),
    ("chatbots", |arena| chatbots(arena).boxed_local()),
    ("documents", |arena| documents(arena).boxed_local()),
    ("file_bytes", |arena| file_bytes(arena).boxed_local()),
    ("storage_bytes", |arena| storage(arena).boxed_local()),
    ("webhooks", |arena| webhooks(arena).boxed_local()),
    ("organizations", |arena| organizations(arena).boxed_local()),
];
/// Limits of what does not exist yet.
const UNUSED: [&str; 1] = ["data_sources"];

impl Arena<'_> {
    /// Lets a counter of resources stand that far below the limit.
    async fn use_all_but(&self, name: &str, room: u64) {
        let update = self.t.db().update_item().table_name(APP);
        let update = update.key("pk", AttributeValue::S(format!("O#{}", self.org)));
        let update = update.key("sk", AttributeValue::S("COUNTS".to_owned()));
        let others = ["chatbots", "documents", "storage_bytes"].into_iter();
        let others: Vec<String> = others
            .filter(|other| *other != name)
            .map(|other| format!("{other} = :none"))
            .collect();
        update
            .update_expression(format!("SET {name} = :used, {}", others.join(", ")))
            .expression_attribute_values(":used", AttributeValue::N((self.limit - room).to_string()))
            .expression_attribute_values(":none", AttributeValue::N("0".to_owned()))
            .send()
            .await
            .unwrap();
    }

    async fn race(&self, act: impl AsyncFn(usize) -> Answer) -> Vec<Answer> {
        join_all((0..RACERS).map(|number| act(number))).await
    }

    /// Exactly those for whom there is room pass, and the counter ends at the limit.
    async fn exactly(&self, name: &str, room: usize, answers: Vec<Answer>) {
        assert_eq!(
            outcome(answers, name, self.limit).len(),
            room,
            "{name} of {}",
            self.plan
        );
        let used = super::counter(self.t, self.org, name).await;
        assert_eq!(used, Some(self.limit), "{name} of {}", self.plan);
    }
}

async fn chatbots(arena: Arena<'_>) {
    arena.use_all_but("chatbots", arena.limit.min(ROOM as u64)).await;
    let room = usize::try_from(arena.limit).unwrap().min(ROOM);
    let new = async |number: usize| {
        let body = json!({"name": format!("Helper {number}")});
        arena.owner.post(super::CHATBOTS, body).await
    };
    arena.exactly("chatbots", room, arena.race(new).await).await;
}

async fn webhooks(arena: Arena<'_>) {
    let limit = usize::try_from(arena.limit).unwrap();
    let new = async |_: usize| {
        let body = json!({"url": "https://receiver.invalid/", "events": ["integration.error"]});
        arena.owner.post("/api/v1/webhooks", body).await
    };
    let room = limit.min(ROOM);
    for number in room..limit {
        new(number).await.created();
    }
    // They are counted with the version of what they want, not in an item of its own.
    let created = outcome(arena.race(new).await, "webhooks", arena.limit);
    assert_eq!(created.len(), room, "webhooks of {}", arena.plan);
}

async fn documents(arena: Arena<'_>) {
    arena.use_all_but("documents", ROOM as u64).await;
    let new = async |number: usize| match number % 2 {
        0 => arena.owner.upload(&format!("{number}.txt"), "text").await,
        _ => {
            arena
                .owner
                .post(UPLOADS, json!({"file_name": "a.txt", "size": 4}))
                .await
        }
    };
    arena.exactly("documents", ROOM, arena.race(new).await).await;
}

async fn storage(arena: Arena<'_>) {
    const SIZE: usize = 1_000;
    arena.use_all_but("storage_bytes", (ROOM * SIZE) as u64).await;
    let new = async |number: usize| match number % 2 {
        0 => {
            arena
                .owner
                .upload(&format!("{number}.txt"), "a word and ".repeat(91)[..SIZE].to_owned())
                .await
        }
        _ => {
            arena
                .owner
                .post(UPLOADS, json!({"file_name": "a.txt", "size": SIZE}))
                .await
        }
    };
    arena.exactly("storage_bytes", ROOM, arena.race(new).await).await;
}

async fn file_bytes(arena: Arena<'_>) {
    let announce = |size: u64| arena.owner.post(UPLOADS, json!({"file_name": "a.pdf", "size": size}));
    let answers = arena.race(async |_| announce(arena.limit + 1).await).await;
    for answer in answers {
        assert_eq!(answer.invalid(), ["/size"]);
    }
    announce(arena.limit).await.created();
}

async fn seats(arena: Arena<'_>) {
    let room = usize::try_from(arena.limit - 1).unwrap().min(ROOM);
    let used = usize::try_from(arena.limit).unwrap() - room;
    arena.t.set_counter(arena.org, "seats", used).await;
    let path = format!("/api/v1/orgs/{}", arena.org);
    let invite = async |number: usize| {
        let body = json!({"email": format!("guest{number}@example.com")});
        arena.owner.post(&format!("{path}/invite"), body).await
    };
    let answers = arena.race(invite).await;
    let counts = statuses(&answers);
    assert_eq!(counts, [(201, room), (409, RACERS - room)].into(), "{}", arena.plan);
    for answer in answers.into_iter().filter(|answer| answer.status.as_u16() == 409) {
        let detail = answer.problem(409, "seat_limit")["detail"].clone();
        assert!(detail.as_str().unwrap().contains(arena.plan), "{detail}");
    }
    let seats = arena.owner.get(&path).await.ok().json()["seats"].clone();
    assert_eq!(seats, json!({"used": arena.limit, "limit": arena.limit}));
}

async fn organizations(arena: Arena<'_>) {
    let found = async |number: usize| {
        let body = json!({"name": format!("Another {number}")});
        arena.owner.post("/api/v1/orgs", body).await
    };
    // One is the organization of the race itself.
    let room = usize::try_from(arena.limit - 1).unwrap().min(ROOM);
    for number in 0..usize::try_from(arena.limit).unwrap() - 1 - room {
        found(1_000 + number).await.created();
    }
    let created = outcome(arena.race(found).await, "organizations", arena.limit).len();
    assert_eq!(created, room, "organizations of {}", arena.plan);
}

async fn requests(arena: Arena<'_>) {
    let question = json!({"model": "local", "max_tokens": 1, "messages": [{"role": "user", "content": "Hello?"}]});
    let ask = async |_: usize| arena.owner.post("/v1/chat/completions", question.clone()).await;
    ask(0).await.ok();
    // All but a few of the requests of this minute were made.
    let clock = &arena.t.stack.app().clock;
    let interval = 60_000 / i64::try_from(arena.limit).unwrap();
    let room = i64::try_from(ROOM).unwrap();
    let day = domain::Day::of(clock.now(), "UTC").unwrap().date;
    let began = clock.now_ms();
    let update = arena.t.db().update_item().table_name("parlance-usage");
    let update = update.key("pk", AttributeValue::S(format!("U#{}", arena.owner.id())));
    update
        .key("sk", AttributeValue::S(format!("D#{day}")))
        .update_expression("SET #pace = :empty_at")
        .expression_attribute_names("#pace", format!("pace.{}", arena.plan))
        .expression_attribute_values(
            ":empty_at",
            AttributeValue::N((began + 60_000 - room * interval).to_string()),
        )
        .send()
        .await
        .unwrap();
    let counts = statuses(&arena.race(ask).await);
    let refilled = usize::try_from((clock.now_ms() - began) / interval).unwrap() + 1;
    let passed = counts[&200];
    assert!(
        (ROOM..=ROOM + refilled).contains(&passed),
        "requests of {}: {counts:?}, and {refilled} more",
        arena.plan
    );
    assert_eq!(passed + counts.get(&429).copied().unwrap_or(0), RACERS);
}

async fn tokens(arena: Arena<'_>) {
    const TURN: u64 = 1_000;
    let app = arena.t.stack.app();
    let ledger = Store::new(arena.t.stack.sdk(), Tables::with_prefix("parlance")).ledger();
    let day = domain::Day::of(app.clock.now(), "UTC").unwrap();
    let reserve = async |person: usize, estimate: u64| {
        let subjects = QuotaSubjects {
            user: UserId(format!("{}-{person}", arena.plan)),
            user_day: day,
            user_limit: u64::MAX / 1_000_000,
            user_request_limit: None,
            org: OrgId(arena.org.to_owned()),
            org_day: day,
            org_limit: Some(arena.limit),
            org_overage: None,
            key: None,
            key_budgets: Vec::new(),
            chatbot: None,
            chatbot_cap: None,
        };
        let ask = TokenEstimate {
            id: app.ids.make().unwrap(),
            model: "local".to_owned(),
            category: Category::Chat,
            prompt: 1,
            estimate,
            now_ms: app.clock.now_ms(),
            until: after(app.clock.now(), std::time::Duration::from_mins(5)),
        };
        ledger.reserve(&subjects, &ask).await.unwrap()
    };
    let used = arena.limit - ROOM as u64 * TURN;
    let Reserve::Held(before) = reserve(0, used).await else {
        panic!("a day that nobody used is full")
    };
    let charge = UsageRecord {
        counters: domain::UsageCounters {
            requests: 1,
            completion_tokens: used,
            ..domain::UsageCounters::default()
        },
        model: "local".to_owned(),
        latency_ms: None,
        first_token_ms: None,
    };
    assert!(ledger.settle(&before, &charge).await.unwrap());
    let mut passed = 0;
    for outcome in join_all((0..RACERS).map(|person| reserve(person, TURN))).await {
        match outcome {
            Reserve::Held(_) => passed += 1,
            Reserve::Short(limits, _) => {
                let limit = &limits[0];
                assert_eq!((limit.limit, limit.remaining()), (arena.limit, 0), "{}", arena.plan);
            }
            Reserve::TooFast(wait) => panic!("{wait:?}"),
        }
    }
    assert_eq!(passed, ROOM, "tokens of {}", arena.plan);
    let limits = arena.owner.get("/api/v1/tokens/limits").await.ok().json();
    let of_org = limits["limits"].as_array().unwrap().iter();
    let of_org: Vec<&Value> = of_org.filter(|limit| limit["scope"] == "org").collect();
    assert_eq!(
        (&of_org[0]["limit"], &of_org[0]["remaining"]),
        (&json!(arena.limit), &json!(0))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_every_limit_of_every_plan_exactly_what_is_left_is_given_away() {
    for plan in Plan::ALL {
        let limits = plan.limits();
        // Whoever adds a limit adds its race.
        let Limits {
            tokens_per_day: _,
            requests_per_minute: _,
            seats: _,
            chatbots: _,
            documents: _,
            file_bytes: _,
            storage_bytes: _,
            data_sources: _,
            webhooks: _,
            organizations: _,
        } = limits;
        let shown = json!(limits);
        let mut names: Vec<&str> = shown.as_object().unwrap().keys().map(String::as_str).collect();
        let mut raced: Vec<&str> = RACES.iter().map(|(name, _)| *name).chain(UNUSED).collect();
        raced.sort_unstable();
        names.sort_unstable();
        assert_eq!(names, raced);
        let t = Test::new().await;
        for (name, race) in RACES {
            let owner = t.user(&format!("owner-{name}")).await;
            let org = owner.found_org(&format!("acme {name}")).await;
            t.set_plan(&org, plan.name()).await;
            race(Arena {
                t: &t,
                owner: &owner.with_header("x-current-org", &org),
                org: &org,
                plan: plan.name(),
                limit: shown[name].as_u64().unwrap(),
            })
            .await;
        }
    }
}
