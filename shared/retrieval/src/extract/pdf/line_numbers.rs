//! Numbers of lines in the margin of prose, as drafts and contracts have them: read across, they stand in the middle of
//! sentences. Those of listings stay in front of their lines.

use super::words::Word;

/// Fewer numbers below each other are no numbering.
const MIN_NUMBERS: usize = 6;
/// More are a drawing, or a table.
const MAX_NUMBERS: usize = 500;
/// How much smaller than the text they are set.
const SMALLER: f32 = 0.85;

/// The number of a word, its right end, its baseline, and the number that it says.
type Candidate = (usize, f32, f32, u32);

/// Divides the numbers of lines from the other words.
pub(super) fn divide(words: Vec<Word>, em: f32) -> (Vec<Word>, Vec<Word>) {
    let mut candidates: Vec<Candidate> = words
        .iter()
        .enumerate()
        .filter(|(_, word)| word.size < SMALLER * em && word.text.len() <= 4)
        .filter_map(|(index, word)| Some((index, word.right, word.y, word.text.parse().ok()?)))
        .collect();
    if !(MIN_NUMBERS..=MAX_NUMBERS).contains(&candidates.len()) {
        return (words, Vec::new());
    }
    // Those of one margin end at the same place.
    candidates.sort_by(|a, b| a.1.total_cmp(&b.1));
    let mut is_number = vec![false; words.len()];
    for margin in candidates.chunk_by_mut(|a, b| b.1 - a.1 < 0.1 * em) {
        margin.sort_by(|a, b| b.2.total_cmp(&a.2));
        if is_numbering(margin.iter().map(|(_, _, _, number)| *number)) && is_prose(margin, &words, em) {
            for (index, _, _, _) in margin {
                if let Some(is_number) = is_number.get_mut(*index) {
                    *is_number = true;
                }
            }
        }
    }
    let (numbers, others) = words
        .into_iter()
        .zip(is_number)
        .partition::<Vec<_>, _>(|(_, is_number)| *is_number);
    let words = |part: Vec<(Word, bool)>| part.into_iter().map(|(word, _)| word).collect();
    (words(others), words(numbers))
}

/// Returns whether numbers count the lines: each, or every fifth or tenth, with gaps where lines have none.
fn is_numbering(numbers: impl Iterator<Item = u32>) -> bool {
    let numbers: Vec<u32> = numbers.collect();
    let steps: Vec<u32> = numbers
        .windows(2)
        .map_while(|pair| match pair {
            [a, b] if b > a => Some(b - a),
            _ => None,
        })
        .collect();
    let is_ascending = steps.len() + 1 == numbers.len() && numbers.len() >= MIN_NUMBERS;
    let most = [1, 2, 5, 10]
        .into_iter()
        .map(|step| steps.iter().filter(|found| **found == step).count())
        .max();
    is_ascending && most.unwrap_or(0) * 4 >= steps.len() * 3
}

/// Returns whether most lines beside the numbers are as long as the longest.
fn is_prose(margin: &[Candidate], words: &[Word], em: f32) -> bool {
    let line_end = |(_, right, y, _): &Candidate| {
        let beside = words
            .iter()
            .filter(|word| (word.y - y).abs() < 0.3 * em && word.left > *right);
        beside.map(|word| word.right).fold(*right, f32::max)
    };
    let ends: Vec<f32> = margin.iter().map(line_end).collect();
    let longest = ends.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    ends.iter().filter(|end| longest - **end < 2.0 * em).count() * 2 > ends.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(text: &str, left: f32, y: f32, size: f32) -> Word {
        let length = text.chars().fold(0.0, |length, _| length + 0.5 * size);
        Word {
            text: text.to_owned(),
            left,
            right: left + length,
            y,
            size,
            is_after_space: false,
            number: 0,
        }
    }

    fn numbered(size: f32, number: impl Fn(u16) -> u32) -> Vec<Word> {
        let row = |row: u16| {
            let y = 700.0 - 12.0 * f32::from(row);
            let label = number(row).to_string();
            let left = 40.0 - label.chars().fold(0.0, |length, _| length + 0.5 * size);
            [word(&label, left, y, size), word("text", 50.0, y, 10.0)]
        };
        (0..12).flat_map(row).collect()
    }

    #[test]
    fn small_numbers_that_count_the_lines_are_divided_from_the_text() {
        let (words, numbers) = divide(numbered(6.0, |row| u32::from(row) + 3), 10.0);
        assert!(words.iter().all(|word| word.text == "text"), "{words:?}");
        assert_eq!(numbers.len(), 12);
    }

    #[test]
    fn numbers_of_rows_and_amounts_stay() {
        assert!(divide(numbered(10.0, |row| u32::from(row) + 3), 10.0).1.is_empty());
        assert!(divide(numbered(6.0, |row| u32::from(row * row % 7)), 10.0).1.is_empty());
    }
}
