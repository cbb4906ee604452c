//! Exports of users' data: one at a time for each user.

use aws_sdk_dynamodb::types::{Delete, TransactWriteItem};
use domain::{AuditEntry, Error, Export, ExportId, ExportStatus, Result, Timestamp, User, UserId};

use crate::{
    Store, keys,
    table::item::{Transaction, conditional, n, part, primary, s, to_item, transact, value},
};

/// Exports by user.
#[derive(Debug, Clone)]
pub struct Exports(Store);

impl Store {
    /// Returns access to exports.
    pub fn exports(&self) -> Exports {
        Exports(self.clone())
    }
}

impl Exports {
    /// Returns the export of a user.
    pub async fn get(&self, user: &UserId) -> Result<Option<Export>> {
        self.0.identity().get(keys::export(user)).await
    }

    /// Begins an export in place of `before`. Returns `false` if another request began one first, or the account has
    /// changed since it was read.
    pub async fn begin(&self, export: &Export, before: Option<&Export>, of: &User, entry: &AuditEntry) -> Result<bool> {
        let table = self.0.identity();
        let item = to_item(&keys::export(&export.user), export)?;
        let put = match before {
            None => table.part_put_new(item)?,
            Some(before) => table.part_put_if(item, "id = :before", [(":before", s(before.id.as_str()))])?,
        };
        let parts = vec![
            put,
            // Erased data must not come back.
            table.part_check(&keys::profile(&of.id), [("status", value(&of.status)?)])?,
        ];
        Ok(self.0.transact_audited(entry, parts).await? == Transaction::Done)
    }

    /// Records that an export is queued again. Returns `false` if another call does so.
    pub async fn queue_again(&self, export: &Export, now: Timestamp) -> Result<bool> {
        let update = self
            .0
            .identity()
            .part_update(&keys::export(&export.user))
            .update_expression("SET queued_at = :now")
            .condition_expression("id = :id AND queued_at = :before")
            .expression_attribute_values(":id", s(export.id.as_str()))
            .expression_attribute_values(":now", value(&now)?)
            .expression_attribute_values(":before", value(&export.queued_at)?);
        Ok(transact(&self.0.db, vec![part(update)?]).await? == Transaction::Done)
    }

    /// Records that the archive is complete. Returns `false` if that was recorded before, or the export was withdrawn.
    pub async fn finish(&self, export: &Export, size_bytes: u64) -> Result<bool> {
        let update = self
            .0
            .identity()
            .part_update(&keys::export(&export.user))
            .update_expression("SET #status = :ready, size_bytes = :size REMOVE replaces")
            .condition_expression("id = :id AND #status <> :ready")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":id", s(export.id.as_str()))
            .expression_attribute_values(":size", n(size_bytes))
            .expression_attribute_values(":ready", value(&ExportStatus::Ready)?);
        Ok(transact(&self.0.db, vec![part(update)?]).await? == Transaction::Done)
    }

    /// Records that the archive could not be created.
    pub async fn fail(&self, user: &UserId, id: &ExportId) -> Result<()> {
        let update = self
            .0
            .identity()
            .update(&keys::export(user))
            .update_expression("SET #status = :failed")
            .condition_expression("id = :id AND #status = :pending")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":id", s(id.as_str()))
            .expression_attribute_values(":failed", value(&ExportStatus::Failed)?)
            .expression_attribute_values(":pending", value(&ExportStatus::Pending)?);
        conditional(update).await.map(|_| ())
    }

    /// Removes an export requested before the credentials of the user were last revoked, if it is still the current
    /// one.
    pub async fn remove_ended(&self, user: &User) -> Result<()> {
        let Some(export) = self.get(&user.id).await?.filter(|export| export.is_ended(user)) else {
            return Ok(());
        };
        let own = ("id", s(export.id.as_str()));
        let part = self.0.identity().part_delete(&keys::export(&user.id), Some(own))?;
        transact(&self.0.db, vec![part]).await.map(|_| ())
    }

    /// Deletes a failed export, so that another one can begin.
    pub async fn forget(&self, export: &Export) -> Result<()> {
        let delete = Delete::builder()
            .table_name(self.0.identity().name)
            .set_key(Some(primary(&keys::export(&export.user))))
            .condition_expression("id = :id AND #status = :failed")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":id", s(export.id.as_str()))
            .expression_attribute_values(":failed", value(&ExportStatus::Failed)?)
            .build()
            .map_err(Error::internal)?;
        let part = TransactWriteItem::builder().delete(delete).build();
        transact(&self.0.db, vec![part]).await.map(|_| ())
    }
}
