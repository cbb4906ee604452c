//! The text that a citation is to support.

use super::Mark;

/// Returns the texts before the citations of a source, or before the rows of citations that they are in: the statements
/// that the source must support, in the order of the answer.
pub fn statements<'a>(answer: &'a str, marks: &[Mark], number: u32) -> Vec<&'a str> {
    let cited = marks.iter().enumerate().filter(|(_, mark)| mark.number == number);
    let texts = cited.map(|(at, _)| statement(answer, marks, at));
    texts.filter(|text| !text.is_empty()).collect()
}

fn statement<'a>(answer: &'a str, marks: &[Mark], at: usize) -> &'a str {
    let text = |from: usize, to: usize| answer.get(from..to).unwrap_or_default();
    let mut end = marks[at].at.start;
    let mut begin = 0;
    for mark in marks[..at].iter().rev() {
        begin = mark.at.end;
        if !text(begin, end).trim().is_empty() {
            break;
        }
        (begin, end) = (0, mark.at.start);
    }
    text(begin, end).trim().rsplit('\n').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_statements_of_a_source_are_the_texts_since_the_citations_before() {
        let answer = "Intro [2019]:\nRefunds take 30 days. [1] Grinders have a[1] two years. [2] [3] Paid by card. [1]";
        let mark = |number: u32, at: usize| Mark { number, at: at..at + 3 };
        let second = answer.find("[2] ").unwrap();
        let marks = [
            mark(1, answer.find(" [1] ").unwrap() + 1),
            mark(2, second),
            mark(3, second + 4),
            mark(1, answer.len() - 3),
        ];
        assert_eq!(
            statements(answer, &marks, 1),
            ["Refunds take 30 days.", "Paid by card."]
        );
        assert_eq!(statements(answer, &marks, 2), ["Grinders have a[1] two years."]);
        assert_eq!(statements(answer, &marks, 3), ["Grinders have a[1] two years."]);
        assert!(statements(answer, &marks, 4).is_empty());
    }
}
