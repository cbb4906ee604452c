//! What makes the vectors of an organization's documents, and of the questions to them: the model of a provider that the
//! organization has chosen (its `embedding_model`), else the built-in model, if there is one.
//!
//! The tokens of a provider's model count for the user who uploaded the document, or who asks.

use std::sync::Arc;

use domain::{
    Category, Document, Error, LimitReached, OrgId, OrgRole, Result, User, documents::embedding::EmbeddingHost,
};
use llm::{
    Provider, TextRole,
    catalog::{self, ModelRef},
    document_dimensions,
};
use retrieval::{Embedder, Vector, Vectors};

use crate::{App, BillingContext, EmbeddingRequest, platform::embedding_model::LoadedModel};

/// What makes the vectors of documents.
#[derive(Clone)]
pub(crate) enum DocumentEmbedder {
    /// The built-in model.
    BuiltIn(Arc<LoadedModel>),
    /// The model of a provider.
    Provider(ModelRef),
}

/// The vectors of some texts, and what they are of.
pub(crate) struct MadeVectors {
    pub(crate) embedder: Embedder,
    /// One for each text, in order; `None` for one without a meaning.
    pub(crate) vectors: Vec<Option<Vector>>,
}

impl DocumentEmbedder {
    /// Returns the ID that its vectors carry.
    pub(crate) fn id(&self) -> String {
        match self {
            Self::BuiltIn(model) => model.embedder.id.clone(),
            Self::Provider(named) => id_of(named),
        }
    }

    pub(crate) fn host(&self) -> EmbeddingHost {
        match self {
            Self::BuiltIn(_) => EmbeddingHost::BuiltIn,
            Self::Provider(_) => EmbeddingHost::Provider,
        }
    }
}

/// Returns the ID of a provider's model, by which its vectors are known. No name of a file has a slash, so it is never that
/// of a built-in model.
fn id_of(named: &ModelRef) -> String {
    format!("{}/{}", named.provider.name(), named.model)
}

/// Checks that a model can make vectors, as far as its name tells.
pub(crate) fn check(model: &str) -> Result<()> {
    let named = catalog::resolve(model);
    let has_vectors = !matches!(named.provider, Provider::BuiltIn | Provider::Anthropic) && !named.model.is_empty();
    if has_vectors {
        return Ok(());
    }
    let detail = "names no embedding model of a provider; name one such as text-embedding-3-small, or leave it empty";
    Err(Error::invalid("/embedding_model", detail))
}

impl App {
    /// Returns the ID of what makes the vectors of an organization's documents, without loading it; `None` if none are made.
    pub(crate) async fn document_embedder_id(&self, org: &OrgId) -> Result<Option<String>> {
        let chosen = self.chosen_embedding_model(org).await?;
        let built_in = || self.config.embedding.name().map(str::to_owned);
        Ok(chosen.as_ref().map(id_of).or_else(built_in))
    }

    /// Returns what makes the vectors of an organization's documents; `None` if none are made.
    ///
    /// # Errors
    /// Returns an error if the built-in model cannot be read now.
    pub(crate) async fn document_embedder(&self, org: &OrgId) -> Result<Option<DocumentEmbedder>> {
        if let Some(named) = self.chosen_embedding_model(org).await? {
            return Ok(Some(DocumentEmbedder::Provider(named)));
        }
        let built_in = self.config.embedding.load(&self.objects).await?;
        Ok(built_in.map(DocumentEmbedder::BuiltIn))
    }

    async fn chosen_embedding_model(&self, org: &OrgId) -> Result<Option<ModelRef>> {
        let found = self.store.orgs().get(org).await?;
        let name = found.and_then(|found| found.org.embedding_model);
        Ok(name.as_deref().map(catalog::resolve))
    }

    /// Returns the vectors of passages of a document.
    ///
    /// # Errors
    /// Returns those of [`App::embed`].
    pub(super) async fn passage_vectors(
        &self,
        document: &Document,
        embedder: &DocumentEmbedder,
        texts: Vec<String>,
    ) -> Result<MadeVectors> {
        match embedder {
            DocumentEmbedder::BuiltIn(model) => Ok(MadeVectors {
                vectors: model.passages(texts).await?,
                embedder: model.embedder.clone(),
            }),
            DocumentEmbedder::Provider(named) => {
                let payer = self.payer_of(document).await?;
                let billing = BillingContext::user(&payer, &document.org);
                self.vectors_of_provider(billing, named, TextRole::Passage, texts).await
            }
        }
    }

    /// Returns the vector of a question if the organization's model has this ID; `None` if it has another, or the question
    /// has no meaning.
    ///
    /// # Errors
    /// Returns those of [`App::embed`].
    pub(crate) async fn question_vector_of_provider(
        &self,
        billing: &BillingContext,
        is_wanted: impl Fn(&str) -> bool,
        question: &str,
    ) -> Result<Option<(Embedder, Vector)>> {
        let known = billing.known_org().map(|org| org.embedding_model.clone());
        let named = match known {
            Some(known) => known.as_deref().map(catalog::resolve),
            None => self.chosen_embedding_model(&billing.org).await?,
        };
        let Some(named) = named.filter(|named| is_wanted(&id_of(named))) else {
            return Ok(None);
        };
        // The key of a caller may be restricted to models that answer.
        let billing = billing.clone().without_model();
        let texts = vec![question.to_owned()];
        let mut made = self
            .vectors_of_provider(billing, &named, TextRole::Question, texts)
            .await?;
        Ok(made.vectors.pop().flatten().map(|vector| (made.embedder, vector)))
    }

    async fn vectors_of_provider(
        &self,
        billing: BillingContext,
        named: &ModelRef,
        role: TextRole,
        texts: Vec<String>,
    ) -> Result<MadeVectors> {
        let asked = EmbeddingRequest {
            model: id_of(named),
            texts,
            role,
            dimensions: document_dimensions(named),
            category: Category::Retrieval,
        };
        let found = self.embed(billing, asked).await?;
        let dimensions = found.vectors.first().map_or(0, Vec::len);
        if dimensions > Vectors::MAX_DIMENSIONS {
            return Err(Error::invalid("/embedding_model", "makes vectors that are too long"));
        }
        Ok(MadeVectors {
            embedder: Embedder {
                id: id_of(named),
                dimensions,
            },
            vectors: found.vectors.iter().map(|vector| Vector::of(vector)).collect(),
        })
    }

    /// Returns for whom the tokens of a document count: the user who uploaded it, or the organization's owner if that user
    /// no longer exists.
    async fn payer_of(&self, document: &Document) -> Result<User> {
        let accounts = self.store.accounts();
        if let Some(uploader) = accounts.get(&document.created_by).await? {
            return Ok(uploader);
        }
        let members = self.store.orgs().members(&document.org).await?;
        let owner = members.iter().find(|member| member.role == OrgRole::Owner);
        let owner = match owner {
            Some(owner) => accounts.get(&owner.member).await?,
            None => None,
        };
        owner.ok_or(Error::Forbidden {
            code: "nobody_pays",
            detail: "The user who uploaded the document no longer exists, and the organization has no owner.",
        })
    }
}

/// Returns whether somebody has to act before a model can make vectors; otherwise a later delivery may succeed.
pub(super) fn is_final(error: &Error) -> bool {
    match error {
        Error::Limit(reached) => match &**reached {
            // What is reserved by calls that are running is free again soon.
            LimitReached::Tokens { limit, needed, .. } => limit.used.saturating_add(*needed) > limit.limit,
            LimitReached::Requests(_) => false,
            LimitReached::Plan(_) => true,
        },
        Error::ModelRequest { .. } | Error::Forbidden { .. } | Error::Invalid(_) => true,
        Error::Upstream { code, .. } => *code == "provider_not_configured",
        _ => false,
    }
}

/// Returns the reason of an error as a user reads it.
pub(super) fn reason(error: &Error) -> String {
    match error {
        Error::Invalid(fields) => fields
            .iter()
            .map(|field| format!("the embedding model {}", field.detail))
            .collect::<Vec<_>>()
            .join("; "),
        Error::Unavailable(_) | Error::Internal(_) => "a service was not available for hours".to_owned(),
        error => error.to_string().trim_end_matches('.').to_owned(),
    }
}
