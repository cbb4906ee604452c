//! Running heads and page numbers: the same on every page, and in the middle of sentences that continue across pages.

use std::collections::HashMap;

/// How many lines at the top and at the bottom of a page may be repeated.
const DEPTH: usize = 3;
/// On fewer pages a repetition may be a coincidence.
const MIN_PAGES: usize = 4;

/// Removes the first and last lines that at least half of the pages have in common, numbers aside.
pub(super) fn without_heads_and_feet(pages: Vec<String>) -> Vec<String> {
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
    let is_running = |line: &str| seen.get(&key(line)).is_some_and(|count| *count >= needed);
    pages.iter().map(|page| strip(page, is_running)).collect()
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

fn strip(page: &str, is_running: impl Fn(&str) -> bool) -> String {
    let mut lines: Vec<&str> = page.lines().collect();
    for _ in 0..DEPTH {
        while lines.last().is_some_and(|line| line.trim().is_empty()) {
            lines.pop();
        }
        if lines.last().is_some_and(|line| is_running(line)) {
            lines.pop();
        }
        let first = lines
            .iter()
            .position(|line| !line.trim().is_empty())
            .unwrap_or(lines.len());
        if lines.get(first).is_some_and(|line| is_running(line)) {
            lines.drain(..=first);
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn running_heads_and_page_numbers_are_removed() {
        let own = ["beans", "roasting", "grinding", "water", "milk", "cups"];
        let page = |(number, own): (usize, &&str)| {
            format!("Handbook of coffee\n\nAll about {own}.\nNow {own} again.\nThe end of {own}.\n\n- {number} -\n")
        };
        let pages = without_heads_and_feet((9..).zip(&own).map(page).collect());
        assert_eq!(
            pages[2].trim(),
            "All about grinding.\nNow grinding again.\nThe end of grinding."
        );
    }

    #[test]
    fn a_line_in_the_middle_of_the_page_stays_although_it_is_repeated() {
        let body = "one\ntwo\nthree\nrepeated\nfour\nfive\nsix";
        let pages: Vec<String> = (0..9).map(|n| body.replace('o', &"q".repeat(n + 1))).collect();
        assert!(
            without_heads_and_feet(pages)
                .iter()
                .all(|page| page.contains("repeated"))
        );
    }

    #[test]
    fn a_short_document_keeps_its_lines() {
        let pages = vec!["Title\ntext".to_owned(), "Title\nmore".to_owned()];
        assert_eq!(without_heads_and_feet(pages.clone()), pages);
    }
}
