//! Characters of symbol fonts (`w:sym`), which have no Unicode value of their own.

/// Lower case letters of the font Symbol from `a`.
const SMALL: &str = "αβχδεφγηιϕκλμνοπθρστυϖωξψζ";
/// Upper case letters of the font Symbol from `A`.
const LARGE: &str = "ΑΒΧΔΕΦΓΗΙϑΚΛΜΝΟΠΘΡΣΤΥςΩΞΨΖ";

/// Returns the character of a font at a hexadecimal position such as `F0FC`; `None` for pictures.
pub(super) fn character(font: &str, position: &str) -> Option<char> {
    let code = u32::from_str_radix(position, 16).ok()?;
    let is_private = (0xf000..=0xf0ff).contains(&code);
    let code = if is_private { code - 0xf000 } else { code };
    let font = font.to_ascii_lowercase();
    if font.starts_with("wingdings") {
        return wingdings(code);
    }
    if font == "symbol" {
        return symbol(code);
    }
    char::from_u32(code).filter(|c| !is_private && !c.is_control())
}

fn wingdings(code: u32) -> Option<char> {
    Some(match code {
        0x6c | 0x9f | 0xa7 => '•',
        0x6f | 0x71 | 0x72 | 0xa8 => '☐',
        0x78 | 0xfd => '☒',
        0xdf | 0xe7 => '←',
        0xe0 | 0xe8 | 0xf0 => '→',
        0xe1 => '↑',
        0xe2 => '↓',
        0xfb => '✗',
        0xfc => '✓',
        0xfe => '☑',
        _ => return None,
    })
}

fn symbol(code: u32) -> Option<char> {
    let letter = |letters: &str, first: u32| letters.chars().nth(usize::try_from(code - first).ok()?);
    match code {
        0x41..=0x5a => letter(LARGE, 0x41),
        0x61..=0x7a => letter(SMALL, 0x61),
        0xa2 => Some('′'),
        0xa3 => Some('≤'),
        0xa5 => Some('∞'),
        0xab => Some('↔'),
        0xac => Some('←'),
        0xad => Some('↑'),
        0xae => Some('→'),
        0xaf => Some('↓'),
        0xb0 => Some('°'),
        0xb1 => Some('±'),
        0xb3 => Some('≥'),
        0xb4 => Some('×'),
        0xb7 => Some('•'),
        0xb8 => Some('÷'),
        0xb9 => Some('≠'),
        0xba => Some('≡'),
        0xbb => Some('≈'),
        0xce => Some('∈'),
        0xd6 => Some('√'),
        0xde => Some('⇒'),
        0xe5 => Some('∑'),
        0xf2 => Some('∫'),
        0x20..=0x7e => char::from_u32(code),
        _ => None,
    }
}
