//! Fields (ISO/IEC 29500-1, 17.16): their codes are no text, and their results are, except for page numbers.

/// Longer codes are cut: the name of the field comes first. Bytes.
const MAX_CODE: usize = 200;
/// Deeper nesting is not tracked.
const MAX_DEPTH: usize = 64;

/// The open fields, innermost last.
#[derive(Default)]
pub(super) struct Fields {
    open: Vec<Field>,
}

#[derive(Default)]
struct Field {
    code: String,
    has_result: bool,
    is_page_number: bool,
}

impl Fields {
    /// Handles `w:fldChar` of this type. Returns whether the result of a page number begins.
    pub(super) fn mark(&mut self, kind: &str) -> bool {
        match kind {
            "begin" if self.open.len() < MAX_DEPTH => self.open.push(Field::default()),
            "separate" => {
                if let Some(field) = self.open.last_mut() {
                    field.has_result = true;
                    field.is_page_number = is_page_number(&field.code);
                    return field.is_page_number;
                }
            }
            "end" => {
                self.open.pop();
            }
            _ => {}
        }
        false
    }

    /// Adds to the code of the innermost field.
    pub(super) fn code(&mut self, text: &str) {
        if let Some(field) = self.open.last_mut().filter(|field| field.code.len() < MAX_CODE) {
            field.code.push_str(text);
        }
    }

    /// Returns whether text at this position is shown and worth reading.
    pub(super) fn shows_text(&self) -> bool {
        self.open.iter().all(|field| field.has_result && !field.is_page_number)
    }
}

/// Returns whether a field shows the number of the current page or of all pages, which is different on each page.
pub(super) fn is_page_number(code: &str) -> bool {
    let name = code.split_whitespace().next().unwrap_or_default();
    ["PAGE", "NUMPAGES", "SECTIONPAGES"]
        .iter()
        .any(|page| name.eq_ignore_ascii_case(page))
}

/// A check box or a list to choose from in an old form (ISO/IEC 29500-1, 17.16.5.20 and 21).
#[derive(Default)]
pub(super) struct FormControl {
    is_checked: bool,
    entries: Vec<String>,
    chosen: usize,
}

impl FormControl {
    pub(super) fn property(&mut self, name: &str, value: Option<String>) {
        let is_on = !matches!(value.as_deref(), Some("0" | "false" | "off"));
        match name {
            "checked" | "default" => self.is_checked = is_on,
            "result" => self.chosen = value.and_then(|value| value.parse().ok()).unwrap_or(0),
            "listEntry" if self.entries.len() < 100 => self.entries.extend(value),
            _ => {}
        }
    }

    pub(super) fn check_mark(&self) -> &'static str {
        if self.is_checked { "☒" } else { "☐" }
    }

    pub(super) fn choice(&self) -> &str {
        self.entries.get(self.chosen).map_or("", String::as_str)
    }
}
