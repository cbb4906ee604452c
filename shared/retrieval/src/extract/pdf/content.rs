//! The tokens of content streams (ISO 32000-2, 7.2 and 7.8.2).

/// Deeper arrays and dictionaries are not read; operands of text operators nest twice.
const MAX_DEPTH: usize = 8;

/// An operand of an operator.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Operand {
    Number(f32),
    Name(String),
    String(Vec<u8>),
    Array(Vec<Operand>),
    Dictionary(Vec<(String, Operand)>),
    /// `true`, `false`, `null`, and what nests too deeply.
    Other,
}

impl Operand {
    pub(super) fn number(&self) -> Option<f32> {
        match self {
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }

    pub(super) fn name(&self) -> Option<&str> {
        match self {
            Self::Name(name) => Some(name),
            _ => None,
        }
    }
}

/// A piece of a content stream.
#[derive(Debug, PartialEq)]
pub(super) enum Token<'a> {
    Operand(Operand),
    Operator(&'a [u8]),
}

/// Reads the tokens of a content stream. Damaged syntax is skipped, as viewers do.
pub(super) struct Lexer<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Lexer<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Skips the data of an inline image, whose dictionary has been read up to `ID`.
    pub(super) fn skip_image_data(&mut self) {
        self.at += 1;
        while let Some(rest) = self.bytes.get(self.at..) {
            let Some(end) = rest.windows(2).position(|pair| pair == b"EI") else {
                break;
            };
            let before = rest.get(end.wrapping_sub(1)).copied().unwrap_or(b' ');
            let after = rest.get(end + 2..).unwrap_or_default();
            self.at += end + 2;
            // The letters occur in image data; there, bytes that are no text follow.
            let is_text = |byte: &u8| matches!(byte, b' '..=b'~' | b'\t' | b'\n' | b'\r' | b'\x0c' | 0);
            if is_white(before)
                && after.first().is_none_or(|byte| is_white(*byte))
                && after.iter().take(12).all(is_text)
            {
                return;
            }
        }
        self.at = self.bytes.len();
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn skip_white(&mut self) {
        while let Some(byte) = self.peek() {
            match byte {
                b'%' => self.skip_while(|byte| byte != b'\n' && byte != b'\r'),
                byte if is_white(byte) => self.at += 1,
                _ => break,
            }
        }
    }

    fn skip_while(&mut self, is_part: impl Fn(u8) -> bool) {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        self.at += rest.iter().position(|byte| !is_part(*byte)).unwrap_or(rest.len());
    }

    fn token(&mut self, depth: usize) -> Option<Token<'a>> {
        loop {
            self.skip_white();
            let start = self.at;
            let operand = match self.peek()? {
                b'(' => Operand::String(self.literal_string()),
                b'<' if self.bytes.get(self.at + 1) == Some(&b'<') => {
                    self.at += 2;
                    self.dictionary(depth)
                }
                b'<' => Operand::String(self.hex_string()),
                b'/' => Operand::Name(self.name()),
                b'[' => {
                    self.at += 1;
                    Operand::Array(self.array(depth))
                }
                // Ends of nothing.
                b']' | b'}' | b'{' | b')' | b'>' => {
                    self.at += 1;
                    continue;
                }
                _ => {
                    self.skip_while(is_regular);
                    let word = self.bytes.get(start..self.at).unwrap_or_default();
                    match (number(word), word) {
                        (Some(number), _) => Operand::Number(number),
                        (None, b"true" | b"false" | b"null") => Operand::Other,
                        (None, word) => return Some(Token::Operator(word)),
                    }
                }
            };
            return Some(Token::Operand(operand));
        }
    }

    fn array(&mut self, depth: usize) -> Vec<Operand> {
        let mut items = Vec::new();
        if depth >= MAX_DEPTH {
            return items;
        }
        loop {
            self.skip_white();
            match self.peek() {
                Some(b']') => {
                    self.at += 1;
                    break;
                }
                None => break,
                Some(_) => match self.token(depth + 1) {
                    Some(Token::Operand(item)) => items.push(item),
                    // The end of the array is missing.
                    Some(Token::Operator(word)) => {
                        self.at -= word.len();
                        break;
                    }
                    None => break,
                },
            }
        }
        items
    }

    fn dictionary(&mut self, depth: usize) -> Operand {
        let mut entries = Vec::new();
        if depth >= MAX_DEPTH {
            return Operand::Other;
        }
        loop {
            self.skip_white();
            if self.bytes.get(self.at..).is_some_and(|rest| rest.starts_with(b">>")) {
                self.at += 2;
                break;
            }
            let Some(Token::Operand(Operand::Name(key))) = self.token(depth + 1) else {
                break;
            };
            self.skip_white();
            match self.token(depth + 1) {
                Some(Token::Operand(value)) => entries.push((key, value)),
                _ => break,
            }
        }
        Operand::Dictionary(entries)
    }

    fn literal_string(&mut self) -> Vec<u8> {
        let mut string = Vec::new();
        let mut depth = 0_usize;
        while let Some(byte) = self.peek() {
            self.at += 1;
            match byte {
                b'(' => {
                    if depth > 0 {
                        string.push(byte);
                    }
                    depth += 1;
                }
                b')' => {
                    depth -= 1;
                    if depth == 0 {
                        break;
                    }
                    string.push(byte);
                }
                b'\\' => self.escape(&mut string),
                byte => string.push(byte),
            }
        }
        string
    }

    fn escape(&mut self, string: &mut Vec<u8>) {
        let Some(byte) = self.peek() else {
            return;
        };
        self.at += 1;
        string.push(match byte {
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'b' => 8,
            b'f' => 12,
            b'0'..=b'7' => {
                let mut code = u32::from(byte - b'0');
                for _ in 0..2 {
                    let Some(digit @ b'0'..=b'7') = self.peek() else {
                        break;
                    };
                    code = code * 8 + u32::from(digit - b'0');
                    self.at += 1;
                }
                // The standard ignores what exceeds a byte.
                code.to_le_bytes()[0]
            }
            // A line break that is not part of the string.
            b'\r' => {
                self.at += usize::from(self.peek() == Some(b'\n'));
                return;
            }
            b'\n' => return,
            byte => byte,
        });
    }

    fn hex_string(&mut self) -> Vec<u8> {
        self.at += 1;
        let start = self.at;
        self.skip_while(|byte| byte != b'>');
        let digits = self.bytes.get(start..self.at).unwrap_or_default();
        self.at += 1;
        let mut digits = digits.iter().filter_map(|byte| char::from(*byte).to_digit(16));
        let mut string = Vec::new();
        while let Some(high) = digits.next() {
            let low = digits.next().unwrap_or(0);
            string.push((high * 16 + low).to_le_bytes()[0]);
        }
        string
    }

    fn name(&mut self) -> String {
        self.at += 1;
        let start = self.at;
        self.skip_while(is_regular);
        let mut raw = self.bytes.get(start..self.at).unwrap_or_default();
        let mut name = Vec::with_capacity(raw.len());
        while let Some((byte, rest)) = raw.split_first() {
            let hex = |at: usize| rest.get(at).and_then(|byte| char::from(*byte).to_digit(16));
            if let (b'#', Some(high), Some(low)) = (*byte, hex(0), hex(1)) {
                name.push((high * 16 + low).to_le_bytes()[0]);
                raw = rest.get(2..).unwrap_or_default();
            } else {
                name.push(*byte);
                raw = rest;
            }
        }
        String::from_utf8_lossy(&name).into_owned()
    }
}

impl<'a> Iterator for Lexer<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        self.token(0)
    }
}

const fn is_white(byte: u8) -> bool {
    matches!(byte, 0 | b'\t' | b'\n' | b'\x0c' | b'\r' | b' ')
}

const fn is_regular(byte: u8) -> bool {
    !is_white(byte)
        && !matches!(
            byte,
            b'(' | b')' | b'<' | b'>' | b'[' | b']' | b'{' | b'}' | b'/' | b'%'
        )
}

/// Returns the value of a number as writers produce it: also `.5`, `5.`, `+1`, `--1` and `1.-2`.
fn number(word: &[u8]) -> Option<f32> {
    let mut value = 0.0_f64;
    let mut scale = 0.0_f64;
    let mut is_negative = false;
    let mut digits = 0;
    for (at, byte) in word.iter().enumerate() {
        match byte {
            b'-' if digits == 0 => is_negative = true,
            // Some writers put a sign into the middle; what follows is ignored.
            b'-' => break,
            b'+' if at == 0 => {}
            b'.' if scale == 0.0 => scale = 1.0,
            b'0'..=b'9' => {
                digits += 1;
                let digit = f64::from(byte - b'0');
                if scale > 0.0 {
                    scale /= 10.0;
                    value += digit * scale;
                } else {
                    value = value * 10.0 + digit;
                }
            }
            _ => return None,
        }
    }
    #[expect(clippy::cast_possible_truncation, reason = "coordinates need no more precision")]
    let value = (if is_negative { -value } else { value }) as f32;
    (digits > 0 || scale > 0.0 || is_negative).then_some(value)
}

#[cfg(test)]
mod tests;
