//! A double of the vendors of models: one HTTP server that speaks the protocols of `OpenAI`, Anthropic, Gemini and
//! Amazon Bedrock, says what it is told to say, and keeps its own books.
//!
//! ```ignore
//! let model = ModelDouble::start().await?;
//! let t = Test::with(&model.environment()).await;          // every provider is this double
//! model.next(Script::text("Two years.").cut());            // what the next call gets; the default is `Script::default()`
//! let gate = Gate::default();
//! model.next(Script::text("Two years.").with(Quirk::PlainPings));  // and all that servers do beside their protocols
//! model.next(Script::text("a b c").paced(&gate));          // each word waits for `gate.open(1)`
//! model.until(|calls| calls[1].end == Some(End::Closed)).await;
//! assert_eq!(model.totals().completion_tokens, 3);
//! ```
//!
//! It shares nothing with the adapters that are tested against it.

mod books;
mod compress;
mod protocol;
mod quirk;
mod script;
mod server;

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::serve::ListenerExt as _;
use tokio::{net::TcpListener, task::JoinHandle};

pub use books::{Call, Counts, End, Totals};
pub use compress::Encoding;
pub use protocol::{Protocol, ReceivedRequest};
pub use quirk::{OddUsage, Quirk};
pub use script::{Finish, Gate, Script, Step, ThinkingStyle};

/// The key that every vendor is asked with, in [`ModelDouble::environment`].
pub const KEY: &str = "sk-double";

type Answer = dyn Fn(&ReceivedRequest) -> Script + Send + Sync;

/// What the server and its owner share.
struct Shared {
    books: books::Books,
    next: Mutex<VecDeque<Script>>,
    otherwise: Mutex<Arc<Answer>>,
    meanings: Mutex<Vec<Vec<String>>>,
}

/// A running double. It stops when this is dropped.
pub struct ModelDouble {
    shared: Arc<Shared>,
    address: SocketAddr,
    server: JoinHandle<()>,
}

/// What a lock holds, whoever panicked while they had it.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl ModelDouble {
    /// A double on any free port of this machine that keeps every call.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn start() -> std::io::Result<Self> {
        Self::start_on(0, usize::MAX).await
    }

    /// A double on a port of this machine that keeps the first `keep` calls; its totals count all of them.
    ///
    /// # Errors
    /// When the port is taken.
    #[expect(clippy::disallowed_methods, reason = "it is ended when the double is dropped")]
    pub async fn start_on(port: u16, keep: usize) -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", port)).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            books: books::Books::new(keep),
            next: Mutex::default(),
            otherwise: Mutex::new(Arc::new(|_: &ReceivedRequest| Script::default())),
            meanings: Mutex::default(),
        });
        let router = server::router(Arc::clone(&shared));
        let server = tokio::spawn(async move {
            // It ends with an error of the listener only, and then no call is answered, which the test notices.
            let listener = listener.tap_io(|connection| {
                // Each piece leaves at once; it would otherwise wait 40 ms for the acknowledgment of the last one.
                let _ = connection.set_nodelay(true);
            });
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self {
            shared,
            address,
            server,
        })
    }

    /// Base URL of every vendor: paths with and without a version are understood.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The environment in which every provider is this double. Bedrock's AWS credentials are those of the stack.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let urls = [
            "OPENAI_BASE_URL",
            "ANTHROPIC_BASE_URL",
            "GEMINI_BASE_URL",
            "COHERE_BASE_URL",
            "BEDROCK_BASE_URL",
            "AZURE_OPENAI_ENDPOINT",
            "OPENAI_COMPATIBLE_BASE_URL",
        ];
        let keys = [
            "OPENAI_API_KEY",
            "ANTHROPIC_API_KEY",
            "GEMINI_API_KEY",
            "COHERE_API_KEY",
            "AZURE_OPENAI_API_KEY",
        ];
        let urls = urls.into_iter().map(|name| (name, self.url()));
        let keys = keys.into_iter().map(|name| (name, KEY.to_owned()));
        urls.chain(keys)
            .chain([("BEDROCK_REGION", "eu-central-1".to_owned())])
            .collect()
    }

    /// What the next call that has no script yet is answered with. Calls take scripts in the order they arrive.
    pub fn next(&self, script: Script) {
        locked(&self.shared.next).push_back(script);
    }

    /// What all calls are answered with for which [`ModelDouble::next`] says nothing.
    pub fn always(&self, script: Script) {
        self.answer_with(move |_| script.clone());
    }

    /// The same, decided for each call.
    pub fn answer_with(&self, answer: impl Fn(&ReceivedRequest) -> Script + Send + Sync + 'static) {
        *locked(&self.shared.otherwise) = Arc::new(answer);
    }

    /// Which words mean the same, in vectors of texts.
    pub fn means(&self, words: &[&[&str]]) {
        let owned = words
            .iter()
            .map(|same| same.iter().map(|word| word.to_lowercase()).collect());
        *locked(&self.shared.meanings) = owned.collect();
    }

    /// All calls so far, in the order they arrived.
    pub fn calls(&self) -> Vec<Call> {
        self.shared.books.calls()
    }

    /// The sums of all calls so far.
    pub fn totals(&self) -> Totals {
        self.shared.books.totals()
    }

    /// Waits until the calls are as wanted.
    pub async fn until(&self, wanted: impl Fn(&[Call]) -> bool) {
        self.shared.books.until(wanted).await;
    }

    /// Waits until so many calls have ended, however they did.
    pub async fn until_ended(&self, count: usize) {
        self.until(|calls| calls.iter().filter(|call| call.end.is_some()).count() >= count)
            .await;
    }

    /// Runs until the listener fails.
    pub async fn join(mut self) {
        // A panic of the server has been printed where it happened.
        let _ = (&mut self.server).await;
    }
}

impl Drop for ModelDouble {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Shared {
    fn meanings(&self) -> Vec<Vec<String>> {
        locked(&self.meanings).clone()
    }

    fn script(&self, asked: &ReceivedRequest) -> Script {
        let next = locked(&self.next).pop_front();
        next.unwrap_or_else(|| {
            let otherwise = Arc::clone(&locked(&self.otherwise));
            otherwise(asked)
        })
    }
}
