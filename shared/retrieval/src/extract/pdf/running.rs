//! Running heads and page numbers: the same on every page, and in the middle of sentences that continue across pages.
//! They are kept where they occur first: a letterhead or the number of a contract stands nowhere else.

use std::collections::{HashMap, HashSet};

/// How many lines at the top and at the bottom of a page may be repeated.
const DEPTH: usize = 3;
/// On fewer pages a repetition may be a coincidence.
const MIN_PAGES: usize = 4;

/// Removes the first and last lines that at least a third of the pages have in common, numbers aside, after their first
/// occurrence.
pub(super) fn without_repeated(pages: Vec<String>) -> Vec<String> {
    if pages.len() < MIN_PAGES {
        return pages;
    }
    let mut seen: HashMap<String, usize> = HashMap::new();
    for page in &pages {
        for key in edges(page) {
            *seen.entry(key).or_default() += 1;
        }
    }
    // Books alternate between two heads, so a third of the pages is enough.
    let needed = (pages.len() / 3).max(MIN_PAGES - 1);
    let mut kept: HashSet<String> = HashSet::new();
    let strip_page = |page: &String| {
        let mut new = Vec::new();
        let text = strip(page, |line| {
            let key = key(line);
            let is_running = seen.get(&key).is_some_and(|count| *count >= needed);
            // A line of this page that was not there before stays; a page number never does.
            if is_running && key.chars().any(char::is_alphabetic) && !kept.contains(&key) {
                new.push(key);
                return false;
            }
            is_running
        });
        kept.extend(new);
        text
    };
    pages.iter().map(strip_page).collect()
}

/// Returns the keys of the lines at both ends, each once.
fn edges(page: &str) -> Vec<String> {
    let lines: Vec<&str> = page.lines().filter(|line| !line.trim().is_empty()).collect();
    let last = lines.len().saturating_sub(DEPTH).max(DEPTH.min(lines.len()));
    let mut keys: Vec<String> = lines
        .iter()
        .take(DEPTH)
        .chain(&lines[last..])
        .map(|line| key(line))
        .collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// Returns a line without the parts that change from page to page.
fn key(line: &str) -> String {
    let mut key = String::new();
    for c in line.chars().filter(|c| !c.is_whitespace()) {
        match (c.is_numeric(), key.ends_with('#')) {
            (true, true) => {}
            (true, false) => key.push('#'),
            (false, _) => key.extend(c.to_lowercase()),
        }
    }
    key
}

/// Removes running lines from both ends of a page, from the outside to the inside.
fn strip(page: &str, mut is_running: impl FnMut(&str) -> bool) -> String {
    let mut lines: Vec<&str> = page.lines().collect();
    let mut is_removed = vec![false; lines.len()];
    let filled: Vec<usize> = (0..lines.len())
        .filter(|at| lines.get(*at).is_some_and(|line| !line.trim().is_empty()))
        .collect();
    let last = filled.len().saturating_sub(DEPTH).max(DEPTH.min(filled.len()));
    let edges = filled
        .iter()
        .take(DEPTH)
        .chain(filled.get(last..).unwrap_or_default().iter().rev());
    for at in edges {
        if let (Some(line), Some(is_removed)) = (lines.get(*at), is_removed.get_mut(*at)) {
            *is_removed = is_running(line);
        }
    }
    // Pages that are alike are content: slides, forms, labels.
    let removed = |at: &usize| is_removed.get(*at).copied().unwrap_or(false);
    let letters = |line: &&str| line.chars().filter(|c| c.is_alphanumeric()).count();
    let all: usize = lines.iter().map(letters).sum();
    let cut: usize = (0..lines.len())
        .filter(removed)
        .filter_map(|at| lines.get(at))
        .map(letters)
        .sum();
    if cut * 2 > all {
        return page.to_owned();
    }
    let mut removed = is_removed.into_iter();
    lines.retain(|_| !removed.next().unwrap_or(false));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn running_heads_are_kept_once_and_page_numbers_are_removed() {
        let own = ["beans", "roasting", "grinding", "water", "milk", "cups"];
        let page = |(number, own): (usize, &&str)| {
            format!("Handbook of coffee\n\nAll about {own}.\nNow {own} again.\nThe end of {own}.\n\n- {number} -\n")
        };
        let pages = without_repeated((9..).zip(&own).map(page).collect());
        assert_eq!(
            pages[0].trim(),
            "Handbook of coffee\n\nAll about beans.\nNow beans again.\nThe end of beans."
        );
        assert_eq!(
            pages[2].trim(),
            "All about grinding.\nNow grinding again.\nThe end of grinding."
        );
    }

    #[test]
    fn both_heads_of_a_book_are_kept_once() {
        let page = |number: usize| {
            let head = ["Left head", "Right head"][number % 2];
            format!(
                "{head} {number}\ntext {}\nmore {}\nend {}",
                "a".repeat(number),
                "b".repeat(number),
                "c".repeat(number)
            )
        };
        let pages = without_repeated((1..=10).map(page).collect());
        let with_head: Vec<usize> = (0..10).filter(|at| pages[*at].contains("head")).collect();
        assert_eq!(with_head, [0, 1]);
    }

    #[test]
    fn a_line_in_the_middle_of_the_page_stays_although_it_is_repeated() {
        let body = "one\ntwo\nthree\nrepeated\nfour\nfive\nsix";
        let pages: Vec<String> = (0..9).map(|n| body.replace('o', &"q".repeat(n + 1))).collect();
        assert!(without_repeated(pages).iter().all(|page| page.contains("repeated")));
    }

    #[test]
    fn a_short_document_keeps_its_lines() {
        let pages = vec!["Title\ntext".to_owned(), "Title\nmore".to_owned()];
        assert_eq!(without_repeated(pages.clone()), pages);
    }
}
