//! The number formats of cells (`xl/styles.xml`).

use std::collections::HashMap;

use super::super::xml::{Event, Failure, Xml};

/// Longer formats are cut: Excel's own limit is 255 characters.
const MAX_FORMAT: usize = 255;

#[derive(Default)]
pub(super) struct Styles {
    /// Own formats by their ID.
    formats: HashMap<u32, String>,
    /// The format ID of each cell style.
    cells: Vec<u32>,
}

impl Styles {
    /// Returns the format code of a cell with this style; `General` if it has none.
    pub(super) fn format(&self, style: Option<usize>) -> &str {
        let id = style.and_then(|style| self.cells.get(style)).copied().unwrap_or(0);
        self.formats.get(&id).map_or_else(|| built_in(id), String::as_str)
    }
}

/// Formats that files do not define (ISO/IEC 29500-1, 18.8.30). Those that depend on the reader's country are dates as
/// in ISO 8601.
fn built_in(id: u32) -> &'static str {
    match id {
        1 => "0",
        2 => "0.00",
        3 | 37 | 38 => "#,##0",
        4 | 39 | 40 => "#,##0.00",
        9 => "0%",
        10 => "0.00%",
        11 | 48 => "0.00E+00",
        14 | 27..=31 | 36 | 50..=58 => "yyyy-mm-dd",
        15 => "d-mmm-yy",
        16 => "d-mmm",
        17 => "mmm-yy",
        18 => "h:mm AM/PM",
        19 => "h:mm:ss AM/PM",
        20 | 32 => "h:mm",
        21 | 33 => "h:mm:ss",
        22 => "yyyy-mm-dd h:mm",
        45 => "mm:ss",
        46 => "[h]:mm:ss",
        47 => "mm:ss.0",
        49 => "@",
        _ => "General",
    }
}

pub(super) fn read(xml: &mut Xml<'_>) -> Result<Styles, Failure> {
    let mut styles = Styles::default();
    let mut in_cells = false;
    while let Some(event) = xml.next()? {
        let id = || event.attribute("numFmtId").and_then(|id| id.parse().ok()).unwrap_or(0);
        match &event {
            Event::Start { .. } if event.starts("numFmt") => {
                let code = event.attribute("formatCode").unwrap_or_default();
                styles.formats.insert(id(), code.chars().take(MAX_FORMAT).collect());
            }
            Event::Start { is_empty, .. } if event.starts("cellXfs") => in_cells = !is_empty,
            Event::End(_) if event.ends("cellXfs") => in_cells = false,
            Event::Start { .. } if in_cells && event.starts("xf") => styles.cells.push(id()),
            _ => {}
        }
    }
    Ok(styles)
}
