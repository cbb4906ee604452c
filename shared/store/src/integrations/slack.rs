//! What is stored for an integration with Slack: the conversations of its threads, how far replies have come, and
//! installations that were begun.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::{Conversation, Error, IntegrationId, OrgId, Result, SlackReply, SlackThread, Timestamp, time::after};
use serde::{Deserialize, Serialize};

use crate::{
    Store,
    chats::conversations::new_conversation,
    integrations::Integrations,
    keys,
    table::item::{Item, Transaction, conditional_or_own, from_item, n, s, to_item, transact, value},
    tables,
};

/// How long it is remembered that a message was answered: a message waits in a queue for 14 days at most.
const REMEMBER: Duration = Duration::from_hours(24 * 15);

/// A claim on the reply to a message.
#[derive(Debug, Clone)]
pub enum SlackClaim {
    /// This delivery replies; as far as earlier ones have come.
    Held(SlackReply),
    /// Another delivery replies until this time at the latest.
    Busy(Timestamp),
}

/// An installation that was begun: what its single-use state stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlackInstallation {
    /// The organization.
    pub org: OrgId,
    /// The integration.
    pub integration: IntegrationId,
    /// Hex SHA-256 of the credential that began it. No other may end it.
    pub credential: String,
    /// When it can no longer be completed.
    pub until: Timestamp,
}

/// A reply as stored.
#[derive(Deserialize)]
struct StoredReply {
    reply: SlackReply,
    holder: String,
    lease_ms: i64,
}

impl Store {
    /// Stores an installation under the hex SHA-256 of its state.
    pub async fn put_slack_installation(&self, state: &str, installation: &SlackInstallation) -> Result<()> {
        let mut item = to_item(&keys::slack_installation(state), installation)?;
        let ttl = installation.until.as_second() + 3_600;
        item.insert(tables::TTL.to_owned(), n(ttl));
        self.ephemeral().put(item).await
    }

    /// Returns an installation, which can then not be returned again.
    pub async fn take_slack_installation(&self, state: &str) -> Result<Option<SlackInstallation>> {
        let key = keys::slack_installation(state);
        let Some(item) = self.ephemeral().get_raw(key.clone(), true).await? else {
            return Ok(None);
        };
        let is_first = self.ephemeral().delete_first(&key).await?;
        is_first.then(|| from_item(item)).transpose()
    }
}

impl Integrations {
    /// Returns the conversation of a thread.
    pub async fn thread(&self, id: &IntegrationId, channel: &str, thread: &str) -> Result<Option<SlackThread>> {
        self.store
            .app()
            .get(keys::slack_thread(&self.org, id, channel, thread))
            .await
    }

    /// Stores a new conversation as that of a thread, in the place of `before`. Returns `false` if the thread has
    /// another one by now.
    pub async fn begin_thread(
        &self,
        (id, channel, thread): (&IntegrationId, &str, &str),
        conversation: &Conversation,
        before: Option<&SlackThread>,
    ) -> Result<bool> {
        let table = self.store.app();
        let row = SlackThread {
            user: conversation.user.clone(),
            conversation: conversation.id.clone(),
        };
        let row = to_item(&keys::slack_thread(&self.org, id, channel, thread), &row)?;
        let row = match before {
            Some(before) => {
                let is_same = [(":conversation", s(before.conversation.as_str()))];
                table.part_put_if(row, "conversation = :conversation", is_same)?
            }
            None => table.part_put_new(row)?,
        };
        let parts = vec![row, table.part_put_new(new_conversation(conversation)?)?];
        Ok(transact(&self.store.db, parts).await? == Transaction::Done)
    }

    /// Claims the reply to a message until `until`. `holder`: unique for each delivery.
    pub async fn claim_reply(
        &self,
        (id, channel, ts): (&IntegrationId, &str, &str),
        holder: &str,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<SlackClaim> {
        let key = keys::slack_reply(id, channel, ts);
        loop {
            let update = self
                .store
                .ephemeral()
                .update(&key)
                .update_expression(
                    "SET holder = :holder, lease_ms = :until, reply = if_not_exists(reply, :new), #ttl = :ttl",
                )
                .condition_expression("attribute_not_exists(pk) OR lease_ms < :now OR holder = :holder")
                .expression_attribute_names("#ttl", tables::TTL)
                .expression_attribute_values(":holder", s(holder))
                .expression_attribute_values(":until", n(until.as_millisecond()))
                .expression_attribute_values(":now", n(now.as_millisecond()))
                .expression_attribute_values(":new", value(&SlackReply::default())?)
                .expression_attribute_values(":ttl", ttl(now))
                .return_values(aws_sdk_dynamodb::types::ReturnValue::AllNew);
            let is_own = |item: &Item| item.get("holder") == Some(&s(holder));
            if let Some(item) = conditional_or_own(update, is_own).await? {
                let stored: StoredReply = from_item(item)?;
                return Ok(SlackClaim::Held(stored.reply));
            }
            let there = self.store.ephemeral().get_raw(key.clone(), true).await?;
            // Without an item the claim was free in between.
            if let Some(item) = there {
                let stored: StoredReply = from_item(item)?;
                if stored.holder != holder && stored.lease_ms >= now.as_millisecond() {
                    if stored.reply.is_done {
                        return Ok(SlackClaim::Held(stored.reply));
                    }
                    let until = Timestamp::from_millisecond(stored.lease_ms).map_err(Error::internal)?;
                    return Ok(SlackClaim::Busy(until));
                }
            }
        }
    }

    /// Stores how far a reply has come. A reply that is done is released. Returns `false` if another delivery has
    /// claimed it since.
    pub async fn save_reply(
        &self,
        (id, channel, ts): (&IntegrationId, &str, &str),
        holder: &str,
        reply: &SlackReply,
    ) -> Result<bool> {
        let reply = value(reply)?;
        let update = self
            .store
            .ephemeral()
            .update(&keys::slack_reply(id, channel, ts))
            .update_expression("SET reply = :reply")
            .condition_expression("holder = :holder")
            .expression_attribute_values(":holder", s(holder))
            .expression_attribute_values(":reply", reply.clone())
            .return_values(aws_sdk_dynamodb::types::ReturnValue::AllNew);
        let is_own = |item: &Item| item.get("reply") == Some(&reply);
        Ok(conditional_or_own(update, is_own).await?.is_some())
    }

    /// Gives a claim back, so that the next delivery need not wait for its end.
    pub async fn release_reply(&self, (id, channel, ts): (&IntegrationId, &str, &str), holder: &str) -> Result<()> {
        let update = self
            .store
            .ephemeral()
            .update(&keys::slack_reply(id, channel, ts))
            .update_expression("SET lease_ms = :never")
            .condition_expression("holder = :holder")
            .expression_attribute_values(":holder", s(holder))
            .expression_attribute_values(":never", n(0));
        crate::table::item::conditional(update).await.map(|_| ())
    }
}

fn ttl(now: Timestamp) -> AttributeValue {
    n(after(now, REMEMBER).as_second())
}
