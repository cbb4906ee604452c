//! The one list of what a person or an organization has, and where. Erasure and export both walk it, so that
//! nothing can be in one and not in the other.
//!
//! A walk visits things before what leads to them. An erasure that is cut off and begun again finds the rest.

use futures::future::BoxFuture;
use model::{OrgId, Result, UserId};
use store::{Home, Partition, keys};

use crate::App;

/// What is done at each stop.
pub(crate) trait Visitor: Send {
    /// Items, under the name of what they are: `conversations`.
    fn items<'a>(&'a mut self, what: &'static str, partition: Partition) -> BoxFuture<'a, Result<()>>;

    /// Items that only lead to others and say nothing themselves.
    fn pointer(&mut self, partition: Partition) -> BoxFuture<'_, Result<()>>;

    /// Objects whose key starts with `prefix`.
    fn objects(&mut self, prefix: String) -> BoxFuture<'_, Result<()>>;
}

impl App {
    /// Everything of a person, their personal organization included.
    pub(crate) fn walk_user<'a>(
        &'a self,
        user: &'a UserId,
        personal: &'a OrgId,
        visitor: &'a mut dyn Visitor,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            for org in self
                .sort_keys(&Partition::part(Home::Identity, keys::user(user), keys::USER_ORGS))
                .await?
            {
                self.walk_member(&OrgId(org), user, visitor).await?;
            }
            self.walk_member(personal, user, visitor).await?;
            self.walk_org(personal, visitor).await?;
            visitor
                .items("usage", Partition::whole(Home::Usage, keys::user(user)))
                .await?;
            visitor
                .items("account", Partition::whole(Home::Identity, keys::user(user)))
                .await
        })
    }

    /// Everything of an organization, and what its members have to themselves in it.
    pub(crate) fn walk_org<'a>(&'a self, org: &'a OrgId, visitor: &'a mut dyn Visitor) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let identity = keys::tenant(org);
            for user in self
                .sort_keys(&Partition::part(Home::Identity, &identity, keys::MEMBERS))
                .await?
            {
                self.walk_member(org, &UserId(user), visitor).await?;
            }
            visitor.objects(format!("t/{org}/")).await?;
            for (what, prefix) in [("documents", keys::DOCUMENTS), ("chatbots", keys::CHATBOTS)] {
                visitor
                    .items(what, Partition::part(Home::App, keys::tenant(org), prefix))
                    .await?;
            }
            visitor
                .items("other", Partition::whole(Home::App, keys::tenant(org)))
                .await?;
            visitor
                .items("organization", Partition::whole(Home::Identity, identity))
                .await
        })
    }

    /// What one person has to themselves in an organization.
    pub(crate) fn walk_member<'a>(
        &'a self,
        org: &'a OrgId,
        user: &'a UserId,
        visitor: &'a mut dyn Visitor,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let own = keys::member(org, user);
            let conversations = Partition::part(Home::App, &own, keys::CONVERSATIONS);
            for conversation in self.sort_keys(&conversations).await? {
                let turns = keys::turns(org, user, &model::ConversationId(conversation));
                visitor.items("turns", Partition::whole(Home::App, turns)).await?;
            }
            visitor.items("conversations", Partition::whole(Home::App, own)).await
        })
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
