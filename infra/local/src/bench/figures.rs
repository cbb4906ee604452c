//! What was measured, as a table.

use std::{fmt, fs, time::Duration};

/// Durations by what took them, and sentences.
#[derive(Default)]
pub(super) struct Measurements {
    rows: Vec<(&'static str, Vec<Duration>)>,
    notes: Vec<String>,
}

impl Measurements {
    /// Adds one measurement. The first row is the baseline of the others.
    pub(super) fn add(&mut self, row: &'static str, took: Duration) {
        match self.rows.iter_mut().find(|(known, _)| *known == row) {
            Some((_, all)) => all.push(took),
            None => self.rows.push((row, vec![took])),
        }
    }

    /// Adds a sentence.
    pub(super) fn note(&mut self, sentence: String) {
        self.notes.push(sentence);
    }
}

impl fmt::Display for Measurements {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let build = if cfg!(debug_assertions) { "debug" } else { "release" };
        let cpus = std::thread::available_parallelism().map_or(0, usize::from);
        writeln!(
            f,
            "{build} build, {cpus} CPUs, client and server in one process, data in memory\n"
        )?;
        writeln!(
            f,
            "{:<44} {:>5} {:>10} {:>9} {:>9} {:>8}",
            "", "n", "median ms", "p95 ms", "p99 ms", "x /live"
        )?;
        let mut baseline = None;
        for (row, all) in &self.rows {
            let mut sorted = all.clone();
            sorted.sort_unstable();
            let [median, p95, p99] = [50, 95, 99].map(|percent| milliseconds(percentile(&sorted, percent)));
            let ratio = median / *baseline.get_or_insert(median);
            writeln!(
                f,
                "{row:<44} {:>5} {median:>10.2} {p95:>9.2} {p99:>9.2} {ratio:>8.1}",
                sorted.len()
            )?;
        }
        writeln!(f)?;
        for note in &self.notes {
            writeln!(f, "{note}")?;
        }
        match peak_memory_mb() {
            Some(peak) => writeln!(f, "peak resident memory {peak:.0} MB"),
            None => writeln!(f, "peak resident memory unknown on this system"),
        }
    }
}

/// The nearest rank of what is sorted and not empty.
pub(super) fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted[rank.saturating_sub(1)]
}

pub(super) fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// The most memory this process ever held at once: `VmHWM` of `proc_pid_status(5)`, which is in KiB.
fn peak_memory_mb() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: f64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kib * 1024.0 / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let sorted: Vec<Duration> = (1..=200).map(Duration::from_millis).collect();
        assert_eq!(
            [50, 95, 99].map(|percent| percentile(&sorted, percent).as_millis()),
            [100, 190, 198]
        );
        assert_eq!(percentile(&sorted[..1], 99).as_millis(), 1);
    }
}
