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
#[cfg(target_os = "linux")]
const OPEN_FILES: u64 = 16;

/// Limits this process. Only Linux enforces all limits; elsewhere only the parent's deadline applies.
#[cfg(target_os = "linux")]
pub(crate) fn apply(memory_bytes: u64, cpu_seconds: u64) -> std::io::Result<()> {
    use rustix::process::{Resource, Rlimit, setrlimit};

    let set = |resource, current: u64, maximum: u64| {
        let limit = Rlimit {
            current: Some(current),
            maximum: Some(maximum),
        };
        setrlimit(resource, limit).map_err(std::io::Error::from)
    };
    let memory = address_space()?.saturating_add(memory_bytes);
    set(Resource::As, memory, memory)?;
    // The first limit causes SIGXCPU, the second SIGKILL, which would look like a lack of memory. The first one is moved
    // by [`allow`], for each page.
    set(Resource::Cpu, cpu_seconds, longest_run(cpu_seconds))?;
    set(Resource::Core, 0, 0)?;
    set(Resource::Fsize, 0, 0)?;
    set(Resource::Nofile, OPEN_FILES, OPEN_FILES)
}

/// A run in which a page, the building of the index, or both take as long as they may. Seconds of CPU.
#[cfg(target_os = "linux")]
fn longest_run(cpu_seconds: u64) -> u64 {
    cpu_seconds.saturating_mul(3).saturating_add(1)
}

/// Allows this process another `cpu_seconds` of CPU from now on.
#[cfg(target_os = "linux")]
pub(crate) fn allow(cpu_seconds: u64) -> std::io::Result<()> {
    use rustix::process::{Resource, Rlimit, setrlimit};

    let maximum = longest_run(cpu_seconds);
    let current = used().as_secs().saturating_add(cpu_seconds + 1).min(maximum);
    let limit = Rlimit {
        current: Some(current),
        maximum: Some(maximum),
    };
    Ok(setrlimit(Resource::Cpu, limit)?)
}

/// Returns the CPU time that this process has used.
#[cfg(target_os = "linux")]
pub(crate) fn used() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

#[cfg(not(target_os = "linux"))]
#[expect(clippy::unnecessary_wraps, reason = "it can fail on Linux")]
pub(crate) fn allow(_cpu_seconds: u64) -> std::io::Result<()> {
    Ok(())
}

/// Where CPU time is not limited, none counts.
#[cfg(not(target_os = "linux"))]
pub(crate) fn used() -> Duration {
    Duration::ZERO
}

#[cfg(not(target_os = "linux"))]
#[expect(clippy::unnecessary_wraps, reason = "it can fail on Linux")]
pub(crate) fn apply(_memory_bytes: u64, _cpu_seconds: u64) -> std::io::Result<()> {
    Ok(())
}

/// Returns the current address space of this process, bytes: `VmSize` of `proc_pid_status(5)`, which is in KiB.
#[cfg(target_os = "linux")]
fn address_space() -> std::io::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmSize:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse::<u64>().ok());
    kib.map(|kib| kib * 1024)
        .ok_or_else(|| std::io::Error::other("/proc/self/status has no VmSize"))
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
