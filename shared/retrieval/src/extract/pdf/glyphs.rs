//! The glyphs of a page, in the order in which they are drawn (ISO 32000-2, 8 and 9).

use std::rc::Rc;

use super::content::{Lexer, Operand, Token};
use super::font::Font;
use super::geometry::{Area, Matrix, Point};
use super::marks::Marks;
use super::resources::Resources;
use super::store::{Dictionary, Store};

/// Nesting of forms. Real files stay below 5.
const MAX_FORMS: usize = 12;
/// Nesting of graphics states. The standard guarantees 28.
const MAX_STATES: usize = 256;
/// Operands of an operator; more are garbage.
const MAX_OPERANDS: usize = 64;

/// A glyph on the page.
#[derive(Debug, Clone)]
pub(super) struct Glyph {
    pub(super) text: Rc<str>,
    /// Where it begins and ends in the direction of its text, on the baseline; for vertical text, on the middle line.
    pub(super) start: Point,
    pub(super) end: Point,
    /// The font size, in points.
    pub(super) size: f32,
    /// The direction of its text, of length 1.
    pub(super) direction: Point,
    pub(super) is_vertical: bool,
}

/// What is on a page.
#[derive(Default)]
pub(super) struct Content {
    pub(super) glyphs: Vec<Glyph>,
    /// Number of glyphs without a known character.
    pub(super) unmapped: usize,
    /// Whether there are images or lines.
    pub(super) has_drawing: bool,
    /// The largest part of the page that one image covers.
    pub(super) image: f32,
    /// Whether there was more than is read.
    pub(super) is_crowded: bool,
}

/// What may still be read of a document.
pub(super) struct Budget {
    /// Operators and glyphs, together.
    pub(super) steps: usize,
    /// Decoded forms. Bytes.
    pub(super) form_bytes: usize,
}

/// Reads a content stream.
pub(super) fn read(store: &Store, content: &[u8], resources: &Dictionary, area: Area, budget: &mut Budget) -> Content {
    let mut reader = Reader {
        store,
        area,
        budget,
        content: Content::default(),
        marks: Marks::default(),
    };
    reader.stream(content, &Resources::new(store, resources), Matrix::IDENTITY, 0);
    reader.content
}

struct Reader<'a> {
    store: &'a Store,
    area: Area,
    budget: &'a mut Budget,
    content: Content,
    marks: Marks,
}

/// The graphics state, as far as text needs it.
#[derive(Clone)]
struct State {
    map: Matrix,
    font: Option<Rc<Font>>,
    size: f32,
    char_space: f32,
    word_space: f32,
    /// Horizontal scaling; 1 is normal.
    scale: f32,
    leading: f32,
    rise: f32,
}

impl Reader<'_> {
    fn stream(&mut self, content: &[u8], resources: &Resources, map: Matrix, depth: usize) {
        let mut state = State {
            map,
            font: None,
            size: 0.0,
            char_space: 0.0,
            word_space: 0.0,
            scale: 1.0,
            leading: 0.0,
            rise: 0.0,
        };
        let mut saved: Vec<State> = Vec::new();
        let (mut text, mut line) = (Matrix::IDENTITY, Matrix::IDENTITY);
        let mut operands: Vec<Operand> = Vec::new();
        let mut lexer = Lexer::new(content);
        while let Some(token) = lexer.next() {
            let operator = match token {
                Token::Operand(operand) => {
                    if operands.len() < MAX_OPERANDS {
                        operands.push(operand);
                    }
                    continue;
                }
                Token::Operator(operator) => operator,
            };
            if self.budget.steps == 0 {
                self.content.is_crowded = true;
                return;
            }
            self.budget.steps -= 1;
            let number = |at: usize| operands.get(at).and_then(Operand::number).unwrap_or(0.0);
            match operator {
                b"q" if saved.len() < MAX_STATES => saved.push(state.clone()),
                b"Q" => state = saved.pop().unwrap_or(state),
                b"cm" => state.map = matrix(&operands).then(state.map),
                b"BT" => (text, line) = (Matrix::IDENTITY, Matrix::IDENTITY),
                b"Tf" => {
                    let name = operands.first().and_then(Operand::name).unwrap_or_default();
                    state.font = resources.font(self.store, name);
                    state.size = number(1);
                }
                b"Tc" => state.char_space = number(0),
                b"Tw" => state.word_space = number(0),
                b"Tz" => state.scale = number(0) / 100.0,
                b"TL" => state.leading = number(0),
                b"Ts" => state.rise = number(0),
                b"gs" => {
                    let name = operands.first().and_then(Operand::name).unwrap_or_default();
                    if let Some((font, size)) = resources.state(self.store, name) {
                        (state.font, state.size) = (font, size);
                    }
                }
                b"Td" | b"TD" => {
                    if operator == b"TD" {
                        state.leading = -number(1);
                    }
                    line = Matrix::translation(number(0), number(1)).then(line);
                    text = line;
                }
                b"Tm" => {
                    line = matrix(&operands);
                    text = line;
                }
                b"T*" => {
                    line = Matrix::translation(0.0, -state.leading).then(line);
                    text = line;
                }
                b"'" | b"\"" => {
                    if operator == b"\"" {
                        state.word_space = number(0);
                        state.char_space = number(1);
                    }
                    line = Matrix::translation(0.0, -state.leading).then(line);
                    text = line;
                    self.show(operands.last(), &state, &mut text);
                }
                b"Tj" | b"TJ" => self.show(operands.last(), &state, &mut text),
                b"Do" => self.xobject(&operands, resources, &state, depth),
                b"ID" => {
                    self.image(state.map);
                    lexer.skip_image_data();
                }
                b"f" | b"F" | b"f*" | b"S" | b"s" | b"B" | b"B*" | b"b" | b"b*" | b"sh" => {
                    self.content.has_drawing = true;
                }
                b"BMC" => self.marks.open(None, false, self.content.glyphs.len()),
                b"BDC" => {
                    let replacement = operands.get(1).and_then(|mark| resources.replacement(self.store, mark));
                    let is_hidden = resources.is_hidden(self.store, &operands);
                    self.marks.open(replacement, is_hidden, self.content.glyphs.len());
                }
                b"EMC" => self.marks.close(&mut self.content.glyphs),
                _ => {}
            }
            operands.clear();
        }
    }

    /// Shows a string, or the strings of an array with the offsets between them.
    fn show(&mut self, operand: Option<&Operand>, state: &State, text: &mut Matrix) {
        match operand {
            Some(Operand::String(string)) => self.show_string(string, state, text),
            Some(Operand::Array(items)) => {
                for item in items {
                    match item {
                        Operand::String(string) => self.show_string(string, state, text),
                        Operand::Number(offset) => {
                            let offset = -offset / 1000.0 * state.size;
                            let is_vertical = state.font.as_ref().is_some_and(|font| font.is_vertical);
                            *text = if is_vertical {
                                Matrix::translation(0.0, offset)
                            } else {
                                Matrix::translation(offset * state.scale, 0.0)
                            }
                            .then(*text);
                        }
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }

    fn show_string(&mut self, string: &[u8], state: &State, text: &mut Matrix) {
        let Some(font) = state.font.clone() else {
            // Its font is damaged.
            self.content.unmapped += string.len();
            return;
        };
        let own = Matrix::new([state.size * state.scale, 0.0, 0.0, state.size, 0.0, state.rise]);
        font.each(string, |glyph, is_space| {
            if self.budget.steps == 0 {
                self.content.is_crowded = true;
                return;
            }
            self.budget.steps -= 1;
            let spacing = state.char_space + if is_space { state.word_space } else { 0.0 };
            let map = own.then(*text).then(state.map);
            let (start, end, advance) = if font.is_vertical {
                let start = map.apply(0.0, 0.0);
                let advance = glyph.down * state.size + spacing;
                (start, map.apply(0.0, glyph.down), Matrix::translation(0.0, advance))
            } else {
                let advance = (glyph.width * state.size + spacing) * state.scale;
                (
                    map.apply(0.0, 0.0),
                    map.apply(glyph.width, 0.0),
                    Matrix::translation(advance, 0.0),
                )
            };
            *text = advance.then(*text);
            self.content.unmapped += usize::from(glyph.is_unmapped);
            let along = map.a.hypot(map.b);
            let size = map.c.hypot(map.d) * font.height;
            let is_somewhere = start.is_finite() && end.is_finite() && along > 0.0 && along.is_finite();
            let is_visible = size > 0.0 && size.is_finite() && self.area.contains(start, size);
            if glyph.text.is_empty() || !is_somewhere || !is_visible {
                return;
            }
            self.content.glyphs.push(Glyph {
                text: Rc::clone(&glyph.text),
                start,
                end,
                size,
                direction: Point {
                    x: map.a / along,
                    y: map.b / along,
                },
                is_vertical: font.is_vertical,
            });
        });
    }

    fn xobject(&mut self, operands: &[Operand], resources: &Resources, state: &State, depth: usize) {
        let name = operands.first().and_then(Operand::name).unwrap_or_default();
        let Some(object) = resources.xobjects.get(name) else {
            return;
        };
        let Some((form, is_new)) = self.store.form(object) else {
            self.image(state.map);
            return;
        };
        if form
            .dictionary
            .get("OC")
            .is_some_and(|layer| self.store.is_hidden(layer))
        {
            return;
        }
        if is_new {
            self.budget.form_bytes = self.budget.form_bytes.saturating_sub(form.content.len());
        }
        if depth >= MAX_FORMS || self.budget.form_bytes == 0 {
            self.content.is_crowded = true;
            return;
        }
        let map = self
            .store
            .numbers(&form.dictionary, "Matrix")
            .map_or(Matrix::IDENTITY, Matrix::new);
        let map = map.then(state.map);
        match self.store.dictionary(&form.dictionary, "Resources") {
            Some(own) => {
                let own = Resources::new(self.store, &own);
                // They are read again each time the form is drawn.
                self.budget.steps = self.budget.steps.saturating_sub(own.size());
                self.stream(&form.content, &own, map, depth + 1);
            }
            None => self.stream(&form.content, resources, map, depth + 1),
        }
    }

    /// Notes an image: the unit square.
    fn image(&mut self, map: Matrix) {
        self.content.has_drawing = true;
        let covered = (map.a * map.d - map.b * map.c).abs() / self.area.size();
        if covered.is_finite() {
            self.content.image = self.content.image.max(covered);
        }
    }
}

fn matrix(operands: &[Operand]) -> Matrix {
    let mut numbers = [0.0; 6];
    for (number, operand) in numbers.iter_mut().zip(operands) {
        *number = operand.number().unwrap_or(0.0);
    }
    Matrix::new(numbers)
}
