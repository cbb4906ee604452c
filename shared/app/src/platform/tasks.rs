//! Background work that continues when its future is dropped. None of it is lost: a function's response ends, and a
//! process stops, only after [`App::idle`] has waited for it.

use tokio::{runtime::Handle, task::JoinHandle};
use tokio_util::task::TaskTracker;

use crate::App;

/// The tasks of a process.
pub(crate) struct Tasks(TaskTracker);

impl Default for Tasks {
    fn default() -> Self {
        let tracker = TaskTracker::new();
        // A closed tracker still accepts tasks; closing only allows waiting for an empty one to end.
        tracker.close();
        Self(tracker)
    }
}

impl App {
    /// Runs `task` to completion even if the handle is dropped. Returns `None` outside of a runtime, where nothing can
    /// run.
    pub(crate) fn run_to_completion<T: Send + 'static>(
        &self,
        task: impl Future<Output = T> + Send + 'static,
    ) -> Option<JoinHandle<T>> {
        let runtime = Handle::try_current().ok()?;
        Some(self.tasks.0.spawn_on(task, &runtime))
    }

    /// Runs work that must outlive its request.
    pub fn continue_in_background(&self, work: futures::future::BoxFuture<'static, ()>) {
        self.run_to_completion(work);
    }

    /// Waits until no background work is running.
    pub async fn idle(&self) {
        self.tasks.0.wait().await;
    }
}
