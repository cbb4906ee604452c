//! `/analytics/export`: the caller's usage as a file. A user's year is a few hundred kilobytes, so the response
//! contains the file, unless it is longer than a function's response may be or a link is requested: then it is put
//! into the bucket, which stores it for as long as export archives.

use app::UsageReport;
use domain::{
    Error, Period,
    auth::permission::ReadAccount,
    usage::statistics::{Cell, PeriodRequest},
};
use http_api::{Attachment, Ctx, Either, May, Query, Result, SeeOther, Sheet};
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{parquet_file, view::FiguresView};

/// The longest file that a response contains, in bytes: a function's response is limited to 6 MB, and base64 makes
/// binary files a third longer.
const MAX_ANSWER: usize = 4_000_000;

/// Which days to export, and how.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct ExportQuery {
    /// The first day, for example `2026-11-24`; if omitted, 30 days end with the last one. At most 366 days.
    from: Option<Date>,
    /// The last day, inclusive; today if omitted.
    to: Option<Date>,
    /// The number of days, at most 366: starting at `from`, or ending at `to`.
    #[schemars(range(min = 1, max = Period::MAX_DAYS))]
    days: Option<u32>,
    /// JSON if omitted.
    format: Option<Format>,
    /// How to deliver the file; in the response, if it is short enough, if omitted.
    delivery: Option<Delivery>,
}

impl ExportQuery {
    /// Returns the requested days.
    fn period(&self) -> PeriodRequest {
        PeriodRequest {
            from: self.from,
            to: self.to,
            days: self.days,
        }
    }
}

/// How a file is delivered.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "ExportDelivery")]
enum Delivery {
    /// By a link in `Location`, valid for 15 minutes without credentials. Long files are always delivered this way.
    Link,
}

/// A format of a file.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Format {
    /// An object with the rows and their total.
    Json,
    /// One line per row, with a header (RFC 4180).
    Csv,
    /// A table with typed columns, for programs.
    Parquet,
}

/// Names of the columns of [`values`].
const COLUMNS: [&str; 12] = [
    "date",
    "category",
    "model",
    "requests",
    "errors",
    "prompt_tokens",
    "completion_tokens",
    "cached_tokens",
    "total_tokens",
    "cost_micro_usd",
    "unpriced_requests",
    "estimated_requests",
];

/// Usage by day, category and model.
#[derive(Serialize, JsonSchema)]
pub(crate) struct UsageExport {
    from: Date,
    to: Date,
    totals: FiguresView,
    /// Models whose prices are unknown.
    unpriced_models: Vec<String>,
    rows: Vec<Row>,
}

/// Usage of a model for a category on a day.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "UsageExportRow")]
struct Row {
    date: Date,
    category: &'static str,
    model: String,
    #[serde(flatten)]
    counters: FiguresView,
}

pub(crate) async fn export_analytics(
    app: Ctx,
    member: May<ReadAccount>,
    Query(query): Query<ExportQuery>,
) -> Result<Either<Sheet<UsageExport>, SeeOther>> {
    let report = app.own_usage(&member.identity, &member.org, query.period());
    let report = report.await?;
    let name = format!("usage-{}-{}", report.period.from, report.period.to);
    let file = match query.format.unwrap_or(Format::Json) {
        Format::Json => Attachment {
            media_type: "application/json",
            file_name: format!("{name}.json"),
            content: as_json(&report)?,
        },
        Format::Csv => Attachment {
            media_type: "text/csv; charset=utf-8",
            file_name: format!("{name}.csv"),
            content: as_csv(&report)?,
        },
        Format::Parquet => Attachment {
            media_type: "application/vnd.apache.parquet",
            file_name: format!("{name}.parquet"),
            content: parquet_file::file(&report.statistics.cells().collect::<Vec<_>>())?,
        },
    };
    if file.content.len() <= MAX_ANSWER && query.delivery.is_none() {
        return Ok(Either::Left(Sheet::new(file)));
    }
    let link = app.link_to_file(&member.identity.user.id, file.file_name, file.media_type, file.content);
    Ok(Either::Right(SeeOther(link.await?)))
}

fn as_json(report: &UsageReport) -> Result<Vec<u8>, Error> {
    let rows = report.statistics.cells().map(|(cell, counters)| Row {
        date: cell.date,
        category: cell.category.name(),
        model: cell.model.clone(),
        counters: (*counters).into(),
    });
    let whole = UsageExport {
        from: report.period.from,
        to: report.period.to,
        totals: FiguresView::from(report.statistics.total()),
        unpriced_models: report.statistics.unpriced_models(),
        rows: rows.collect(),
    };
    serde_json::to_vec_pretty(&whole).map_err(Error::internal)
}

fn as_csv(report: &UsageReport) -> Result<Vec<u8>, Error> {
    let mut file = csv::Writer::from_writer(Vec::new());
    file.write_record(COLUMNS).map_err(Error::internal)?;
    for (cell, counters) in report.statistics.cells() {
        file.write_record(values(cell, counters)).map_err(Error::internal)?;
    }
    file.into_inner().map_err(|error| Error::internal(error.to_string()))
}

fn values(cell: &Cell, counters: &domain::UsageCounters) -> [String; 12] {
    [
        cell.date.to_string(),
        cell.category.name().to_owned(),
        harmless(&cell.model),
        counters.requests.to_string(),
        counters.errors.to_string(),
        counters.prompt_tokens.to_string(),
        counters.completion_tokens.to_string(),
        counters.cached_tokens.to_string(),
        counters.total_tokens().to_string(),
        // Empty if unknown.
        counters.cost().map(|cost| cost.to_string()).unwrap_or_default(),
        counters.unpriced.to_string(),
        counters.estimated.to_string(),
    ]
}

/// Returns text that no spreadsheet interprets as a formula: clients choose the names of models
/// (<https://owasp.org/www-community/attacks/CSV_Injection>).
fn harmless(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']) {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_model_is_a_formula() {
        for name in ["=1+1", "+cmd", "-2", "@SUM(A1)", "\t=1", "＝1"] {
            assert_eq!(harmless(name), format!("'{name}"));
        }
        for name in ["gpt-4o-mini", "a=b", ""] {
            assert_eq!(harmless(name), name);
        }
    }
}
