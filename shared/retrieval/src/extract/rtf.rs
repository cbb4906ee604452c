//! Rich Text Format (Microsoft, specification 1.9.1): groups, control words, characters of code pages and of Unicode.

use encoding_rs::{Encoding, WINDOWS_1252};

use super::outline::Outline;
use super::package::TextBudget;
use super::{ExtractError, Extracted, TOO_MUCH_TEXT, clean, table};

/// Deeper groups are read like those around them.
const MAX_DEPTH: usize = 10_000;

const MAX_FONTS: usize = 1_000;

/// Groups whose content is not text of the document.
const SKIPPED: [&str; 22] = [
    "fonttbl",
    "colortbl",
    "stylesheet",
    "info",
    "pict",
    "object",
    "generator",
    "listtable",
    "listoverridetable",
    "rsidtbl",
    "revtbl",
    "themedata",
    "colorschememapping",
    "datastore",
    "latentstyles",
    "xmlnstbl",
    "mmathPr",
    "fldinst",
    "nonshppict",
    "pgdsctbl",
    "filetbl",
    "bkmkstart",
];

pub(super) fn extract(bytes: &[u8]) -> Result<Extracted, ExtractError> {
    let mut reader = Reader::new();
    let mut rest = bytes;
    while let Some((first, after)) = rest.split_first() {
        rest = match first {
            b'{' => {
                reader.begin_group();
                after
            }
            b'}' => {
                reader.end_group();
                after
            }
            b'\\' => reader.control(after)?,
            b'\r' | b'\n' => after,
            _ => {
                reader.byte(*first)?;
                after
            }
        };
    }
    reader.end_paragraph();
    Ok(Extracted {
        sections: reader.outline.finish().map_err(|_| TOO_MUCH_TEXT)?,
        pages: None,
    })
}

#[derive(Clone, Copy)]
struct Group {
    is_skipped: bool,
    is_hidden: bool,
    /// How many characters follow a Unicode one for old programs (`\uc`).
    substitutes: usize,
    encoding: &'static Encoding,
}

struct Reader {
    outline: Outline,
    groups: Vec<Group>,
    group: Group,
    /// Groups beyond [`MAX_DEPTH`].
    deeper: usize,
    /// The encoding of the document.
    document_encoding: &'static Encoding,
    /// Those of its fonts, by their numbers.
    fonts: Vec<(i32, &'static Encoding)>,
    in_font_table: bool,
    font: i32,
    /// Characters still to skip after a Unicode one.
    to_skip: usize,
    /// Bytes of a code page that are not decoded yet: some characters are several bytes.
    pending: Vec<u8>,
    /// The first half of a surrogate pair.
    high: Option<u16>,
    text: String,
    row: Vec<String>,
    in_table: bool,
    level: Option<usize>,
    budget: TextBudget,
}

impl Reader {
    fn new() -> Self {
        Self {
            outline: Outline::default(),
            groups: Vec::new(),
            group: Group {
                is_skipped: false,
                is_hidden: false,
                substitutes: 1,
                encoding: WINDOWS_1252,
            },
            deeper: 0,
            document_encoding: WINDOWS_1252,
            fonts: Vec::new(),
            in_font_table: false,
            font: 0,
            to_skip: 0,
            pending: Vec::new(),
            high: None,
            text: String::new(),
            row: Vec::new(),
            in_table: false,
            level: None,
            budget: TextBudget::default(),
        }
    }

    fn begin_group(&mut self) {
        self.flush();
        if self.groups.len() < MAX_DEPTH {
            self.groups.push(self.group);
        } else {
            self.deeper += 1;
        }
    }

    fn end_group(&mut self) {
        self.flush();
        self.to_skip = 0;
        if self.deeper > 0 {
            self.deeper -= 1;
        } else if let Some(group) = self.groups.pop() {
            if self.in_font_table && !group.is_skipped {
                self.in_font_table = false;
            }
            self.group = group;
        }
    }

    /// Reads a control word or symbol and returns what follows it.
    fn control<'a>(&mut self, rest: &'a [u8]) -> Result<&'a [u8], ExtractError> {
        let letters = rest.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
        if letters == 0 {
            return self.symbol(rest);
        }
        let (word, mut rest) = rest.split_at(letters);
        let sign = usize::from(rest.first() == Some(&b'-'));
        let digits = rest[sign..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let mut parameter = None;
        if digits > 0 {
            let (number, after) = rest.split_at(sign + digits);
            parameter = std::str::from_utf8(number)
                .ok()
                .and_then(|number| number.parse::<i32>().ok());
            rest = after;
        }
        rest = rest.strip_prefix(b" ").unwrap_or(rest);
        let word = std::str::from_utf8(word).unwrap_or_default();
        if word == "bin" {
            // Raw bytes.
            let count = usize::try_from(parameter.unwrap_or(0)).unwrap_or(0);
            return Ok(rest.get(count..).unwrap_or_default());
        }
        self.word(word, parameter)?;
        Ok(rest)
    }

    fn symbol<'a>(&mut self, rest: &'a [u8]) -> Result<&'a [u8], ExtractError> {
        let Some((symbol, after)) = rest.split_first() else {
            return Ok(rest);
        };
        match symbol {
            b'\'' => {
                let code = after
                    .get(..2)
                    .and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
                if let Some(byte) = code {
                    self.byte(byte)?;
                }
                return Ok(after.get(2..).unwrap_or_default());
            }
            b'~' => self.push(" ")?,
            b'_' => self.push("-")?,
            b'*' => self.group.is_skipped = true,
            b'\r' | b'\n' => self.end_paragraph(),
            b'\\' | b'{' | b'}' => self.byte(*symbol)?,
            _ => {}
        }
        Ok(after)
    }

    fn word(&mut self, word: &str, parameter: Option<i32>) -> Result<(), ExtractError> {
        if word == "fonttbl" {
            self.in_font_table = true;
        }
        if SKIPPED.contains(&word) {
            self.group.is_skipped = true;
        }
        if self.in_font_table {
            match (word, parameter) {
                ("f", Some(number)) => self.font = number,
                ("fcharset", Some(set)) if self.fonts.len() < MAX_FONTS => {
                    self.fonts.extend(charset(set).map(|encoding| (self.font, encoding)));
                }
                _ => {}
            }
            return Ok(());
        }
        match word {
            "ansicpg" => {
                self.document_encoding = parameter.and_then(code_page).unwrap_or(WINDOWS_1252);
                self.group.encoding = self.document_encoding;
            }
            "mac" => self.group.encoding = encoding_rs::MACINTOSH,
            "f" | "plain" => {
                self.flush();
                let font = self.fonts.iter().find(|(number, _)| Some(*number) == parameter);
                self.group.encoding = font.map_or(self.document_encoding, |(_, encoding)| *encoding);
                if word == "plain" {
                    self.group.is_hidden = false;
                }
            }
            "v" | "deleted" => self.group.is_hidden = parameter != Some(0),
            "uc" => self.group.substitutes = usize::try_from(parameter.unwrap_or(1)).unwrap_or(1).min(100),
            "u" => self.unicode(parameter.unwrap_or(0))?,
            "par" | "sect" | "page" | "line" => self.end_paragraph(),
            "pard" => {
                self.in_table = false;
                self.level = None;
            }
            "intbl" => self.in_table = true,
            "outlinelevel" => {
                self.level = parameter
                    .and_then(|level| usize::try_from(level).ok())
                    .filter(|level| *level < 9);
            }
            "cell" | "nestcell" => {
                self.flush();
                self.row.push(std::mem::take(&mut self.text));
            }
            "row" | "nestrow" => {
                self.flush();
                let mut row = std::mem::take(&mut self.row);
                row.extend(Some(std::mem::take(&mut self.text)).filter(|text| !text.trim().is_empty()));
                if let Some(line) = table::row(&row) {
                    self.outline.block(&line);
                }
            }
            "emdash" => self.push("—")?,
            "endash" => self.push("–")?,
            "lquote" => self.push("‘")?,
            "rquote" => self.push("’")?,
            "ldblquote" => self.push("“")?,
            "rdblquote" => self.push("”")?,
            "bullet" => self.push("•")?,
            // The text of a note follows the word that refers to it.
            "tab" | "enspace" | "emspace" | "qmspace" | "footnote" => self.push(" ")?,
            _ => {}
        }
        Ok(())
    }

    /// Adds a UTF-16 code unit, which is written as a signed number.
    fn unicode(&mut self, number: i32) -> Result<(), ExtractError> {
        self.flush();
        self.to_skip = self.group.substitutes;
        let Ok(unit) = u16::try_from(number.rem_euclid(0x1_0000)) else {
            return Ok(());
        };
        let units: Vec<u16> = self.high.take().into_iter().chain([unit]).collect();
        if (0xd800..0xdc00).contains(&unit) {
            self.high = Some(unit);
            return Ok(());
        }
        for c in char::decode_utf16(units).flatten() {
            self.push(c.encode_utf8(&mut [0; 4]))?;
        }
        Ok(())
    }

    /// Adds a byte of the current code page.
    fn byte(&mut self, byte: u8) -> Result<(), ExtractError> {
        if self.to_skip > 0 {
            self.to_skip -= 1;
        } else if !self.is_hidden() {
            self.budget.spend(1).map_err(|_| TOO_MUCH_TEXT)?;
            self.pending.push(byte);
        }
        Ok(())
    }

    fn push(&mut self, text: &str) -> Result<(), ExtractError> {
        self.flush();
        if !self.is_hidden() {
            self.budget.spend(text.len()).map_err(|_| TOO_MUCH_TEXT)?;
            self.text.push_str(text);
        }
        Ok(())
    }

    fn is_hidden(&self) -> bool {
        self.group.is_skipped || self.group.is_hidden || self.in_font_table
    }

    fn flush(&mut self) {
        if !self.pending.is_empty() {
            let (text, ..) = self.group.encoding.decode_without_bom_handling(&self.pending);
            self.text.push_str(&text);
            self.pending.clear();
        }
    }

    fn end_paragraph(&mut self) {
        self.flush();
        if self.is_hidden() {
            return;
        }
        if self.in_table {
            self.text.push(' ');
            return;
        }
        let text = clean::collapse(&clean::normalize(&std::mem::take(&mut self.text)));
        match self.level {
            Some(level) if !text.is_empty() => self.outline.heading(level + 1, &text),
            _ => self.outline.block(&text),
        }
    }
}

/// Returns the encoding of a font's character set (`\fcharset`).
fn charset(set: i32) -> Option<&'static Encoding> {
    Some(match set {
        0 => WINDOWS_1252,
        77 => encoding_rs::MACINTOSH,
        128 => encoding_rs::SHIFT_JIS,
        129 => encoding_rs::EUC_KR,
        134 => encoding_rs::GB18030,
        136 => encoding_rs::BIG5,
        161 => encoding_rs::WINDOWS_1253,
        162 => encoding_rs::WINDOWS_1254,
        163 => encoding_rs::WINDOWS_1258,
        177 => encoding_rs::WINDOWS_1255,
        178 => encoding_rs::WINDOWS_1256,
        186 => encoding_rs::WINDOWS_1257,
        204 => encoding_rs::WINDOWS_1251,
        222 => encoding_rs::WINDOWS_874,
        238 => encoding_rs::WINDOWS_1250,
        _ => return None,
    })
}

fn code_page(number: i32) -> Option<&'static Encoding> {
    let label = match number {
        932 => "shift_jis".to_owned(),
        936 => "gb18030".to_owned(),
        949 => "euc-kr".to_owned(),
        950 => "big5".to_owned(),
        866 => "ibm866".to_owned(),
        874 => "windows-874".to_owned(),
        10000 => "macintosh".to_owned(),
        65001 => "utf-8".to_owned(),
        number => format!("windows-{number}"),
    };
    Encoding::for_label(label.as_bytes())
}

#[cfg(test)]
mod tests;
