//! Lists of images: an error, or paths that stay inside the image folder, in the list's order.
#![no_main]

use featx::sources::parse_list;
use libfuzzer_sys::fuzz_target;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path};

fuzz_target!(|bytes: &[u8]| {
    let (list, root) = (Path::new("list.txt"), Path::new("images"));
    let Ok(names) = parse_list(bytes, list, root) else { return };
    assert!(!names.is_empty());
    for name in names.iter() {
        assert!(!name.as_os_str().as_bytes().iter().any(|byte| matches!(byte, 0 | b'\n')));
        let mut depth = 0;
        for step in name.components() {
            depth += match step {
                Component::Normal(_) => 1,
                Component::CurDir => 0,
                Component::ParentDir => -1,
                Component::RootDir | Component::Prefix(_) => panic!("{name:?} is absolute"),
            };
            assert!(depth >= 0, "{name:?} leaves the folder");
        }
    }
    // As file_names.txt it is the same list again.
    let again = parse_list(&names.text(), list, root).expect("what we write, we read");
    assert_eq!(again, names);
});
