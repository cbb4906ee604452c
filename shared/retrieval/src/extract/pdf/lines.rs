//! Lines and paragraphs of one column.

use super::super::clean::is_ideograph;
use super::columns::rows;
use super::words::Word;
use super::{bidi, table};

/// Writes the lines of a block, with an empty line before each paragraph.
pub(super) fn write(text: &mut String, block: Vec<Word>, em: f32) {
    let rows = rows(block, em);
    let left = rows
        .iter()
        .filter_map(|row| row.first())
        .map(|word| word.left)
        .fold(f32::INFINITY, f32::min);
    let spacing = usual_spacing(&rows, em);
    let cells = table::cells(&rows, em);
    let mut before: Option<&Vec<Word>> = None;
    for (row, cells) in rows.iter().zip(&cells) {
        if before.is_none_or(|before| starts_paragraph(before, row, left, spacing, em)) {
            text.push('\n');
        }
        write_row(text, row, cells, em);
        text.push('\n');
        before = Some(row);
    }
}

/// Returns the median distance between lines, in points.
fn usual_spacing(rows: &[Vec<Word>], em: f32) -> f32 {
    let mut gaps: Vec<f32> = rows
        .windows(2)
        .map(|pair| pair[0][0].y - pair[1][0].y)
        .filter(|gap| *gap > 0.7 * em)
        .collect();
    gaps.sort_unstable_by(f32::total_cmp);
    gaps.get(gaps.len() / 2).copied().unwrap_or(em)
}

/// Returns whether there is extra space above the line, or its first word is indented.
fn starts_paragraph(before: &[Word], row: &[Word], left: f32, spacing: f32, em: f32) -> bool {
    let gap = before[0].y - row[0].y;
    let indent = row[0].left - left;
    let indent_before = before[0].left - left;
    gap > 1.3 * spacing.max(em) || (indent > 0.8 * em && indent < 4.0 * em && indent_before < 0.3 * em)
}

fn write_row(text: &mut String, row: &[Word], cells: &[usize], em: f32) {
    let mut before: Option<&Word> = None;
    for word in bidi::line(row) {
        if let Some(before) = before {
            // In a line from right to left, the cell's first word on the page is its last one.
            let later = if before.left < word.left { word } else { before };
            if cells.contains(&later.number) {
                text.push_str(" | ");
            } else if is_apart(before, word, em) {
                text.push(' ');
            }
        }
        text.push_str(&bidi::text_of(word, row));
        before = Some(word);
    }
}

/// Returns whether there is a space between two words. They are also divided at changes of the font and the line.
fn is_apart(before: &Word, word: &Word, em: f32) -> bool {
    if word.is_after_space && word.number == before.number + 1 {
        return true;
    }
    let gap = (word.left - before.right).max(before.left - word.right);
    let meets = |c: Option<char>| c.is_some_and(is_ideograph);
    let are_ideographs = meets(before.text.chars().next_back()) && meets(word.text.chars().next());
    gap > if are_ideographs {
        0.8 * em
    } else {
        0.1 * em.min(before.size.max(word.size))
    }
}
