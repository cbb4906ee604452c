//! Deviations of servers from their protocols, played by the double to the adapters of all vendors.

mod rejections;

use std::sync::Arc;

use domain::Secret;
use futures::future::{BoxFuture, FutureExt as _};
use model_double::{Encoding, Finish, ModelDouble, OddUsage, Quirk, Script, Step};
use serde_json::{Value, json};

use crate::testing::{Outcome, PATIENT, http, info, outcome, request};
use crate::{
    Anthropic, Bedrock, ChatModel, FinishReason, Gemini, Image, Message, ModelError, OpenAiCompatible, RejectionReason,
    Signer,
};

const TEXT: &str = "Grüße 🍵 aus 東京.";

struct Unsigned;

impl Signer for Unsigned {
    fn sign<'a>(&'a self, _: &'a str, _: &'a [u8]) -> BoxFuture<'a, Result<Vec<(String, String)>, domain::Error>> {
        async { Ok(Vec::new()) }.boxed()
    }
}

/// A model of each vendor, all served by the double.
struct Vendors {
    double: ModelDouble,
    models: Vec<(&'static str, Box<dyn ChatModel>)>,
}

impl Vendors {
    async fn new() -> Self {
        let double = ModelDouble::start().await.unwrap();
        let (url, key) = (double.url(), || Secret::new("sk-secret"));
        let openai =
            OpenAiCompatible::new(info(crate::Provider::Compatible, "llama"), &url, key(), http(PATIENT)).unwrap();
        let anthropic = Anthropic::new(info(crate::Provider::Anthropic, "claude"), &url, key(), http(PATIENT)).unwrap();
        let gemini = Gemini::new(info(crate::Provider::Gemini, "gemini-x"), &url, key(), http(PATIENT)).unwrap();
        let bedrock = Bedrock::new(
            info(crate::Provider::Bedrock, "nova"),
            &url,
            Arc::new(Unsigned),
            http(PATIENT),
        )
        .unwrap();
        let models: Vec<(_, Box<dyn ChatModel>)> = vec![
            ("openai", Box::new(openai.with_limits(PATIENT))),
            ("anthropic", Box::new(anthropic.with_limits(PATIENT))),
            ("gemini", Box::new(gemini.with_limits(PATIENT))),
            ("bedrock", Box::new(bedrock.with_limits(PATIENT))),
        ];
        Self { double, models }
    }

    /// Returns the script's outcome with each vendor.
    async fn outcomes(&self, script: &Script) -> Vec<(&'static str, Outcome)> {
        let mut outcomes = Vec::new();
        for (name, model) in &self.models {
            self.double.next(script.clone());
            outcomes.push((*name, outcome(model.as_ref(), request()).await));
        }
        outcomes
    }
}

#[tokio::test]
async fn a_field_that_an_answer_does_not_need_never_fails_it() {
    let vendors = Vendors::new().await;
    for quirk in [
        Quirk::ContentParts,
        Quirk::NullFields,
        Quirk::WrongTypes,
        Quirk::EmptyData,
        Quirk::PlainPings,
        Quirk::NullLists,
        Quirk::UnknownEvents,
        Quirk::MessageForDelta,
        Quirk::TextForDelta,
        Quirk::NoEndMark,
        Quirk::Crlf,
        Quirk::Bom,
        Quirk::Joined,
        Quirk::DoubledPrefix,
        Quirk::Cumulative,
        Quirk::Whole,
        Quirk::WholeAsStream,
        Quirk::StreamAsJson,
        Quirk::Compressed(Encoding::Gzip),
        Quirk::Compressed(Encoding::Deflate),
        Quirk::Compressed(Encoding::Brotli),
    ] {
        for (name, (text, done, error)) in vendors.outcomes(&Script::text(TEXT).with(quirk)).await {
            assert_eq!((text.as_str(), &error), (TEXT, &None), "{quirk:?} of {name}");
            let (reason, usage) = done.unwrap();
            assert_eq!(reason, FinishReason::Stop, "{quirk:?} of {name}");
            // Bedrock counts in the event that is missing then; the other vendors' thoughts are estimated.
            let is_counted = !(quirk == Quirk::NoEndMark && name == "bedrock");
            assert_eq!(usage.estimated, !is_counted, "{quirk:?} of {name}: {usage:?}");
            assert!(
                usage.prompt_tokens > 0 && usage.completion_tokens > 0,
                "{quirk:?} of {name}: {usage:?}"
            );
        }
    }
}

#[tokio::test]
async fn counts_that_cannot_be_are_estimated_and_say_so() {
    let vendors = Vendors::new().await;
    for odd in [
        OddUsage::Null,
        OddUsage::Empty,
        OddUsage::Negative,
        OddUsage::Fraction,
        OddUsage::Text,
        OddUsage::Absurd,
        OddUsage::OtherNames,
    ] {
        for (name, (text, done, error)) in vendors.outcomes(&Script::text(TEXT).with(Quirk::Usage(odd))).await {
            assert_eq!((text.as_str(), error), (TEXT, None), "{odd:?} of {name}");
            let usage = done.unwrap().1;
            assert_eq!(
                usage.estimated,
                odd != OddUsage::OtherNames,
                "{odd:?} of {name}: {usage:?}"
            );
            assert!((1..100).contains(&usage.prompt_tokens), "{odd:?} of {name}: {usage:?}");
            assert!(
                (1..100).contains(&usage.completion_tokens),
                "{odd:?} of {name}: {usage:?}"
            );
        }
    }
}

/// Returns failures as servers put them into a stream that began successfully.
fn failures() -> Vec<Value> {
    vec![
        json!({"object": "error", "message": "Something broke", "type": "internal", "code": null}),
        json!({"error": {"message": "Something broke"}}),
        json!({"error": "Something broke"}),
        json!({"error_code": 336_003, "error_msg": "Something broke"}),
        json!({"detail": "Something broke"}),
        json!({"message": "Something broke", "type": "error"}),
        json!({"base_resp": {"status_code": 1000, "status_msg": "Something broke"}}),
        json!("Error: something broke"),
    ]
}

#[tokio::test]
async fn a_failure_inside_a_stream_is_one_before_the_first_words_and_behind_them() {
    let vendors = Vendors::new().await;
    for failure in failures() {
        let before = Script::of(vec![Step::Event(failure.clone())]);
        for (name, (text, done, error)) in vendors.outcomes(&before).await {
            assert_eq!((text.as_str(), done), ("", None), "{failure} of {name}");
            assert!(
                matches!(error, Some(ModelError::Refused { status: 500, .. })),
                "{failure} of {name}: {error:?}"
            );
        }
        let behind = Script::text("Hel").then(Step::Event(failure.clone()));
        for (name, (text, done, error)) in vendors.outcomes(&behind).await {
            assert_eq!((text.as_str(), done), ("Hel", None), "{failure} of {name}");
            assert!(
                matches!(error, Some(ModelError::Interrupted { .. })),
                "{failure} of {name}: {error:?}"
            );
        }
        let whole = Script::refuse_with(200, "application/json", failure.to_string());
        for (name, (text, done, error)) in vendors.outcomes(&whole).await {
            assert_eq!((text.as_str(), done), ("", None), "{failure} of {name}");
            assert!(
                matches!(error, Some(ModelError::Refused { status: 500, .. })),
                "{failure} of {name}: {error:?}"
            );
        }
    }
    for body in [
        "Internal Server Error",
        "<html><body>502 Bad Gateway</body></html>",
        "upstream timed out\n",
    ] {
        for (name, (_, done, error)) in vendors
            .outcomes(&Script::refuse_with(200, "text/event-stream", body))
            .await
        {
            if name != "bedrock" {
                assert!(
                    matches!((done, &error), (None, Some(ModelError::Refused { status: 500, .. }))),
                    "{body} of {name}: {error:?}"
                );
            }
        }
    }
}

#[tokio::test]
async fn an_answer_that_does_not_say_its_end_is_cut() {
    let vendors = Vendors::new().await;
    for (name, outcome) in vendors.outcomes(&Script::text("Hel").with(Quirk::BlankFinish)).await {
        assert_eq!(outcome, ("Hel".to_owned(), None, Some(ModelError::Cut)), "{name}");
    }
    for (name, outcome) in vendors.outcomes(&Script::text("Hel").then(Step::End)).await {
        assert_eq!(outcome, ("Hel".to_owned(), None, Some(ModelError::Cut)), "{name}");
    }
}

#[tokio::test]
async fn an_answer_of_nothing_is_none_unless_a_reason_is_given() {
    let vendors = Vendors::new().await;
    let blank = |text: &str| Script::of(vec![Step::Text(text.to_owned())]);
    for script in [
        Script::of(Vec::new()),
        Script::of(Vec::new()).with(Quirk::Whole),
        Script::of(Vec::new()).thinking(&["Hm."]),
        Script::of(vec![Step::End]),
        blank("\n"),
        blank(" "),
        blank(" ").with(Quirk::Whole),
    ] {
        for (name, (text, done, error)) in vendors.outcomes(&script).await {
            assert_eq!((text.as_str(), done), ("", None), "{script:?} of {name}");
            let is_told = matches!(error, Some(ModelError::Empty | ModelError::Cut));
            assert!(is_told, "{script:?} of {name}: {error:?}");
        }
    }
    for (finish, expected) in [
        (Finish::Filtered, FinishReason::ContentFilter),
        (Finish::Length, FinishReason::Length),
        (Finish::Word("MALFORMED_FUNCTION_CALL"), FinishReason::Other),
        (Finish::Word("RECITATION"), FinishReason::ContentFilter),
        (Finish::Word("guardrail_intervened"), FinishReason::ContentFilter),
    ] {
        for quirk in [Quirk::Crlf, Quirk::Whole] {
            for (name, (text, done, error)) in vendors
                .outcomes(&Script::of(Vec::new()).ending(finish).with(quirk))
                .await
            {
                assert_eq!((text.as_str(), error), ("", None), "{finish:?} of {name}");
                assert_eq!(done.unwrap().0, expected, "{finish:?} of {name}");
            }
        }
    }
    for (name, (text, done, error)) in vendors
        .outcomes(&Script::text("Hel").ending(Finish::Word("error")))
        .await
    {
        assert_eq!((text.as_str(), done), ("Hel", None), "{name}");
        assert!(
            matches!(error, Some(ModelError::Interrupted { .. })),
            "{name}: {error:?}"
        );
    }
}

#[tokio::test]
async fn blank_characters_before_an_answer_are_part_of_it() {
    let vendors = Vendors::new().await;
    let script = Script::of(
        ["\n", " ", "Two\n", "years.", "\n"]
            .map(|text| Step::Text(text.to_owned()))
            .to_vec(),
    );
    for (name, (text, done, _)) in vendors.outcomes(&script).await {
        assert!(done.is_some(), "{name}");
        assert_eq!(text, "\n Two\nyears.\n", "{name}");
    }
}

#[tokio::test]
async fn what_a_model_declines_ends_as_filtered_with_its_words() {
    let vendors = Vendors::new().await;
    let piece =
        json!({"choices": [{"index": 0, "delta": {"refusal": "I cannot help with that."}, "finish_reason": null}]});
    vendors.double.next(Script::of(vec![Step::Event(piece)]));
    let (text, done, _) = outcome(vendors.models[0].1.as_ref(), request()).await;
    assert_eq!(
        (text.as_str(), done.unwrap().0),
        ("I cannot help with that.", FinishReason::ContentFilter)
    );
}

#[tokio::test]
async fn damage_behind_the_end_of_the_words_does_not_fail_the_answer() {
    let vendors = Vendors::new().await;
    let broken = Script::text(TEXT).then(Step::Raw(
        b"data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: {\"usage\":\n\n".to_vec(),
    ));
    vendors.double.next(broken);
    let (text, done, error) = outcome(vendors.models[0].1.as_ref(), request()).await;
    assert_eq!((text.as_str(), error), (TEXT, None));
    assert_eq!(done.unwrap().0, FinishReason::Stop);
}

#[tokio::test]
async fn images_precede_the_text_of_their_message_as_each_vendor_takes_them() {
    let vendors = Vendors::new().await;
    vendors
        .double
        .answer_with(|request| Script::text(&request.images.join(" ")));
    let mut shown = request();
    shown.messages = vec![Message::user("What is it?").with_images([Image::jpeg(*b"one"), Image::jpeg(*b"two")])];
    for (name, model) in &vendors.models {
        let (text, _, error) = outcome(model.as_ref(), shown.clone()).await;
        assert_eq!((text.as_str(), error), ("b25l dHdv", None), "{name}");
    }
    let bodies: Vec<Value> = vendors.double.calls().into_iter().map(|call| call.body).collect();
    let parts = bodies.iter().map(|body| {
        let message = if body["messages"].is_array() {
            &body["messages"]
        } else {
            &body["contents"]
        };
        let message = message.as_array().unwrap().last().unwrap();
        let parts = if message["content"].is_array() {
            &message["content"]
        } else {
            &message["parts"]
        };
        parts.as_array().unwrap().clone()
    });
    for parts in parts {
        assert_eq!(parts.len(), 3, "{parts:?}");
        assert_eq!(parts[2]["text"], "What is it?", "{parts:?}");
    }
}
