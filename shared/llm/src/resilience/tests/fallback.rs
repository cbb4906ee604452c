//! Falling back to other models.

use super::*;

/// A model that answers from a script, call by call.
struct Scripted {
    answers: std::sync::Mutex<std::collections::VecDeque<Result<&'static str, ModelError>>>,
    asked: Arc<std::sync::atomic::AtomicUsize>,
}

pub(super) fn scripted(
    answers: Vec<Result<&'static str, ModelError>>,
) -> (Arc<dyn ChatModel>, Arc<std::sync::atomic::AtomicUsize>) {
    let asked = Arc::default();
    let model = Scripted {
        answers: std::sync::Mutex::new(answers.into()),
        asked: Arc::clone(&asked),
    };
    (Arc::new(model), asked)
}

impl ChatModel for Scripted {
    fn info(&self) -> ModelInfo {
        info(crate::Provider::Compatible, "scripted")
    }

    fn chat(&self, _: ChatRequest) -> ChatStream {
        self.asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let events = match self.answers.lock().unwrap().pop_front().unwrap() {
            Ok(text) => vec![
                Ok(ChatEvent::Text(text.to_owned())),
                Ok(ChatEvent::Done {
                    finish_reason: FinishReason::Stop,
                    usage: crate::Usage::default(),
                }),
            ],
            Err(error) => vec![Err(error)],
        };
        futures::stream::iter(events).boxed()
    }
}

fn link(provider: crate::Provider, name: &str, model: Arc<dyn ChatModel>, max_output_tokens: u32) -> Candidate {
    Candidate {
        provider,
        name: name.to_owned(),
        context_tokens: 1_000,
        max_output_tokens,
        first_token: PATIENT.first_token,
        model,
    }
}

#[tokio::test]
async fn the_next_model_answers_when_one_does_not_begin_to() {
    let down = Scene::new().await;
    down.double.always(Script::refuse(503, "UNAVAILABLE"));
    let up = ModelDouble::start().await.unwrap();
    let claude = Anthropic::new(
        info(crate::Provider::Anthropic, "claude-haiku-4-5"),
        &up.url(),
        Secret::new("k"),
        http(PATIENT),
    );
    let chain = FallbackChain::new(
        link(
            crate::Provider::OpenAi,
            "gpt-4o-mini",
            Arc::new(down.model.clone()),
            100,
        ),
        vec![link(
            crate::Provider::Anthropic,
            "claude-haiku-4-5",
            Arc::new(claude.unwrap()),
            20,
        )],
    );
    for _ in 0..10 {
        let events: Vec<_> = chain.chat(request()).map(Result::unwrap).collect().await;
        let answering = ChatEvent::Answering {
            provider: crate::Provider::Anthropic,
            model: "claude-haiku-4-5".to_owned(),
            fallback: true,
        };
        assert_eq!(events[..2], [ChatEvent::Accepted, answering]);
        assert!(matches!(events.last(), Some(ChatEvent::Done { .. })));
    }
    assert_eq!(down.double.totals().calls, 5, "it is left alone meanwhile");
    let call = up.calls().remove(0);
    assert_eq!(
        (&call.body["model"], &call.body["max_tokens"]),
        (&"claude-haiku-4-5".into(), &20.into())
    );

    down.double.always(Script::default());
    down.clock.advance(Duration::from_secs(10));
    let first = chain.chat(request()).skip(1).next().await.unwrap().unwrap();
    assert!(
        matches!(first, ChatEvent::Answering { fallback: false, .. }),
        "{first:?}"
    );
    assert!(down.health.is_idle());
}

#[tokio::test]
async fn nobody_goes_on_where_another_began_or_mends_what_the_caller_asked() {
    let refused = |status| ModelError::Refused {
        status,
        detail: String::new(),
    };
    let begun = Scene::new().await;
    begun.double.next(Script::text("Hel").cut());
    let (other, asked) = scripted(vec![Ok("never")]);
    let first = link(crate::Provider::OpenAi, "a", Arc::new(begun.model), 100);
    let chain = FallbackChain::new(first, vec![link(crate::Provider::Compatible, "b", other, 100)]);
    assert_eq!(
        outcome(&chain, request()).await,
        ("Hel".to_owned(), None, Some(ModelError::Cut))
    );
    assert_eq!(asked.load(std::sync::atomic::Ordering::Relaxed), 0);

    let (first, _) = scripted(vec![Err(refused(400)), Err(refused(401)), Err(ModelError::Cut)]);
    let (second, asked) = scripted(vec![Ok("two"), Err(refused(500))]);
    let chain = FallbackChain::new(
        link(crate::Provider::Compatible, "a", first, 100),
        vec![link(crate::Provider::Compatible, "b", second, 100)],
    );
    assert_eq!(outcome(&chain, request()).await.2, Some(refused(400)));
    assert_eq!(asked.load(std::sync::atomic::Ordering::Relaxed), 0);
    assert_eq!(outcome(&chain, request()).await.0, "two");
    assert_eq!(
        outcome(&chain, request()).await.2,
        Some(ModelError::Cut),
        "what was asked for is what is reported"
    );
}
