//! Tests over real sockets, against the double, with a clock that the test moves.

mod fallback;

use domain::{Clock, Secret};
use futures::future::join_all;
use model_double::{End, Gate, ModelDouble, Script, Step};

use self::fallback::scripted;
use super::*;
use crate::testing::{Outcome, PATIENT, http, info, outcome, request};
use crate::{Anthropic, FinishReason, OpenAiCompatible, TimeLimit};

/// A limit that the tests exceed.
const SHORT: Duration = Duration::from_millis(100);

struct Scene {
    double: ModelDouble,
    clock: Clock,
    model: Resilient,
    health: Arc<CircuitBreaker>,
}

impl Scene {
    async fn new() -> Self {
        Self::with(PATIENT).await
    }

    async fn with(limits: TimeLimits) -> Self {
        let double = ModelDouble::start().await.unwrap();
        let clock = Clock::default();
        let health = Arc::new(CircuitBreaker::new(clock.clone()));
        let model = openai(&double.url(), limits);
        let model = Resilient::new(Arc::new(model), Arc::clone(&health), limits);
        Self {
            double,
            clock,
            model,
            health,
        }
    }

    async fn ask(&self) -> Outcome {
        outcome(&self.model, request()).await
    }

    /// Lets calls fail until the breaker is open.
    async fn bring_down(&self) {
        self.double.always(Script::refuse(503, "UNAVAILABLE"));
        while !matches!(self.ask().await.2, Some(ModelError::Unavailable { .. })) {}
    }
}

fn openai(base_url: &str, limits: TimeLimits) -> OpenAiCompatible {
    let model = OpenAiCompatible::new(
        info(crate::Provider::OpenAi, "gpt-4o-mini"),
        base_url,
        Secret::new("sk"),
        http(limits),
    );
    model.unwrap().with_limits(limits)
}

fn is_good(outcome: &Outcome) -> bool {
    matches!(outcome, (_, Some((FinishReason::Stop, _)), None))
}

#[tokio::test]
async fn a_call_that_fails_before_its_first_piece_is_made_again_twice() {
    let scene = Scene::new().await;
    scene.double.next(Script::refuse(500, "server_error"));
    scene
        .double
        .next(Script::refuse(429, "rate_limit_exceeded").header("retry-after", "0"));
    let answer = scene.ask().await;
    assert!(is_good(&answer), "{answer:?}");
    assert_eq!(scene.double.totals().calls, 3);

    let scene = Scene::new().await;
    scene.double.always(Script::refuse(500, "server_error"));
    let (_, _, error) = scene.ask().await;
    assert!(
        matches!(error, Some(ModelError::Refused { status: 500, .. })),
        "{error:?}"
    );
    assert_eq!(scene.double.totals().calls, 3, "two further attempts, not more");
}

#[tokio::test]
async fn what_is_no_use_is_not_repeated() {
    for script in [
        Script::refuse(429, "insufficient_quota"),
        Script::refuse(400, "invalid_request_error"),
        Script::refuse(401, "invalid_api_key"),
        Script::text("Hel").cut(),
        Script::text("Hel").then(Step::Error("server_error".to_owned())),
        Script::of(Vec::new())
            .thinking(&["Hm."])
            .then(Step::Error("server_error".to_owned())),
        Script::of(vec![Step::Raw(b"data: {\"choices\":\n\n".to_vec())]),
        // Longer than the limit for the first token.
        Script::refuse(429, "rate_limit_exceeded").header("retry-after", "61"),
    ] {
        let scene = Scene::new().await;
        scene.double.next(script.clone());
        let answer = scene.ask().await;
        assert!(answer.2.is_some(), "{script:?}: {answer:?}");
        assert_eq!(scene.double.totals().calls, 1, "{script:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_provider_says_when_to_come_back() {
    let (model, asked) = scripted(vec![
        Err(ModelError::RateLimited {
            retry_after: Some(Duration::from_secs(7)),
        }),
        Ok("Hello"),
    ]);
    let model = Resilient::new(
        model,
        Arc::new(CircuitBreaker::new(Clock::default())),
        TimeLimits::default(),
    );
    let before = Instant::now();
    assert!(is_good(&outcome(&model, request()).await));
    let waited = before.elapsed();
    assert!(
        (Duration::from_secs(7)..Duration::from_secs(8)).contains(&waited),
        "{waited:?}"
    );
    assert_eq!(asked.load(std::sync::atomic::Ordering::Relaxed), 2);
}

#[tokio::test]
async fn after_five_failures_in_a_row_nobody_is_sent_there_and_all_are_told_at_once() {
    let scene = Scene::new().await;
    scene.bring_down().await;
    assert_eq!(scene.double.totals().calls, 5);
    let before = Instant::now();
    let answers = join_all((0..50).map(|_| scene.ask())).await;
    assert!(before.elapsed() < Duration::from_secs(1));
    for (_, _, error) in answers {
        let Some(ModelError::Unavailable { retry_after }) = error else {
            panic!("{error:?}");
        };
        assert!(retry_after <= Duration::from_secs(10));
    }
    assert_eq!(scene.double.totals().calls, 5);
}

#[tokio::test]
async fn one_call_tries_it_and_the_others_wait_for_what_it_finds() {
    let scene = Scene::new().await;
    scene.bring_down().await;
    scene.clock.advance(Duration::from_secs(10));
    let gate = Gate::default();
    scene.double.always(Script::default().after(&gate));
    let others = async {
        scene.double.until(|calls| calls.len() == 6).await;
        let others = join_all((0..10).map(|_| scene.ask())).await;
        gate.open(1_000);
        others
    };
    let (trial, others) = tokio::join!(scene.ask(), others);
    assert!(is_good(&trial), "{trial:?}");
    let is_turned_away = |other: &Outcome| matches!(other.2, Some(ModelError::Unavailable { .. }));
    assert!(others.iter().all(is_turned_away), "one call tries it");
    assert_eq!(scene.double.totals().calls, 6, "one call tries it");
    let later = join_all((0..10).map(|_| scene.ask())).await;
    assert!(later.iter().all(is_good), "it is back");
}

#[tokio::test]
async fn a_trial_that_fails_is_not_repeated_and_shuts_it_again() {
    let scene = Scene::new().await;
    scene.bring_down().await;
    for round in 1..4 {
        scene.clock.advance(Duration::from_secs(10));
        assert!(matches!(
            scene.ask().await.2,
            Some(ModelError::Refused { status: 503, .. })
        ));
        assert!(matches!(scene.ask().await.2, Some(ModelError::Unavailable { .. })));
        assert_eq!(scene.double.totals().calls, 5 + round);
    }
    // The provider recovers, and the breaker closes within 30 seconds.
    scene.double.always(Script::default());
    scene.clock.advance(Duration::from_secs(10));
    assert!(is_good(&scene.ask().await));
}

#[tokio::test]
async fn a_trial_whose_caller_leaves_lets_the_next_one_try() {
    let scene = Scene::new().await;
    scene.bring_down().await;
    scene.clock.advance(Duration::from_secs(10));
    scene.double.always(Script::silence());
    tokio::select! {
        answer = scene.ask() => panic!("{answer:?}"),
        () = scene.double.until(|calls| calls.len() == 6) => {}
    }
    scene.double.always(Script::default());
    assert!(is_good(&scene.ask().await));
}

#[tokio::test]
async fn a_trial_that_thinks_for_long_does_not_keep_others_out() {
    let scene = Scene::new().await;
    scene.bring_down().await;
    scene.clock.advance(Duration::from_secs(10));
    let trial = scene.health.admit(false).unwrap();
    assert!(scene.health.admit(false).is_err());
    scene.clock.advance(Duration::from_secs(15));
    let second = scene.health.admit(false).unwrap();
    second.began();
    drop(trial);
    assert!(scene.health.admit(false).is_ok(), "who leaves late changes nothing");
}

#[tokio::test]
async fn a_provider_that_answers_is_not_shut_for_what_callers_do() {
    let scene = Scene::new().await;
    for code in ["invalid_request_error", "content_policy_violation"].repeat(5) {
        scene.double.next(Script::refuse(400, code));
        assert!(matches!(scene.ask().await.2, Some(ModelError::Rejected(_))));
    }
    assert!(is_good(&scene.ask().await));
    // One successful stream makes up for four that broke.
    for _ in 0..3 {
        for _ in 0..4 {
            scene.double.next(Script::text("Hel").cut());
            assert_eq!(scene.ask().await.2, Some(ModelError::Cut));
        }
        assert!(is_good(&scene.ask().await));
    }
    // But not for five in a row.
    for _ in 0..5 {
        scene.double.next(Script::text("Hel").cut());
        assert_eq!(scene.ask().await.2, Some(ModelError::Cut));
    }
    assert!(matches!(scene.ask().await.2, Some(ModelError::Unavailable { .. })));
}

#[tokio::test]
async fn an_outage_is_not_made_worse() {
    // A provider that fails every second call, so that the breaker never opens.
    let scene = Scene::new().await;
    let turn = std::sync::atomic::AtomicUsize::new(0);
    scene.double.answer_with(move |_| {
        if turn
            .fetch_add(1, std::sync::atomic::Ordering::Relaxed)
            .is_multiple_of(2)
        {
            Script::refuse(500, "server_error")
        } else {
            Script::default()
        }
    });
    for _ in 0..100 {
        scene.ask().await;
    }
    let calls = scene.double.totals().calls;
    assert!((101..=110).contains(&calls), "{calls} calls for 100 requests");

    // A provider that is down, for many callers at once and for a while.
    let scene = Scene::new().await;
    scene.double.always(Script::refuse(500, "server_error"));
    for _ in 0..20 {
        join_all((0..5).map(|_| scene.ask())).await;
        scene.clock.advance(Duration::from_secs(1));
    }
    let calls = scene.double.totals().calls;
    assert!((5..=20).contains(&calls), "{calls} calls for 100 requests");
}

#[tokio::test]
async fn a_provider_that_refuses_connections_is_shut_and_found_again() {
    let unused = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = unused.local_addr().unwrap().port();
    drop(unused);
    let clock = Clock::default();
    let health = Arc::new(CircuitBreaker::new(clock.clone()));
    let model = openai(&format!("http://127.0.0.1:{port}"), PATIENT);
    let model = Resilient::new(Arc::new(model), health, PATIENT);
    let mut refused = 0;
    while !matches!(outcome(&model, request()).await.2, Some(ModelError::Unavailable { .. })) {
        refused += 1;
    }
    assert!(refused <= 5);
    let _double = ModelDouble::start_on(port, 10).await.unwrap();
    clock.advance(Duration::from_secs(10));
    assert!(is_good(&outcome(&model, request()).await));
}

#[tokio::test]
async fn a_provider_that_hangs_or_says_nothing_is_given_up_and_let_go() {
    let limits = TimeLimits {
        first_token: SHORT,
        between_tokens: SHORT,
        total: SHORT * 4,
        ..PATIENT
    };
    for (script, what) in [
        (Script::silence(), TimeLimit::FirstToken),
        (Script::of(vec![Step::Hang]), TimeLimit::FirstToken),
        (Script::text("Hel").then(Step::Hang), TimeLimit::BetweenTokens),
        // It sends only signs of life.
        (Script::of(vec![Step::Babble]), TimeLimit::Total),
        (Script::text("Hel").then(Step::Babble), TimeLimit::Total),
    ] {
        let scene = Scene::with(limits).await;
        scene.double.next(script);
        assert_eq!(scene.ask().await.2, Some(ModelError::TimedOut { what }));
        scene.double.until(|calls| calls[0].end == Some(End::Closed)).await;
        assert_eq!(scene.double.totals().calls, 1, "there is no time for another attempt");
    }
}

#[tokio::test]
async fn health_is_kept_for_each_model_and_idle_ones_are_forgotten() {
    let healths = CircuitBreakers::new(Clock::default());
    let ill = healths.of(crate::Provider::OpenAi, "ill");
    for _ in 0..5 {
        ill.admit(false).unwrap().failed(&ModelError::Cut);
    }
    drop(ill);
    for number in 0..1_000 {
        assert!(
            healths
                .of(crate::Provider::OpenAi, &format!("model-{number}"))
                .admit(false)
                .is_ok()
        );
    }
    assert!(
        healths.of(crate::Provider::OpenAi, "ill").admit(false).is_err(),
        "what is ill is remembered"
    );
    assert!(healths.known.lock().unwrap().len() <= 256);
}
