//! The built-in embedding model: where it is, and its one copy in memory.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use domain::{Error, Result};
use embedding::{Model, Role};
use retrieval::{Embedder, Vector};
use store::Objects;
use tokio::{
    sync::{OnceCell, Semaphore},
    task::spawn_blocking,
};

/// Longest name of a model that is part of object keys and segments, in bytes.
const MAX_NAME: usize = 64;

/// The embedding model of a deployment, if it has one. Clones share what was loaded: nothing is read before it is needed,
/// so functions that embed nothing start as fast as without a model.
#[derive(Clone, Default)]
pub struct EmbeddingModel(Option<Arc<Shared>>);

struct Shared {
    location: Location,
    /// The name of the file, which changes with its content: vectors of different names are never compared.
    name: String,
    loaded: OnceCell<Option<Arc<LoadedModel>>>,
}

#[derive(Debug)]
enum Location {
    File(PathBuf),
    Object(String),
}

/// A model in memory.
pub(crate) struct LoadedModel {
    model: Model,
    pub(crate) embedder: Embedder,
    /// As many passages at the same time as there are cores.
    cores: Semaphore,
}

impl EmbeddingModel {
    /// Reads `EMBEDDING_MODEL`, the path of a file, and `EMBEDDING_MODEL_KEY`, the key of an object in the bucket, through
    /// `get`. Without either there is no model, and documents are found by their words alone.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Self {
        let get = |name: &str| get(name).map(|value| value.trim().to_owned()).filter(|v| !v.is_empty());
        let location = match (get("EMBEDDING_MODEL"), get("EMBEDDING_MODEL_KEY")) {
            (Some(path), _) => Location::File(path.into()),
            (None, Some(key)) => Location::Object(key),
            (None, None) => return Self(None),
        };
        let path = match &location {
            Location::File(path) => path.as_path(),
            Location::Object(key) => Path::new(key),
        };
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        let known = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        Self(Some(Arc::new(Shared {
            name: stem.chars().filter(known).take(MAX_NAME).collect(),
            location,
            loaded: OnceCell::new(),
        })))
    }

    /// Returns the name of the model, without loading it.
    pub(crate) fn name(&self) -> Option<&str> {
        self.0.as_ref().map(|shared| shared.name.as_str())
    }

    /// Returns the model, which the first call loads. `None` if there is none, or its file cannot be used: an operator
    /// has to look at the log, and meanwhile documents are found by their words.
    ///
    /// # Errors
    /// Returns an error if the bucket cannot be reached now.
    pub(crate) async fn load(&self, objects: &Objects) -> Result<Option<Arc<LoadedModel>>> {
        let Some(shared) = &self.0 else {
            return Ok(None);
        };
        let loaded = shared.loaded.get_or_try_init(|| shared.load(objects)).await?;
        Ok(loaded.clone())
    }
}

impl Shared {
    async fn load(&self, objects: &Objects) -> Result<Option<Arc<LoadedModel>>> {
        let bytes = match &self.location {
            Location::File(path) => {
                let path = path.clone();
                let read = spawn_blocking(move || std::fs::read(path)).await;
                read.map_err(Error::internal)?.map_err(|error| error.to_string())
            }
            Location::Object(key) => match objects.get(key).await? {
                Some(bytes) => Ok(bytes.into()),
                None => Err("there is no such object".to_owned()),
            },
        };
        let model = match bytes {
            Ok(bytes) => spawn_blocking(move || Model::from_bytes(bytes))
                .await
                .map_err(Error::internal)?
                .map_err(|error| error.to_string()),
            Err(error) => Err(error),
        };
        match model {
            Ok(model) => Ok(Some(Arc::new(LoadedModel {
                embedder: Embedder {
                    id: self.name.clone(),
                    dimensions: model.dimensions(),
                },
                model,
                cores: Semaphore::new(std::thread::available_parallelism().map_or(1, usize::from)),
            }))),
            Err(error) => {
                tracing::error!(location = ?self.location, error, "embedding_model.unusable");
                Ok(None)
            }
        }
    }
}

impl LoadedModel {
    /// Returns the vector of a question; `None` if it has no meaning.
    pub(crate) async fn question(self: &Arc<Self>, text: String) -> Result<Option<Vector>> {
        let this = self.clone();
        let embed = move || this.model.embed(Role::Query, &[&text]);
        let vectors = spawn_blocking(embed).await.map_err(Error::internal)?;
        Ok(vectors.first().and_then(|vector| Vector::of(vector)))
    }

    /// Returns the vectors of passages, in order.
    pub(crate) async fn passages(self: &Arc<Self>, texts: Vec<String>) -> Result<Vec<Option<Vector>>> {
        let _core = self.cores.acquire().await.map_err(Error::internal)?;
        let this = self.clone();
        let embed = move || {
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            this.model.embed(Role::Passage, &texts)
        };
        let vectors = spawn_blocking(embed).await.map_err(Error::internal)?;
        Ok(vectors.iter().map(|vector| Vector::of(vector)).collect())
    }
}

impl fmt::Debug for EmbeddingModel {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let location = self.0.as_ref().map(|shared| &shared.location);
        formatter.debug_tuple("EmbeddingModel").field(&location).finish()
    }
}
