//! Table rows as lines of text: the cells are separated by ` | `, and an empty cell keeps its place.

use super::clean;

/// Returns the line of a row; `None` if all cells are empty.
pub(super) fn row<S: AsRef<str>>(cells: &[S]) -> Option<String> {
    let cells: Vec<String> = cells.iter().map(|cell| cell_text(cell.as_ref())).collect();
    let has_text = cells.iter().any(|cell| !cell.is_empty());
    has_text.then(|| clean::collapse(&cells.join(" | ")))
}

/// Returns the text of a cell on one line, without what looks like a border between cells.
fn cell_text(cell: &str) -> String {
    let text = clean::collapse(&clean::normalize(cell));
    if text.contains('|') {
        text.replace(" | ", ", ").replace('|', "/")
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_cell_keeps_its_place() {
        assert_eq!(row(&["Castle", "", "09:00", ""]).as_deref(), Some("Castle | | 09:00 |"));
        assert_eq!(row(&["", "Mon", "Tue"]).as_deref(), Some("| Mon | Tue"));
        assert_eq!(row(&["a | b", "c\nd"]).as_deref(), Some("a, b | c d"));
    }

    #[test]
    fn a_row_of_one_cell_is_its_text_and_an_empty_one_is_none() {
        assert_eq!(row(&["Prices of 2026"]).as_deref(), Some("Prices of 2026"));
        assert_eq!(row(&["", " "]), None);
        assert_eq!(row::<&str>(&[]), None);
    }
}
