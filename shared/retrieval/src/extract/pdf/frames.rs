//! Text directions: horizontal text, text of rotated tables and margins, vertical text. Each is read by itself, turned so
//! that its lines run from left to right and from the top to the bottom.

use std::cmp::Reverse;
use std::rc::Rc;

use super::super::clean;
use super::geometry::Point;
use super::glyphs::Glyph;

/// Directions that differ by less are the same: scanners are never quite straight. Cosine of 5 degrees.
const SAME_DIRECTION: f32 = 0.996;
/// Text along a curve has a direction for every letter; the last group takes the rest.
const MAX_FRAMES: usize = 12;
/// Fewer characters below each other are a coincidence.
const MIN_COLUMN: usize = 10;

/// A glyph in the frame of its direction.
#[derive(Debug, Clone)]
pub(super) struct Placed {
    pub(super) text: Rc<str>,
    pub(super) left: f32,
    pub(super) right: f32,
    /// The baseline; for vertical text, the middle of the column.
    pub(super) y: f32,
    pub(super) size: f32,
}

impl Placed {
    /// Returns the distance from this glyph to one that is to the right of it.
    pub(super) fn gap(&self, next: &Self) -> f32 {
        next.left - self.right
    }
}

/// Divides glyphs by their direction, the most frequent first; the order of drawing is kept.
pub(super) fn divide(glyphs: Vec<Glyph>) -> Vec<Vec<Placed>> {
    let mut frames: Vec<(Point, bool, Vec<Placed>)> = Vec::new();
    for glyph in glyphs {
        let count = frames.len();
        let known = frames
            .iter_mut()
            .enumerate()
            .find(|(index, (direction, is_vertical, _))| {
                let cosine = direction.x * glyph.direction.x + direction.y * glyph.direction.y;
                (*is_vertical == glyph.is_vertical && cosine > SAME_DIRECTION)
                    || (count == MAX_FRAMES && index + 1 == MAX_FRAMES)
            });
        if let Some((_, (direction, is_vertical, placed))) = known {
            placed.push(place(glyph, *direction, *is_vertical));
        } else {
            let (direction, is_vertical) = (glyph.direction, glyph.is_vertical);
            frames.push((direction, is_vertical, vec![place(glyph, direction, is_vertical)]));
        }
    }
    frames.sort_by_key(|(_, _, placed)| Reverse(placed.len()));
    let mut frames: Vec<Vec<Placed>> = frames.into_iter().map(|(_, _, placed)| placed).collect();
    for frame in &mut frames {
        if is_stacked(frame) {
            frame.iter_mut().for_each(turn);
        }
    }
    frames
}

fn place(glyph: Glyph, direction: Point, is_vertical: bool) -> Placed {
    // Vertical text runs downwards, its columns follow each other from right to left.
    let along = if is_vertical {
        Point {
            x: direction.y,
            y: -direction.x,
        }
    } else {
        direction
    };
    let x = |point: Point| point.x * along.x + point.y * along.y;
    let (start, end) = (x(glyph.start), x(glyph.end));
    Placed {
        text: glyph.text,
        left: start.min(end),
        right: start.max(end),
        y: glyph.start.y * along.x - glyph.start.x * along.y,
        size: glyph.size,
    }
}

/// Returns whether this is vertical Chinese or Japanese text that was set with a horizontal font, character by character.
fn is_stacked(frame: &[Placed]) -> bool {
    let is_ideograph = |glyph: &Placed| glyph.text.chars().next().is_some_and(clean::is_ideograph);
    let pairs = || frame.windows(2).filter_map(|pair| <&[Placed; 2]>::try_from(pair).ok());
    let ideographs = pairs().filter(|[above, below]| is_ideograph(above) && is_ideograph(below));
    let below = ideographs.clone().filter(|[above, below]| {
        let step = above.y - below.y;
        (above.left - below.left).abs() < 0.2 * above.size && step > 0.5 * above.size && step < 2.0 * above.size
    });
    let below = below.count();
    below >= MIN_COLUMN && below * 2 > ideographs.count()
}

/// Turns a character of stacked text like vertical text.
fn turn(glyph: &mut Placed) {
    let middle = f32::midpoint(glyph.left, glyph.right);
    (glyph.left, glyph.right) = (-glyph.y - glyph.size, -glyph.y);
    glyph.y = middle;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn glyph(text: &str, x: f32, y: f32, direction: (f32, f32)) -> Glyph {
        let (dx, dy) = direction;
        Glyph {
            text: text.into(),
            start: Point { x, y },
            end: Point {
                x: x + 10.0 * dx,
                y: y + 10.0 * dy,
            },
            size: 10.0,
            direction: Point { x: dx, y: dy },
            is_vertical: false,
        }
    }

    #[test]
    fn text_that_runs_upwards_is_turned() {
        let glyphs = vec![glyph("a", 50.0, 100.0, (0.0, 1.0)), glyph("b", 50.0, 110.0, (0.0, 1.0))];
        let frames = divide(glyphs);
        let [a, b] = frames[0].as_slice() else {
            panic!("two glyphs: {frames:?}")
        };
        assert!((b.left - a.right).abs() < 0.01, "{frames:?}");
        assert!((a.y - b.y).abs() < 0.01, "{frames:?}");
    }

    #[test]
    fn the_most_frequent_direction_comes_first() {
        let stamp = glyph("x", 5.0, 5.0, (0.0, 1.0));
        let text = (0_u8..3).map(|n| glyph("y", 10.0 * f32::from(n), 0.0, (1.0, 0.0)));
        let frames = divide(std::iter::once(stamp).chain(text).collect());
        assert_eq!(frames.iter().map(Vec::len).collect::<Vec<_>>(), [3, 1]);
    }

    #[test]
    fn stacked_ideographs_are_lines_from_right_to_left() {
        let column = |x: f32, from: char| {
            (0_u8..8).map(move |row| {
                let c = char::from_u32(u32::from(from) + u32::from(row)).unwrap_or(from);
                glyph(&c.to_string(), x, 500.0 - 11.0 * f32::from(row), (1.0, 0.0))
            })
        };
        let frames = divide(column(200.0, '一').chain(column(180.0, '木')).collect());
        assert!(frames[0][0].y > frames[0][8].y, "the right column is above: {frames:?}");
        assert!(frames[0][0].right <= frames[0][1].left, "{frames:?}");
    }
}
