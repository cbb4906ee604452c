use pdf_writer::types::{CidFontType, FontFlags, SystemInfo, UnicodeCmap};
use pdf_writer::{Content, Filter, Finish, Name, Pdf, Rect, Ref, Str};

/// A4, in points.
const WIDTH: f32 = 595.0;
const HEIGHT: f32 = 842.0;
const MARGIN: f32 = 60.0;
const LEADING: f32 = 14.0;
/// Characters of 10 point Helvetica that safely fit between the margins.
const COLUMNS: usize = 92;

const REGULAR: Name<'static> = Name(b"Regular");
const BOLD: Name<'static> = Name(b"Bold");
const CHINESE: Name<'static> = Name(b"Chinese");

/// A PDF with one page per text.
///
/// A line of text is a paragraph and gets wrapped; `# ` starts a heading, `- ` a list item. Characters outside of
/// Windows-1252 are written as question marks.
pub fn text_pdf(pages: &[&str]) -> Vec<u8> {
    document(&pages.iter().map(|text| layout(text)).collect::<Vec<_>>())
}

/// A page of text beside a photo of so many bytes: the file is a little larger than it.
pub fn illustrated_pdf(text: &str, photo_bytes: usize) -> Vec<u8> {
    // Looks compressed, as photos do; nobody decodes it.
    let noise = |state: &mut u32| {
        *state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        Some(state.to_be_bytes()[0])
    };
    let photo: Vec<u8> = std::iter::repeat_n((), photo_bytes)
        .scan(1, |state, ()| noise(state))
        .collect();
    let mut pdf = begun(&[layout(text)]);
    let mut image = pdf.image_xobject(id(9), &photo);
    image.filter(Filter::DctDecode);
    image
        .width(2000)
        .height(3000)
        .color_space_name(Name(b"DeviceRGB"))
        .bits_per_component(8);
    image.finish();
    pdf.finish()
}

/// A page of two columns with three paragraphs each, as papers are set: read across, it makes no sense. Words at line
/// ends are hyphenated.
pub fn two_column_pdf(left: &str, right: &str) -> Vec<u8> {
    let width = COLUMNS / 2 - 4;
    let column = |text: &str, x: f32| {
        let lines = text.lines().flat_map(|line| hyphenated(line, width));
        let place = |(row, text)| Line {
            x,
            y: HEIGHT - MARGIN - LEADING * offset(row),
            size: 10.0,
            font: REGULAR,
            text,
        };
        lines.enumerate().map(place).collect::<Vec<_>>()
    };
    document(&[[column(left, MARGIN), column(right, WIDTH / 2.0 + 15.0)].concat()])
}

/// A row as a factor.
#[expect(clippy::cast_precision_loss, reason = "a page has fewer than a hundred rows")]
fn offset(row: usize) -> f32 {
    row as f32
}

/// A page of Chinese text. Each line is set as it is, in an ordinary horizontal font that is not embedded.
pub fn chinese_pdf(lines: &[&str]) -> Vec<u8> {
    let place = |(row, text): (usize, &&str)| Line {
        x: MARGIN,
        y: HEIGHT - MARGIN - 20.0 * offset(row),
        size: 12.0,
        font: CHINESE,
        text: (*text).to_owned(),
    };
    document(&[lines.iter().enumerate().map(place).collect()])
}

#[derive(Clone)]
pub(crate) struct Line {
    pub(crate) x: f32,
    pub(crate) y: f32,
    pub(crate) size: f32,
    pub(crate) font: Name<'static>,
    pub(crate) text: String,
}

/// A line at the foot or head of a page.
pub(crate) fn margin_line(y: f32, text: String) -> Line {
    Line {
        x: MARGIN,
        y,
        size: 8.0,
        font: REGULAR,
        text,
    }
}

pub(crate) fn layout(text: &str) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut y = HEIGHT - MARGIN;
    for paragraph in text.lines() {
        let (font, size, paragraph) = match paragraph.strip_prefix("# ") {
            Some(title) => (BOLD, 15.0, title),
            None => (REGULAR, 10.0, paragraph),
        };
        for text in wrapped(paragraph, COLUMNS) {
            lines.push(Line {
                x: MARGIN,
                y,
                size,
                font,
                text,
            });
            y -= LEADING;
        }
        y -= LEADING / 2.0;
    }
    lines
}

pub(crate) fn document(pages: &[Vec<Line>]) -> Vec<u8> {
    begun(pages).finish()
}

/// The document, to which more objects may be added: 9 to 19 are free.
fn begun(pages: &[Vec<Line>]) -> Pdf {
    let mut pdf = Pdf::new();
    let [catalog, tree, regular, bold, chinese, cid_font, descriptor, cmap] = std::array::from_fn(|n| id(n + 1));
    pdf.catalog(catalog).pages(tree);
    let page_id = |index: usize| id(20 + 2 * index);
    let kids = (0..pages.len()).map(page_id);
    pdf.pages(tree)
        .kids(kids)
        .count(i32::try_from(pages.len()).unwrap_or(0));
    for (font, name) in [(regular, "Helvetica"), (bold, "Helvetica-Bold")] {
        pdf.type1_font(font)
            .base_font(Name(name.as_bytes()))
            .encoding_predefined(Name(b"WinAnsiEncoding"));
    }
    if pages.iter().flatten().any(|line| line.font == CHINESE) {
        write_chinese_font(&mut pdf, [chinese, cid_font, descriptor, cmap], pages);
    }
    for (index, lines) in pages.iter().enumerate() {
        let contents = id(21 + 2 * index);
        let lowest = lines.iter().map(|line| line.y).fold(MARGIN, f32::min);
        let mut page = pdf.page(page_id(index));
        // A page that is too full for A4 gets longer.
        page.media_box(Rect::new(0.0, lowest.min(MARGIN) - MARGIN, WIDTH, HEIGHT))
            .parent(tree)
            .contents(contents);
        page.resources()
            .fonts()
            .pair(REGULAR, regular)
            .pair(BOLD, bold)
            .pair(CHINESE, chinese);
        page.finish();
        pdf.stream(contents, &content(lines));
    }
    pdf
}

fn id(number: usize) -> Ref {
    Ref::new(i32::try_from(number).unwrap_or(i32::MAX))
}

fn content(lines: &[Line]) -> Vec<u8> {
    let mut content = Content::new();
    content.begin_text();
    for line in lines {
        let bytes = if line.font == CHINESE {
            utf16(&line.text)
        } else {
            windows_1252(&line.text)
        };
        content.set_font(line.font, line.size);
        content.set_text_matrix([1.0, 0.0, 0.0, 1.0, line.x, line.y]);
        content.show(Str(&bytes));
    }
    content.end_text();
    content.finish().into_vec()
}

/// A composite font whose codes are UTF-16, with the map back to Unicode that text extraction relies on
/// (ISO 32000-2, 9.10.3).
fn write_chinese_font(pdf: &mut Pdf, [font, cid_font, descriptor, cmap]: [Ref; 4], pages: &[Vec<Line>]) {
    let name = Name(b"STSong-Light");
    let system = SystemInfo {
        registry: Str(b"Adobe"),
        ordering: Str(b"Identity"),
        supplement: 0,
    };
    pdf.type0_font(font)
        .base_font(name)
        .encoding_predefined(Name(b"Identity-H"))
        .descendant_font(cid_font)
        .to_unicode(cmap);
    pdf.cid_font(cid_font)
        .subtype(CidFontType::Type0)
        .base_font(name)
        .system_info(system)
        .font_descriptor(descriptor)
        .default_width(1000.0);
    pdf.font_descriptor(descriptor)
        .name(name)
        .flags(FontFlags::SYMBOLIC)
        .bbox(Rect::new(0.0, -200.0, 1000.0, 900.0))
        .italic_angle(0.0)
        .ascent(900.0)
        .descent(-200.0)
        .cap_height(900.0)
        .stem_v(80.0);
    let mut used: Vec<char> = pages
        .iter()
        .flatten()
        .filter(|line| line.font == CHINESE)
        .flat_map(|line| line.text.chars())
        .collect();
    used.sort_unstable();
    used.dedup();
    let mut to_unicode = UnicodeCmap::<u16>::new(Name(b"Unicode"), system);
    for c in used {
        if let Ok(code) = u16::try_from(u32::from(c)) {
            to_unicode.pair(code, c);
        }
    }
    pdf.cmap(cmap, &to_unicode.finish());
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_be_bytes).collect()
}

fn windows_1252(text: &str) -> Vec<u8> {
    text.chars()
        .map(|c| match c {
            '€' => 0x80,
            '–' => 0x96,
            '—' => 0x97,
            '’' => 0x92,
            '•' => 0x95,
            c => u8::try_from(u32::from(c)).unwrap_or(b'?'),
        })
        .collect()
}

fn wrapped(paragraph: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in paragraph.split(' ') {
        let last = lines.len() - 1;
        if !lines[last].is_empty() && lines[last].chars().count() + 1 + word.chars().count() > width {
            lines.push(word.to_owned());
        } else {
            if !lines[last].is_empty() {
                lines[last].push(' ');
            }
            lines[last].push_str(word);
        }
    }
    lines
}

/// Wraps and divides long words, so that each line is nearly full.
fn hyphenated(paragraph: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in paragraph.split(' ') {
        let last = lines.len() - 1;
        let used = lines[last].len() + usize::from(!lines[last].is_empty());
        if used > 0 && !lines[last].is_empty() {
            lines[last].push(' ');
        }
        let room = width.saturating_sub(used);
        if word.len() <= room {
            lines[last].push_str(word);
        } else if word.is_ascii() && word.len() > 8 && room >= 5 {
            let (head, tail) = word.split_at(4);
            lines[last].push_str(head);
            lines[last].push('-');
            lines.push(tail.to_owned());
        } else {
            lines.push(word.to_owned());
        }
    }
    lines.into_iter().map(|line| line.trim_end().to_owned()).collect()
}
