//! Questions that chatbots did not answer: rows of their organization, written with the turn.

use aws_sdk_dynamodb::types::TransactWriteItem;
use domain::{ChatbotId, FixedAnswer, MessageId, OrgId, Result, Timestamp, UnansweredQuestion};
use futures::{StreamExt as _, TryStreamExt as _, stream};

use crate::{
    Store, keys,
    table::item::{Transaction, from_item, n, part, s, starting_with, to_item, transact, value},
    tables::TTL,
};

/// Rows removed at the same time.
const PARALLEL: usize = 16;

/// The unanswered questions of the chatbots of one organization.
#[derive(Debug, Clone)]
pub struct UnansweredQuestions {
    store: Store,
    org: OrgId,
}

/// The outcome of answering an unanswered question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FixedAnswered {
    /// The chatbot has the fixed answer, and the question is no longer listed.
    Done,
    /// The chatbot was changed since it was read.
    Overtaken,
    /// The question is no longer listed.
    Gone,
}

impl Store {
    /// Returns access to the unanswered questions of the chatbots of `org`.
    pub fn unanswered_questions(&self, org: &OrgId) -> UnansweredQuestions {
        UnansweredQuestions {
            store: self.clone(),
            org: org.clone(),
        }
    }

    /// Returns the part of a transaction that lists a question as unanswered.
    pub(crate) fn part_put_unanswered(&self, org: &OrgId, question: &UnansweredQuestion) -> Result<TransactWriteItem> {
        let key = keys::unanswered_question(org, &question.chatbot, &question.answer);
        let mut item = to_item(&key, question)?;
        item.insert(TTL.to_owned(), n(question.expires_at().as_second()));
        self.app().part_put(item)
    }
}

impl UnansweredQuestions {
    /// Returns the newest questions of a chatbot that are listed at `now`, newest first, at most
    /// [`UnansweredQuestion::MAX_LISTED`].
    pub async fn newest(&self, chatbot: &ChatbotId, now: Timestamp) -> Result<Vec<UnansweredQuestion>> {
        let query = self.store.db.query().scan_index_forward(false);
        let query = starting_with(query, &keys::tenant(&self.org), &keys::unanswered_questions(chatbot));
        let most = i32::from(UnansweredQuestion::MAX_LISTED);
        let items = self.store.app().first(query.consistent_read(true), most).await?;
        let questions: Result<Vec<UnansweredQuestion>> = items.into_iter().map(from_item).collect();
        Ok(questions?
            .into_iter()
            .filter(|question| question.is_listed(now))
            .collect())
    }

    /// Returns one question of a chatbot if it is listed at `now`.
    pub async fn get(
        &self,
        chatbot: &ChatbotId,
        answer: &MessageId,
        now: Timestamp,
    ) -> Result<Option<UnansweredQuestion>> {
        let key = keys::unanswered_question(&self.org, chatbot, answer);
        let found: Option<UnansweredQuestion> = self.store.app().get(key).await?;
        Ok(found.filter(|question| question.is_listed(now)))
    }

    /// Removes questions from the list. Removing one twice is harmless.
    pub async fn remove(&self, questions: Vec<UnansweredQuestion>) -> Result<()> {
        stream::iter(questions)
            .map(|question| async move {
                let key = keys::unanswered_question(&self.org, &question.chatbot, &question.answer);
                self.store.app().delete(&key).await
            })
            .buffer_unordered(PARALLEL)
            .try_collect()
            .await
    }

    /// Replaces the fixed answers of a chatbot, if they are still `before`, and removes the question that they answer
    /// from the list, in one transaction.
    pub async fn answer(
        &self,
        question: &UnansweredQuestion,
        (before, after): (&[FixedAnswer], &[FixedAnswer]),
        now: Timestamp,
    ) -> Result<FixedAnswered> {
        let table = self.store.app();
        let update = table
            .part_update(&keys::chatbot(&self.org, &question.chatbot))
            .update_expression("SET #settings.#fixed = :after, updated_at = :now")
            .condition_expression(if before.is_empty() {
                "attribute_exists(pk) AND (attribute_not_exists(#settings.#fixed) OR #settings.#fixed = :before)"
            } else {
                "#settings.#fixed = :before"
            })
            .expression_attribute_names("#settings", "settings")
            .expression_attribute_names("#fixed", "fixed_answers")
            .expression_attribute_values(":before", value(&before)?)
            .expression_attribute_values(":after", value(&after)?)
            .expression_attribute_values(":now", s(now.to_string()));
        let key = keys::unanswered_question(&self.org, &question.chatbot, &question.answer);
        let parts = vec![part(update)?, table.part_delete(&key, None)?];
        Ok(match transact(&self.store.db, parts).await? {
            Transaction::Done => FixedAnswered::Done,
            Transaction::Refused(0) => FixedAnswered::Overtaken,
            Transaction::Refused(_) => FixedAnswered::Gone,
        })
    }
}
