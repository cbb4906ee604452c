//! The one list of what a person or an organization has, and where. An erasure walks it, and so does an export:
//! whatever gets a partition of its own gets a line here.
//!
//! A walk meets things before what leads to them. An erasure that is cut off and begun again finds the rest.

use async_stream::try_stream;
use domain::{ConversationId, Email, Export, OrgId, PromptId, Result, UserId};
use futures::{StreamExt as _, TryStreamExt as _, future::ready, stream::BoxStream};
use serde_json::Value;
use store::{Partition, TableName, keys};

use crate::App;

/// Something that someone has.
#[derive(Debug)]
pub(crate) enum DataItem {
    /// Items, with the name of the file in which an export shows them.
    Items(String, Partition),
    /// Items that only lead to others, from a secret or an address: nothing that a person would read.
    Pointers(Partition),
    /// Uploaded files of an organization and what was made of them: objects whose keys begin alike.
    Files(OrgId, String),
    /// Archives made of all this: objects whose keys begin alike.
    Archives(String),
    /// What a person used, among the sums of an organization.
    Share(OrgId, UserId),
    /// What a person did, and what was done to them, in the audit log. Its entries stay; what is sealed in them cannot
    /// be read any more without the salt, which is among the items of the person.
    AuditEntries(UserId),
}

/// Things, as a walk meets them.
pub(crate) type DataInventory<'a> = BoxStream<'a, Result<DataItem>>;

/// What is left of a person once all else is gone.
pub(crate) fn account_of_user(user: &UserId) -> DataItem {
    items("account", Partition::whole(TableName::Identity, keys::user(user)))
}

impl App {
    /// Everything of a person, their personal organization included. `orgs`: the others they belong to, or did.
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
            // Until here a call that was under way could still be settled, in the person's name.
            for org in orgs {
                yield DataItem::Share(org.clone(), user.clone());
            }
            yield account_of_user(user);
        }
        .boxed()
    }

    /// Everything of an organization, and what its members have to themselves in it.
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
            // What leads here from a secret or an address is named in the rows, so it goes before them.
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
            // Files that are still to come too: who has a link to put one keeps it for an hour. The promise to look for
            // them a day later (`pending_uploads.rs`) holds two IDs and is not of the estate.
            yield DataItem::Files(org.clone(), format!("t/{org}/"));
            let content = Partition::whole(TableName::App, keys::tenant(org));
            yield items(&format!("organizations/{org}/content"), content);
            let mut ledger = self.ledger_of(format!("organizations/{org}/usage"), keys::tenant(org));
            while let Some(thing) = ledger.next().await {
                yield thing?;
            }
            // Numbers without a name, which its sums hold by member.
            for shard in 0..keys::DAY_SHARDS {
                let days = keys::day_shards(&keys::tenant(org), shard);
                yield DataItem::Pointers(Partition::whole(TableName::Usage, days));
            }
            let identity = Partition::whole(TableName::Identity, identity);
            yield items(&format!("organizations/{org}/organization"), identity);
        }
        .boxed()
    }

    /// What one person has to themselves in an organization.
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
            yield DataItem::Files(org.clone(), keys::large_turns_of(org, user));
            yield items(&name, Partition::whole(TableName::App, own));
            yield DataItem::Share(org.clone(), user.clone());
        }
        .boxed()
    }

    /// Removes everything of an estate; twice is harmless.
    pub(crate) async fn erase(&self, mut inventory: DataInventory<'_>) -> Result<()> {
        while let Some(thing) = inventory.next().await {
            match thing? {
                DataItem::Items(_, items) | DataItem::Pointers(items) => self.store.erase(&items).await?,
                DataItem::Files(_, prefix) | DataItem::Archives(prefix) => self.objects.delete_below(&prefix).await?,
                // The sums stay the organization's, without their name.
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

    /// Organizations that a person left, where keys of theirs are still listed.
    pub(crate) async fn orgs_with_left_keys(&self, user: &UserId) -> Result<Vec<OrgId>> {
        let left = Partition::part(TableName::Identity, keys::user(user), keys::LEFT_KEYS);
        Ok(self.sort_keys(&left).await?.into_iter().map(OrgId).collect())
    }

    /// The addresses that an account had before the one it has.
    pub(crate) async fn former_addresses(&self, user: &UserId) -> Result<Vec<Email>> {
        let former = Partition::part(TableName::Identity, keys::user(user), keys::FORMER_EMAILS);
        let rows = self.rows(&former).await?;
        let emails = rows.iter().filter_map(|row| Email::parse(row["email"].as_str()?).ok());
        Ok(emails.collect())
    }

    /// The days of a person or an organization in the ledger, after the places where the open ones are listed.
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

    /// The items of a partition with their sort keys, a portion in memory.
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

    /// The items of a partition.
    async fn rows(&self, partition: &Partition) -> Result<Vec<Value>> {
        self.stored(partition).map_ok(|(_, row)| row).try_collect().await
    }

    /// What follows the prefix in the sort keys of a partition: the IDs of things.
    async fn sort_keys(&self, partition: &Partition) -> Result<Vec<String>> {
        let id = |(key, _): (String, Value)| key.strip_prefix(&partition.prefix).map(str::to_owned);
        let ids = self.stored(partition).try_filter_map(|item| ready(Ok(id(item))));
        ids.try_collect().await
    }
}

fn items(file: &str, partition: Partition) -> DataItem {
    DataItem::Items(format!("{file}.jsonl"), partition)
}
