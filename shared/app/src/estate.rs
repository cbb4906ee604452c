//! The one list of what a person or an organization has, and where. An erasure walks it; whatever gets a partition
//! of its own gets a line here.
//!
//! A walk visits things before what leads to them. An erasure that is cut off and begun again finds the rest.

use futures::future::BoxFuture;
use model::{Email, OrgId, Result, UserId};
use serde_json::Value;
use store::{Home, Partition, keys};

use crate::App;

impl App {
    /// Everything of a person, their personal organization included. `orgs`: the others they belonged to.
    pub(crate) fn erase_user<'a>(
        &'a self,
        user: &'a UserId,
        personal: &'a OrgId,
        orgs: &'a [OrgId],
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            for org in orgs {
                self.erase_member(org, user).await?;
            }
            self.erase_member(personal, user).await?;
            self.erase_org(personal).await?;
            let links = Partition::part(Home::Identity, keys::user(user), keys::LINKS);
            for digest in self.sort_keys(&links).await? {
                for key in [keys::password_reset(&digest), keys::email_verification(&digest)] {
                    self.store.erase(&Partition::item(Home::Identity, key)).await?;
                }
            }
            self.erase_ledger(&keys::user(user)).await?;
            self.store
                .erase(&Partition::whole(Home::Identity, keys::user(user)))
                .await
        })
    }

    /// Everything of an organization, and what its members have to themselves in it.
    pub(crate) fn erase_org<'a>(&'a self, org: &'a OrgId) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let identity = keys::tenant(org);
            for user in self
                .sort_keys(&Partition::part(Home::Identity, &identity, keys::MEMBERS))
                .await?
            {
                let user = UserId(user);
                self.erase_member(org, &user).await?;
                let place = keys::place(&user, org);
                self.store.erase(&Partition::item(Home::Identity, place)).await?;
            }
            // What leads here from a secret or an address is named in the rows, so it goes before them.
            for key in self
                .rows(&Partition::part(Home::Identity, &identity, keys::API_KEYS))
                .await?
            {
                for hash in [&key["secret_hash"], &key["previous"]["hash"]] {
                    if let Some(hash) = hash.as_str() {
                        let lookup = Partition::item(Home::Identity, keys::api_key_hash(hash));
                        self.store.erase(&lookup).await?;
                    }
                }
            }
            for invitation in self
                .rows(&Partition::part(Home::Identity, &identity, keys::INVITATIONS))
                .await?
            {
                if let Some(hash) = invitation["token_hash"].as_str() {
                    self.store
                        .erase(&Partition::item(Home::Identity, keys::invitation_token(hash)))
                        .await?;
                }
                if let Some(Ok(email)) = invitation["email"].as_str().map(Email::parse) {
                    let invited = keys::invited(&email.fingerprint(), org);
                    self.store.erase(&Partition::item(Home::Identity, invited)).await?;
                }
            }
            self.objects.delete_below(&format!("t/{org}/")).await?;
            self.store
                .erase(&Partition::whole(Home::App, keys::tenant(org)))
                .await?;
            self.erase_ledger(&keys::tenant(org)).await?;
            self.store.erase(&Partition::whole(Home::Identity, identity)).await
        })
    }

    /// What one person has to themselves in an organization.
    pub(crate) fn erase_member<'a>(&'a self, org: &'a OrgId, user: &'a UserId) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let own = keys::member(org, user);
            let conversations = Partition::part(Home::App, &own, keys::CONVERSATIONS);
            for conversation in self.sort_keys(&conversations).await? {
                let turns = keys::turns(org, user, &model::ConversationId(conversation));
                self.store.erase(&Partition::whole(Home::App, turns)).await?;
            }
            self.objects.delete_below(&keys::large_turns_of(org, user)).await?;
            // What they used stays in the organization's sums, without their name.
            self.store.ledger().disown(org, user).await?;
            self.store.erase(&Partition::whole(Home::App, own)).await
        })
    }

    /// The days of a person or an organization, and where the open ones are listed.
    async fn erase_ledger(&self, owner: &str) -> Result<()> {
        let days = Partition::part(Home::Usage, owner, keys::DAYS);
        let mut after = None;
        loop {
            let portion = self.store.portion(&days, after).await?;
            for (sk, row) in portion.items {
                if let Some(ends_at) = row["opened"].as_i64() {
                    let day = keys::Key {
                        pk: owner.to_owned(),
                        sk,
                    };
                    let entry = Partition::item(Home::Usage, keys::open_day(&day, ends_at));
                    self.store.erase(&entry).await?;
                }
            }
            after = portion.next;
            if after.is_none() {
                break;
            }
        }
        self.store.erase(&Partition::whole(Home::Usage, owner)).await
    }

    /// The items of a partition.
    async fn rows(&self, partition: &Partition) -> Result<Vec<Value>> {
        let mut rows = Vec::new();
        let mut after = None;
        loop {
            let portion = self.store.portion(partition, after).await?;
            rows.extend(portion.items.into_iter().map(|(_, row)| row));
            after = portion.next;
            if after.is_none() {
                return Ok(rows);
            }
        }
    }

    /// What follows the prefix in the sort keys of a partition: the ids of things.
    async fn sort_keys(&self, partition: &Partition) -> Result<Vec<String>> {
        let mut ids = Vec::new();
        let mut after = None;
        loop {
            let portion = self.store.portion(partition, after).await?;
            let found = portion
                .items
                .iter()
                .filter_map(|(key, _)| key.strip_prefix(&partition.prefix));
            ids.extend(found.map(str::to_owned));
            after = portion.next;
            if after.is_none() {
                return Ok(ids);
            }
        }
    }
}
