//! Invitations to organizations.
//!
//! One invitation is three items that are written and deleted together: the invitation itself, in its organization; the
//! pointer from the invited address, which also makes it unique; and the pointer from its token.

use aws_sdk_dynamodb::types::TransactWriteItem;
use domain::{AuditEntry, Email, Invitation, InvitationId, Membership, Org, OrgId, OrgRole, Result, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    Memberships, OrgWrite, Store, keys,
    orgs::{ALIVE, entitlements::unchanged, place_item},
    table::item::{Transaction, n, part, s, to_item, value},
};

/// Invitations to organizations.
#[derive(Debug, Clone)]
pub struct Invitations(Store);

/// The outcome of accepting an invitation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accepted {
    /// The user is now a member.
    Done,
    /// The invitation was used, withdrawn or renewed meanwhile.
    Changed,
    /// The user is already a member.
    Member,
    /// The user's other memberships changed meanwhile; read again.
    Overtaken,
    /// The organization was deleted, or the account is no longer active.
    Gone,
}

/// Points to an invitation.
#[derive(Serialize, Deserialize)]
struct Pointer {
    org_id: OrgId,
    invitation: InvitationId,
}

impl Store {
    /// Returns access to invitations.
    pub fn invitations(&self) -> Invitations {
        Invitations(self.clone())
    }
}

fn pointer(invitation: &Invitation) -> Pointer {
    Pointer {
        org_id: invitation.org.clone(),
        invitation: invitation.id.clone(),
    }
}

impl Invitations {
    /// Stores a new invitation if `org`, as it was read, has a free seat at `now`. Returns [`OrgWrite::Full`], or
    /// [`OrgWrite::Changed`] if the address is already invited or the organization changed.
    pub async fn create(
        &self,
        invitation: &Invitation,
        org: &Org,
        now: Timestamp,
        entry: &AuditEntry,
    ) -> Result<OrgWrite> {
        let table = self.0.identity();
        let (address, pointer) = (invitation.email.fingerprint(), pointer(invitation));
        let (same, overrides) = unchanged(org)?;
        let mut seat = table
            .part_update(&keys::org(&org.id))
            .update_expression("SET seats = seats + :one")
            .condition_expression(format!("{ALIVE} AND seats < :limit AND #plan = :plan AND {same}"))
            .expression_attribute_names("#plan", "plan")
            .expression_attribute_values(":one", n(1))
            .expression_attribute_values(":limit", n(org.entitlements(now).limits.seats))
            .expression_attribute_values(":plan", value(&org.plan)?);
        if let Some(overrides) = overrides {
            seat = seat.expression_attribute_values(":overrides", overrides);
        }
        let parts = vec![
            table.part_put_new(to_item(&keys::invited(&address, &org.id), &pointer)?)?,
            part(seat)?,
            table.part_put_new(to_item(&keys::invitation(&org.id, &invitation.id), invitation)?)?,
            self.token_part(invitation)?,
        ];
        Ok(match self.0.transact_audited(entry, parts).await? {
            Transaction::Done => OrgWrite::Done,
            Transaction::Refused(1) => OrgWrite::Full,
            Transaction::Refused(_) => OrgWrite::Changed,
        })
    }

    /// Replaces `old` by `new`, the same invitation with another token; the old token becomes invalid.
    pub async fn renew(&self, old: &Invitation, new: &Invitation, entry: &AuditEntry) -> Result<OrgWrite> {
        let table = self.0.identity();
        let update = table
            .part_update(&keys::invitation(&old.org, &old.id))
            .update_expression("SET token_hash = :new, expires_at = :end, #role = :role, invited_by = :by")
            .condition_expression("token_hash = :old")
            .expression_attribute_names("#role", "role")
            .expression_attribute_values(":old", s(&old.token_hash))
            .expression_attribute_values(":new", s(&new.token_hash))
            .expression_attribute_values(":end", s(new.expires_at.to_string()))
            .expression_attribute_values(":role", value(&new.role)?)
            .expression_attribute_values(":by", s(new.invited_by.as_str()));
        let parts = vec![
            part(update)?,
            table.part_delete(&keys::invitation_token(&old.token_hash), None)?,
            self.token_part(new)?,
        ];
        Ok(match self.0.transact_audited(entry, parts).await? {
            Transaction::Done => OrgWrite::Done,
            Transaction::Refused(_) => OrgWrite::Changed,
        })
    }

    /// Ends an invitation that was withdrawn, declined or has expired, and frees its seat.
    pub async fn end(&self, invitation: &Invitation, entry: &AuditEntry) -> Result<OrgWrite> {
        let seat = self
            .0
            .identity()
            .part_update(&keys::org(&invitation.org))
            .update_expression("SET seats = seats - :one")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_values(":one", n(1));
        let mut parts = self.end_parts(invitation)?;
        parts.push(part(seat)?);
        Ok(match self.0.transact_audited(entry, parts).await? {
            Transaction::Done => OrgWrite::Done,
            Transaction::Refused(_) => OrgWrite::Changed,
        })
    }

    /// Turns an invitation into a membership, which takes over its seat. `places`: the memberships of a user who
    /// becomes an owner, as they were read.
    pub async fn accept(
        &self,
        invitation: &Invitation,
        place: &Membership,
        places: Option<&Memberships>,
        entry: &AuditEntry,
    ) -> Result<Accepted> {
        let table = self.0.identity();
        let counted = table
            .part_update(&keys::org(&invitation.org))
            .update_expression("SET owners = owners + :owners")
            .condition_expression(ALIVE)
            .expression_attribute_values(":owners", n(i32::from(place.role == OrgRole::Owner)));
        let mut parts = self.end_parts(invitation)?;
        let members = parts.len();
        parts.push(table.part_put_new(to_item(&keys::membership(&place.org, &place.member), place)?)?);
        parts.push(table.part_put_new(place_item(place)?)?);
        parts.push(part(counted)?);
        let counted = parts.len();
        parts.push(self.0.count_membership(&place.member, places)?);
        Ok(match self.0.transact_audited(entry, parts).await? {
            Transaction::Done => Accepted::Done,
            Transaction::Refused(part) if part < members => Accepted::Changed,
            Transaction::Refused(part) if part < members + 2 => Accepted::Member,
            Transaction::Refused(part) if part == counted && places.is_some() => Accepted::Overtaken,
            Transaction::Refused(_) => Accepted::Gone,
        })
    }

    /// Returns an invitation of `org`, expired or not.
    pub async fn get(&self, org: &OrgId, id: &InvitationId) -> Result<Option<Invitation>> {
        self.0.identity().get(keys::invitation(org, id)).await
    }

    /// Returns the invitation with this token hash, expired or not.
    pub async fn by_token(&self, hash: &str) -> Result<Option<Invitation>> {
        let Some(pointer) = self.0.identity().get::<Pointer>(keys::invitation_token(hash)).await? else {
            return Ok(None);
        };
        let found = self.get(&pointer.org_id, &pointer.invitation).await?;
        Ok(found.filter(|invitation| invitation.token_hash == hash))
    }

    /// Returns the invitation of an address to `org`, expired or not.
    pub async fn of_address(&self, org: &OrgId, email: &Email) -> Result<Option<Invitation>> {
        let key = keys::invited(&email.fingerprint(), org);
        match self.0.identity().get::<Pointer>(key).await? {
            Some(pointer) => self.get(org, &pointer.invitation).await,
            None => Ok(None),
        }
    }

    /// Returns all invitations of an organization, oldest first, expired or not; the plan bounds their number.
    pub async fn of_org(&self, org: &OrgId) -> Result<Vec<Invitation>> {
        self.0.identity().all_below(&keys::tenant(org), keys::INVITATIONS).await
    }

    /// Returns invitations of an address to at most 100 organizations, expired or not.
    pub async fn of_user(&self, email: &Email) -> Result<Vec<Invitation>> {
        let table = self.0.identity();
        let address = keys::address(&email.fingerprint());
        let pointers: Vec<Pointer> = table.all_below(&address, keys::INVITATIONS).await?;
        let keys: Vec<_> = pointers
            .iter()
            .take(100)
            .map(|found| keys::invitation(&found.org_id, &found.invitation))
            .collect();
        let items = table.get_many(&keys).await?;
        items.into_iter().map(crate::table::item::from_item).collect()
    }

    fn end_parts(&self, invitation: &Invitation) -> Result<Vec<TransactWriteItem>> {
        let table = self.0.identity();
        let address = invitation.email.fingerprint();
        Ok(vec![
            table.part_delete(
                &keys::invitation(&invitation.org, &invitation.id),
                Some(("token_hash", s(&invitation.token_hash))),
            )?,
            table.part_delete(&keys::invited(&address, &invitation.org), None)?,
            table.part_delete(&keys::invitation_token(&invitation.token_hash), None)?,
        ])
    }

    fn token_part(&self, invitation: &Invitation) -> Result<TransactWriteItem> {
        let key = keys::invitation_token(&invitation.token_hash);
        self.0.identity().part_put_new(to_item(&key, &pointer(invitation))?)
    }
}
