//! Images of every format: whatever the bytes, an error or the pixels that were asked for, and the same ones again.
#![no_main]

use featx::images::{Crop, Preprocess, Preprocessor, Resize};
use libfuzzer_sys::fuzz_target;
use std::cell::RefCell;

thread_local! {
    // Kept from image to image, as a decoder's thread does: what one leaves behind must not show in the next.
    static KEPT: RefCell<Preprocessor> = RefCell::new(Preprocessor::new(&preprocess()));
}

fuzz_target!(|bytes: &[u8]| {
    let first = load(&mut Preprocessor::new(&preprocess()), bytes);
    let again = KEPT.with_borrow_mut(|kept| load(kept, bytes));
    assert_eq!(first, again);
});

fn preprocess() -> Preprocess {
    Preprocess { resize: Resize::Shorter(9), crop: Some(Crop::Square(8)), ..Preprocess::default() }
}

fn load(preprocessor: &mut Preprocessor, bytes: &[u8]) -> Result<Vec<u8>, String> {
    let mut pixels = vec![0; 8 * 8 * 3];
    let loaded = preprocessor.decode_into(bytes, &mut pixels).map_err(|error| error.to_string());
    assert!(loaded.as_ref().err().is_none_or(|error| !error.contains("please report")), "a decoder panicked");
    loaded.map(|()| pixels)
}
