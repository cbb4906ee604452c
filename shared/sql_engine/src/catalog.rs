//! What a database contains: tables, columns, keys.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The tables of a database.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Catalog {
    /// In the order of their names.
    pub tables: Vec<Table>,
}

/// A table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Table {
    /// Its name; with its schema in front if another table of the database has the same name.
    pub name: String,
    /// The schema that it is in, where databases have several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// What the database says of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// Its columns, in their order.
    pub columns: Vec<Column>,
    /// The columns of its primary key; empty if it has none.
    pub primary_key: Vec<String>,
    /// References to other tables.
    pub foreign_keys: Vec<ForeignKey>,
    /// Number of rows when the file was created, or an estimate of the database; `None` if nobody has counted.
    pub row_count: Option<u64>,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// The type of its values.
    #[serde(rename = "type")]
    pub column_type: ColumnType,
    /// Whether values may be missing.
    pub nullable: bool,
    /// Whether it probably holds what should not be shown without need: addresses, salaries, secrets.
    pub sensitive: bool,
    /// All distinct values, most frequent first, if there are few and they are not sensitive.
    pub values: Vec<Value>,
    /// The smallest and the largest value of a date or number that is not sensitive.
    pub range: Option<(Value, Value)>,
    /// What the database says of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// A reference to another table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ForeignKey {
    /// The columns that refer.
    pub columns: Vec<String>,
    /// The table that they refer to.
    pub references_table: String,
    /// The columns that they refer to.
    pub references_columns: Vec<String>,
    /// Whether names and values suggest it, rather than the database declaring it.
    pub inferred: bool,
}

/// The type of the values of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ColumnType {
    /// Whole numbers.
    Integer,
    /// Numbers.
    Real,
    /// Text.
    Text,
    /// Days, as in `2026-11-30`.
    Date,
    /// Moments, as in `2026-11-30 18:05:00`.
    Datetime,
    /// 0 and 1.
    Boolean,
    /// Bytes.
    Blob,
    /// Values of several types, or none at all.
    Unknown,
}

impl ColumnType {
    /// Returns the type for a declaration in `CREATE TABLE`, by the rules of `SQLite`'s type affinity
    /// (<https://www.sqlite.org/datatype3.html#determination_of_column_affinity>) after the types it does not have.
    pub(crate) fn of_declaration(declared: &str) -> Self {
        let declared = declared.to_ascii_uppercase();
        let has = |part: &str| declared.contains(part);
        if has("BOOL") {
            Self::Boolean
        } else if has("DATETIME") || has("TIMESTAMP") {
            Self::Datetime
        } else if has("DATE") {
            Self::Date
        } else if has("INT") {
            Self::Integer
        } else if has("CHAR") || has("CLOB") || has("TEXT") || has("STRING") {
            Self::Text
        } else if has("BLOB") {
            Self::Blob
        } else if ["REAL", "FLOAT", "DOUBLE", "NUMERIC", "DECIMAL", "MONEY"]
            .iter()
            .any(|part| has(part))
        {
            Self::Real
        } else {
            Self::Unknown
        }
    }

    /// Returns how a column of this type is declared.
    pub(crate) fn declaration(self) -> &'static str {
        match self {
            Self::Integer => "INTEGER",
            Self::Real => "REAL",
            Self::Text => "TEXT",
            Self::Date => "DATE",
            Self::Datetime => "DATETIME",
            Self::Boolean => "BOOLEAN",
            Self::Blob => "BLOB",
            Self::Unknown => "",
        }
    }

    /// Returns whether values are numbers that can be added.
    pub fn is_number(self) -> bool {
        matches!(self, Self::Integer | Self::Real)
    }

    /// Returns whether values are points in time.
    pub fn is_time(self) -> bool {
        matches!(self, Self::Date | Self::Datetime)
    }
}

impl Catalog {
    /// Returns a table by its name, whatever its case.
    pub fn table(&self, name: &str) -> Option<&Table> {
        self.tables.iter().find(|table| table.name.eq_ignore_ascii_case(name))
    }
}

impl Table {
    /// Returns its name in its schema.
    pub fn relation(&self) -> &str {
        let within = |schema: &String| self.name.strip_prefix(schema.as_str())?.strip_prefix('.');
        self.schema.as_ref().and_then(within).unwrap_or(&self.name)
    }

    /// Returns a column by its name, whatever its case.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns
            .iter()
            .find(|column| column.name.eq_ignore_ascii_case(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_declaration_has_the_type_that_its_affinity_suggests() {
        for (declared, expected) in [
            ("INTEGER", ColumnType::Integer),
            ("bigint", ColumnType::Integer),
            ("VARCHAR(40)", ColumnType::Text),
            ("decimal(10,2)", ColumnType::Real),
            ("double precision", ColumnType::Real),
            ("timestamp with time zone", ColumnType::Datetime),
            ("date", ColumnType::Date),
            ("tinyint(1) bool", ColumnType::Boolean),
            ("", ColumnType::Unknown),
        ] {
            assert_eq!(ColumnType::of_declaration(declared), expected, "{declared}");
        }
    }
}
