//! Work of several parts, of which none keeps another from being done.

use domain::{Error, Result};

/// How much of it was done, and what failed.
#[derive(Default)]
pub(crate) struct BatchOutcome {
    done: usize,
    failed: Option<Error>,
}

impl BatchOutcome {
    /// Counts a part; one that failed is told to `report`.
    pub(crate) fn count(&mut self, part: Result<usize>, report: impl FnOnce(&Error)) {
        match part {
            Ok(done) => self.done += done,
            Err(error) => {
                report(&error);
                self.failed = Some(error);
            }
        }
    }

    /// How much was done, or the last failure.
    pub(crate) fn end(self) -> Result<usize> {
        self.failed.map_or(Ok(self.done), Err)
    }
}
