//! Resource limits that a process sets for itself. Only Linux enforces all of them; elsewhere only the parent's
//! deadline applies.

use std::{io, time::Duration};

/// Limits of a process (`setrlimit(2)`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResourceLimits {
    /// Address space in addition to that of the program itself, bytes.
    pub memory_bytes: u64,
    /// CPU time after which it is ended with `SIGXCPU`, whole seconds.
    pub cpu_seconds: u64,
    /// CPU time up to which [`extend_cpu`] can move that limit, whole seconds.
    pub max_cpu_seconds: u64,
    /// Size of any file that it writes, bytes.
    pub file_bytes: u64,
    /// Number of files that it may have open, its three pipes included.
    pub open_files: u64,
}

/// Limits this process. What was allocated or opened before escapes the limits.
///
/// # Errors
/// Returns the system's error.
#[cfg(target_os = "linux")]
pub fn apply(limits: &ResourceLimits) -> io::Result<()> {
    use rustix::process::Resource;

    let memory = address_space()?.saturating_add(limits.memory_bytes);
    set(Resource::As, memory, memory)?;
    // The first limit causes SIGXCPU, the second SIGKILL, which would look like a lack of memory.
    set(Resource::Cpu, limits.cpu_seconds, limits.max_cpu_seconds)?;
    set(Resource::Core, 0, 0)?;
    set(Resource::Fsize, limits.file_bytes, limits.file_bytes)?;
    set(Resource::Nofile, limits.open_files, limits.open_files)
}

/// Allows this process another `cpu_seconds` of CPU from now on, up to the maximum it was limited to.
///
/// # Errors
/// Returns the system's error.
#[cfg(target_os = "linux")]
pub fn extend_cpu(cpu_seconds: u64, max_cpu_seconds: u64) -> io::Result<()> {
    let current = cpu_used().as_secs().saturating_add(cpu_seconds + 1);
    set(
        rustix::process::Resource::Cpu,
        current.min(max_cpu_seconds),
        max_cpu_seconds,
    )
}

#[cfg(target_os = "linux")]
fn set(resource: rustix::process::Resource, current: u64, maximum: u64) -> io::Result<()> {
    let limit = rustix::process::Rlimit {
        current: Some(current),
        maximum: Some(maximum),
    };
    Ok(rustix::process::setrlimit(resource, limit)?)
}

/// Returns the CPU time that this process has used.
#[cfg(target_os = "linux")]
pub fn cpu_used() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

/// Returns the current address space of this process, bytes: `VmSize` of `proc_pid_status(5)`, which is in KiB.
#[cfg(target_os = "linux")]
fn address_space() -> io::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmSize:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse::<u64>().ok());
    kib.map(|kib| kib * 1024)
        .ok_or_else(|| io::Error::other("/proc/self/status has no VmSize"))
}

/// Limits nothing on this system.
///
/// # Errors
/// None.
#[cfg(not(target_os = "linux"))]
#[expect(clippy::unnecessary_wraps, reason = "it can fail on Linux")]
pub fn apply(_limits: &ResourceLimits) -> io::Result<()> {
    Ok(())
}

/// Changes nothing on this system.
///
/// # Errors
/// None.
#[cfg(not(target_os = "linux"))]
#[expect(clippy::unnecessary_wraps, reason = "it can fail on Linux")]
pub fn extend_cpu(_cpu_seconds: u64, _max_cpu_seconds: u64) -> io::Result<()> {
    Ok(())
}

/// Where CPU time is not limited, none counts.
#[cfg(not(target_os = "linux"))]
pub fn cpu_used() -> Duration {
    Duration::ZERO
}
