//! What people add to the schema of a database: descriptions, other names, and what is sensitive.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What people say of a table.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TableNotes {
    /// The table.
    pub table: String,
    /// What a row is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Other names for it in questions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub synonyms: Vec<String>,
    /// What they say of its columns, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub columns: BTreeMap<String, ColumnNotes>,
}

/// What people say of a column.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ColumnNotes {
    /// What a value is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Other names for it in questions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub synonyms: Vec<String>,
    /// Whether its values should not be shown without need; `None` for what its name suggests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sensitive: Option<bool>,
}

impl TableNotes {
    /// Maximum length of a description, in characters.
    pub const MAX_DESCRIPTION: usize = 500;
    /// Maximum length of a synonym, in characters.
    pub const MAX_SYNONYM: usize = 60;
    /// Maximum number of synonyms of a table or column.
    pub const MAX_SYNONYMS: usize = 10;
}
