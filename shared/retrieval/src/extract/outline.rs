//! Collects text below headings.

use super::{MAX_TEXT_BYTES, Section, clean};
use crate::SourceLocation;
use crate::source_location::HEADING_SEPARATOR;

/// Longer headings, which are really paragraphs, are cut in the path. Characters.
const LONGEST_TITLE: usize = 120;

/// The text exceeds [`MAX_TEXT_BYTES`].
#[derive(Debug)]
pub(super) struct TooMuchText;

/// Builds sections from headings and lines, in reading order.
#[derive(Default)]
pub(super) struct Outline {
    /// The headings above the current line, outermost first, with their levels.
    path: Vec<(usize, String)>,
    body: String,
    /// Whether the last heading has neither text nor headings below it so far.
    is_bare: bool,
    sections: Vec<Section>,
    /// Size of the sections, including paths: many short sections below long headings multiply these. Bytes.
    size: usize,
}

impl Outline {
    /// Adds a heading, which closes all headings of its own level and below.
    pub(super) fn heading(&mut self, level: usize, title: &str) {
        self.flush(level);
        self.path.retain(|(above, _)| *above < level);
        self.path
            .push((level, clean::collapse(title).chars().take(LONGEST_TITLE).collect()));
        self.is_bare = true;
    }

    /// Adds a line, which may continue the paragraph of the line before.
    pub(super) fn line(&mut self, line: &str) {
        self.body.push_str(line);
        self.body.push('\n');
    }

    /// Adds a line that is a paragraph, a list item or a table row by itself.
    pub(super) fn block(&mut self, text: &str) {
        if !text.is_empty() {
            self.line(text);
            // Separates it from the next one.
            self.line("");
        }
    }

    pub(super) fn finish(mut self) -> Result<Vec<Section>, TooMuchText> {
        self.flush(0);
        if self.size > MAX_TEXT_BYTES {
            Err(TooMuchText)
        } else {
            Ok(self.sections)
        }
    }

    fn flush(&mut self, next_level: usize) {
        let mut text = clean::reflow(&std::mem::take(&mut self.body), &clean::Compounds::default());
        // A heading without content is itself the text of its section.
        if let Some((level, title)) = self.path.last()
            && text.is_empty()
            && self.is_bare
            && next_level <= *level
        {
            text.clone_from(title);
        }
        self.is_bare = false;
        if text.is_empty() || self.size > MAX_TEXT_BYTES {
            return;
        }
        let titles: Vec<&str> = self.path.iter().map(|(_, title)| title.as_str()).collect();
        let place = if titles.is_empty() {
            SourceLocation::Whole
        } else {
            SourceLocation::Heading(titles.join(HEADING_SEPARATOR))
        };
        self.size += text.len() + place.heading().map_or(0, str::len);
        self.sections.push(Section { place, text });
    }
}
