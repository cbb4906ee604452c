//! Pages as images.

use image::GrayImage;

use super::written::{CATALOG, PAGES, file, objects, stream};
use super::*;

/// An image of these rows of gray pixels.
fn image(rows: &[&[u8]]) -> Vec<u8> {
    let (width, height, pixels) = (rows[0].len(), rows.len(), rows.concat());
    let start = format!(
        "<< /Type /XObject /Subtype /Image /Width {width} /Height {height} /ColorSpace /DeviceGray /BitsPerComponent 8 \
         /Length {} >>\nstream\n",
        pixels.len()
    );
    [start.as_bytes(), &pixels, b"\nendstream"].concat()
}

/// A page of 200 x 400 points with this content, these entries, and the images `/A` and `/B`.
fn page(content: &str, entries: &str, images: [Vec<u8>; 2]) -> Vec<u8> {
    let page = format!(
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 400] /Contents 4 0 R \
         /Resources << /XObject << /A 5 0 R /B 6 0 R >> >> {entries} >>"
    );
    let mut all = objects(&[CATALOG, PAGES, &page]);
    all.push(stream(content.as_bytes()));
    all.extend(images);
    file(&all, "")
}

fn shown(bytes: &[u8]) -> Option<GrayImage> {
    let mut found = None;
    let read = read_images(bytes, &[1], &mut |number, jpeg| {
        assert_eq!(number, 1);
        found = jpeg.and_then(|jpeg| ::image::load_from_memory(&jpeg).ok());
        ControlFlow::Continue(())
    });
    assert_eq!(read, Ok(()));
    found.map(|image| image.to_luma8())
}

/// Whether the quarters of an image are dark: top left, top right, bottom left, bottom right.
fn dark_quarters(image: Option<&GrayImage>) -> [bool; 4] {
    let Some(image) = image else {
        unreachable!("the page has an image");
    };
    let (width, height) = image.dimensions();
    [(1, 1), (3, 1), (1, 3), (3, 3)].map(|(x, y)| image.get_pixel(width * x / 4, height * y / 4).0[0] < 128)
}

const DARK: u8 = 20;
const LIGHT: u8 = 240;

/// Dark at the top left.
fn marked() -> Vec<u8> {
    let (top, bottom) = ([[DARK; 40], [LIGHT; 40]].concat(), [LIGHT; 80]);
    let rows: Vec<&[u8]> = (0..160).map(|row| if row < 80 { &*top } else { &bottom[..] }).collect();
    image(&rows)
}

#[test]
fn a_scan_is_shown_as_a_viewer_shows_it() {
    for (matrix, entries, dark, is_wide) in [
        ("200 0 0 400 0 0", "", [true, false, false, false], false),
        // Upside down, as some scanners store a page.
        ("200 0 0 -400 0 400", "", [false, false, true, false], false),
        ("-200 0 0 -400 200 400", "", [false, false, false, true], false),
        // Turned by its matrix, and by the page.
        ("0 400 -200 0 200 0", "", [false, false, true, false], false),
        ("200 0 0 400 0 0", "/Rotate 90", [false, true, false, false], true),
        ("200 0 0 400 0 0", "/Rotate 180", [false, false, false, true], false),
        ("200 0 0 400 0 0", "/Rotate 270", [false, false, true, false], true),
    ] {
        let image = shown(&page(&format!("q {matrix} cm /A Do Q"), entries, [marked(), marked()]));
        assert_eq!(dark_quarters(image.as_ref()), dark, "{matrix} {entries}");
        assert_eq!(
            image.is_some_and(|image| image.width() > image.height()),
            is_wide,
            "{entries}"
        );
    }
}

#[test]
fn strips_and_layers_make_one_page() {
    let [dark, light] = [[DARK; 64], [LIGHT; 64]].map(|row| image(&[&row[..]; 32]));
    let strips = "q 200 0 0 200 0 200 cm /A Do Q q 200 0 0 200 0 0 cm /B Do Q";
    let strips = shown(&page(strips, "", [dark.clone(), light.clone()]));
    assert_eq!(dark_quarters(strips.as_ref()), [true, true, false, false]);
    let layers = "q 100 0 0 400 0 0 cm /A Do Q q 200 0 0 400 0 0 cm /B Do Q";
    let layers = shown(&page(layers, "", [dark, light]));
    assert_eq!(
        dark_quarters(layers.as_ref()),
        [true, false, true, false],
        "writing below the paper"
    );
}

#[test]
fn a_page_without_a_readable_image_has_none() {
    assert_eq!(shown(&page("", "", [marked(), marked()])), None);
    let flat = shown(&page("q 200 0 0 0 0 0 cm /A Do Q", "", [marked(), marked()]));
    assert_eq!(flat, None);
    let damaged = b"<< /Type /XObject /Subtype /Image /Width 99999 /Height 99999 /Length 3 >>\nstream\nabc\nendstream";
    assert_eq!(
        shown(&page("q 200 0 0 400 0 0 cm /A Do Q", "", [damaged.to_vec(), marked()])),
        None
    );
}
