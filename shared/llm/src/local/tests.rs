use futures::TryStreamExt as _;
use futures::executor::block_on;

use super::{Local, NO_ANSWER, NO_DOCUMENTS, NO_PASSAGE, NO_QUESTION};
use crate::{ChatEvent, ChatModel as _, ChatRequest, FinishReason, Message, Source};

const HANDBOOK: [(&str, &str); 4] = [
    (
        "Refunds",
        "Unopened bags of coffee can be returned within 30 days for a full refund. Opened bags are refunded in half. \
         However, gift cards are never refunded. Write to the support team with your order number.",
    ),
    (
        "Shipping",
        "Orders placed before 11:00 leave the roastery on the same day. Delivery within Germany takes two working days. \
         Express delivery costs 9.50 euros. Parcels are handed to the carrier at the roastery in Leipzig.",
    ),
    (
        "Warranty",
        "The Comet grinder has a warranty of five years. It covers the motor and the burrs [12]. \
         The Halley kettle has a warranty of two years. Damage by descaling agents is not covered.",
    ),
    (
        "Support",
        "The support team answers on weekdays from 9:00 to 17:00. What do I need to contact support? \
         You need two things: your order number and a photo. Coffee subscriptions can be paused in the account.",
    ),
];

fn sources(passages: &[(&str, &str)]) -> Vec<Source> {
    (1..)
        .zip(passages)
        .map(|(number, (place, text))| Source {
            number,
            name: "handbook.pdf".to_owned(),
            place: Some((*place).to_owned()),
            text: (*text).to_owned(),
            before: String::new(),
            after: String::new(),
            language: retrieval::Language::English,
            score: 1.0,
            relevance: 1.0,
            likeness: None,
            sentence_cosines: Vec::new(),
        })
        .collect()
}

fn request(messages: Vec<Message>, sources: Option<Vec<Source>>) -> ChatRequest {
    ChatRequest {
        model: "local".to_owned(),
        system: None,
        messages,
        sources,
        refusal: None,
        prescribed: None,
        max_tokens: 1000,
        temperature: None,
        reasoning_effort: None,
    }
}

fn events(request: ChatRequest) -> Vec<ChatEvent> {
    block_on(Local.chat(request).try_collect()).unwrap()
}

/// Returns the pieces of the answer; checks that exactly one end follows them.
fn pieces(request: ChatRequest) -> Vec<String> {
    let mut events = events(request);
    assert!(matches!(
        events.pop(),
        Some(ChatEvent::Done {
            finish_reason: FinishReason::Stop,
            ..
        })
    ));
    events
        .into_iter()
        .map(|event| match event {
            ChatEvent::Text(text) => text,
            other => panic!("{other:?} before the end"),
        })
        .collect()
}

/// Returns the handbook's passages as a search for the question rates them.
fn found(question: &str) -> Vec<Source> {
    let chunk = |text: &str| retrieval::Chunk {
        place: retrieval::SourceLocation::Whole,
        text: text.to_owned(),
        overlap: 0,
        language: retrieval::Language::English,
    };
    let segment = retrieval::Segment::build(&HANDBOOK.map(|(_, text)| chunk(text)));
    let document = retrieval::Indexed {
        document_id: "handbook",
        name: "handbook.pdf",
        segment: &segment,
    };
    let mut sources = sources(&HANDBOOK);
    for source in &mut sources {
        (source.score, source.relevance) = (0.0, 0.0);
    }
    for passage in retrieval::search(&[document], question, 9) {
        let source = &mut sources[passage.chunk as usize];
        (source.score, source.relevance) = (passage.score, passage.relevance);
    }
    sources
}

fn ask(question: &str) -> String {
    pieces(request(vec![Message::user(question)], Some(found(question)))).concat()
}

#[test]
fn a_line_of_a_table_of_contents_is_not_quoted() {
    let contents = (
        "page 2",
        "7 Warranty of the grinder .......... 31\n7.1 How long the warranty of the grinder is . . . . . . 32\n\
         7.2 What the warranty of the grinder costs ……… 33",
    );
    let text = (
        "page 31",
        "The grinder has a warranty of five years. It begins... with the delivery.",
    );
    let question = || vec![Message::user("How long is the warranty of the grinder?")];
    let answer = pieces(request(question(), Some(sources(&[contents, text])))).concat();
    assert_eq!(answer, "The grinder has a warranty of five years. [cite:2]");
    let answer = pieces(request(question(), Some(sources(&[contents])))).concat();
    assert!(!answer.contains("[cite:"), "{answer}");
}

#[test]
fn the_sentence_that_answers_is_quoted_with_its_number() {
    assert_eq!(
        ask("How much is express delivery?"),
        "Express delivery costs 9.50 euros. [cite:2]"
    );
    assert_eq!(
        ask("When does the support team answer?"),
        "The support team answers on weekdays from 9:00 to 17:00. [cite:4]"
    );
    assert_eq!(
        ask("can i return an unopened bag of coffee"),
        "Unopened bags of coffee can be returned within 30 days for a full refund. [cite:1]"
    );
}

#[test]
fn a_sentence_that_leans_back_comes_with_the_one_before_it() {
    assert_eq!(
        ask("Does the warranty cover the motor and the burrs?"),
        "The Comet grinder has a warranty of five years. [cite:3] It covers the motor and the burrs [12]. [cite:3]"
    );
}

#[test]
fn a_lead_in_comes_with_what_it_announces() {
    let text = "The box holds these parts:\n- a burr grinder\nThe motor has 300 watts. Clean it weekly.";
    let answer = pieces(request(
        vec![Message::user("Which parts does the box hold?")],
        Some(sources(&[("Parts", text)])),
    ));
    assert_eq!(
        answer,
        ["The box holds these parts: [cite:1]", " a burr grinder [cite:1]"]
    );
}

#[test]
fn questions_the_documents_do_not_answer_are_not_answered() {
    for question in [
        "What is the capital of France?",
        "Who won the world cup in 2014?",
        "How do I return a library book?",
        "What is the warranty of the Voyager espresso machine from Turin?",
        "How many grams of protein does coffee have?",
        "Where can I buy delivery vans?",
        "法国的首都是哪里?",
    ] {
        assert_eq!(ask(question), NO_ANSWER, "{question}");
    }
}

#[test]
fn a_follow_up_is_read_with_the_question_before_it() {
    let conversation = |last: &str| {
        let messages = vec![
            Message::user("How long is the warranty of the Halley kettle?"),
            Message::assistant("The Halley kettle has a warranty of two years. [3]"),
            Message::user(last),
        ];
        pieces(request(messages, Some(found(last)))).concat()
    };
    assert_eq!(
        conversation("And for the Comet grinder?"),
        "The Comet grinder has a warranty of five years. [cite:3]"
    );
    // An independent question is not.
    assert_eq!(
        conversation("How much is express delivery?"),
        "Express delivery costs 9.50 euros. [cite:2]"
    );
    assert_eq!(conversation("And for the moon?"), NO_ANSWER);
}

#[test]
fn a_number_in_brackets_of_a_document_is_quoted_as_it_is() {
    assert!(ask("What does the warranty cover, the motor and the burrs?").contains("the burrs [12]. [cite:3]"));
}

#[test]
fn the_same_passage_twice_is_quoted_once() {
    let twice = sources(&[HANDBOOK[1], HANDBOOK[1]]);
    let answer = pieces(request(
        vec![Message::user("How much is express delivery?")],
        Some(twice),
    ));
    assert_eq!(answer, ["Express delivery costs 9.50 euros. [cite:1]"]);
}

#[test]
fn an_answer_has_at_most_four_sentences_each_with_its_number() {
    let sentences: Vec<String> = (0..40)
        .map(|day| {
            format!(
                "The roast of day {day} uses {} kilos of beans from farm {day}.",
                day * 3
            )
        })
        .collect();
    let text = sentences.join(" ");
    let answer = pieces(request(
        vec![Message::user("Which roast uses kilos of beans?")],
        Some(sources(&[("Roast", &text)])),
    ));
    assert!((1..=4).contains(&answer.len()), "{answer:?}");
    assert!(answer.iter().all(|piece| piece.ends_with(". [cite:1]")));
}

#[test]
fn an_answer_quotes_nothing_but_the_sources() {
    for question in [
        "refund?",
        "How long does delivery take in Germany?",
        "Tell me about the warranty of the Comet grinder",
    ] {
        for piece in pieces(request(vec![Message::user(question)], Some(sources(&HANDBOOK)))) {
            let (text, number) = piece.trim().rsplit_once(" [cite:").unwrap();
            let number: usize = number.strip_suffix(']').unwrap().parse().unwrap();
            assert!(HANDBOOK[number - 1].1.contains(text), "{text}");
        }
    }
}

#[test]
fn without_passages_it_says_what_is_missing() {
    let user = || vec![Message::user("How much is express delivery?")];
    assert_eq!(pieces(request(user(), None)), [NO_DOCUMENTS]);
    assert_eq!(pieces(request(user(), Some(Vec::new()))), [NO_PASSAGE]);
    assert_eq!(
        pieces(request(vec![Message::user("what is it?")], Some(sources(&HANDBOOK)))),
        [NO_QUESTION]
    );
    assert_eq!(pieces(request(Vec::new(), Some(sources(&HANDBOOK)))), [NO_QUESTION]);
}

#[test]
fn sources_without_words_hold_no_answer() {
    for text in ["", " \n ", "…", "[1] [2]"] {
        let answer = pieces(request(
            vec![Message::user("How much is express delivery?")],
            Some(sources(&[("", text)])),
        ));
        assert_eq!(answer, [NO_ANSWER]);
    }
}

#[test]
fn an_answer_ends_at_the_limit_but_holds_one_sentence() {
    let mut short = request(
        vec![Message::user("Does the warranty cover the motor and the burrs?")],
        Some(sources(&HANDBOOK)),
    );
    short.max_tokens = 15;
    let events = events(short);
    assert_eq!(
        events[0],
        ChatEvent::Text("The Comet grinder has a warranty of five years. [cite:3]".to_owned())
    );
    let ChatEvent::Done { finish_reason, usage } = events[1] else {
        panic!("{events:?}")
    };
    assert_eq!(
        (finish_reason, usage.completion_tokens, usage.estimated),
        (FinishReason::Length, 14, true)
    );
    assert_eq!(usage.total(), usage.prompt_tokens + 14);
}

#[test]
fn the_same_question_has_the_same_answer() {
    let once = ask("Tell me about refunds of coffee");
    assert!((0..20).all(|_| ask("Tell me about refunds of coffee") == once));
}

#[test]
fn it_claims_no_generation() {
    let info = serde_json::to_value(Local.info()).unwrap();
    assert_eq!(
        info,
        serde_json::json!({"id": "local", "provider": "parlance", "kind": "extractive", "generative": false, "context_tokens": 32768})
    );
}

#[test]
fn a_question_in_another_language_is_answered_by_the_sentence_nearest_in_meaning() {
    let question = "Wie lange gilt die Garantie, wenn ich die Mühle nicht mehr brauche?";
    let answer = |likeness: Option<f32>, cosines: &[f32]| {
        let mut sources = sources(&HANDBOOK[1..3]);
        sources[1].likeness = likeness;
        sources[1].sentence_cosines = cosines.to_vec();
        pieces(request(vec![Message::user(question)], Some(sources))).concat()
    };
    let sentence = "The Comet grinder has a warranty of five years.";
    assert_eq!(answer(Some(0.9), &[0.9]), format!("{sentence} [cite:2]"));
    // A passage that is only a little like it, or that was not compared, is no answer.
    assert_eq!(answer(Some(0.1), &[0.9]), NO_ANSWER);
    assert_eq!(answer(None, &[]), NO_ANSWER);
}
