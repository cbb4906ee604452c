//! Accents that are drawn over their letter as characters of their own, as TeX does, and marks of Hebrew and Arabic.

use unicode_normalization::UnicodeNormalization;

use super::frames::Placed;

/// Replaces letter and accent by the accented letter.
pub(super) fn compose(glyphs: &mut Vec<Placed>) {
    if !glyphs.iter().any(|glyph| mark_of(glyph).is_some()) {
        return;
    }
    let mut composed: Vec<Placed> = Vec::with_capacity(glyphs.len());
    let mut rest = std::mem::take(glyphs).into_iter().peekable();
    while let Some(glyph) = rest.next() {
        let Some(mark) = mark_of(&glyph) else {
            composed.push(glyph);
            continue;
        };
        // TeX draws the accent first, other programs last.
        if let Some(next) = rest.peek_mut()
            && let Some(text) = accented(&glyph, mark, next)
        {
            next.text = text.into();
        } else if let Some(before) = composed.last_mut()
            && let Some(text) = accented(&glyph, mark, before)
        {
            before.text = text.into();
        } else {
            composed.push(glyph);
        }
    }
    *glyphs = composed;
}

/// Returns the combining character of an accent.
fn mark_of(glyph: &Placed) -> Option<char> {
    let mut chars = glyph.text.chars();
    let (Some(c), None) = (chars.next(), chars.next()) else {
        return None;
    };
    Some(match c {
        '`' => '\u{300}',
        '´' => '\u{301}',
        '^' | 'ˆ' => '\u{302}',
        '~' | '˜' => '\u{303}',
        '¯' | 'ˉ' => '\u{304}',
        '˘' => '\u{306}',
        '˙' => '\u{307}',
        '¨' => '\u{308}',
        '˚' => '\u{30a}',
        '˝' => '\u{30b}',
        'ˇ' => '\u{30c}',
        '¸' => '\u{327}',
        '˛' => '\u{328}',
        c if is_mark(c) => c,
        _ => return None,
    })
}

/// Returns whether a character is a combining mark whose place on the line must not decide its place in the word.
pub(super) const fn is_mark(c: char) -> bool {
    matches!(
        c,
        '\u{300}'..='\u{36f}' | '\u{591}'..='\u{5bd}' | '\u{5bf}' | '\u{5c1}' | '\u{5c2}' | '\u{5c4}' | '\u{5c5}' | '\u{5c7}'
            | '\u{610}'..='\u{61a}' | '\u{64b}'..='\u{65f}' | '\u{670}' | '\u{6d6}'..='\u{6dc}' | '\u{6df}'..='\u{6e4}'
            | '\u{6e7}' | '\u{6e8}' | '\u{6ea}'..='\u{6ed}'
    )
}

/// Returns the text of a letter with a mark; `None` if the mark is not over or below it.
fn accented(accent: &Placed, mark: char, letter: &Placed) -> Option<String> {
    let size = letter.size.max(accent.size);
    let middle = f32::midpoint(accent.left, accent.right);
    let is_over = middle > letter.left - 0.05 * size && middle < letter.right + 0.05 * size;
    if !is_over || (accent.y - letter.y).abs() > 0.9 * size {
        return None;
    }
    let mut chars: Vec<char> = letter.text.chars().collect();
    let last = chars.last_mut()?;
    if !last.is_alphabetic() {
        return None;
    }
    if accent.text.starts_with(mark) {
        chars.push(mark);
        return Some(chars.into_iter().collect());
    }
    // A spacing character is an accent only over a letter that has it: `x^y` is not.
    *last = match *last {
        'ı' => 'i',
        'ȷ' => 'j',
        letter => letter,
    };
    let composed: Vec<char> = [*last, mark].into_iter().nfc().collect();
    let [composed] = composed.as_slice() else {
        return None;
    };
    *last = *composed;
    Some(chars.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn glyphs(placed: &[(&str, f32, f32, f32)]) -> Vec<Placed> {
        placed
            .iter()
            .map(|(text, left, right, y)| Placed {
                text: (*text).into(),
                left: *left,
                right: *right,
                y: *y,
                size: 10.0,
            })
            .collect()
    }

    fn composed(placed: &[(&str, f32, f32, f32)]) -> String {
        let mut glyphs = glyphs(placed);
        compose(&mut glyphs);
        glyphs.iter().map(|glyph| &*glyph.text).collect()
    }

    #[test]
    fn an_accent_before_or_after_its_letter_becomes_part_of_it() {
        assert_eq!(
            composed(&[("m", 0.0, 8.0, 0.0), ("´", 8.0, 13.0, 0.0), ("a", 8.0, 13.0, 0.0)]),
            "má"
        );
        assert_eq!(
            composed(&[("c", 0.0, 5.0, 0.0), ("¸", 0.5, 4.5, 0.0), ("a", 5.0, 10.0, 0.0)]),
            "ça"
        );
        assert_eq!(composed(&[("´", 0.0, 5.0, 0.0), ("ı", 1.0, 4.0, 0.0)]), "í");
        assert_eq!(composed(&[("¨", 1.0, 6.0, 2.3), ("U", 0.0, 7.0, 0.0)]), "Ü");
    }

    #[test]
    fn accents_beside_letters_stay() {
        assert_eq!(
            composed(&[("a", 0.0, 5.0, 0.0), ("^", 5.0, 10.0, 0.0), ("b", 10.0, 15.0, 0.0)]),
            "a^b"
        );
        assert_eq!(composed(&[("~", 0.0, 5.0, 0.0), ("x", 5.0, 10.0, 0.0)]), "~x");
        assert_eq!(composed(&[("^", 0.0, 5.0, 0.0), ("x", 0.0, 5.0, 0.0)]), "^x");
    }

    #[test]
    fn a_combining_mark_follows_its_letter() {
        assert_eq!(
            composed(&[("ש", 10.0, 16.0, 0.0), ("\u{5c1}", 14.0, 14.0, 0.0)]),
            "ש\u{5c1}"
        );
    }
}
