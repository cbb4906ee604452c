//! What people thought of answers, and how many questions were not answered: numbers beside the usage of the same day.
//!
//! Names are `f~{chatbot}~{figure}`, with `u` for good, `d` for bad, and `q` for questions without an answer; the
//! chatbot is empty without one. Feedback can be taken back, so unlike usage these numbers may become smaller, and they
//! are not part of the platform's totals.

use aws_sdk_dynamodb::types::TransactWriteItem;
use domain::{ChatbotId, OrgId, Rating, Result, Timestamp, UserId, id::random_bytes};
use jiff::civil::Date;

use super::{KEPT_SECONDS, Ledger, change::Change, days::SETTLED};
use crate::{
    Store, keys,
    table::item::{Transaction, n, s, transact},
    tables,
};

/// Kind of these numbers.
pub(super) const ANSWERS: &str = "f";
/// The set of chatbots that an item names.
const NAMED: &str = "rated";
/// Most chatbots that an item names; the answers of further ones count without a chatbot.
const MOST: usize = 40;

/// A change of what is counted about an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerCount {
    /// The organization in which it was asked.
    pub org: OrgId,
    /// Whether that is the user's personal one.
    pub is_personal: bool,
    /// Who asked.
    pub user: UserId,
    /// The day of the answer.
    pub day: Date,
    /// The chatbot that answered.
    pub chatbot: Option<ChatbotId>,
    /// Ratings as good, more or fewer.
    pub up: i64,
    /// Ratings as bad, more or fewer.
    pub down: i64,
    /// Questions without an answer.
    pub unanswered: i64,
    /// The current time.
    pub now: Timestamp,
}

impl AnswerCount {
    /// Returns the change with another rating of the answer.
    #[must_use]
    pub fn rated(self, before: Option<Rating>, after: Option<Rating>) -> Self {
        let change = |rating| i64::from(after == Some(rating)) - i64::from(before == Some(rating));
        Self {
            up: change(Rating::Up),
            down: change(Rating::Down),
            ..self
        }
    }

    /// Returns whether nothing changes.
    pub fn is_empty(&self) -> bool {
        (self.up, self.down, self.unanswered) == (0, 0, 0)
    }

    /// Returns the same without the name of the chatbot: a day names a bounded number of them.
    pub(crate) fn unnamed(&self) -> Self {
        Self {
            chatbot: None,
            ..self.clone()
        }
    }

    /// Returns the part of a transaction that counts it; refused if the item can name no further chatbot.
    pub(crate) fn part(&self, store: &Store) -> Result<TransactWriteItem> {
        let mut change = if self.is_personal {
            Change::of(keys::usage_day(&self.user, self.day))
        } else {
            let mut change = Change::of(keys::member_day(&self.org, self.day, &self.user));
            // A concurrent copy of the item, without its owner, must notice this write.
            change.set(SETTLED, s(hex::encode(random_bytes::<4>()?)));
            change
        };
        change.set_once(tables::TTL, n(self.now.as_second() + KEPT_SECONDS));
        let chatbot = self.chatbot.as_ref().map(ChatbotId::as_str).unwrap_or_default();
        if !chatbot.is_empty() {
            change.add_to_set(NAMED, chatbot);
            change.if_in_set_or_room(NAMED, chatbot, MOST);
        }
        for (figure, number) in [("u", self.up), ("d", self.down), ("q", self.unanswered)] {
            change.add(&format!("{ANSWERS}~{chatbot}~{figure}"), number);
        }
        change.part(store)
    }
}

impl Ledger {
    /// Counts something about an answer that is not stored.
    ///
    /// # Errors
    /// If the table does not respond.
    pub async fn count_answer(&self, count: &AnswerCount) -> Result<()> {
        for count in [count, &count.unnamed()] {
            if transact(&self.0.db, vec![count.part(&self.0)?]).await? == Transaction::Done {
                break;
            }
        }
        Ok(())
    }
}
