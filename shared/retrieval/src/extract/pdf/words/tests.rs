use super::*;

/// Glyphs of 5 points each at 10 points; a number moves on before the next letter.
fn line(text: &str, gaps: &[(usize, f32)]) -> Vec<Placed> {
    let mut x = 0.0;
    text.chars()
        .enumerate()
        .map(|(index, c)| {
            x += gaps
                .iter()
                .filter(|(at, _)| *at == index)
                .map(|(_, gap)| gap)
                .sum::<f32>();
            let left = x;
            x += 5.0;
            Placed {
                text: c.to_string().into(),
                left,
                right: x,
                y: 0.0,
                size: 10.0,
            }
        })
        .collect()
}

fn found(glyphs: &[Placed]) -> Vec<String> {
    find(glyphs).into_iter().map(|word| word.text).collect()
}

#[test]
fn gaps_and_spaces_divide_words() {
    assert_eq!(found(&line("forWindows", &[(3, 2.5)])), ["for", "Windows"]);
    assert_eq!(found(&line("for Windows", &[])), ["for", "Windows"]);
    assert_eq!(found(&line("AVA", &[(1, -0.8), (2, -0.8)])), ["AVA"]);
}

#[test]
fn letters_of_overlapping_words_do_not_change_places() {
    let mut glyphs = line("for Windows", &[]);
    // The widths of the first word are wrong: it reaches into the second.
    for glyph in &mut glyphs[4..] {
        glyph.left -= 12.0;
        glyph.right -= 12.0;
    }
    assert_eq!(found(&glyphs), ["for", "Windows"]);
}

#[test]
fn spaced_letters_of_a_title_are_a_word() {
    let gaps: Vec<(usize, f32)> = (1..13).map(|at| (at, if at == 7 { 6.0 } else { 2.0 })).collect();
    assert_eq!(found(&line("CHAPTERSEVENS", &gaps)), ["CHAPTER", "SEVENS"]);
}

#[test]
fn ideographs_of_a_justified_line_are_one_word() {
    let gaps: Vec<(usize, f32)> = (1..6).map(|at| (at, 3.0)).collect();
    assert_eq!(found(&line("所有商品保修", &gaps)), ["所有商品保修"]);
}

#[test]
fn a_word_that_is_drawn_twice_counts_once() {
    let once = line("bold", &[]);
    let again = once.iter().cloned().map(|mut glyph| {
        glyph.left += 0.3;
        glyph.right += 0.3;
        glyph
    });
    assert_eq!(found(&once.iter().cloned().chain(again).collect::<Vec<_>>()), ["bold"]);
}

#[test]
fn a_superscript_is_on_the_line_of_its_word() {
    let mut glyphs = line("word1", &[]);
    if let Some(script) = glyphs.last_mut() {
        script.y = 4.0;
        script.size = 6.0;
    }
    let words = find(&glyphs);
    assert_eq!(words.iter().map(|word| word.y).collect::<Vec<_>>(), [0.0, 0.0]);
    assert_eq!(words.len(), 2);
}
