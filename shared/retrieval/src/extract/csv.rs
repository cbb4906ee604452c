//! Delimiter separated values (RFC 4180 and what spreadsheets make of it).

use csv::{ReaderBuilder, StringRecord};

use super::package::TextBudget;
use super::{ExtractError, Extracted, TOO_MUCH_TEXT, table, txt};

/// How many lines decide about the delimiter.
const SAMPLE_LINES: usize = 50;
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

pub(super) fn extract(bytes: &[u8]) -> Result<Extracted, ExtractError> {
    let text = txt::decode_raw(bytes)?;
    let (delimiter, rows) = match named_delimiter(&text) {
        Some((delimiter, rest)) => (delimiter, rest),
        None => (delimiter(&text), text.as_str()),
    };
    let mut budget = TextBudget::default();
    let mut lines = String::with_capacity(rows.len());
    for record in records(rows, delimiter) {
        let mut cells: Vec<&str> = record.iter().collect();
        if cells.iter().skip(1).all(|cell| cell.trim().is_empty()) {
            // A caption or a note rather than a row.
            cells.truncate(1);
        }
        let Some(line) = table::row(&cells) else { continue };
        budget.spend(line.len() + 1).map_err(|_| TOO_MUCH_TEXT)?;
        if !lines.is_empty() {
            lines.push('\n');
        }
        lines.push_str(&line);
    }
    Ok(Extracted::whole(lines))
}

fn records(text: &str, delimiter: u8) -> impl Iterator<Item = StringRecord> + '_ {
    ReaderBuilder::new()
        .delimiter(delimiter)
        .has_headers(false)
        .flexible(true)
        .from_reader(text.as_bytes())
        .into_records()
        // Text in memory that is UTF-8 has no errors.
        .map_while(Result::ok)
}

/// Reads the first line `sep=;`, by which Excel is told the delimiter.
fn named_delimiter(text: &str) -> Option<(u8, &str)> {
    let (first, rest) = text.split_once('\n')?;
    match first.trim_end().strip_prefix("sep=")?.as_bytes() {
        [delimiter] => Some((*delimiter, rest)),
        _ => None,
    }
}

/// Returns the delimiter that divides most of the first lines into the same number of cells, at least two.
fn delimiter(text: &str) -> u8 {
    let sample: String = text.split_inclusive('\n').take(SAMPLE_LINES).collect();
    let score = |delimiter: u8| {
        let mut counts: Vec<usize> = records(&sample, delimiter).map(|record| record.len()).collect();
        counts.sort_unstable();
        let best = counts
            .chunk_by(|a, b| a == b)
            .filter(|run| run[0] > 1)
            .max_by_key(|run| run.len());
        best.map_or((0, 0), |run| (run.len(), run[0]))
    };
    DELIMITERS
        .into_iter()
        .rev()
        .max_by_key(|delimiter| score(*delimiter))
        .unwrap_or(b',')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(csv: &str) -> String {
        let [section] = extract(csv.as_bytes()).expect("text").sections.try_into().expect("one");
        section.text
    }

    #[test]
    fn the_delimiter_is_found() {
        let expected = "Part | Price | Note\nZK-1 | 3,50 | small, light\nZK-2 | 4,00 |";
        assert_eq!(text("Part;Price;Note\nZK-1;3,50;small, light\nZK-2;4,00;\n"), expected);
        assert_eq!(
            text("Part\tPrice\tNote\nZK-1\t3,50\tsmall, light\nZK-2\t4,00\t\n"),
            expected
        );
        assert_eq!(
            text("Part,Price,Note\nZK-1,\"3,50\",\"small, light\"\nZK-2,\"4,00\",\n"),
            expected
        );
        assert_eq!(
            text("sep=;\r\nPart;Price;Note\r\nZK-1;3,50;small, light\r\nZK-2;4,00;\r\n"),
            expected
        );
    }

    #[test]
    fn quotes_keep_line_breaks_and_borders_in_their_cell() {
        assert_eq!(text("a,b\n\"one\ntwo\",\"x | y\"\n"), "a | b\none two | x, y");
    }

    #[test]
    fn any_encoding_is_read() {
        let (bytes, ..) = encoding_rs::WINDOWS_1252.encode("Straße;Größe\nÄußere Mühle;5 m²\n");
        let [section] = extract(&bytes).expect("text").sections.try_into().expect("one");
        assert_eq!(section.text, "Straße | Größe\nÄußere Mühle | 5 m²");
    }

    #[test]
    fn a_quote_without_an_end_ends_with_the_file() {
        assert_eq!(text("a,b\n\"one,two\nthree,four\n"), "a | b\none,two three,four");
    }
}
