//! Databases that members of an organization ask questions about, and the queries they asked.

pub mod data_source;
pub mod query;
pub mod table_notes;
