//! Kinds of TIFF and BMP that are decoded right or refused in words: never noise, never a row that is not its own.
//! `tests/make_faxes.py` makes them, knows what they show, and asks Pillow.

use crate::support::pillow::{difference, made_by, npy, rows};
use featx::images::{ImageError, Preprocess, Preprocessor};
use std::fs;

#[test]
fn what_is_decoded_is_right_and_what_is_refused_is_named() {
    let out = made_by("make_faxes.py", &[]);
    let (mut wrong, mut read) = (Vec::new(), Vec::new());
    for case in rows(&out.join("whole.tsv")) {
        let [name, array, by_pillow] = case.as_slice() else {
            panic!("{case:?}")
        };
        let data = fs::read(out.join("images").join(name)).unwrap();
        match Preprocessor::new(&Preprocess::default()).decode(&data) {
            Ok(image) => {
                read.push(name.clone());
                if array == "error" || by_pillow != "read" {
                    wrong.push(format!("{name}: taken, by Pillow {by_pillow}"));
                } else if let Some(difference) =
                    difference(image.pixels(), &npy(&out.join(format!("{name}.npy"))))
                {
                    wrong.push(format!("{name}: {difference}"));
                }
            }
            Err(ImageError::Unsupported(_) | ImageError::Corrupt(_) | ImageError::Truncated) => {}
            Err(error) => wrong.push(format!("{name}: {error}")),
        }
    }
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
    for kind in [
        "_libtiff_0_",
        "_libtiff_4_",
        "_group4",
        "_before.",
        "_before_rtc",
        "_filled.",
        "_filled_rtc",
        "_long_fill",
        "_old_lzw",
    ] {
        let of_kind = read.iter().filter(|name| name.contains(kind)).count();
        let expected = match kind {
            "_old_lzw" => 3,
            "_libtiff_0_" | "_libtiff_4_" => 36,
            _ => 9,
        };
        assert_eq!(of_kind, expected, "{kind}: {read:?}");
    }
}
