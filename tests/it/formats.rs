//! Files of rare formats give Pillow's pixels, or are refused with a reason. This is the short form of
//! `scripts/check_formats.py`. The common formats are in `pixels.rs`.

use crate::support::pillow::{difference, made_by, npy, rows};
use featx::images::{Preprocess, Preprocessor};
use std::collections::BTreeSet;
use std::fs;

/// Why files are refused that Pillow reads.
const REFUSED: [&str; 4] = [
    "is a PFM image, of floats, which featx does not read; convert it to PNG",
    "is of a kind that is not supported: PNM whose largest value is even, or between 256 and 65534 (pamdepth 255 scales it)",
    "is of a kind that is not supported: TGA of an unusual depth or without colours",
    "is of a kind that is not supported: cursor of other than 16, 24 or 32 bits a pixel",
];

#[test]
fn rare_formats_give_pillows_pixels_or_are_refused() {
    let out = made_by("make_formats.py", &[]);
    let (mut wrong, mut refused, mut equal) = (Vec::new(), BTreeSet::new(), 0);
    for case in rows(&out.join("whole.tsv")) {
        let [name, array] = &case[..] else {
            panic!("{case:?}")
        };
        let data = fs::read(out.join("images").join(name)).unwrap();
        match (
            Preprocessor::new(&Preprocess::default()).decode(&data),
            array.as_str(),
        ) {
            (Ok(_), "error") => wrong.push(format!("{name}: read, but Pillow refuses it")),
            (Ok(image), array) => match difference(image.pixels(), &npy(&out.join(array))) {
                Some(difference) => wrong.push(format!("{name}: {difference}")),
                None => equal += 1,
            },
            (Err(_), "error") => {}
            (Err(reason), _) => drop(refused.insert(reason.to_string())),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(refused, REFUSED.map(String::from).into());
    assert_eq!(equal, 111);
}
