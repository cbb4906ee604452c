//! Processes on a core of their own (Linux).

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{self, Command, Stdio},
    time::Duration,
};

use rustix::{
    process::Pid,
    thread::{CpuSet, sched_getaffinity, sched_setaffinity},
};

use super::super::Result;

/// Units of processor time in `proc_pid_stat(5)`, of which a second has 100 on Linux (`USER_HZ`).
const TICK: Duration = Duration::from_millis(10);

/// A running child. Dropping it ends it.
pub(super) struct Child {
    process: process::Child,
    /// Where it listens.
    pub(super) url: String,
}

impl Child {
    /// Starts a program with these arguments on a core, and waits until it prints its address.
    pub(super) fn start(
        program: &Path,
        arguments: &[&str],
        core: usize,
        environment: &[(String, String)],
    ) -> Result<Self> {
        let environment = environment.iter().map(|(name, value)| (name, value));
        let mine = sched_getaffinity(None)?;
        // A child is where the thread is that starts it.
        sched_setaffinity(None, &only(core))?;
        let process = Command::new(program)
            .args(arguments)
            .envs(environment)
            .env("PARLANCE_LOG", "error")
            .stdout(Stdio::piped())
            .spawn();
        sched_setaffinity(None, &mine)?;
        let mut process = process?;
        let stdout = process.stdout.take().ok_or("a child without its output")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let url = line.trim().strip_prefix("listening on ").map(str::to_owned);
        let url = url.ok_or_else(|| format!("`{}` said {line:?}", program.display()))?;
        Ok(Self { process, url })
    }

    fn of_system(&self, file: &str) -> Result<String> {
        Ok(std::fs::read_to_string(format!("/proc/{}/{file}", self.process.id()))?)
    }

    /// Processor time it has used so far, the system's on its behalf included.
    pub(super) fn processor_time(&self) -> Result<Duration> {
        let stat = self.of_system("stat")?;
        // The name in parentheses may hold anything; what is counted comes behind it.
        let behind = stat.rsplit_once(')').map_or("", |(_, behind)| behind);
        let ticks: u32 = behind
            .split_whitespace()
            .skip(11)
            .take(2)
            .filter_map(|ticks| ticks.parse::<u32>().ok())
            .sum();
        Ok(TICK * ticks)
    }

    /// Memory it holds now.
    pub(super) fn memory_mb(&self) -> Result<f64> {
        let status = self.of_system("status")?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib: f64 = line.ok_or("no VmRSS")?.trim().trim_end_matches("kB").trim().parse()?;
        Ok(kib * 1024.0 / 1e6)
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // Nothing is lost when it has ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn only(core: usize) -> CpuSet {
    let mut set = CpuSet::new();
    set.set(core);
    set
}

/// Keeps this process on a core, with all threads that it has.
pub(super) fn pin_this_process(core: usize) -> Result<()> {
    for task in std::fs::read_dir("/proc/self/task")? {
        let id = task?.file_name().to_string_lossy().parse()?;
        sched_setaffinity(Pid::from_raw(id), &only(core))?;
    }
    Ok(())
}
