//! What people say of the tables of a data source: descriptions and other names, which questions use.

use domain::{Actor, DataSourceId, Error, Membership, Result, TableNotes};
use futures::future::BoxFuture;

use super::SourceSchema;
use crate::{App, audit::audit_event::AuditEvent};

impl App {
    /// Replaces what people say of a table.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] for the data source and the table, [`Error::Invalid`] for a column that the table
    /// does not have.
    pub fn put_table_notes<'a>(
        &'a self,
        member: &'a Membership,
        actor: &'a Actor,
        id: Option<&'a DataSourceId>,
        mut notes: TableNotes,
    ) -> BoxFuture<'a, Result<SourceSchema>> {
        Box::pin(async move {
            let mut schema = self.source_schema(&member.org, id).await?;
            let table = schema.catalog.table(&notes.table).ok_or(Error::NotFound("table"))?;
            notes.table.clone_from(&table.name);
            for column in notes.columns.keys() {
                if table.column(column).is_none() {
                    return Err(Error::invalid(
                        "/columns",
                        format!("`{column}` is not a column of this table"),
                    ));
                }
            }
            let event = AuditEvent::new("data_source.described", "data_source", schema.source.id.as_str());
            let entry = self.entry(actor, &member.org, event)?;
            let sources = self.store.data_sources(&member.org);
            sources.put_notes(&schema.source.id, &notes, &entry).await?;
            schema.notes.retain(|other| other.table != notes.table);
            schema.notes.push(notes);
            Ok(schema)
        })
    }
}
