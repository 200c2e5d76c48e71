//! The pixels of image files before they are resized, for `scripts/check_formats.py`, which compares them with Pillow's.
//! Of each file of a folder: a line of its name and its width and height, or why it is refused; and its pixels in OUT, under
//! its name and `.rgb`, three bytes each.
//!
//! usage: decode_files FOLDER OUT

use featx::images::{Preprocess, Preprocessor};
use std::fs;
use std::path::PathBuf;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let mut words = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(folder), Some(out)) = (words.next(), words.next()) else {
        return Err("expected FOLDER OUT".into());
    };
    let mut files = fs::read_dir(folder)?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<Vec<PathBuf>, std::io::Error>>()?;
    files.sort();
    let mut preprocessor = Preprocessor::new(&Preprocess::default());
    for file in files {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        match preprocessor.decode(&fs::read(&file)?) {
            Ok(image) => {
                fs::write(out.join(format!("{name}.rgb")), image.pixels())?;
                println!("{name}\t{}\t{}", image.width(), image.height());
            }
            Err(refused) => println!("{name}\t{refused}"),
        }
    }
    Ok(())
}
