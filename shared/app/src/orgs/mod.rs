//! Creating, changing and deleting organizations, and their owners.

pub(crate) mod invitations;
pub(crate) mod members;
pub(crate) mod own_invitations;
pub(crate) mod plan_limits;

use domain::{
    Actor, Entitlements, Error, Membership, Org, OrgChange, OrgId, OrgRole, Page, PageRequest, Plan, PlanLimit,
    PlanResource, Purge, Result, User, id::random_bytes, orgs::org::slug_of,
};
use futures::future::BoxFuture;
use serde_json::json;
use store::{Memberships, OptimisticRetry, OrgFound, OrgWrite, UserMembership};

use crate::{App, audit::audit_event::AuditEvent, documents::document_embedder};

pub(crate) const NO_ORG: Error = Error::NotFound("organization");

/// The data of a new organization.
#[derive(Debug)]
pub struct NewOrg {
    /// Display name.
    pub name: String,
    /// Checked slug; derived from the name if `None`.
    pub slug: Option<String>,
    /// Checked time zone; UTC if `None`.
    pub time_zone: Option<String>,
}

/// An organization as seen by one of its members.
#[derive(Debug)]
pub struct OwnOrg {
    /// The organization.
    pub org: Org,
    /// The member's role.
    pub role: OrgRole,
    /// Number of members and pending invitations.
    pub seats: u32,
    /// Maximum number of them.
    pub seat_limit: u32,
}

pub(crate) fn personal() -> Error {
    Error::conflict(
        "personal_org",
        "A personal organization cannot have other members. Create an organization to work with others.",
    )
}

fn slug_taken() -> Error {
    Error::conflict(
        "slug_taken",
        "Another organization already has this slug. Choose a different one.",
    )
}

impl App {
    /// Creates an organization owned by `user`.
    ///
    /// # Errors
    /// Returns [`Error::Conflict`] `slug_taken` for a requested slug (one derived from the name avoids conflicts), or
    /// [`Error::Limit`] if the user owns as many organizations as their plan allows.
    pub fn create_org<'a>(&'a self, user: &'a User, actor: &'a Actor, new: NewOrg) -> BoxFuture<'a, Result<OwnOrg>> {
        Box::pin(async move {
            let now = self.clock.now();
            let id: OrgId = self.ids.make()?;
            let mut org = Org {
                id: id.clone(),
                slug: new.slug.clone().unwrap_or_else(|| slug_of(&new.name, "")),
                name: new.name,
                personal: false,
                plan: Plan::Free,
                overrides: None,
                overage: None,
                time_zone: new.time_zone.unwrap_or_else(|| "UTC".to_owned()),
                pinned_day: None,
                downgrade_model: None,
                transcription_model: None,
                embedding_model: None,
                fallback_models: Vec::new(),
                webhooks: domain::WantedEvents::default(),
                created_at: now,
            };
            let owner = Membership {
                org: id.clone(),
                member: user.id.clone(),
                role: OrgRole::Owner,
                joined_at: now,
            };
            let event = AuditEvent::to_org("org.created", &id).after(json!({"owner": user.id, "plan": org.plan}));
            let entry = self.entry(actor, &id, event)?;
            let mut retry = OptimisticRetry::to_change("an organization");
            loop {
                retry.next().await?;
                let places = self.memberships_within_org_limit(user).await?;
                match self.store.orgs().create(&org, &owner, &places, &entry).await? {
                    OrgWrite::Done => {
                        return Ok(self.own_org(org, owner.role, 1));
                    }
                    OrgWrite::SlugTaken if new.slug.is_some() => return Err(slug_taken()),
                    OrgWrite::SlugTaken => org.slug = slug_of(&org.name, &hex::encode(random_bytes::<4>()?)),
                    _ => {}
                }
            }
        })
    }

    fn own_org(&self, org: Org, role: OrgRole, seats: u32) -> OwnOrg {
        let seat_limit = org.entitlements(self.clock.now()).limits.seats;
        OwnOrg {
            org,
            role,
            seats,
            seat_limit,
        }
    }

    /// Returns a user's memberships if they may own another organization. The largest limit of the organizations that
    /// they own applies, including the personal one.
    pub(crate) async fn memberships_within_org_limit(&self, user: &User) -> Result<Memberships> {
        let (places, personal) = futures::try_join!(self.store.memberships_of(&user.id), async {
            self.store.orgs().get(&user.personal_org).await
        },)?;
        if !places.is_active {
            return Err(NO_ORG);
        }
        let now = self.clock.now();
        let personal = personal.map(|found| found.org);
        let all = places.owned.iter().chain(&personal).map(|org| org.entitlements(now));
        let own = all.max_by_key(|own| own.limits.organizations);
        let own = own.unwrap_or_else(|| Entitlements::resolve(Plan::Free, None, now));
        let limit = PlanLimit::of(&own, PlanResource::Organizations, places.owned.len() as u64, 1);
        if limit.is_exceeded() {
            return Err(Error::plan_limit(limit));
        }
        Ok(places)
    }

    /// Returns the organizations of `user`, newest first, including the personal one.
    pub fn own_orgs<'a>(&'a self, user: &'a User, page: &'a PageRequest) -> BoxFuture<'a, Result<Page<OwnOrg>>> {
        Box::pin(async move {
            let places = self.store.orgs().places(&user.id, page).await?;
            let places = with_personal(places, user, page);
            let ids: Vec<OrgId> = places
                .items
                .iter()
                .map(|membership| membership.org_id.clone())
                .collect();
            let mut found = self.store.orgs().get_many(&ids).await?;
            let items = places.items.into_iter().filter_map(|membership| {
                // Memberships of a deleted organization exist until its data is removed.
                let OrgFound { org, seats, .. } = found.remove(&membership.org_id)?;
                let role = membership.role;
                Some(self.own_org(org, role, seats))
            });
            Ok(Page {
                items: items.collect(),
                next: places.next,
            })
        })
    }

    /// Returns the organization of a membership.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] if it was deleted in the meantime.
    pub fn org_of<'a>(&'a self, membership: &'a Membership) -> BoxFuture<'a, Result<OwnOrg>> {
        Box::pin(async move {
            let OrgFound { org, seats, .. } = self.store.orgs().get(&membership.org).await?.ok_or(NO_ORG)?;
            Ok(self.own_org(org, membership.role, seats))
        })
    }

    /// Changes an organization. A new embedding model makes the vectors of documents that are indexed from then on;
    /// [`App::embed_documents`] has it make those of the others.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`] for an embedding model of a provider that has none, [`Error::Conflict`] `slug_taken`, or `personal_org` for the slug of a personal one, which is its ID.
    pub fn update_org<'a>(
        &'a self,
        membership: &'a Membership,
        actor: &'a Actor,
        change: OrgChange,
    ) -> BoxFuture<'a, Result<OwnOrg>> {
        Box::pin(async move {
            if let Some(model) = change.embedding_model.as_deref().filter(|model| !model.is_empty()) {
                document_embedder::check(model)?;
            }
            let mut retry = OptimisticRetry::to_change("an organization");
            loop {
                retry.next().await?;
                let before = self.org_of(membership).await?.org;
                if before.personal && change.slug.is_some() {
                    return Err(personal());
                }
                let fields = [
                    ("name", change.name.is_some()),
                    ("slug", change.slug.is_some()),
                    ("time_zone", change.time_zone.is_some()),
                    ("downgrade_model", change.downgrade_model.is_some()),
                    ("fallback_models", change.fallback_models.is_some()),
                    ("transcription_model", change.transcription_model.is_some()),
                    ("embedding_model", change.embedding_model.is_some()),
                ];
                let fields: Vec<_> = fields
                    .iter()
                    .filter(|(_, given)| *given)
                    .map(|(name, _)| name)
                    .collect();
                if fields.is_empty() {
                    break;
                }
                let event = AuditEvent::to_org("org.updated", &before.id).after(json!({ "fields": fields }));
                let entry = self.entry(actor, &before.id, event)?;
                let moves = change.time_zone.as_ref().is_some_and(|zone| *zone != before.time_zone);
                let change = OrgChange {
                    pinned_day: moves.then(|| before.day(self.clock.now())).transpose()?,
                    ..change.clone()
                };
                match self.store.orgs().update(&before, &change, &entry).await? {
                    OrgWrite::Done => break,
                    OrgWrite::SlugTaken => return Err(slug_taken()),
                    _ => {}
                }
            }
            self.org_of(membership).await
        })
    }

    /// Deletes an organization: it is inaccessible to everyone from now on. Its data is removed later.
    ///
    /// # Errors
    /// Returns [`Error::Conflict`] `personal_org`.
    pub fn delete_org<'a>(&'a self, membership: &'a Membership, actor: &'a Actor) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let mut retry = OptimisticRetry::to_change("an organization");
            loop {
                retry.next().await?;
                let org = self.org_of(membership).await?.org;
                if org.personal {
                    return Err(Error::conflict(
                        "personal_org",
                        "A personal organization cannot be deleted. Delete the account instead.",
                    ));
                }
                let entry = self.entry(actor, &org.id, AuditEvent::to_org("org.deleted", &org.id))?;
                if self.store.orgs().delete(&org, self.clock.now(), &entry).await? == OrgWrite::Done {
                    self.queue_purge(&Purge::Org { org_id: org.id }).await;
                    return Ok(());
                }
            }
        })
    }
}

/// Inserts the personal organization at its position: every account has one, so no item is stored for it.
fn with_personal(mut page: Page<UserMembership>, user: &User, wanted: &PageRequest) -> Page<UserMembership> {
    let own = user.personal_org.as_str();
    let begins_before = wanted.after.as_deref().is_none_or(|after| own < after);
    let ends_after = page.next.as_deref().is_none_or(|last| own > last);
    if begins_before && ends_after {
        let index = page
            .items
            .partition_point(|membership| membership.org_id.as_str() > own);
        let membership = UserMembership {
            org_id: user.personal_org.clone(),
            role: OrgRole::Owner,
            joined_at: user.created_at,
        };
        page.items.insert(index, membership);
        if page.items.len() > usize::from(wanted.limit) {
            page.items.truncate(wanted.limit.into());
            page.next = page.items.last().map(|membership| membership.org_id.0.clone());
        }
    }
    page
}
