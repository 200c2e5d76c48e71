//! Turning and mirroring: `exif_transpose` of Pillow's `ImageOps.py`.

use crate::images::raster::Raster;

/// Turns `image` as an EXIF orientation of 2 to 8 asks; others change nothing.
pub fn apply(orientation: i64, image: &mut Raster) {
    let (width, height) = (image.width(), image.height());
    let (right, bottom) = (width - 1, height - 1);
    match orientation {
        2 => turn(image, width, height, |x, y| (right - x, y)),
        3 => turn(image, width, height, |x, y| (right - x, bottom - y)),
        4 => turn(image, width, height, |x, y| (x, bottom - y)),
        5 => turn(image, height, width, |x, y| (y, x)),
        6 => turn(image, height, width, |x, y| (y, bottom - x)),
        7 => turn(image, height, width, |x, y| (right - y, bottom - x)),
        8 => turn(image, height, width, |x, y| (right - y, x)),
        _ => {}
    }
}

/// The new image's pixel (x, y) is the old one's `from(x, y)`.
fn turn(
    image: &mut Raster,
    width: usize,
    height: usize,
    from: impl Fn(usize, usize) -> (usize, usize),
) {
    let mut turned = Raster::default();
    turned.reset(width, height);
    let stride = image.width() * 3;
    for y in 0..height {
        for (x, pixel) in turned.row_mut(y).chunks_exact_mut(3).enumerate() {
            let (x, y) = from(x, y);
            pixel.copy_from_slice(&image.pixels()[y * stride + x * 3..][..3]);
        }
    }
    *image = turned;
}
