//! Categories of model calls, as used by the ledger and the statistics.

use serde::{Deserialize, Serialize};

/// What tokens are used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Category {
    /// Requested answers.
    Chat,
    /// Text embeddings.
    Embeddings,
    /// Database queries.
    Sql,
    /// Conversation titles.
    Titles,
    /// Scanned pages of documents.
    Transcription,
    /// Follow-up questions to chatbots, rewritten to be searched for.
    Rewriting,
    /// Vectors of documents and of the questions to them, and reranked passages.
    Retrieval,
}

impl Category {
    /// All categories.
    pub const ALL: [Self; 7] = [
        Self::Chat,
        Self::Embeddings,
        Self::Sql,
        Self::Titles,
        Self::Transcription,
        Self::Rewriting,
        Self::Retrieval,
    ];

    /// Its name in responses.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Embeddings => "embeddings",
            Self::Sql => "sql",
            Self::Titles => "titles",
            Self::Transcription => "transcription",
            Self::Rewriting => "rewriting",
            Self::Retrieval => "retrieval",
        }
    }
}
