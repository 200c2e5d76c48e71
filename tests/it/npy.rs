//! Headers: the same bytes as NumPy's, and a header that lies about its file is refused in one line.

use crate::support::workdir::Workdir;
use featx::rows::npy::Header;
use ndarray::{Array3, s};
use ndarray_npy::{read_npy, write_npy};
use std::fs;

/// Python: `arrays()` yields one array of every dtype that is a number, in both byte orders, and of a few that are
/// not, in many shapes.
pub const ARRAYS: &str = r#"
DTYPES = ["?", "i1", "u1", "S3", "V5"] + [o + d for o in "<>" for d in
    ["i2", "i4", "i8", "u2", "u4", "u8", "f2", "f4", "f8", "f16", "c8", "c16", "c32", "U3", "M8[ns]", "m8[25s]"]]
SHAPES = [(), (0,), (1,), (7,), (5, 3), (4, 0), (0, 3, 2), (11, 2, 1, 3), (1,) * 32]
def array(dtype, shape, seed=0):
    dtype = np.dtype(dtype)
    size = int(np.prod(shape)) * dtype.itemsize
    raw = np.random.default_rng(seed).integers(0, 2 if dtype.kind == "b" else 128, size, dtype=np.uint8)
    return raw.view(dtype).reshape(shape) if size else np.zeros(shape, dtype)
"#;

#[test]
fn headers_are_those_of_numpy_byte_for_byte() {
    let dir = Workdir::new("npy_headers");
    dir.python(&format!(
        "{ARRAYS}
for i, d in enumerate(DTYPES):
    for j, s in enumerate(SHAPES):
        np.save(f'{{i:02}}-{{j}}.npy', array(d, s))
        np.save(f'{{i:02}}-{{j}}-F.npy', np.asfortranarray(array(d, s)))"
    ));
    let names = dir.names("");
    assert_eq!(names.len(), 37 * 9 * 2);
    for name in names {
        let header = Header::read(&dir.path(&name)).unwrap();
        let written = header.to_bytes();
        assert_eq!(
            written,
            dir.read(&name)[..header.data_offset as usize],
            "{name}"
        );
        assert_eq!(written, header.to_bytes_padded(1, written.len()).unwrap());
    }
}

#[test]
fn other_formats_are_read() {
    let dir = Workdir::new("npy_formats");
    dir.python(
        "for v in [(1, 0), (2, 0), (3, 0)]:
    with open(f'{v[0]}.npy', 'wb') as f: np.lib.format.write_array(f, np.arange(6.).reshape(2, 3), version=v)",
    );
    for version in 1..=3 {
        let header = Header::read(&dir.path(&format!("{version}.npy"))).unwrap();
        assert_eq!((header.version, header.shape), (version, vec![2, 3]));
    }
    // As Python 2 wrote it, with long integers and data at a multiple of 16.
    let text = "{'descr': '<f8', 'fortran_order': False, 'shape': (2L, 3L), }            \n";
    dir.write("old.npy", file(1, text, 48));
    assert_eq!(Header::read(&dir.path("old.npy")).unwrap().shape, [2, 3]);
}

/// A file with that header text and so many bytes of data.
pub fn file(version: u8, text: &str, data: usize) -> Vec<u8> {
    let mut bytes = b"\x93NUMPY".to_vec();
    bytes.extend([version, 0]);
    match version {
        1 => bytes.extend((text.len() as u16).to_le_bytes()),
        _ => bytes.extend((text.len() as u32).to_le_bytes()),
    }
    bytes.extend(text.as_bytes());
    bytes.resize(bytes.len() + data, 0);
    bytes
}

/// Whole files, and the errors that they give.
const FILES: &[(&[u8], &str)] = &[
    (
        b"",
        "not an .npy file: expected it to start with '\\x93NUMPY', found an empty file",
    ),
    (
        b"PK\x03\x04 zip",
        "not an .npy file: expected it to start with '\\x93NUMPY', found 'PK\\x03\\x04 z'",
    ),
    (b"\x93NUM", "cut short: expected a header, found 4 bytes"),
    (
        b"\x93NUMPY\x01\x00v",
        "cut short: expected a header, found 9 bytes",
    ),
    (
        b"\x93NUMPY\x04\x00aaaaaaa",
        "expected .npy format 1.0, 2.0 or 3.0, found 4.0",
    ),
    (
        b"\x93NUMPY\x01\x00\xff\xff{}",
        "cut short: its header ends at byte 65545, the file has 12",
    ),
    (
        b"\x93NUMPY\x02\x00\xff\xff\xff\xff{}",
        "expected a header of at most 65535 bytes, found one of 4294967295",
    ),
];

/// Header texts with no data after them, and the errors that they give.
const TEXTS: &[(&str, &str)] = &[
    ("", "expected '{' in its header, found its end"),
    ("{}", "its header has no key 'descr'"),
    (
        "{'descr': '<f4'\u{7f}",
        "expected '}' in its header, found '\\u{7f}'",
    ),
    (
        "{'colour': 'red'}",
        "expected the keys descr, fortran_order and shape, found 'colour'",
    ),
    (
        "{'shape': (1,), 'shape': (1,)}",
        "expected one key 'shape', found two",
    ),
    (
        "{'descr': '<f4', 'fortran_order': 0, 'shape': ()}",
        "expected True or False in its header, found '0, 'shape': ()}'",
    ),
    (
        "{'descr': '<f4', 'fortran_order': False, 'shape': ()} + 1",
        "expected the end of its header, found '+ 1'",
    ),
];

/// A dtype and a shape with no data after them, and the errors that they give.
const ARRAYS_TOLD: &[(&str, &str, &str)] = &[
    (
        "'<f4'",
        "(3)",
        "expected a tuple as its shape, found a number",
    ),
    (
        "'<f4'",
        "(-3,)",
        "expected a length in its shape, found '-3,), }'",
    ),
    (
        "'<f4'",
        "(3.5,)",
        "expected ')' in its header, found '.5,), }'",
    ),
    (
        "'<f4'",
        "(99999999999999999999,)",
        "expected a length below 2^64 in its shape, found '99999999999999999999'",
    ),
    (
        "'<f4'",
        "(4294967296, 4294967296)",
        "expected a shape of less than 2^63 bytes, found (4294967296, 4294967296) of <f4",
    ),
    (
        "'<f4'",
        "(0, 4294967296, 4294967296)",
        "expected a shape of less than 2^63 bytes, found (0, 4294967296, 4294967296) of <f4",
    ),
    (
        "'<f4'",
        "(2,)",
        "cut short: its header promises 8 bytes of data, the file has 0",
    ),
    ("'<x4'", "(2,)", "expected a dtype like '<f4', found '<x4'"),
    (
        "'|O'",
        "(2,)",
        "expected numbers, found pickled objects (dtype '|O'), which only Python may open; \
         save the array again with a numeric dtype",
    ),
    (
        "[('a', '<f4')]",
        "(2,)",
        "expected one number an element, found a structured dtype '[('a', '<f4')], 'fortran…'; \
         save its fields as arrays of their own",
    ),
];

/// Each of the three commands says so, and leaves nothing.
fn all_refuse(dir: &Workdir, bytes: &[u8], line: &str) {
    dir.write("lie.npy", bytes);
    dir.write("parts/features_0-2.npy", bytes);
    dir.featx_err(&["inspect", "lie.npy"], &format!("'lie.npy': {line}"));
    dir.featx_err(&["split", "lie.npy"], &format!("'lie.npy': {line}"));
    dir.featx_err(
        &["merge", "parts"],
        &format!("'parts/features_0-2.npy': {line}"),
    );
    assert_eq!(dir.names(""), ["lie.npy", "parts"]);
    assert_eq!(dir.names("parts"), ["features_0-2.npy"]);
}

#[test]
fn every_lie_is_one_clear_line() {
    let dir = Workdir::new("npy_lies");
    for (bytes, line) in FILES {
        all_refuse(&dir, bytes, line);
    }
    for (text, line) in TEXTS {
        all_refuse(&dir, &file(3, text, 0), line);
    }
    let told = |descr: &str, shape: &str| {
        format!("{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}")
    };
    for (descr, shape, line) in ARRAYS_TOLD {
        all_refuse(&dir, &file(1, &told(descr, shape), 0), line);
    }
    let axes = told("'<f4'", &format!("({})", "1,".repeat(65)));
    all_refuse(
        &dir,
        &file(1, &axes, 4),
        "expected at most 64 axes, found more",
    );
    let longer = file(2, &told("'<f4'", "()"), 7);
    all_refuse(
        &dir,
        &longer,
        "too long: its header promises 4 bytes of data, the file has 7",
    );
}

#[test]
fn what_is_no_plain_file_is_refused_without_waiting() {
    let dir = Workdir::new("npy_pipe");
    fs::create_dir(dir.path("a.npy")).unwrap();
    dir.featx_err(
        &["split", "a.npy"],
        "'a.npy': expected an .npy file, found a directory",
    );
    let pipe = dir.path("b.npy");
    assert!(
        std::process::Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    dir.featx_err(
        &["split", "b.npy"],
        "'b.npy': expected an .npy file, found a device or pipe",
    );
    dir.featx_err(
        &["inspect", "c.npy"],
        "'c.npy': No such file or directory (os error 2)",
    );
}

#[test]
fn ndarray_npy_and_featx_read_each_others_files() {
    let dir = Workdir::new("npy_ndarray");
    let rows = Array3::from_shape_fn((11, 2, 3), |(row, y, x)| (100 * row + 10 * y + x) as f32);
    write_npy(dir.path("a.npy"), &rows).unwrap();
    let told = dir.featx_ok(&["inspect", "a.npy"]);
    for fact in ["<f4 (32-bit float, little endian)", "11", "1012"] {
        assert!(told.contains(fact), "{fact} in: {told}");
    }
    dir.featx_ok(&["split", "a.npy", "--rows", "4"]);
    let parts = dir.names("a");
    assert_eq!(parts.len(), 3);
    for (part, start) in parts.iter().zip([0, 4, 8]) {
        let found: Array3<f32> = read_npy(dir.path(&format!("a/{part}"))).unwrap();
        assert_eq!(found, rows.slice(s![start..(start + 4).min(11), .., ..]));
    }
    dir.featx_ok(&["merge", "a"]);
    let merged: Array3<f32> = read_npy(dir.path("a/features.npy")).unwrap();
    assert_eq!(merged, rows);
}
