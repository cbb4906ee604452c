//! Detects columns, and puts them into reading order.

use super::bidi;
use super::words::Word;

/// Minimum width of the gap between two columns, in em.
const GUTTER: f32 = 0.9;
/// Fewer lines side by side are a coincidence or a table.
const MIN_ROWS: usize = 6;
/// Fewer lines are not recognized by the order of drawing either.
const MIN_DRAWN_ROWS: usize = 3;
/// More possible column starts indicate a drawing; each requires a pass over every word.
const MAX_STARTS: usize = 500;
/// A page of more words is a drawing; the densest pages of a dictionary have 4,000.
const MAX_WORDS: usize = 30_000;
/// Maximum nesting of columns: three or four side by side.
const MAX_DEPTH: usize = 4;

/// Divides the words of a page into blocks of one column each.
pub(super) fn blocks(words: Vec<Word>, em: f32) -> Vec<Vec<Word>> {
    let mut blocks = Vec::new();
    // The first column is on the side where lines begin.
    let letters = |is_counted: fn(char) -> bool| {
        let chars = words.iter().flat_map(|word| word.text.chars());
        chars.filter(|c| c.is_alphabetic() && is_counted(*c)).count()
    };
    let is_rtl = letters(bidi::is_rtl) > letters(|c| !bidi::is_rtl(c));
    divide(words, (em, is_rtl), 0, &mut blocks);
    blocks
}

fn divide(words: Vec<Word>, (em, is_rtl): (f32, bool), depth: usize, blocks: &mut Vec<Vec<Word>>) {
    let is_searched = depth < MAX_DEPTH && words.len() <= MAX_WORDS;
    let rows = rows(words, em);
    let Some(gutter) = is_searched.then(|| find_gutter(&rows, em)).flatten() else {
        return push(blocks, rows);
    };
    let (mut above, mut rest) = (rows, Vec::new());
    rest.extend(above.drain(gutter.first..));
    let below = rest.split_off(gutter.last + 1 - gutter.first);
    let (left, right) = rest.into_iter().flatten().partition(|word| word.right < gutter.x);
    let (first, second): (Vec<Word>, Vec<Word>) = if is_rtl { (right, left) } else { (left, right) };
    // The text above and below may have columns of its own.
    for part in [
        above.into_iter().flatten().collect(),
        first,
        second,
        below.into_iter().flatten().collect(),
    ] {
        divide(part, (em, is_rtl), depth + 1, blocks);
    }
}

fn push(blocks: &mut Vec<Vec<Word>>, rows: Vec<Vec<Word>>) {
    let block: Vec<Word> = rows.into_iter().flatten().collect();
    if !block.is_empty() {
        blocks.push(block);
    }
}

/// Groups words by height, from the top of the page to the bottom; from left to right within a row.
pub(super) fn rows(mut words: Vec<Word>, em: f32) -> Vec<Vec<Word>> {
    words.sort_by(|a, b| b.y.total_cmp(&a.y).then(a.left.total_cmp(&b.left)));
    let mut rows: Vec<Vec<Word>> = Vec::new();
    for word in words {
        match rows.last_mut() {
            // Measured from the first word, so that many small steps do not form one row.
            Some(row) if row[0].y - word.y <= 0.4 * em => row.push(word),
            _ => rows.push(vec![word]),
        }
    }
    for row in &mut rows {
        row.sort_by(|a, b| a.left.total_cmp(&b.left));
    }
    rows
}

/// The gap from row `first` to row `last` around `x`, with text on both sides.
struct Gutter {
    x: f32,
    first: usize,
    last: usize,
    /// Number of rows with text beside it: its quality.
    score: usize,
}

fn find_gutter(rows: &[Vec<Word>], em: f32) -> Option<Gutter> {
    if rows.len() < MIN_DRAWN_ROWS {
        return None;
    }
    let words = || rows.iter().flatten();
    let left = words().map(|word| word.left).fold(f32::INFINITY, f32::min);
    let right = words().map(|word| word.right).fold(f32::NEG_INFINITY, f32::max);
    // A column may begin only at a word after white space: only these positions are tried.
    let mut starts: Vec<f32> = rows.iter().flat_map(|row| starts_after_white(row, em)).collect();
    starts.sort_unstable_by(f32::total_cmp);
    starts.dedup_by(|a, b| (*a - *b).abs() < 0.5 * em);
    if starts.len() > MAX_STARTS {
        return None;
    }
    let margin = 0.15 * (right - left);
    starts
        .into_iter()
        .map(|start| start - GUTTER * em / 2.0)
        .filter(|x| *x > left + margin && *x < right - margin)
        .filter_map(|x| longest_band(rows, x, em, (left, right)))
        .max_by_key(|gutter| gutter.score)
}

/// Returns the left edges of words after white space, including the first word of a row, whose column may be alone
/// there.
fn starts_after_white(row: &[Word], em: f32) -> Vec<f32> {
    let first = row.first().map(|word| word.left);
    let others = row
        .windows(2)
        .filter(|pair| pair[1].left - pair[0].right >= GUTTER * em)
        .map(|pair| pair[1].left);
    first.into_iter().chain(others).collect()
}

/// Returns the longest run of rows that leave the gutter empty and look like columns of prose on both sides of it.
fn longest_band(rows: &[Vec<Word>], x: f32, em: f32, (left, right): (f32, f32)) -> Option<Gutter> {
    let (from, to) = (x - GUTTER * em / 2.0 + 0.1, x + GUTTER * em / 2.0 - 0.1);
    let is_white = |row: &Vec<Word>| row.iter().all(|word| word.right <= from || word.left >= to);
    let mut best: Option<Gutter> = None;
    let mut first = 0;
    for (index, row) in rows.iter().enumerate() {
        if !is_white(row) {
            first = index + 1;
            continue;
        }
        let is_last = rows.get(index + 1).is_none_or(|next| !is_white(next));
        if is_last
            && let Some(score) = prose_rows(&rows[first..=index], x, (left, right), em)
            && best.as_ref().is_none_or(|best| score > best.score)
        {
            best = Some(Gutter {
                x,
                first,
                last: index,
                score,
            });
        }
    }
    best
}

/// Returns the number of rows of the shorter side, if the sides are columns of text and not of a table.
fn prose_rows(rows: &[Vec<Word>], x: f32, (left, right): (f32, f32), em: f32) -> Option<usize> {
    let left_side = Side::of(rows, x - left, |word| word.right < x);
    let right_side = Side::of(rows, right - x, |word| word.left > x);
    let rows = left_side.rows.len().min(right_side.rows.len());
    let filled = left_side.filled.min(right_side.filled);
    let is_prose = rows >= MIN_ROWS && filled >= 0.6;
    let drawn = drawn_in_turn(&left_side, &right_side);
    // Short columns, or columns of short lines: the order of drawing tells them from tables.
    let is_column = drawn >= 0.8
        && rows >= MIN_DRAWN_ROWS
        && (filled >= 0.45 || (rows >= MIN_ROWS && on_one_line(&left_side, &right_side, em) < 0.7));
    (is_prose || is_column).then_some(rows)
}

/// The words on one side of a gutter.
struct Side<'a> {
    /// The first word of each row that has any, with the number of the row.
    rows: Vec<(usize, &'a Word)>,
    /// The part of the width that the middle row fills.
    filled: f32,
}

impl<'a> Side<'a> {
    fn of(rows: &'a [Vec<Word>], width: f32, is_own: impl Fn(&Word) -> bool) -> Self {
        let mut firsts = Vec::new();
        let mut filled = Vec::new();
        for (index, row) in rows.iter().enumerate() {
            let mut own = row.iter().filter(|word| is_own(word));
            if let Some(first) = own.next() {
                filled.push((own.next_back().unwrap_or(first).right - first.left) / width);
                firsts.push((index, first));
            }
        }
        filled.sort_unstable_by(f32::total_cmp);
        Self {
            rows: firsts,
            filled: filled.get(filled.len() / 2).copied().unwrap_or(0.0),
        }
    }

    fn at(&self, row: usize) -> Option<&'a Word> {
        let found = self.rows.binary_search_by_key(&row, |(index, _)| *index).ok()?;
        self.rows.get(found).map(|(_, word)| *word)
    }
}

/// Returns the part of the rows in which the next row of the left side is drawn before the right side: all of a column
/// before the next one.
fn drawn_in_turn(left: &Side<'_>, right: &Side<'_>) -> f32 {
    let (mut rows, mut in_turn) = (0.0, 0.0);
    for pair in left.rows.windows(2) {
        let [(row, _), (_, next)] = pair else {
            continue;
        };
        if let Some(beside) = right.at(*row) {
            rows += 1.0;
            in_turn += f32::from(u8::from(next.number < beside.number));
        }
    }
    if rows > 0.0 { in_turn / rows } else { 0.0 }
}

/// Returns the part of the rows whose sides have the same baseline, as the cells of a table have.
fn on_one_line(left: &Side<'_>, right: &Side<'_>, em: f32) -> f32 {
    let (mut rows, mut level) = (0.0, 0.0);
    for (row, word) in &left.rows {
        if let Some(beside) = right.at(*row) {
            rows += 1.0;
            level += f32::from(u8::from((word.y - beside.y).abs() < 0.06 * em));
        }
    }
    if rows > 0.0 { level / rows } else { 0.0 }
}
