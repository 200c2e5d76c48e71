//! Damaged images: an error or a clean image, and an error where pixels are missing. That Pillow gives the same verdict is
//! not asked; that an image has the size that Pillow gives it is.
//! `tests/make_broken.py` breaks them. `FEATX_BROKEN=50` breaks ten times as many.

use crate::support::pillow::{assert_none_wrong, made_by, rows};
use featx::images::{ImageError, Preprocess, Preprocessor};
use std::fs;
use std::path::Path;

/// Width, height, pixels.
fn decode(path: &Path) -> Result<(usize, usize, Vec<u8>), ImageError> {
    let mut preprocessor = Preprocessor::new(&Preprocess::default());
    let image = preprocessor.decode(&fs::read(path).unwrap())?;
    Ok((image.width(), image.height(), image.pixels().to_vec()))
}

fn wrong(out: &Path, case: &[String]) -> Option<String> {
    let [name, width, height] = case else {
        panic!("{case:?}")
    };
    let images = out.join("images");
    match decode(&images.join(name)) {
        Err(ImageError::DecoderFailed) => Some(format!("{name}: a decoder failed")),
        Err(_) => None,
        Ok((_, _, pixels)) if width == "error" => {
            let (how, good) = name.split_once('.').unwrap();
            let is_cut = how.starts_with("cut") || how.starts_with("short");
            let is_whole = || decode(&images.join(format!("good.{good}"))).unwrap().2 == pixels;
            (is_cut && !is_whole()).then(|| format!("{name}: taken, though pixels are missing"))
        }
        Ok((found_width, found_height, _)) => {
            let found = [found_width.to_string(), found_height.to_string()];
            (found != [width.clone(), height.clone()])
                .then(|| format!("{name}: {found:?} instead of {width} x {height}"))
        }
    }
}

#[test]
fn broken_images_give_an_error_or_a_clean_image() {
    let count = std::env::var("FEATX_BROKEN").unwrap_or_else(|_| "4".to_owned());
    let out = made_by("make_broken.py", &[&count]);
    let cases = rows(&out.join("broken.tsv"));
    assert!(cases.len() > 300);
    let wrong: Vec<String> = cases.iter().filter_map(|case| wrong(&out, case)).collect();
    assert_none_wrong(&wrong, cases.len());
}

/// The checksum of a chunk that is cut short is not there; that of the pixels is.
#[test]
fn pixels_of_a_png_that_is_cut_short_are_checked() {
    let whole =
        fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/photos/lamp.png")).unwrap();
    let last = whole.windows(4).rposition(|at| at == b"IDAT").unwrap();
    let length = u32::from_be_bytes(whole[last - 4..last].try_into().unwrap()) as usize;
    let mut cut = whole[..last + 4 + length].to_vec();
    let decode = |data: &[u8]| {
        Preprocessor::new(&Preprocess::default())
            .decode(data)
            .map(|image| image.pixels().to_vec())
    };
    assert_eq!(decode(&cut).unwrap(), decode(&whole).unwrap());
    *cut.last_mut().unwrap() ^= 1; // of the checksum
    assert!(matches!(decode(&cut), Err(ImageError::Corrupt(_))));
}
