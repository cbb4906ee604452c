//! Resource limits of a child.

use std::time::Duration;

/// Limits of one child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Address space in addition to that of the program itself, bytes.
    pub memory_bytes: u64,
    /// CPU time for one page, or for a file without pages, whole seconds.
    pub cpu: Duration,
    /// A run that has used this much CPU time ends after its page, and another one continues. Whole milliseconds.
    pub run: Duration,
    /// Total time of a run, including the transfer of the file.
    pub deadline: Duration,
}

impl Limits {
    /// Returns the limits of a child of a function with this much memory, in bytes: five eighths of it, because the
    /// parent holds the segment and the AWS clients need memory too. The deadline leaves the function time to store the
    /// result.
    pub fn for_function(memory_bytes: u64) -> Self {
        Self {
            memory_bytes: memory_bytes / 8 * 5,
            cpu: Duration::from_mins(1),
            run: Duration::from_secs(45),
            deadline: Duration::from_secs(75),
        }
    }
}

/// Open files of a child: its three pipes, and those of the allocator and the runtime.
const OPEN_FILES: u64 = 16;

/// Limits this process.
pub(crate) fn apply(memory_bytes: u64, cpu_seconds: u64) -> std::io::Result<()> {
    sandbox::apply(&sandbox::ResourceLimits {
        memory_bytes,
        // Moved by [`allow`], for each page.
        cpu_seconds,
        max_cpu_seconds: longest_run(cpu_seconds),
        file_bytes: 0,
        open_files: OPEN_FILES,
    })
}

/// A run in which a page, the building of the index, or both take as long as they may. Seconds of CPU.
fn longest_run(cpu_seconds: u64) -> u64 {
    cpu_seconds.saturating_mul(3).saturating_add(1)
}

/// Allows this process another `cpu_seconds` of CPU from now on.
pub(crate) fn allow(cpu_seconds: u64) -> std::io::Result<()> {
    sandbox::extend_cpu(cpu_seconds, longest_run(cpu_seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_leaves_room_for_its_parent() {
        let memory = 1769 * 1024 * 1024;
        let limits = Limits::for_function(memory);
        assert!(limits.memory_bytes > memory / 2 && limits.memory_bytes < memory * 2 / 3);
        assert!(limits.deadline > limits.cpu);
    }
}
