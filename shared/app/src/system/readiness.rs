//! Readiness: whether all dependencies respond.

use domain::Queue;
use futures::future::{BoxFuture, join_all};

use crate::App;

/// A dependency.
#[derive(Debug, Clone)]
pub struct Dependency {
    /// Its name: `table:identity`, `bucket`, `queue:index_documents`.
    pub name: String,
    /// Whether it responded.
    pub ok: bool,
}

/// The readiness of all dependencies.
#[derive(Debug, Clone)]
pub struct Readiness {
    /// In a fixed order.
    pub dependencies: Vec<Dependency>,
}

impl Readiness {
    /// Returns whether all of them responded.
    pub fn is_ready(&self) -> bool {
        self.dependencies.iter().all(|dependency| dependency.ok)
    }
}

/// The health of what chats depend on.
#[derive(Debug, Clone, Copy)]
pub struct ChatHealth {
    /// Whether conversations can be read.
    pub conversations: bool,
    /// Whether documents can be searched.
    pub documents: bool,
}

impl App {
    /// Checks what chats depend on.
    pub fn chat_health(&self) -> BoxFuture<'_, ChatHealth> {
        Box::pin(async move {
            let (conversations, documents) = futures::join!(
                self.store.is_reachable(&self.config.tables.app),
                self.objects.is_reachable()
            );
            ChatHealth {
                conversations,
                documents,
            }
        })
    }

    /// Checks every table, the bucket and every queue.
    pub fn readiness(&self) -> BoxFuture<'_, Readiness> {
        Box::pin(async move {
            let names = ["identity", "app", "usage", "ephemeral", "audit"];
            let tables = names
                .iter()
                .zip(self.config.tables.all())
                .map(|(name, table)| async move {
                    Dependency {
                        name: format!("table:{name}"),
                        ok: self.store.is_reachable(table).await,
                    }
                });
            let queues = Queue::ALL.iter().map(|&queue| async move {
                Dependency {
                    name: format!("queue:{}", queue.name()),
                    ok: self.queues.is_reachable(queue).await,
                }
            });
            let (mut dependencies, bucket, queues) =
                futures::join!(join_all(tables), self.objects.is_reachable(), join_all(queues));
            dependencies.push(Dependency {
                name: "bucket".to_owned(),
                ok: bucket,
            });
            dependencies.extend(queues);
            Readiness { dependencies }
        })
    }
}
