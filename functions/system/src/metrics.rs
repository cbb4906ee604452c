//! Metrics in Prometheus's text format (<https://prometheus.io/docs/instrumenting/exposition_formats/>).
//!
//! They are read from shared state, so every instance reports the same values. Metrics that API Gateway and Lambda
//! record themselves are in `CloudWatch`.

use std::fmt::{Display, Write as _};

use app::PlatformMetrics;
use domain::{Histogram, Timestamp, UsageCounters};
use http_api::{Ctx, Exposition, Result, Scraper};

pub(crate) async fn get_metrics(app: Ctx, _: Scraper) -> Result<Exposition> {
    Ok(Exposition(text(&app.metrics().await?)))
}

/// Bounds of a histogram's buckets, as buckets of [`Histogram`]: one per doubling, from 2 ms to 19 minutes.
const BOUNDS: std::ops::RangeInclusive<u8> = 0..=19;

fn text(metrics: &PlatformMetrics) -> String {
    let mut text = Text::default();
    text.gauge(
        "parlance_dependency_up",
        "Whether a table, the bucket or a queue responded.",
        metrics
            .dependencies
            .iter()
            .map(|each| (vec![("dependency", each.name.as_str())], u8::from(each.ok))),
    );
    let states = metrics.queues.iter().flat_map(|queue| {
        let states = [
            ("waiting", queue.waiting),
            ("in_flight", queue.in_flight),
            ("dead", queue.dead_letters),
        ];
        states.map(|(state, messages)| (vec![("queue", queue.name), ("state", state)], messages))
    });
    text.gauge(
        "parlance_queue_messages",
        "Approximate number of messages of a queue: waiting, in_flight or dead.",
        states,
    );
    let runs = || {
        metrics
            .schedules
            .iter()
            .map(|run| (vec![("schedule", run.schedule.as_str())], run))
    };
    text.gauge(
        "parlance_schedule_last_run_timestamp_seconds",
        "When a schedule last ended.",
        runs().map(|(labels, run)| (labels, seconds(run.ended_at))),
    );
    text.gauge(
        "parlance_schedule_last_run_ok",
        "Whether the last run of a schedule succeeded.",
        runs().map(|(labels, run)| (labels, u8::from(run.ok))),
    );
    usage(&mut text, metrics);
    text.0
}

/// The value of the label `kind`, if there are several, and the counter it reports.
type Counted = (Option<&'static str>, fn(&UsageCounters) -> u64);

/// Writes the usage of all organizations since the first of the month (UTC), when these counters restart.
fn usage(text: &mut Text, metrics: &PlatformMetrics) {
    let statistics = &metrics.usage.usage.statistics;
    let cells = statistics.by_category_and_model();
    let mut counter = |name: &str, help: &str, kinds: &[Counted], scale: f64| {
        text.family(name, "counter", &format!("{help} since the first of the month (UTC)."));
        for ((category, model), counters) in &cells {
            for (kind, of) in kinds {
                let mut labels = vec![("category", category.name()), ("model", model.as_str())];
                labels.extend(kind.map(|kind| ("kind", kind)));
                text.sample(name, &labels, Scaled(of(counters), scale));
            }
        }
    };
    counter(
        "parlance_model_calls_total",
        "Model calls",
        &[(None, |it| it.requests)],
        1.0,
    );
    counter(
        "parlance_model_call_errors_total",
        "Failed model calls",
        &[(None, |it| it.errors)],
        1.0,
    );
    counter(
        "parlance_model_tokens_total",
        "Model tokens: read (prompt, of which cached) and written (completion),",
        &[
            (Some("prompt"), |it| it.prompt_tokens),
            (Some("cached"), |it| it.cached_tokens),
            (Some("completion"), |it| it.completion_tokens),
        ],
        1.0,
    );
    counter(
        "parlance_model_cost_usd_total",
        "Provider charges in US dollars, as far as prices are known,",
        &[(None, |it| it.cost_micro_usd)],
        1e-6,
    );
    let times = statistics.times_by(|_, model| model.to_owned());
    for (name, help, of) in [
        (
            "parlance_model_latency_seconds",
            "Duration of a model's answers since the first of the month (UTC); the sum is an estimate.",
            (|times| &times.latency) as fn(&domain::Times) -> &Histogram,
        ),
        (
            "parlance_model_first_token_seconds",
            "Time to a model's first token since the first of the month (UTC); the sum is an estimate.",
            |times| &times.first_token,
        ),
    ] {
        text.family(name, "histogram", help);
        for (model, times) in &times {
            text.histogram(name, &[("model", model)], of(times));
        }
    }
    text.gauge(
        "parlance_usage_as_of_timestamp_seconds",
        "When the newest usage that is counted occurred.",
        metrics
            .usage
            .rolled_up
            .map(|rolled_up| (Vec::new(), seconds(rolled_up.until))),
    );
}

/// A whole number and the factor that converts it into the metric's unit.
struct Scaled(u64, f64);

impl Display for Scaled {
    #[expect(clippy::cast_precision_loss, reason = "a metric has the precision of a double")]
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0 as f64 * self.1)
    }
}

fn seconds(at: Timestamp) -> Scaled {
    Scaled(u64::try_from(at.as_millisecond()).unwrap_or_default(), 1e-3)
}

/// The exposition being written.
#[derive(Default)]
struct Text(String);

impl Text {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a string cannot fail.
        _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    /// Writes a gauge family: values, each with its labels.
    fn gauge<'a, V: Display>(
        &mut self,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = (Vec<(&'a str, &'a str)>, V)>,
    ) {
        self.family(name, "gauge", help);
        for (labels, value) in samples {
            self.sample(name, &labels, value);
        }
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        self.0.push_str(name);
        for (membership, (label, value)) in labels.iter().enumerate() {
            self.0.push(if membership == 0 { '{' } else { ',' });
            _ = write!(self.0, "{label}=\"{}\"", escaped(value));
        }
        if !labels.is_empty() {
            self.0.push('}');
        }
        _ = writeln!(self.0, " {value}");
    }

    fn histogram(&mut self, name: &str, labels: &[(&str, &str)], histogram: &Histogram) {
        let bucket = format!("{name}_bucket");
        let mut sample = |bound: &str, count: u64| {
            let labels: Vec<_> = labels.iter().copied().chain([("le", bound)]).collect();
            self.sample(&bucket, &labels, count);
        };
        for doubling in BOUNDS {
            let last = doubling * 4 + 3;
            let count: u64 = histogram.0.range(..=last).map(|(_, count)| count).sum();
            // The bound between two buckets lies in the middle of their exponents.
            let bound = ((f64::from(last) + 0.5) / 4.0).exp2() / 1e3;
            sample(&format!("{bound:.6}"), count);
        }
        let count: u64 = histogram.0.values().sum();
        sample("+Inf", count);
        let sum = histogram
            .0
            .iter()
            .map(|(bucket, count)| Histogram::middle(*bucket) * count)
            .sum();
        self.sample(&format!("{name}_sum"), labels, Scaled(sum, 1e-3));
        self.sample(&format!("{name}_count"), labels, count);
    }
}

/// Escapes a label value.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_written_whatever_its_labels_are() {
        let mut text = Text::default();
        text.sample("a", &[], 1);
        text.sample(
            "b_total",
            &[("model", "x\"\\\n"), ("kind", "prompt")],
            Scaled(1_500, 1e-6),
        );
        assert_eq!(text.0, "a 1\nb_total{model=\"x\\\"\\\\\\n\",kind=\"prompt\"} 0.0015\n");
    }

    #[test]
    fn the_buckets_of_a_histogram_hold_those_before_them() {
        let mut text = Text::default();
        let histogram = Histogram([(Histogram::bucket(100), 2), (Histogram::bucket(3_000), 1)].into());
        text.histogram("t_seconds", &[("model", "m")], &histogram);
        let count = |bound: f64| {
            let bucket = text.0.lines().filter(|line| line.starts_with("t_seconds_bucket"));
            let count = bucket.filter_map(|line| {
                let le = line.split("le=\"").nth(1)?.split('"').next()?;
                let le: f64 = le.parse().ok()?;
                (le >= bound).then(|| line.rsplit(' ').next().map(str::to_owned))?
            });
            count.map(|text| text.parse::<u64>().unwrap_or_default()).next()
        };
        assert_eq!((count(0.05), count(0.2), count(4.0)), (Some(0), Some(2), Some(3)));
        assert!(text.0.contains("t_seconds_bucket{model=\"m\",le=\"+Inf\"} 3\n"));
        assert!(text.0.contains("t_seconds_count{model=\"m\"} 3\n"), "{}", text.0);
    }
}
