//! Cells: words of a row that are far from each other, where the rows above or below have a gap at the same place.

use super::super::clean;
use super::words::Word;

/// A gap between cells, in em.
const CELL_GAP: f32 = 1.0;
/// How much of the gap the rows have in common, in em.
const COMMON_GAP: f32 = 0.8;
/// Fewer rows with gaps at the same place are a coincidence.
const MIN_ROWS: usize = 3;
/// Rows of one table are not further apart, in em.
const ROW_DISTANCE: f32 = 4.0;

/// The white space before a cell.
#[derive(Debug, Clone, Copy)]
struct Gap {
    from: f32,
    to: f32,
    /// The number of the word after it.
    next: usize,
}

impl Gap {
    fn meets(self, other: &Self, em: f32) -> bool {
        self.to.min(other.to) - self.from.max(other.from) >= COMMON_GAP * em
    }
}

/// Returns for each row (from left to right) the numbers of the words before which a cell begins, except the first cell;
/// none for rows that are not of a table.
pub(super) fn cells(rows: &[Vec<Word>], em: f32) -> Vec<Vec<usize>> {
    let gaps: Vec<Vec<Gap>> = rows.iter().map(|row| gaps_of(row, em)).collect();
    let mut cells: Vec<Vec<usize>> = vec![Vec::new(); rows.len()];
    let mut first = 0;
    while first < rows.len() {
        let mut last = first;
        while is_continued(rows, &gaps, last, em) {
            last += 1;
        }
        if last + 1 - first >= MIN_ROWS {
            for row in first..=last {
                let above = row
                    .checked_sub(1)
                    .filter(|above| *above >= first)
                    .and_then(|above| gaps.get(above));
                let below = gaps.get(row + 1).filter(|_| row < last);
                let is_common = |gap: &&Gap| {
                    above
                        .into_iter()
                        .chain(below)
                        .flatten()
                        .any(|other| gap.meets(other, em))
                };
                if let (Some(own), Some(cells)) = (gaps.get(row), cells.get_mut(row)) {
                    cells.extend(own.iter().filter(is_common).map(|gap| gap.next));
                }
            }
        }
        first = last + 1;
    }
    cells
}

/// Returns whether a row and the next one have a gap at the same place.
fn is_continued(rows: &[Vec<Word>], gaps: &[Vec<Gap>], row: usize, em: f32) -> bool {
    let (Some(own), Some(next)) = (gaps.get(row), gaps.get(row + 1)) else {
        return false;
    };
    let y = |row: usize| rows.get(row).and_then(|row| row.first()).map_or(0.0, |word| word.y);
    y(row) - y(row + 1) < ROW_DISTANCE * em && own.iter().any(|gap| next.iter().any(|other| gap.meets(other, em)))
}

fn gaps_of(row: &[Word], em: f32) -> Vec<Gap> {
    let mut gaps = Vec::new();
    let mut end = f32::NEG_INFINITY;
    for (index, word) in row.iter().enumerate() {
        // The mark of a list item is no cell.
        let is_marked = index == 1 && row.first().is_some_and(|first| is_mark(&first.text));
        if index > 0 && word.left - end >= CELL_GAP * em && !is_marked {
            gaps.push(Gap {
                from: end,
                to: word.left,
                next: word.number,
            });
        }
        end = end.max(word.right);
    }
    gaps
}

fn is_mark(text: &str) -> bool {
    let inside = text.trim_matches(['(', ')', '[', ']', '.', ':']);
    clean::is_list_item(&format!("{text} x")) || (inside != text && inside.chars().count() <= 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows of words at these positions, 12 points apart; each word is 20 points wide.
    fn rows(lefts: &[&[(f32, &str)]]) -> Vec<Vec<Word>> {
        let mut number = 0;
        let mut y = 700.0;
        lefts
            .iter()
            .map(|row| {
                y -= 12.0;
                let word = |(left, text): &(f32, &str)| {
                    number += 1;
                    Word {
                        text: (*text).to_owned(),
                        left: *left,
                        right: left + 20.0,
                        y,
                        size: 10.0,
                        is_after_space: false,
                        number,
                    }
                };
                row.iter().map(word).collect()
            })
            .collect()
    }

    #[test]
    fn gaps_at_the_same_place_divide_cells() {
        let rows = rows(&[
            &[(0.0, "Size"), (60.0, "Price")],
            &[(0.0, "250"), (22.0, "g"), (60.0, "8"), (82.0, "euros")],
            &[(0.0, "1"), (65.0, "28")],
        ]);
        assert_eq!(cells(&rows, 10.0), [vec![2], vec![5], vec![8]]);
    }

    #[test]
    fn wide_spaces_of_justified_lines_are_not_cells() {
        let prose = rows(&[
            &[(0.0, "a"), (35.0, "b"), (57.0, "c")],
            &[(0.0, "a"), (22.0, "b"), (57.0, "c")],
            &[(0.0, "a"), (22.0, "b"), (44.0, "c")],
        ]);
        assert!(cells(&prose, 10.0).iter().all(Vec::is_empty));
    }

    #[test]
    fn marks_of_list_items_are_not_cells() {
        let list = rows(&[
            &[(0.0, "1."), (40.0, "b")],
            &[(0.0, "(a)"), (40.0, "b")],
            &[(0.0, "•"), (40.0, "b")],
        ]);
        assert!(cells(&list, 10.0).iter().all(Vec::is_empty));
    }
}
