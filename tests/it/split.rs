//! `featx split`, and the way back.

use crate::npy::ARRAYS;
use crate::support::workdir::Workdir;
use std::fs;

#[test]
fn merge_gives_back_every_file_of_numpy_byte_for_byte() {
    let dir = Workdir::new("split_round_trip");
    dir.python(&format!(
        "{ARRAYS}
for i, d in enumerate(DTYPES):
    for j, s in enumerate(SHAPES[1:]): np.save(f'{{i}}-{{j}}.npy', array(d, s))
for v in [2, 3]:
    with open(f'v{{v}}.npy', 'wb') as f: np.lib.format.write_array(f, np.arange(33).reshape(11, 3), version=(v, 0))
text = b\"{{'descr': '<f8', 'fortran_order': False, 'shape': (12,), }}\" + b' ' * 7 + b'\\n'
open('numpy-1.13.npy', 'wb').write(b'\\x93NUMPY\\x01\\x00' + len(text).to_bytes(2, 'little') + text + bytes(96))"
    ));
    let names = dir.names("");
    assert_eq!(names.len(), 37 * 8 + 3);
    // Every dtype in a third of the shapes, and every odd header: a run for each would take minutes.
    let is_odd = |name: &str| name.starts_with('v') || name.starts_with("numpy");
    let some = names.iter().enumerate();
    for (i, name) in some.filter(|(i, name)| i % 3 == 0 || is_odd(name)) {
        let stem = name.strip_suffix(".npy").unwrap();
        let how: &[&str] = [
            &["--rows", "2"][..],
            &["--parts", "1"],
            &[],
            &["--rows", "3"],
        ][i % 4];
        let ended = dir.featx(&[&["split", name.as_str()], how].concat());
        assert_eq!(ended.code, Some(0), "{name}: {}", ended.stderr);
        assert!(!ended.stderr.contains("note"), "{name}");
        dir.featx_ok(&["merge", stem]);
        assert!(
            dir.read(name) == dir.read(&format!("{stem}/features.npy")),
            "{name}"
        );
    }
}

#[test]
fn parts_are_as_many_as_asked_and_numpy_reads_them() {
    let dir = Workdir::new("split_parts");
    dir.python("np.save('a.npy', np.arange(69.).reshape(23, 3))");
    dir.featx_ok(&["split", "a.npy"]);
    let lengths = dir.python("print([len(np.load('a/' + n)) for n in sorted(os.listdir('a'))])");
    assert_eq!(lengths.trim(), "[2, 2, 2, 3, 2, 2, 3, 2, 2, 3]");
    assert_eq!(dir.names("a")[3], "features_0000000006-0000000009.npy");
    dir.featx_ok(&["split", "a.npy", "--rows", "10", "--out", "deep/er"]);
    assert_eq!(
        dir.names("deep/er")[2],
        "features_0000000020-0000000023.npy"
    );
    dir.python("assert (np.concatenate([np.load('deep/er/' + n) for n in sorted(os.listdir('deep/er'))]) == np.load('a.npy')).all()");
}

#[test]
fn an_odd_header_is_told_of_and_its_rows_come_back() {
    let dir = Workdir::new("split_odd");
    let text = "{'shape': (3,), 'fortran_order': False, 'descr': '<u2'}";
    dir.write("odd.npy", crate::npy::file(1, text, 6));
    let ended = dir.featx(&["split", "odd.npy", "--parts", "3"]);
    assert_eq!(
        ended.stderr,
        "note: the header of 'odd.npy' is not as NumPy writes it; merging restores every row, but with a standard header\n\
         odd: 3 parts of 6 B\n"
    );
    dir.featx_ok(&["merge", "odd"]);
    dir.python("assert (np.load('odd/features.npy') == np.load('odd.npy')).all()");
}

#[test]
fn what_cannot_be_cut_leaves_nothing_behind() {
    let dir = Workdir::new("split_refused");
    dir.python("np.save('a.npy', np.zeros(3)); np.save('f.npy', np.zeros((2, 2), order='F')); np.save('s.npy', 1.)");
    dir.featx_err(
        &["split", "a.npy", "--parts", "4"],
        "'a.npy' has 3 rows; choose fewer with --parts: it cannot be cut into 4 parts",
    );
    dir.featx_err(
        &["split", "f.npy"],
        "'f.npy' is in Fortran order, so its rows do not lie one after the other; \
         save it again with np.ascontiguousarray",
    );
    dir.featx_err(
        &["split", "s.npy"],
        "'s.npy' holds a single number, which has no rows",
    );
    dir.write("b", "");
    dir.featx_err(
        &["split", "a.npy", "--out", "b"],
        "'b' is a file; choose a directory with --out",
    );
    assert_eq!(dir.names(""), ["a.npy", "b", "f.npy", "s.npy"]);
    for wrong in [
        &["--parts", "0"][..],
        &["--rows", "0"],
        &["--rows", "1", "--parts", "1"],
    ] {
        assert_eq!(
            dir.featx(&[&["split", "a.npy"], wrong].concat()).code,
            Some(2)
        );
    }
}

#[test]
fn parts_that_exist_are_replaced_only_when_told() {
    let dir = Workdir::new("split_overwrite");
    dir.python("np.save('a.npy', np.arange(9))");
    dir.featx_ok(&["split", "a.npy", "--parts", "2"]);
    dir.write("a/notes.txt", "mine");
    dir.featx_err(
        &["split", "a.npy", "--parts", "3"],
        "'a' holds parts already, such as 'features_0000000000-0000000004.npy'; pass --overwrite to replace them",
    );
    dir.featx_ok(&["split", "a.npy", "--parts", "3", "--overwrite"]);
    assert_eq!(dir.names("a").len(), 4);
    fs::copy(dir.path("a.npy"), dir.path("a/features_0-9.npy")).unwrap();
    let ended = dir.featx(&["split", "a/features_0-9.npy", "--out", "a", "--overwrite"]);
    let end = "is itself one of the parts that would be replaced; choose another --out\n";
    assert!(ended.stderr.ends_with(end), "{}", ended.stderr);
    assert_eq!(dir.names("a").len(), 5);
}

#[test]
fn by_folder_gives_an_array_and_names_for_each() {
    let dir = Workdir::new("split_by_folder");
    dir.python(
        "os.makedirs('out/features.30'); np.save('out/features.30/features.npy', np.arange(30.).reshape(10, 3))\n\
         folders = 'train train test train.tar train test test train test train'.split()\n\
         names = [f'{f}/{i}.jpg' for i, f in enumerate(folders)]; names[2] = '\"test/2\\\\n.jpg\"'\n\
         open('out/file_names.txt', 'w').write('\\n'.join(names) + '\\n')",
    );
    let file = "out/features.30/features.npy";
    dir.featx_ok(&["split", file, "--by-folder", "--out", "sets"]);
    let expected = [
        "test.npy",
        "test.txt",
        "train.npy",
        "train.tar.npy",
        "train.tar.txt",
        "train.txt",
    ];
    assert_eq!(dir.names("sets"), expected);
    dir.python(
        "x = np.load('out/features.30/features.npy'); names = open('out/file_names.txt').read().split('\\n')[:-1]\n\
         for f in ['train', 'test', 'train.tar']:\n\
         \x20   rows = [i for i, n in enumerate(names) if n.strip('\"').startswith(f + '/')]\n\
         \x20   assert (np.load(f'sets/{f}.npy') == x[rows]).all()\n\
         \x20   assert open(f'sets/{f}.txt').read().split('\\n')[:-1] == [names[i] for i in rows]",
    );
    dir.featx_err(
        &["split", file, "--by-folder", "--out", "sets"],
        "'sets/test.npy' exists; pass --overwrite to replace it",
    );
    dir.featx_ok(&["split", file, "--by-folder", "--out", "sets", "--overwrite"]);
    dir.featx_ok(&["split", file, "--by-folder"]);
    assert!(dir.path("out/features.30/features/train.npy").exists());
    dir.python("np.save('alone.npy', np.zeros((2, 2))); os.rename('out/file_names.txt', 'names')");
    for (names, words) in [
        (
            "",
            "nor in the folder above; expected the features.npy of a run, which featx merge makes",
        ),
        (
            "train/a.jpg\nb.jpg\n",
            "line 2: expected an image in a folder, such as train/a.jpg, found 'b.jpg'",
        ),
        ("../a.jpg\n", "line 1: expected an image in a folder"),
        ("train/a.jpg\n", "has 10 rows, and "),
    ] {
        if !names.is_empty() {
            dir.write("out/file_names.txt", names);
        }
        let ended = dir.featx(&["split", file, "--by-folder", "--out", "other"]);
        assert_eq!(ended.code, Some(1));
        assert!(ended.stderr.contains(words), "{}", ended.stderr);
        assert!(!dir.path("other").exists());
    }
    assert_eq!(
        dir.featx(&["split", file, "--by-folder", "--rows", "2"])
            .code,
        Some(2)
    );
}
