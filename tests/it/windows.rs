//! A JPEG of which only the crop's part is decoded gives the crop, and the verdict, of the whole image.
//! `FEATX_BROKEN=50` breaks each file 50 times as often.

use crate::support::pillow::{difference, made_by};
use featx::images::{Crop, Interpolation, Preprocess, Preprocessor, Raster, Resize};
use std::fs;
use std::path::{Path, PathBuf};

fn jpegs() -> Vec<PathBuf> {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let folders = [
        made_by("make_windows.py", &[]).join("images"),
        tests.join("photos"),
        tests.join("fixtures/jpeg"),
    ];
    let mut files: Vec<PathBuf> = folders
        .iter()
        .flat_map(|folder| fs::read_dir(folder).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "jpg"))
        .collect();
    files.sort();
    files
}

/// The usual crop, and small ones in the middle: of the image itself, of a larger one, of a smaller one.
fn settings() -> Vec<Preprocess> {
    let setting = |resize, crop, interpolation| Preprocess {
        resize: Resize::Shorter(resize),
        crop: Some(Crop::Square(crop)),
        interpolation,
        ..Preprocess::default()
    };
    vec![
        setting(256, 224, Interpolation::Bilinear),
        setting(53, 7, Interpolation::Bilinear),
        setting(117, 1, Interpolation::Bilinear),
        setting(300, 40, Interpolation::Bicubic),
        setting(24, 9, Interpolation::Lanczos),
        setting(60, 80, Interpolation::Bilinear),
        setting(40, 8, Interpolation::Nearest),
    ]
}

/// The image as a BMP, of which all is decoded.
fn as_bmp(image: &Raster) -> Vec<u8> {
    let (width, height) = (image.width(), image.height());
    let mut data = b"BM\0\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0".to_vec();
    data.extend((width as u32).to_le_bytes());
    data.extend((height as u32).to_le_bytes());
    data.extend([1, 0, 24, 0]);
    data.extend([0; 24]);
    for row in image.pixels().chunks(width * 3).rev() {
        data.extend(row.chunks(3).flat_map(|rgb| [rgb[2], rgb[1], rgb[0]]));
        data.resize(data.len() + width % 4, 0);
    }
    data
}

fn crop(data: &[u8], preprocess: &Preprocess) -> Result<Vec<u8>, String> {
    let mut pixels = vec![0; preprocess.image_bytes()];
    let made = Preprocessor::new(preprocess).decode_into(data, &mut pixels);
    made.map(|()| pixels).map_err(|error| error.to_string())
}

/// What is wrong with the crops of a file.
fn compare(name: &str, data: &[u8]) -> Vec<String> {
    let mut preprocessor = Preprocessor::new(&Preprocess::default());
    let whole = preprocessor.decode(data).map(as_bmp);
    let compare_one = |preprocess: &Preprocess| {
        let what = format!("{name} {} {}", preprocess.resize, preprocess.crop());
        match (crop(data, preprocess), &whole) {
            (Ok(found), Ok(bmp)) => {
                difference(&found, &crop(bmp, preprocess).unwrap()).map(|d| format!("{what}: {d}"))
            }
            (Err(found), Err(wanted)) if found == wanted.to_string() => None,
            (found, wanted) => Some(format!(
                "{what}: {:?} instead of {:?}",
                found.map(|_| "taken"),
                wanted.as_ref().map(|_| "taken")
            )),
        }
    };
    settings().iter().filter_map(compare_one).collect()
}

/// Cuts and flips at seeded places, most of them after the header, and cuts of the last bytes.
fn broken(data: &[u8], count: usize) -> Vec<(String, Vec<u8>)> {
    let mut state = data.len() as u32;
    let mut below = |end: usize| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as usize % end
    };
    let mut files = Vec::new();
    for missing in [1, 100, 2, 3, 9].into_iter().take(2 * count) {
        files.push((
            format!("short {missing}"),
            data[..data.len() - missing].to_vec(),
        ));
    }
    for _ in 0..count {
        let at = below(data.len());
        files.push((format!("cut {at}"), data[..at].to_vec()));
        let at = below(data.len());
        let mut flipped = data.to_vec();
        flipped[at] ^= 1 << below(8);
        files.push((format!("flip {at}"), flipped));
        let at = below(data.len() - 20);
        files.push((
            format!("lost {at}"),
            [&data[..at], &data[at + 1 + below(19)..]].concat(),
        ));
    }
    files
}

#[test]
fn crops_are_those_of_whole_images() {
    let count = std::env::var("FEATX_BROKEN").map_or(1, |text| text.parse().unwrap());
    let mut wrong = Vec::new();
    for path in jpegs() {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let data = fs::read(&path).unwrap();
        wrong.extend(compare(&name, &data));
        for (how, data) in broken(&data, count) {
            wrong.extend(compare(&format!("{name} {how}"), &data));
        }
    }
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}
