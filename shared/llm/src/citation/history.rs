//! Earlier answers in later requests. A model imitates what it reads, so they contain no citations in another form.

use super::marker;

/// Returns a text without its citations of these numbers, whose sources the model no longer sees.
pub fn without_citations(text: &str, numbers: &[u32]) -> String {
    rewrite(text, numbers, |_| String::new())
}

/// Returns a text whose citations of these numbers are markers again, for a model that continues it.
pub fn with_markers(text: &str, numbers: &[u32]) -> String {
    rewrite(text, numbers, marker)
}

/// Replaces `[n]`, unless it is an index (`a[1]`) or the text of a link (`[1](...)`).
fn rewrite(text: &str, numbers: &[u32], with: impl Fn(u32) -> String) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut is_behind_citation = false;
    while let Some(at) = rest.find('[') {
        let (before, bracket) = rest.split_at(at);
        is_behind_citation &= before.is_empty();
        out.push_str(before);
        let number = bracket[1..].split_once(']').and_then(|(inner, behind)| {
            let number = numbers.iter().find(|number| number.to_string() == inner)?;
            let is_link = behind.starts_with(['(', ':']);
            let is_index = !is_behind_citation
                && out
                    .chars()
                    .next_back()
                    .is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | ')' | ']'));
            (!is_link && !is_index).then_some((*number, behind))
        });
        if let Some((number, behind)) = number {
            let replaced = with(number);
            if replaced.is_empty() && out.ends_with(' ') {
                out.pop();
            }
            out.push_str(&replaced);
            (rest, is_behind_citation) = (behind, true);
        } else {
            out.push('[');
            (rest, is_behind_citation) = (&bracket[1..], false);
        }
    }
    out.push_str(rest);
    out
}
