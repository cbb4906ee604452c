//! What a turn costs at the tables.

use std::time::Duration;

use model_double::{Script, Step};
use serde_json::json;

use super::{SESSIONS, with_model};
use crate::{
    jobs::roll_up_usage::{deliver, records},
    support::Second,
};

/// Writes of a first turn whose title a model makes: a second call, with its own reservation and settlement.
const TITLED: f64 = 12.0;

#[tokio::test]
async fn a_whole_streamed_turn_takes_at_most_11_writes_and_9_reads() {
    let (model, t) = with_model().await;
    let ada = t.talker("ada").await;
    let faq = ada.upload(samples::FAQ, samples::faq_txt()).await.created().text("id");
    t.drain().await;
    let bot = json!({"name": "Helper", "documents": [faq], "settings": {"model": "gpt-4o-mini"}});
    let bot = ada.post("/api/v1/chatbots", bot).await.created().text("id");
    let second = Second::on(&t).await;
    let there = second.of(&ada);
    model.always(Script::text(
        "You can pause it at any time, for up to three months [cite:1].",
    ));
    // What was said is read again for each answer, a unit for about three turns as short as these.
    // The first question of a day opens the day's books, and a process reads the epoch of caches every 30 seconds.
    let day = json!({"chatbot_id": bot, "title": "The day's first"});
    let untitled = json!({"chatbot_id": bot});
    let titled = json!({"chatbot_id": bot, "title": "Titled"});
    for (new, turns, writes) in [(day, 1, None), (titled, 7, Some(11.0)), (untitled, 2, Some(TITLED))] {
        let id = ada.post(SESSIONS, new.clone()).await.created().text("id");
        let path = format!("{SESSIONS}/{id}/messages");
        for turn in 1..=turns {
            second.metered.units();
            let message = json!({"content": "Can I pause my subscription?"});
            let frames = there.stream(&path, message).await.rest().await;
            assert_eq!(frames.last().unwrap().data, "[DONE]");
            second.metered.app.idle().await;
            let (read, write) = second.metered.units();
            println!("{new}, turn {turn}: {read} R, {write} W");
            if let Some(writes) = writes {
                assert!(read > 0.0 && read <= 9.0, "turn {turn}: {read} R");
                assert!(write > 0.0 && write <= writes, "turn {turn}: {write} W");
            }
        }
    }
}

/// An answer of 500 words, as fast as a small model of 2026 writes it.
fn slow() -> Script {
    let words = (0..50).flat_map(|place| {
        let piece = format!("{place:02} words of an answer that takes its time to be written ");
        [Step::Pause(Duration::from_millis(134)), Step::Text(piece)]
    });
    Script::of(words.collect())
}

#[tokio::test]
async fn a_turn_of_500_words_takes_at_most_17_writes_and_8_reads_its_sums_included() {
    let (model, t) = with_model().await;
    let ada = t.talker("ada").await;
    let second = Second::on(&t).await;
    let there = second.of(&ada);
    model.always(slow());
    let new = json!({"title": "Titled", "model": "gpt-4o-mini"});
    let id = ada.post(SESSIONS, new).await.created().text("id");
    let path = format!("{SESSIONS}/{id}/messages");
    for turn in 1..=2 {
        let before = records(&t).len();
        second.metered.units();
        let message = json!({"content": "How do I pause my subscription, and what does it cost?"});
        let frames = there.stream(&path, message).await.rest().await;
        assert_eq!(frames.last().unwrap().data, "[DONE]");
        second.metered.app.idle().await;
        let (read, write) = second.metered.units();
        let changes = records(&t);
        assert_eq!(deliver(&second.metered.app, &changes[before..]).await, None);
        let (read_more, written_more) = second.metered.units();
        println!("turn {turn}: {read} + {read_more} R, {write} + {written_more} W");
        // The first of a day opens its books, and a process reads the epoch of caches now and then.
        if turn > 1 {
            assert!(read + read_more <= 8.0, "{read} + {read_more} R");
            assert!(write + written_more <= 17.0, "{write} + {written_more} W");
        }
    }
}
