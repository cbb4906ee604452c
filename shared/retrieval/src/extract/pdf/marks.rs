//! Marked content whose glyphs stand for another text (ISO 32000-2, 14.9.4), or belong to a hidden layer.

use super::glyphs::Glyph;

/// Deeper marks are not followed. Tagged files stay below 20.
const MAX_DEPTH: usize = 128;

/// The marks that are open.
#[derive(Default)]
pub(super) struct Marks {
    open: Vec<Mark>,
    /// Marks beyond [`MAX_DEPTH`].
    ignored: usize,
}

struct Mark {
    replacement: Option<String>,
    /// Whether its layer is hidden.
    is_hidden: bool,
    /// The number of glyphs before it.
    start: usize,
}

impl Marks {
    pub(super) fn open(&mut self, replacement: Option<String>, is_hidden: bool, start: usize) {
        if self.open.len() < MAX_DEPTH {
            self.open.push(Mark {
                replacement,
                is_hidden,
                start,
            });
        } else {
            self.ignored += 1;
        }
    }

    /// Closes the last mark, and replaces its glyphs or removes them.
    pub(super) fn close(&mut self, glyphs: &mut Vec<Glyph>) {
        if self.ignored > 0 {
            self.ignored -= 1;
            return;
        }
        let Some(Mark {
            replacement,
            is_hidden,
            start,
        }) = self.open.pop()
        else {
            return;
        };
        if is_hidden {
            glyphs.truncate(start);
        }
        let Some(text) = replacement else {
            return;
        };
        let Some([first, rest @ ..]) = glyphs.get(start..) else {
            return;
        };
        // A mark around lines of text: its glyphs are the text, and know their positions.
        let is_one_line = rest.iter().all(|glyph| {
            let (dx, dy) = (glyph.start.x - first.start.x, glyph.start.y - first.start.y);
            let away = first.direction.x * dy - first.direction.y * dx;
            away.abs() <= first.size && glyph.is_vertical == first.is_vertical
        });
        if !is_one_line || text.chars().count() > 4 * (rest.len() + 1) + 8 {
            return;
        }
        let mut whole = first.clone();
        whole.text = text.into();
        whole.end = rest.iter().map(|glyph| glyph.end).fold(first.end, |furthest, end| {
            let along = |point: super::geometry::Point| {
                (point.x - first.start.x) * first.direction.x + (point.y - first.start.y) * first.direction.y
            };
            if along(end) > along(furthest) { end } else { furthest }
        });
        glyphs.truncate(start);
        glyphs.push(whole);
    }
}
