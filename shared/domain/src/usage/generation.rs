//! One answer of a model, as the ledger and the statistics know it.

use serde::{Deserialize, Serialize};

/// What tokens are used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Category {
    /// Answers that someone asked for.
    Chat,
    /// Texts as vectors.
    Embeddings,
    /// Questions to databases.
    Sql,
    /// Titles of conversations.
    Titles,
}

impl Category {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Chat, Self::Embeddings, Self::Sql, Self::Titles];

    /// Its name, as in an answer.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Embeddings => "embeddings",
            Self::Sql => "sql",
            Self::Titles => "titles",
        }
    }
}
