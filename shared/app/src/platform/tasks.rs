//! Work that goes on when no one polls it any more. None of it is forgotten: a function's answer ends, and a process
//! stops, only when [`App::idle`] says that all of it is done.

use tokio::{runtime::Handle, task::JoinHandle};
use tokio_util::task::TaskTracker;

use crate::App;

/// Tasks of one process.
pub(crate) struct Tasks(TaskTracker);

impl Default for Tasks {
    fn default() -> Self {
        let tracker = TaskTracker::new();
        // A closed tracker still takes tasks; it only says that waiting for an empty one may end.
        tracker.close();
        Self(tracker)
    }
}

impl App {
    /// Runs `task` to its end, whoever drops the handle. None outside of a runtime, where nothing can run.
    pub(crate) fn run_to_completion<T: Send + 'static>(
        &self,
        task: impl Future<Output = T> + Send + 'static,
    ) -> Option<JoinHandle<T>> {
        let runtime = Handle::try_current().ok()?;
        Some(self.tasks.0.spawn_on(task, &runtime))
    }

    /// Does work that is not to end with its request.
    pub fn continue_in_background(&self, work: futures::future::BoxFuture<'static, ()>) {
        self.run_to_completion(work);
    }

    /// Waits until nothing runs that outlives its request.
    pub async fn idle(&self) {
        self.tasks.0.wait().await;
    }
}
