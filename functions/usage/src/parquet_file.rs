//! Usage as a Parquet file (<https://parquet.apache.org/docs/file-format/>), for analysis with other tools.

use std::sync::Arc;

use domain::{Error, Result, UsageCounters, usage::statistics::Cell};
use jiff::civil::{Date, date};
use parquet::{
    column::writer::ColumnWriter,
    data_type::ByteArray,
    errors::ParquetError,
    file::{properties::WriterProperties, writer::SerializedFileWriter},
    schema::parser::parse_message_type,
};

const EPOCH: Date = date(1970, 1, 1);
/// Its columns: the same as those of the other formats, numbers as numbers. An unknown cost is null.
const SCHEMA: &str = "
message usage {
    required int32 date (DATE);
    required binary category (STRING);
    required binary model (STRING);
    required int64 requests;
    required int64 errors;
    required int64 prompt_tokens;
    required int64 completion_tokens;
    required int64 cached_tokens;
    required int64 total_tokens;
    optional int64 cost_micro_usd;
    required int64 unpriced_requests;
    required int64 estimated_requests;
}";

/// The integer columns, from the fourth one on.
const NUMBERS: [fn(&UsageCounters) -> Option<u64>; 9] = [
    |counters| Some(counters.requests),
    |counters| Some(counters.errors),
    |counters| Some(counters.prompt_tokens),
    |counters| Some(counters.completion_tokens),
    |counters| Some(counters.cached_tokens),
    |counters| Some(counters.total_tokens()),
    UsageCounters::cost,
    |counters| Some(counters.unpriced),
    |counters| Some(counters.estimated),
];

/// Returns the bytes of a file with these rows.
pub(crate) fn file(rows: &[(&Cell, &UsageCounters)]) -> Result<Vec<u8>> {
    write(rows).map_err(Error::internal)
}

fn write(rows: &[(&Cell, &UsageCounters)]) -> std::result::Result<Vec<u8>, ParquetError> {
    let schema = Arc::new(parse_message_type(SCHEMA)?);
    let properties = Arc::new(
        WriterProperties::builder()
            .set_created_by("parlance".to_owned())
            .build(),
    );
    let mut file = SerializedFileWriter::new(Vec::new(), schema, properties)?;
    let mut group = file.next_row_group()?;
    let mut membership = 0;
    while let Some(mut column) = group.next_column()? {
        match column.untyped() {
            ColumnWriter::Int32ColumnWriter(column) => {
                let days: Vec<i32> = rows.iter().map(|(cell, _)| (cell.date - EPOCH).get_days()).collect();
                column.write_batch(&days, None, None)?;
            }
            ColumnWriter::ByteArrayColumnWriter(column) => {
                let text = |cell: &Cell| match membership {
                    1 => ByteArray::from(cell.category.name()),
                    _ => ByteArray::from(cell.model.as_str()),
                };
                let texts: Vec<_> = rows.iter().map(|(cell, _)| text(cell)).collect();
                column.write_batch(&texts, None, None)?;
            }
            ColumnWriter::Int64ColumnWriter(column) => {
                let number = NUMBERS[membership - 3];
                let numbers: Vec<Option<u64>> = rows.iter().map(|(_, counters)| number(counters)).collect();
                let there: Vec<i16> = numbers.iter().map(|number| i16::from(number.is_some())).collect();
                let values = numbers.into_iter().flatten().map(i64::try_from);
                let values = values.collect::<std::result::Result<Vec<i64>, _>>();
                let values = values.map_err(|error| ParquetError::External(Box::new(error)))?;
                column.write_batch(&values, Some(&there), None)?;
            }
            _ => return Err(ParquetError::General("unexpected column type".to_owned())),
        }
        column.close()?;
        membership += 1;
    }
    group.close()?;
    file.into_inner()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failing step is the test's failure")]
mod tests {
    use bytes::Bytes;
    use domain::Category;
    use parquet::file::reader::{FileReader as _, SerializedFileReader};

    use super::*;

    #[test]
    fn what_is_written_is_read_with_its_types_and_without_unknown_costs() {
        let cell = |model: &str| Cell {
            date: date(2026, 11, 24),
            user: None,
            category: Category::Chat,
            model: model.to_owned(),
        };
        let (priced, unpriced) = (cell("gpt-4o-mini"), cell("東京"));
        let known = UsageCounters {
            requests: 2,
            prompt_tokens: 10,
            completion_tokens: 5,
            cost_micro_usd: 7,
            ..UsageCounters::default()
        };
        let unknown = UsageCounters { unpriced: 2, ..known };
        let bytes = file(&[(&priced, &known), (&unpriced, &unknown)]).unwrap();
        let reader = SerializedFileReader::new(Bytes::from(bytes)).unwrap();
        let rows: Vec<String> = reader
            .get_row_iter(None)
            .unwrap()
            .map(|row| row.unwrap().to_string())
            .collect();
        assert_eq!(
            rows,
            [
                "{date: 2026-11-24, category: \"chat\", model: \"gpt-4o-mini\", requests: 2, errors: 0, \
                 prompt_tokens: 10, completion_tokens: 5, cached_tokens: 0, total_tokens: 15, cost_micro_usd: 7, \
                 unpriced_requests: 0, estimated_requests: 0}",
                "{date: 2026-11-24, category: \"chat\", model: \"東京\", requests: 2, errors: 0, \
                 prompt_tokens: 10, completion_tokens: 5, cached_tokens: 0, total_tokens: 15, cost_micro_usd: null, \
                 unpriced_requests: 2, estimated_requests: 0}",
            ]
        );
        let nothing = SerializedFileReader::new(Bytes::from(file(&[]).unwrap())).unwrap();
        assert_eq!(nothing.get_row_iter(None).unwrap().count(), 0);
    }
}
