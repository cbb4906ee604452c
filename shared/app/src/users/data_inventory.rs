//! The single inventory of a user's or organization's data and its location. Erasure and export both use it: any new
//! partition must be added here.
//!
//! The inventory lists items before the items that lead to them, so that a restarted erasure finds the rest.

use async_stream::try_stream;
use domain::{ChatbotId, ConversationId, Email, Export, IntegrationId, OrgId, PromptId, Result, UserId};
use futures::{StreamExt as _, TryStreamExt as _, future::ready, stream::BoxStream};
use serde_json::Value;
use store::{Partition, TableName, keys};

use crate::App;

/// A set of data that a user or organization owns.
#[derive(Debug)]
pub(crate) enum DataItem {
    /// Items, with the name of their file in an export.
    Items(String, Partition),
    /// Items that only lead to others, from a secret or an address, without readable content.
    Pointers(Partition),
    /// Uploaded files of an organization and objects derived from them, by key prefix.
    Files(OrgId, String),
    /// Archives of all this data, by key prefix.
    Archives(String),
    /// A user's share in the usage totals of an organization.
    Share(OrgId, UserId),
    /// A user's actions, and actions on them, in the audit log. The entries stay; their encrypted parts become
    /// unreadable without the salt, which is among the user's items.
    AuditEntries(UserId),
}

/// Items in the order of processing.
pub(crate) type DataInventory<'a> = BoxStream<'a, Result<DataItem>>;

/// Returns the last item of a user, to be processed after all others.
pub(crate) fn account_of_user(user: &UserId) -> DataItem {
    items("account", Partition::whole(TableName::Identity, keys::user(user)))
}

impl App {
    /// Returns all data of a user, including their personal organization. `orgs`: their other current and former
    /// organizations.
    pub(crate) fn inventory_of_user<'a>(
        &'a self,
        user: &'a UserId,
        personal: &'a OrgId,
        orgs: &'a [OrgId],
    ) -> DataInventory<'a> {
        try_stream! {
            for org in orgs {
                let mut own = self.inventory_of_member(org, user);
                while let Some(thing) = own.next().await {
                    yield thing?;
                }
            }
            let mut own = self.inventory_of_org(personal);
            while let Some(thing) = own.next().await {
                yield thing?;
            }
            let links = Partition::part(TableName::Identity, keys::user(user), keys::LINKS);
            for digest in self.sort_keys(&links).await? {
                let of_digest = [keys::password_reset, keys::email_verification, keys::address_restore];
                for key in of_digest.map(|key| key(&digest)) {
                    yield DataItem::Pointers(Partition::item(TableName::Identity, key));
                }
            }
            let promised = keys::promised_mails_about(user);
            yield DataItem::Pointers(Partition::part(TableName::App, keys::PROMISED_MAILS, promised));
            yield DataItem::Archives(Export::objects_of(user));
            yield DataItem::AuditEntries(user.clone());
            let mut ledger = self.ledger_of("usage".to_owned(), keys::user(user));
            while let Some(thing) = ledger.next().await {
                yield thing?;
            }
            // Up to here, a running call could still be settled in the user's name.
            for org in orgs {
                yield DataItem::Share(org.clone(), user.clone());
            }
            yield account_of_user(user);
        }
        .boxed()
    }

    /// Returns all data of an organization, including its members' own data in it.
    pub(crate) fn inventory_of_org<'a>(&'a self, org: &'a OrgId) -> DataInventory<'a> {
        try_stream! {
            let identity = keys::tenant(org);
            for user in self
                .sort_keys(&Partition::part(TableName::Identity, &identity, keys::MEMBERS))
                .await?
            {
                let user = UserId(user);
                let mut own = self.inventory_of_member(org, &user);
                while let Some(thing) = own.next().await {
                    yield thing?;
                }
                yield DataItem::Pointers(Partition::item(TableName::Identity, keys::place(&user, org)));
            }
            // Lookups from a secret or an address are named in these rows and must be removed first.
            for key in self
                .rows(&Partition::part(TableName::Identity, &identity, keys::API_KEYS))
                .await?
            {
                for hash in [&key["secret_hash"], &key["previous"]["hash"]] {
                    if let Some(hash) = hash.as_str() {
                        yield DataItem::Pointers(Partition::item(TableName::Identity, keys::api_key_hash(hash)));
                    }
                }
            }
            for invitation in self
                .rows(&Partition::part(TableName::Identity, &identity, keys::INVITATIONS))
                .await?
            {
                if let Some(hash) = invitation["token_hash"].as_str() {
                    yield DataItem::Pointers(Partition::item(TableName::Identity, keys::invitation_token(hash)));
                }
                if let Some(Ok(email)) = invitation["email"].as_str().map(Email::parse) {
                    let invited = keys::invited(&email.fingerprint(), org);
                    yield DataItem::Pointers(Partition::item(TableName::Identity, invited));
                }
            }
            let account = self.store.billing().account(org).await?;
            if let Some(customer) = &account.customer_id {
                yield DataItem::Pointers(Partition::item(TableName::Identity, keys::billing_customer(customer)));
            }
            if let Some(due) = account.check_at {
                let check = keys::billing_check(due.as_millisecond(), org);
                yield DataItem::Pointers(Partition::item(TableName::Identity, check));
            }
            let integrations = Partition::part(TableName::App, keys::tenant(org), keys::INTEGRATIONS);
            for integration in self.rows(&integrations).await? {
                if let Some(team) = integration["connection"]["team_id"].as_str() {
                    yield DataItem::Pointers(Partition::item(TableName::App, keys::slack_team(team)));
                }
                let of = |field: &str| integration[field].as_str().map(str::to_owned);
                if let (Some("website"), Some(id), Some(chatbot)) =
                    (integration["type"].as_str(), of("id"), of("chatbot_id"))
                {
                    let pointer = keys::website(&ChatbotId(chatbot), &IntegrationId(id));
                    yield DataItem::Pointers(Partition::item(TableName::App, pointer));
                }
            }
            let chatbots = Partition::part(TableName::App, keys::tenant(org), keys::CHATBOTS);
            for chatbot in self.sort_keys(&chatbots).await? {
                let pointer = keys::published_chatbot(&ChatbotId(chatbot));
                yield DataItem::Pointers(Partition::item(TableName::App, pointer));
            }
            // Also files yet to arrive: the holder of an upload link can use it for an hour. The entry to sweep them a
            // day later (`pending_uploads.rs`) contains two IDs and is not part of the inventory.
            yield DataItem::Files(org.clone(), format!("t/{org}/"));
            // What is promised or due finds nothing any more, and is removed by the relay.
            let webhooks = Partition::whole(TableName::App, keys::webhooks_of(org));
            yield items(&format!("organizations/{org}/webhooks"), webhooks);
            let changes = Partition::whole(TableName::App, keys::document_changes(org));
            yield DataItem::Pointers(changes);
            let content = Partition::whole(TableName::App, keys::tenant(org));
            yield items(&format!("organizations/{org}/content"), content);
            let mut ledger = self.ledger_of(format!("organizations/{org}/usage"), keys::tenant(org));
            while let Some(thing) = ledger.next().await {
                yield thing?;
            }
            // Counters without a name, which the organization's totals hold by member.
            for shard in 0..keys::DAY_SHARDS {
                let days = keys::day_shards(&keys::tenant(org), shard);
                yield DataItem::Pointers(Partition::whole(TableName::Usage, days));
            }
            let identity = Partition::whole(TableName::Identity, identity);
            yield items(&format!("organizations/{org}/organization"), identity);
        }
        .boxed()
    }

    /// Returns one user's own data in an organization.
    pub(crate) fn inventory_of_member<'a>(&'a self, org: &'a OrgId, user: &'a UserId) -> DataInventory<'a> {
        try_stream! {
            let own = keys::member(org, user);
            let name = format!("organizations/{org}/members/{user}/conversations");
            let conversations = Partition::part(TableName::App, &own, keys::CONVERSATIONS);
            for conversation in self.sort_keys(&conversations).await? {
                let file = format!("{name}/{conversation}");
                let turns = keys::turns(org, user, &ConversationId(conversation));
                yield items(&file, Partition::whole(TableName::App, turns));
            }
            for prompt in self.sort_keys(&Partition::part(TableName::App, &own, keys::USER_PROMPTS)).await? {
                let file = format!("organizations/{org}/members/{user}/prompts/{prompt}");
                let prompt = PromptId(prompt);
                yield DataItem::Pointers(Partition::item(TableName::App, keys::shared_prompt(org, &prompt)));
                yield items(&file, Partition::whole(TableName::App, keys::prompt_versions(org, &prompt)));
            }
            // They name the user, and lie with the organization's chatbots.
            let unanswered = Partition::part(TableName::App, keys::tenant(org), keys::UNANSWERED_QUESTIONS);
            let mut stored = self.stored(&unanswered);
            while let Some((sk, row)) = stored.try_next().await? {
                if row["user"].as_str() == Some(user.as_str()) {
                    let key = keys::Key { pk: keys::tenant(org), sk };
                    yield DataItem::Pointers(Partition::item(TableName::App, key));
                }
            }
            drop(stored);
            yield DataItem::Files(org.clone(), keys::large_turns_of(org, user));
            yield items(&name, Partition::whole(TableName::App, own));
            yield DataItem::Share(org.clone(), user.clone());
        }
        .boxed()
    }

    /// Removes all data of an inventory. Idempotent.
    pub(crate) async fn erase(&self, mut inventory: DataInventory<'_>) -> Result<()> {
        while let Some(thing) = inventory.next().await {
            match thing? {
                DataItem::Items(_, items) | DataItem::Pointers(items) => self.store.erase(&items).await?,
                DataItem::Files(_, prefix) | DataItem::Archives(prefix) => self.objects.delete_below(&prefix).await?,
                // The totals stay with the organization, without the user's name.
                DataItem::Share(org, user) => {
                    self.store
                        .ledger()
                        .anonymize_usage(&org, &user, llm::catalog::is_known)
                        .await?;
                }
                DataItem::AuditEntries(_) => {}
            }
        }
        Ok(())
    }

    /// Returns organizations that a user left in which keys of theirs are still listed.
    pub(crate) async fn left_orgs_with_keys(&self, user: &UserId) -> Result<Vec<OrgId>> {
        let left = Partition::part(TableName::Identity, keys::user(user), keys::LEFT_KEYS);
        Ok(self.sort_keys(&left).await?.into_iter().map(OrgId).collect())
    }

    /// Returns the previous addresses of an account.
    pub(crate) async fn former_addresses(&self, user: &UserId) -> Result<Vec<Email>> {
        let former = Partition::part(TableName::Identity, keys::user(user), keys::FORMER_EMAILS);
        let rows = self.rows(&former).await?;
        let emails = rows.iter().filter_map(|row| Email::parse(row["email"].as_str()?).ok());
        Ok(emails.collect())
    }

    /// Returns the days of a user or an organization in the ledger, after the entries that list the open ones.
    fn ledger_of(&self, name: String, owner: String) -> DataInventory<'_> {
        try_stream! {
            let days = Partition::part(TableName::Usage, &owner, keys::DAYS);
            let mut stored = self.stored(&days);
            while let Some((sk, row)) = stored.try_next().await? {
                if let Some(ends_at) = row["opened"].as_i64() {
                    let day = keys::Key { pk: owner.clone(), sk };
                    yield DataItem::Pointers(Partition::item(TableName::Usage, keys::open_day(&day, ends_at)));
                }
            }
            drop(stored);
            yield items(&name, Partition::whole(TableName::Usage, owner));
        }
        .boxed()
    }

    /// Returns the items of a partition with their sort keys, one page in memory at a time.
    fn stored<'a>(&'a self, partition: &'a Partition) -> BoxStream<'a, Result<(String, Value)>> {
        try_stream! {
            let mut after = None;
            loop {
                let portion = self.store.portion(partition, after).await?;
                for item in portion.items {
                    yield item;
                }
                after = portion.next;
                if after.is_none() {
                    break;
                }
            }
        }
        .boxed()
    }

    /// Returns the items of a partition.
    async fn rows(&self, partition: &Partition) -> Result<Vec<Value>> {
        self.stored(partition).map_ok(|(_, row)| row).try_collect().await
    }

    /// Returns what follows the prefix in the sort keys of a partition: the IDs of items.
    async fn sort_keys(&self, partition: &Partition) -> Result<Vec<String>> {
        let id = |(key, _): (String, Value)| key.strip_prefix(&partition.prefix).map(str::to_owned);
        let ids = self.stored(partition).try_filter_map(|item| ready(Ok(id(item))));
        ids.try_collect().await
    }
}

fn items(file: &str, partition: Partition) -> DataItem {
    DataItem::Items(format!("{file}.jsonl"), partition)
}
