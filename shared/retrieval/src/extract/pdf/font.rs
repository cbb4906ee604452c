//! Fonts: what the bytes of a string mean, and how wide they are (ISO 32000-2, 9.6 to 9.10).

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use pdf_oxide::PdfDocument;
use pdf_oxide::fonts::cff_encoding::parse_cff_encoding;
use pdf_oxide::fonts::{Encoding, FontInfo, LazyCMap, MappingProvenance};
use pdf_oxide::object::Object;

/// Codes whose meaning is remembered; a font of more is hostile.
const MAX_CODES: usize = 65_536;
/// Longer texts of one code are damaged mappings.
const LONGEST_TEXT: usize = 8;

/// A font of the document.
pub(super) struct Font {
    info: FontInfo,
    codes: CodeLengths,
    /// Whether its text runs downwards.
    pub(super) is_vertical: bool,
    /// How high the font is, in units of the font size: 1 unless its glyphs are drawings in units of their own.
    pub(super) height: f32,
    /// The encoding of the embedded program, where the parser does not use it.
    builtin: Option<Builtin>,
    /// Whether its codes are numbers of glyphs, and nothing says what the glyphs mean.
    is_unmapped: bool,
    glyphs: RefCell<HashMap<u32, FontGlyph>>,
}

/// The encoding of a compact font program (CFF) of a Type 1 font: it is the base of the font's encoding unless the
/// dictionary names another (ISO 32000-2, table 112). The parser looks for it in the older program format only.
struct Builtin {
    characters: HashMap<u8, char>,
    is_base: bool,
}

/// A glyph of a font; lengths in units of the font size.
#[derive(Debug, Clone)]
pub(super) struct FontGlyph {
    /// Empty if it is not known, or a control character.
    pub(super) text: Rc<str>,
    pub(super) is_unmapped: bool,
    pub(super) width: f32,
    /// Advance of vertical text; downwards is negative.
    pub(super) down: f32,
}

/// How a string is divided into codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CodeLengths {
    One,
    Two,
    ShiftJis,
    Utf8,
}

impl Font {
    /// Reads a font dictionary; `None` if it is damaged.
    pub(super) fn read(dictionary: &Object, document: &PdfDocument) -> Option<Self> {
        let info = FontInfo::from_dict(dictionary, document).ok()?;
        Some(Self {
            codes: CodeLengths::of(&info),
            is_vertical: info.subtype == "Type0" && info.wmode == 1,
            height: if info.subtype == "Type3" {
                drawn_height(&info)
            } else {
                1.0
            },
            builtin: Builtin::of(&info, dictionary, document),
            is_unmapped: is_identity(&info) && info.best_mapping_provenance() == MappingProvenance::Fallback,
            glyphs: RefCell::default(),
            info,
        })
    }

    /// Calls a function with each code of a string: its glyph, and whether it is the one-byte code 32, which the word
    /// spacing applies to.
    pub(super) fn each(&self, string: &[u8], mut visit: impl FnMut(&FontGlyph, bool)) {
        let mut rest = string;
        while !rest.is_empty() {
            let length = self.codes.first(rest).clamp(1, rest.len());
            let (bytes, after) = rest.split_at(length);
            rest = after;
            let code = bytes.iter().fold(0, |code, byte| code << 8 | u32::from(*byte));
            let glyph = self.glyph(code);
            visit(&glyph, length == 1 && code == 32);
        }
    }

    fn glyph(&self, code: u32) -> FontGlyph {
        if let Some(known) = self.glyphs.borrow().get(&code) {
            return known.clone();
        }
        let glyph = self.look_up(code);
        let mut glyphs = self.glyphs.borrow_mut();
        if glyphs.len() < MAX_CODES {
            glyphs.insert(code, glyph.clone());
        }
        glyph
    }

    fn look_up(&self, code: u32) -> FontGlyph {
        let text = self.text(code);
        let is_unmapped = text
            .as_deref()
            .is_none_or(|text| text.contains(char::REPLACEMENT_CHARACTER));
        let text = text.filter(|_| !is_unmapped).unwrap_or_default();
        let short = u16::try_from(code).unwrap_or(u16::MAX);
        FontGlyph {
            text: text.into(),
            is_unmapped,
            width: self.width(short) * self.info.font_matrix_a,
            down: self.info.get_vertical_metrics(short).w1y / 1000.0,
        }
    }

    fn text(&self, code: u32) -> Option<String> {
        let own = self.builtin_text(code).or_else(|| self.drawn_text(code));
        let text = match own.or_else(|| self.info.char_to_unicode(code)) {
            Some(text) => text,
            // A simple font without any mapping usually has the codes of ASCII or Latin 1.
            None if self.info.subtype != "Type0" => char::from_u32(code)?.to_string(),
            None => return None,
        };
        // The parser takes the number of a glyph for its character then.
        let has_names = || matches!(self.info.embedded_glyph_names.get(), Some(Some(names)) if !names.is_empty());
        if self.is_unmapped && !has_names() {
            return None;
        }
        let mut chars = text.chars().filter(|c| !c.is_control() || c.is_whitespace());
        if text.chars().count() > LONGEST_TEXT {
            return chars.next().map(String::from);
        }
        Some(chars.collect())
    }

    /// Returns the character of the font program's encoding, if neither a Unicode map nor the dictionary has one.
    fn builtin_text(&self, code: u32) -> Option<String> {
        let builtin = self.builtin.as_ref()?;
        let byte = u8::try_from(code).ok()?;
        if self.is_mapped(code) || !builtin.is_base || self.info.diff_glyph_names.contains_key(&byte) {
            return None;
        }
        builtin.characters.get(&byte).map(char::to_string)
    }

    fn is_mapped(&self, code: u32) -> bool {
        let map = self.info.to_unicode.as_ref().and_then(LazyCMap::get);
        map.is_some_and(|map| map.get(&code).is_some())
    }

    /// Returns the character of a glyph that is drawn by the file itself and named after its code (`a233`), as TeX does
    /// with bitmaps: its encodings have letters where Latin 1 has them, and ligatures below.
    fn drawn_text(&self, code: u32) -> Option<String> {
        let byte = u8::try_from(code).ok()?;
        if self.info.subtype != "Type3" || self.is_mapped(code) {
            return None;
        }
        let number = numbered(self.info.diff_glyph_names.get(&byte)?)?;
        let is_large = self
            .info
            .diff_glyph_names
            .values()
            .filter_map(|name| numbered(name))
            .any(|number| number >= 0xc0);
        let text = match (number, is_large) {
            (11, false) | (27, true) => "ff",
            (12, false) | (28, true) => "fi",
            (13, false) | (29, true) => "fl",
            (14, false) | (30, true) => "ffi",
            (15, false) | (31, true) => "ffl",
            (16, false) | (25, true) => "ı",
            (18, false) | (0, true) => "`",
            (19, false) | (1, true) => "´",
            (94, false) | (2, true) => "ˆ",
            (126, false) | (3, true) => "˜",
            (127, false) | (4, true) => "¨",
            (24, false) | (11, true) => "¸",
            (123, false) | (21, true) => "–",
            (124, false) | (22, true) => "—",
            (92, false) | (16, true) => "“",
            (34, false) | (17, true) => "”",
            (0x20..=0x7e | 0xc0..=0xff, _) => return char::from_u32(number).map(String::from),
            _ => return None,
        };
        Some(text.to_owned())
    }

    fn width(&self, code: u16) -> f32 {
        let info = &self.info;
        if info.subtype != "Type0" {
            return info.get_glyph_width(code);
        }
        let listed = info.cid_widths.as_ref().and_then(|widths| widths.get(&code)).copied();
        listed.unwrap_or(if info.has_explicit_dw {
            info.cid_default_width
        } else {
            1000.0
        })
    }
}

/// Returns the number of a glyph whose name is `a` and a number.
fn numbered(name: &str) -> Option<u32> {
    let digits = name.strip_prefix('a')?;
    digits.parse().ok().filter(|number| *number < 256 && digits.len() <= 3)
}

fn is_identity(info: &FontInfo) -> bool {
    info.subtype == "Type0"
        && match &info.encoding {
            Encoding::Identity => true,
            Encoding::Standard(name) => name.contains("Identity"),
            Encoding::Custom(_) => false,
        }
}

impl Builtin {
    fn of(info: &FontInfo, dictionary: &Object, document: &PdfDocument) -> Option<Self> {
        if !matches!(info.subtype.as_str(), "Type1" | "MMType1") {
            return None;
        }
        let program = info.embedded_font_data.as_ref()?;
        // The older format is text, or begins with a marker of its own.
        if !(program.starts_with(b"\x01\x00") || program.starts_with(b"OTTO")) {
            return None;
        }
        let encoding = dictionary.as_dict()?.get("Encoding");
        let encoding = encoding.and_then(|encoding| document.resolve_object(encoding).ok());
        let is_base = match &encoding {
            Some(Object::Name(_)) => false,
            Some(Object::Dictionary(entries)) => !entries.contains_key("BaseEncoding"),
            _ => true,
        };
        Some(Self {
            characters: parse_cff_encoding(program)?,
            is_base,
        })
    }
}

/// Returns the height of a font whose glyphs are drawings: a letter is about half as wide as its font is high.
fn drawn_height(info: &FontInfo) -> f32 {
    let widths = || {
        info.widths
            .iter()
            .flatten()
            .filter(|width| **width > 0.0 && width.is_finite())
    };
    let count = widths().fold(0.0, |count, _| count + 1.0);
    let height = 2.0 * widths().sum::<f32>() / count * info.font_matrix_a;
    if height.is_finite() && height > 0.0 {
        height
    } else {
        1.0
    }
}

impl CodeLengths {
    fn of(font: &FontInfo) -> Self {
        if font.subtype != "Type0" {
            return Self::One;
        }
        if let Encoding::Standard(name) = &font.encoding {
            let name = name.to_ascii_lowercase();
            if name.contains("utf8") || name.contains("utf-8") {
                return Self::Utf8;
            }
        }
        if font.to_unicode.as_ref().is_some_and(|map| map.code_width() == 2) {
            return Self::Two;
        }
        match &font.encoding {
            Encoding::Identity => Self::Two,
            Encoding::Standard(name) if name.contains("RKSJ") => Self::ShiftJis,
            Encoding::Standard(name) => {
                let is_two_bytes = matches!(name.as_str(), "H" | "V")
                    || (name.contains("Identity") && !name.contains("OneByteIdentity"))
                    || ["UCS2", "UTF16", "EUC", "GBK", "GBpc", "GB-", "CNS", "B5", "KSC"]
                        .iter()
                        .any(|part| name.contains(part));
                if is_two_bytes { Self::Two } else { Self::One }
            }
            Encoding::Custom(_) => Self::One,
        }
    }

    /// Returns the length of the first code of a string that is not empty.
    fn first(self, string: &[u8]) -> usize {
        let lead = string.first().copied().unwrap_or(0);
        match self {
            Self::One => 1,
            Self::Two => 2,
            Self::ShiftJis => 1 + usize::from(matches!(lead, 0x81..=0x9f | 0xe0..=0xfc)),
            Self::Utf8 => match lead {
                0xc0..=0xdf => 2,
                0xe0..=0xef => 3,
                0xf0..=0xf7 => 4,
                _ => 1,
            },
        }
    }
}
