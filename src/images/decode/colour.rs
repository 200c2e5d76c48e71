//! Other colours to RGB: the functions of Pillow's `Convert.c` that `convert("RGB")` comes to.

/// Each grey value to three: `l2rgb`.
pub fn grey(values: &[u8], rgb: &mut [u8]) {
    for (pixel, &value) in rgb.chunks_exact_mut(3).zip(values) {
        pixel.fill(value);
    }
}

/// Four inks a pixel, stored inverted, to RGB: `cmyk2rgb` after the unpacker `CMYK;I`.
pub fn inverted_cmyk(inks: &[u8], rgb: &mut [u8]) {
    for (pixel, ink) in rgb.chunks_exact_mut(3).zip(inks.chunks_exact(4)) {
        pixel.copy_from_slice(&cmyk([!ink[0], !ink[1], !ink[2], !ink[3]]));
    }
}

/// Four inks to R, G, B: `cmyk2rgb`.
pub fn cmyk([c, m, y, k]: [u8; 4]) -> [u8; 3] {
    let white = u32::from(!k);
    [c, m, y].map(|ink| (white - divided_by_255(u32::from(ink) * white)) as u8)
}

/// Undoes a multiplication by alpha: `unpackRGBa`.
pub fn divided_by_alpha(value: u8, alpha: u8) -> u8 {
    match alpha {
        0 => 0,
        _ => (u32::from(value) * 255 / u32::from(alpha)).min(255) as u8,
    }
}

/// Luma and colour differences to R, G, B: `ImagingConvertYCbCr2RGB`, in 6-bit fixed point.
pub fn ycbcr([y, cb, cr]: [u8; 3]) -> [u8; 3] {
    // Truncated after half is added, as Pillow's tables are.
    let scaled = |factor: f64, value: u8| (factor * 64.0 * (f64::from(value) - 128.0) + 0.5) as i32;
    let red = scaled(1.402, cr);
    let green = scaled(-0.34414, cb) + scaled(-0.71414, cr);
    let blue = scaled(1.772, cb);
    [red, green, blue].map(|difference| (i32::from(y) + (difference >> 6)).clamp(0, 255) as u8)
}

/// Pillow's `MULDIV255` of a product: correctly rounded for factors of 8 bits.
fn divided_by_255(product: u32) -> u32 {
    let rounded = product + 128;
    ((rounded >> 8) + rounded) >> 8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dividing_by_255_rounds() {
        for product in 0..=255 * 255 {
            assert_eq!(divided_by_255(product), (2 * product + 255) / 510);
        }
    }

    #[test]
    fn no_ink_is_white_and_full_black_is_black() {
        let mut rgb = [7; 6];
        inverted_cmyk(&[255, 255, 255, 255, 255, 255, 255, 0], &mut rgb);
        assert_eq!(rgb, [255, 255, 255, 0, 0, 0]);
    }
}
