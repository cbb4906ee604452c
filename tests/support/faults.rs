//! Faults of the tables, in every test that does not say otherwise: `make test-faults`.

use std::{
    hash::{DefaultHasher, Hash as _, Hasher as _},
    io::Write as _,
    sync::Arc,
};

use local::cloud::Faults;

/// The environment variable of the local stack.
pub(crate) const FAULTS: &str = "PARLANCE_FAULTS";
/// A file to which each stack adds a line: its calls to the tables, and those that met a fault.
const REPORT: &str = "PARLANCE_FAULTS_REPORT";

/// The environment of a stack, with the faults that all tests are to meet. Each test meets other ones, or they would all
/// have the same fate.
pub(crate) fn environment(given: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let mut environment: Vec<_> = given.iter().map(owned).collect();
    let is_given = given.iter().any(|(name, _)| *name == FAULTS);
    if let Some(rates) = std::env::var(FAULTS).ok().filter(|_| !is_given) {
        let mut hasher = DefaultHasher::new();
        (std::thread::current().name(), &rates).hash(&mut hasher);
        // The last of two seeds counts.
        let rates = format!("{rates},seed={}", hasher.finish());
        // Seen when the test fails.
        eprintln!("{FAULTS}={rates}");
        environment.push((FAULTS.to_owned(), rates));
    }
    environment
}

/// Adds what a stack met to the report.
pub(crate) struct FaultReport(pub(crate) Arc<Faults>);

impl Drop for FaultReport {
    fn drop(&mut self) {
        let Ok(file) = std::env::var(REPORT) else { return };
        let counts = self.0.counts();
        let line = format!(
            "{}\t{}\t{}\t{}\n",
            counts.calls, counts.throttled, counts.conflicts, counts.lost
        );
        let mut file = std::fs::File::options().create(true).append(true).open(file).unwrap();
        file.write_all(line.as_bytes()).unwrap();
    }
}
