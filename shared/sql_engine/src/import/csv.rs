//! A table as comma-separated values.

use std::collections::HashSet;

use csv::{ByteRecord, Reader, ReaderBuilder};
use rusqlite::{Connection, params_from_iter, types::Value};

use super::{
    ImportFile, MAX_COLUMNS, Names, NewColumn, create_table, identifier, insertion, unique,
    values::{ColumnFormat, FormatGuess},
};
use crate::{ColumnType, Refusal, query::refusal};

/// Characters that may separate values. A tie goes to the first.
const DELIMITERS: [u8; 4] = *b",;\t|";
/// Number of lines by which the separator is found.
const LINES: usize = 50;

pub(super) fn import(file: &ImportFile, database: &mut Connection, names: &mut Names) -> Result<(), Refusal> {
    let bytes = std::fs::read(&file.path).map_err(|error| Refusal::new("damaged", error.to_string()))?;
    let text = decoded(&bytes);
    let delimiter = delimiter_of(&text);
    let header = header(&mut reader(&text, delimiter), file)?;
    let (formats, count) = formats(&mut reader(&text, delimiter), header.len(), delimiter)?;
    if count == 0 {
        let detail = format!("`{}` has no rows below its names.", file.name);
        return Err(Refusal::new("empty", detail));
    }
    let stem = file.name.rsplit_once('.').map_or(file.name.as_str(), |(stem, _)| stem);
    let table = names.unique(&identifier(stem, "table"))?;
    let columns: Vec<NewColumn> = (header.iter().zip(&formats))
        .map(|(name, format)| NewColumn {
            name: name.clone(),
            declaration: format.column_type().declaration().to_owned(),
            not_null: false,
        })
        .collect();
    let mut key = Vec::new();
    for index in possible_keys(&table, &header, &formats) {
        if is_unique(&mut reader(&text, delimiter), index, formats[index])? {
            key.push(header[index].clone());
            break;
        }
    }
    create_table(database, &table, &columns, &key, &[])?;
    let fault = |error: rusqlite::Error| refusal(&error);
    let target = database.transaction().map_err(fault)?;
    {
        let mut insert = target.prepare(&insertion(&table, columns.len())).map_err(fault)?;
        let mut reader = reader(&text, delimiter);
        let mut record = ByteRecord::new();
        while next(&mut reader, &mut record)? {
            let values = formats.iter().enumerate().map(|(index, format)| {
                let value = record.get(index).unwrap_or_default();
                format.value(&String::from_utf8_lossy(value))
            });
            let values: Vec<Value> = values.collect();
            insert.execute(params_from_iter(values)).map_err(fault)?;
        }
    }
    target.commit().map_err(fault)
}

/// Returns the text of a file in whichever encoding it has.
fn decoded(bytes: &[u8]) -> String {
    if let Some((encoding, _)) = encoding_rs::Encoding::for_bom(bytes) {
        return encoding.decode(bytes).0.into_owned();
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        return text.to_owned();
    }
    let mut detector = chardetng::EncodingDetector::new(chardetng::Iso2022JpDetection::Deny);
    detector.feed(bytes, true);
    let encoding = detector.guess(None, chardetng::Utf8Detection::Allow);
    encoding.decode(bytes).0.into_owned()
}

fn reader(text: &str, delimiter: u8) -> Reader<&[u8]> {
    ReaderBuilder::new()
        .delimiter(delimiter)
        .flexible(true)
        .from_reader(text.as_bytes())
}

/// Reads the next row that is not blank.
fn next(reader: &mut Reader<&[u8]>, record: &mut ByteRecord) -> Result<bool, Refusal> {
    loop {
        match reader.read_byte_record(record) {
            Ok(true) if record.iter().all(<[u8]>::is_empty) => {}
            Ok(found) => return Ok(found),
            Err(error) => return Err(Refusal::new("damaged", format!("The rows cannot be read: {error}."))),
        }
    }
}

/// Returns the separator that divides the first lines into the same number of values, and into most of them.
fn delimiter_of(text: &str) -> u8 {
    let rated = DELIMITERS.map(|delimiter| {
        let mut rows = ReaderBuilder::new()
            .delimiter(delimiter)
            .flexible(true)
            .has_headers(false)
            .from_reader(text.as_bytes());
        let counts: Vec<usize> = rows.byte_records().take(LINES).flatten().map(|row| row.len()).collect();
        let first = counts.first().copied().unwrap_or_default();
        let same = counts.iter().filter(|count| **count == first).count();
        let rating = if first < 2 {
            0
        } else {
            same * 1_000 / counts.len().max(1) * 1_000 + first
        };
        (rating, delimiter)
    });
    let best = rated.iter().map(|(rating, _)| *rating).max().unwrap_or_default();
    let found = rated.iter().find(|(rating, _)| *rating == best);
    found.map_or(DELIMITERS[0], |(_, delimiter)| *delimiter)
}

fn header(reader: &mut Reader<&[u8]>, file: &ImportFile) -> Result<Vec<String>, Refusal> {
    let unreadable =
        |error: csv::Error| Refusal::new("damaged", format!("The names of the columns cannot be read: {error}."));
    let header = reader.byte_headers().map_err(unreadable)?;
    if header.is_empty() || header.iter().all(<[u8]>::is_empty) {
        let detail = format!("`{}` is empty. Its first line must name the columns.", file.name);
        return Err(Refusal::new("empty", detail));
    }
    if header.len() > MAX_COLUMNS {
        let detail = format!(
            "`{}` has more than {MAX_COLUMNS} columns. Upload those that questions are about.",
            file.name
        );
        return Err(Refusal::new("too_large", detail));
    }
    let mut taken = HashSet::new();
    let name = |(index, name): (usize, &[u8])| {
        let wanted = identifier(&String::from_utf8_lossy(name), &format!("column_{}", index + 1));
        unique(&wanted, &mut taken)
    };
    Ok(header.iter().enumerate().map(name).collect())
}

/// Returns how the values of each column are written, and the number of rows.
fn formats(reader: &mut Reader<&[u8]>, columns: usize, delimiter: u8) -> Result<(Vec<ColumnFormat>, usize), Refusal> {
    let mut guesses: Vec<FormatGuess> = (0..columns).map(|_| FormatGuess::default()).collect();
    let mut record = ByteRecord::new();
    let mut count = 0;
    while next(reader, &mut record)? {
        count += 1;
        for (index, guess) in guesses.iter_mut().enumerate() {
            guess.note(&String::from_utf8_lossy(record.get(index).unwrap_or_default()));
        }
    }
    // A file is written by one program: what one column shows of decimal marks and dates holds for the others.
    let has_decimal_comma = guesses.iter().any(FormatGuess::has_decimal_comma) || delimiter == b';';
    let day_first = guesses.iter().find_map(FormatGuess::day_is_first);
    let formats = guesses
        .into_iter()
        .map(|guess| guess.format(has_decimal_comma, day_first));
    Ok((formats.collect(), count))
}

/// Returns whether all values of a column are there and different, as they are stored: ` 1` and `1` are one number, and
/// so are `0` and `-0`.
fn is_unique(reader: &mut Reader<&[u8]>, column: usize, format: ColumnFormat) -> Result<bool, Refusal> {
    let (mut numbers, mut texts) = (HashSet::new(), HashSet::new());
    let mut record = ByteRecord::new();
    while next(reader, &mut record)? {
        let value = record.get(column).unwrap_or_default();
        let is_new = match format.value(&String::from_utf8_lossy(value)) {
            Value::Integer(number) => numbers.insert(number),
            Value::Text(text) => texts.insert(text),
            Value::Null | Value::Real(_) | Value::Blob(_) => false,
        };
        if !is_new {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Returns the columns that may identify rows: `id`, or those named after the table.
fn possible_keys(table: &str, header: &[String], formats: &[ColumnFormat]) -> Vec<usize> {
    let table = table.to_lowercase();
    let is_key = |name: &str| {
        let name = name.to_lowercase();
        let stem = name.strip_suffix("_id").or_else(|| name.strip_suffix("id"));
        let begins = |stem: &str| table.starts_with(&stem.chars().take(4).collect::<String>());
        name == "id" || stem.is_some_and(|stem| !stem.is_empty() && begins(stem))
    };
    let columns = header.iter().zip(formats).enumerate();
    let found = columns.filter(|(_, (name, format))| {
        is_key(name) && matches!(format.column_type(), ColumnType::Integer | ColumnType::Text)
    });
    found.map(|(index, _)| index).collect()
}
