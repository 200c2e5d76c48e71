//! Decodes every file of a folder and writes its pixels beside each other as PPM, for `scripts/check_formats.py`. A file
//! that is refused is named with the reason.
//!
//! usage: decode_pixels FOLDER OUT

use featx::images::{ImageError, Preprocess, Preprocessor, Raster};
use std::path::Path;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let mut words = std::env::args().skip(1);
    let folder = words.next().ok_or("expected a folder")?;
    let out = words.next().ok_or("expected a folder to write to")?;
    std::fs::create_dir_all(&out)?;
    let mut preprocessor = Preprocessor::new(&Preprocess::default());
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry
            .file_name()
            .into_string()
            .map_err(|_| "a name that is no text")?;
        match decoded(&mut preprocessor, &entry.path()) {
            Ok(image) => std::fs::write(Path::new(&out).join(format!("{name}.ppm")), ppm(image))?,
            Err(error) => println!("{name}\t{error}"),
        }
    }
    Ok(())
}

fn decoded<'a>(preprocessor: &'a mut Preprocessor, path: &Path) -> Result<&'a Raster, ImageError> {
    preprocessor.decode(&std::fs::read(path)?)
}

fn ppm(image: &Raster) -> Vec<u8> {
    let header = format!("P6\n{} {}\n255\n", image.width(), image.height());
    [header.as_bytes(), image.pixels()].concat()
}
