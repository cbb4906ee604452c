//! Pages as images, for models that read scans.

use std::ops::ControlFlow;

use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, GrayImage, Luma};
use pdf_oxide::extractors::PdfImage;

use super::geometry::{Area, Matrix};
use super::pages::{area, on_own_stack, open};
use super::store::{Store, into_dictionary, number_of};
use crate::extract::ExtractError;

/// Longest side of an image. Models scale larger ones down, and text of nine points is legible. Pixels.
const LONGEST_SIDE: f32 = 1_600.0;
/// Larger images are left out: a page of A0 at 300 dpi. Pixels.
const MAX_PIXELS: u64 = 150_000_000;
/// More images are not the strips that some scanners make of a page.
const MAX_IMAGES: usize = 256;
/// JPEG quality at which small print stays legible.
const QUALITY: u8 = 80;
const WHITE: Luma<u8> = Luma([255]);

/// Receives the number of a page and its image as JPEG; `None` if the page shows none that can be decoded. A break ends
/// the reading.
pub(crate) type ImageSink<'a> = dyn FnMut(u32, Option<Vec<u8>>) -> ControlFlow<()> + Send + 'a;

/// Returns what the images of pages show, in gray, as the page places them: a scanner may divide a page into strips, turn
/// it, or separate the writing from the paper.
pub(crate) fn read(bytes: &[u8], pages: &[u32], sink: &mut ImageSink<'_>) -> Result<(), ExtractError> {
    on_own_stack(|| {
        for number in pages {
            // Before each one: the parser keeps what it decodes.
            let store = open(bytes)?;
            let index = usize::try_from(number.saturating_sub(1)).unwrap_or(usize::MAX);
            let image = page_image(&store, index);
            drop(store);
            if sink(*number, image).is_break() {
                break;
            }
        }
        Ok(())
    })
}

fn page_image(store: &Store, index: usize) -> Option<Vec<u8>> {
    let page = store.document.get_page(index).ok().and_then(into_dictionary)?;
    let images = store.document.extract_images(index).ok()?;
    let area = area(store, &page);
    let (width, height) = (area.right - area.left, area.top - area.bottom);
    let images = images.into_iter().filter(|image| {
        let pixels = u64::from(image.width()) * u64::from(image.height());
        (1..=MAX_PIXELS).contains(&pixels) && image.matrix().iter().all(|number| number.is_finite())
    });
    let images: Vec<PdfImage> = images.take(MAX_IMAGES).collect();
    // Not more pixels than the scan has.
    let resolution = images.iter().map(resolution).fold(0.0, f32::max);
    let scale = (LONGEST_SIDE / width.max(height)).min(resolution);
    let rotation = store.entry(&page, "Rotate").as_ref().and_then(number_of).unwrap_or(0.0);
    let (on_canvas, (width, height)) = orientation(area, rotation, scale);
    let mut canvas = GrayImage::from_pixel(side(width)?, side(height)?, WHITE);
    let mut is_empty = true;
    for image in images {
        let place = Matrix::new(image.matrix()).then(on_canvas);
        is_empty &= draw(&mut canvas, &image, place).is_none();
    }
    if is_empty {
        return None;
    }
    let mut jpeg = Vec::new();
    canvas
        .write_with_encoder(JpegEncoder::new_with_quality(&mut jpeg, QUALITY))
        .ok()?;
    Some(jpeg)
}

/// Returns the pixels of an image per point of the page.
fn resolution(image: &PdfImage) -> f32 {
    let [a, b, ..] = image.matrix();
    let width = a.hypot(b);
    if width > 0.0 {
        pixels(image.width()) / width
    } else {
        0.0
    }
}

#[expect(clippy::cast_precision_loss, reason = "no side has 16 million pixels that matter")]
fn pixels(count: u32) -> f32 {
    count as f32
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "checked to be between 1 and the longest side"
)]
fn side(length: f32) -> Option<u32> {
    let length = length.round();
    (1.0..=LONGEST_SIDE + 1.0).contains(&length).then_some(length as u32)
}

/// Returns the map from the page, as a viewer turns it, to the canvas, whose y grows downwards, and the canvas's size.
fn orientation(area: Area, rotation: f32, scale: f32) -> (Matrix, (f32, f32)) {
    let Area {
        left,
        bottom,
        right,
        top,
    } = area;
    let size = ((right - left) * scale, (top - bottom) * scale);
    let turned = (size.1, size.0);
    let s = scale;
    // A turn is a multiple of 90 degrees (ISO 32000-2, 7.7.3.3).
    match index((rotation / 90.0).round().rem_euclid(4.0)) {
        Some(1) => (Matrix::new([0.0, s, s, 0.0, -bottom * s, -left * s]), turned),
        Some(2) => (Matrix::new([-s, 0.0, 0.0, s, right * s, -bottom * s]), size),
        Some(3) => (Matrix::new([0.0, -s, -s, 0.0, top * s, right * s]), turned),
        _ => (Matrix::new([s, 0.0, 0.0, -s, -left * s, top * s]), size),
    }
}

/// Draws an image, whose unit square `place` maps to the canvas. The darker pixel stays, so that writing and paper may be
/// separate images. Returns `None` if it cannot be decoded or is not visible.
fn draw(canvas: &mut GrayImage, image: &PdfImage, place: Matrix) -> Option<()> {
    let inverse = place.inverse()?;
    let longest = |length: f32| side(length.clamp(1.0, LONGEST_SIDE));
    let (width, height) = (longest(place.a.hypot(place.b))?, longest(place.c.hypot(place.d))?);
    let decoded = image.to_dynamic_image().ok()?;
    let small = if decoded.width() <= width && decoded.height() <= height {
        decoded
    } else {
        decoded.thumbnail_exact(width.min(decoded.width()), height.min(decoded.height()))
    };
    let small = gray(&small);
    let (small_width, small_height) = (pixels(small.width()), pixels(small.height()));
    for (x, y, pixel) in canvas.enumerate_pixels_mut() {
        let at = inverse.apply(pixels(x) + 0.5, pixels(y) + 0.5);
        if (0.0..1.0).contains(&at.x) && (0.0..1.0).contains(&at.y) {
            // Its first row is at the top of the unit square.
            let column = (at.x * small_width).floor();
            let row = ((1.0 - at.y) * small_height).floor().min(small_height - 1.0);
            if let (Some(column), Some(row)) = (index(column), index(row))
                && let Some(ink) = small.get_pixel_checked(column, row)
            {
                pixel.0[0] = pixel.0[0].min(ink.0[0]);
            }
        }
    }
    Some(())
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "checked not to be negative, and smaller than a side"
)]
fn index(position: f32) -> Option<u32> {
    (position >= 0.0).then_some(position as u32)
}

/// Returns an image in gray, on white where it is transparent.
fn gray(image: &DynamicImage) -> GrayImage {
    let mut pixels = image.to_luma_alpha8();
    for pixel in pixels.pixels_mut() {
        let [luma, alpha] = pixel.0.map(u16::from);
        let shown = (luma * alpha + 255 * (255 - alpha)) / 255;
        pixel.0 = [u8::try_from(shown).unwrap_or(u8::MAX), u8::MAX];
    }
    DynamicImage::ImageLumaA8(pixels).to_luma8()
}
