//! Work in several parts, which are all attempted even if some fail.

use domain::{Error, Result};

/// The amount of work done, and the last failure.
#[derive(Default)]
pub(crate) struct BatchOutcome {
    done: usize,
    failed: Option<Error>,
}

impl BatchOutcome {
    /// Counts a part; a failure is passed to `report`.
    pub(crate) fn count(&mut self, part: Result<usize>, report: impl FnOnce(&Error)) {
        match part {
            Ok(done) => self.done += done,
            Err(error) => {
                report(&error);
                self.failed = Some(error);
            }
        }
    }

    /// Returns the amount of work done, or the last failure.
    pub(crate) fn end(self) -> Result<usize> {
        self.failed.map_or(Ok(self.done), Err)
    }
}
