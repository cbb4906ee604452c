//! The file of a document whose page was fetched after the document was created.

use domain::{Document, Entitlements, PlanLimit, Result};

use super::Documents;
use crate::{
    keys,
    orgs::resource_counts::{Counted, ResourceChange},
    table::{
        item::{n, s, value},
        transaction::part,
    },
};

/// The outcome of recording a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileStored {
    /// The document has its file.
    Done,
    /// Not recorded: the lease was lost, or the document was deleted.
    LeaseLost,
    /// Not recorded: the plan allows no more.
    Full(PlanLimit),
}

impl Documents {
    /// Records what was fetched for a document that `holder` has leased, as `document` describes it, and counts its
    /// size, if `own` allows it. Its title becomes the name, unless a user has renamed it since it was read as
    /// `before`.
    pub async fn store_fetched(
        &self,
        before: &Document,
        document: &Document,
        holder: &str,
        own: &Entitlements,
    ) -> Result<FileStored> {
        if before.name != document.name {
            let named = self.store_file(document, holder, Some(&before.name), own).await?;
            if named != FileStored::LeaseLost {
                return Ok(named);
            }
        }
        self.store_file(document, holder, None, own).await
    }

    /// Records what was fetched; with `unnamed`, also its name, on the condition that the present one is this.
    async fn store_file(
        &self,
        document: &Document,
        holder: &str,
        unnamed: Option<&str>,
        own: &Entitlements,
    ) -> Result<FileStored> {
        let Some(web) = &document.web else {
            return Ok(FileStored::LeaseLost);
        };
        let update = self
            .store
            .app()
            .part_update(&keys::document(&self.org, &document.id))
            .expression_attribute_values(":me", s(holder))
            .expression_attribute_values(":web", value(web)?)
            .expression_attribute_values(":file_name", s(&document.file_name))
            .expression_attribute_values(":kind", value(&document.kind)?)
            .expression_attribute_values(":size", n(document.size_bytes))
            .expression_attribute_values(":sha256", s(&document.sha256))
            .expression_attribute_values(":now", s(document.updated_at.to_string()));
        let (condition, set) = (
            "lease_holder = :me AND attribute_exists(web)",
            "SET web = :web, file_name = :file_name, kind = :kind, size_bytes = :size, sha256 = :sha256, \
             updated_at = :now",
        );
        let update = match unnamed {
            None => update.condition_expression(condition).update_expression(set),
            Some(unnamed) => update
                .condition_expression(format!("{condition} AND #name = :unnamed"))
                .update_expression(format!("{set}, #name = :name"))
                .expression_attribute_names("#name", "name")
                .expression_attribute_values(":unnamed", s(unnamed))
                .expression_attribute_values(":name", s(&document.name)),
        };
        let more = ResourceChange::storage(document.size_bytes);
        let parts: Vec<_> = [part(update)?]
            .into_iter()
            .chain(self.part_put_content(document)?)
            .collect();
        let counted = self.store.transact_counted(&self.org, parts, &more, Some(own)).await?;
        Ok(match counted {
            Counted::Done => FileStored::Done,
            Counted::Refused(_) => FileStored::LeaseLost,
            Counted::Full(limit) => FileStored::Full(limit),
        })
    }
}
