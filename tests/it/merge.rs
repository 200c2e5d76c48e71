//! `featx merge`, against NumPy and against everything that must be refused.

use crate::npy::ARRAYS;
use crate::support::workdir::Workdir;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::process::Command;

/// Python: writes `a` in parts that end at `ends`, named `name(start, end)`.
pub const PARTS: &str = r#"
def padded(s, e): return f'features_{s:010}-{e:010}.npy'
def plain(s, e): return f'features_{s}-{e}.npy'
def parts(dir, a, ends, name=padded):
    os.makedirs(dir, exist_ok=True)
    for s, e in zip([0, *ends], ends): np.save(f'{dir}/{name(s, e)}', a[s:e])
"#;

/// A run of layers with rows of three numbers each; `done` ranges are in every layer's folder.
pub fn run_dir(
    dir: &Workdir,
    name: &str,
    layers: &[&str],
    images: u64,
    shards: u64,
    done: &[(u64, u64)],
) {
    let mut toml = format!(
        "featx = \"0.1.0\"\nprecision = \"f32\"\ndtype = \"f32\"\nflatten = false\nbatch_size = 2\nimages = {images}\n\
         image_list = \"ab\"\nshards = {shards}\n[model]\nfile = \"vgg16.pt\"\nfingerprint = \"0123456789abcdef\"\n\
         [preprocess]\nresize = 256\ncrop = 224\ninterpolation = \"bilinear\"\nmean = [0.485, 0.456, 0.406]\n\
         std = [0.229, 0.224, 0.225]\n"
    );
    for layer in layers {
        toml += &format!("[[layers]]\nname = \"{layer}\"\nshape = [3]\ndtype = \"<f4\"\n");
        dir.python(&format!(
            "{PARTS}
a = np.arange({images} * 3, dtype='<f4').reshape(-1, 3)
os.makedirs('{name}/{layer}')
for s, e in {done:?}: np.save(f'{name}/{layer}/' + padded(s, e), a[s:e])
np.save('whole.npy', a)"
        ));
    }
    dir.write(&format!("{name}/run.toml"), toml);
}

#[test]
fn every_dtype_merges_to_what_numpy_saves() {
    let dir = Workdir::new("merge_dtypes");
    dir.python(&format!(
        "{ARRAYS}{PARTS}
os.mkdir('whole')
for i, d in enumerate(DTYPES):
    for j, s in enumerate(SHAPES[1:]):
        a = array(d, s)
        np.save(f'whole/{{i}}-{{j}}.npy', a)
        parts(f'parts/{{i}}-{{j}}', a, [2, 3, 7] if len(a) == 7 else [1, 4, 5] if len(a) == 5 else [len(a)])"
    ));
    dir.featx_ok(&["merge", "parts"]);
    for name in dir.names("whole") {
        let merged = dir.read(&format!(
            "parts/{}/features.npy",
            name.strip_suffix(".npy").unwrap()
        ));
        assert!(merged == dir.read(&format!("whole/{name}")), "{name}");
    }
}

#[test]
fn a_run_merges_layer_by_layer_and_nan_rows_stay() {
    let dir = Workdir::new("merge_run");
    run_dir(
        &dir,
        "out",
        &["features.30", "avgpool"],
        10,
        1,
        &[(0, 4), (4, 9), (9, 10)],
    );
    dir.python(
        "p = 'out/avgpool/features_0000000004-0000000009.npy'
a = np.load(p); a[2] = np.nan; np.save(p, a)
w = np.load('whole.npy'); w[6] = np.nan; np.save('nan.npy', w)",
    );
    dir.write(
        "out/avgpool/features_0000000010-0000000012.npy.partial",
        "half a part",
    );
    let ended = dir.featx(&["merge", "out"]);
    assert_eq!(
        ended.stderr,
        "out/features.30/features.npy: 10 rows of (3) <f4, 248 B\nout/avgpool/features.npy: 10 rows of (3) <f4, 248 B\n"
    );
    assert_eq!(
        dir.read("out/features.30/features.npy"),
        dir.read("whole.npy")
    );
    assert_eq!(dir.read("out/avgpool/features.npy"), dir.read("nan.npy"));
    assert_eq!(dir.names("out/features.30").len(), 4);

    let again = dir.featx(&["merge", "out"]);
    let said = "features.30: merged already, 10 rows\navgpool: merged already, 10 rows\n";
    assert_eq!((again.code, &*again.stderr), (Some(0), said));
    // A part that is younger than the result may hold other rows.
    let part = dir
        .path("out/features.30")
        .join(&dir.names("out/features.30")[1]);
    let later = std::time::SystemTime::now() + std::time::Duration::from_secs(60);
    let file = std::fs::File::options().write(true).open(part).unwrap();
    file.set_modified(later).unwrap();
    dir.featx_err(
        &["merge", "out"],
        "'out/features.30/features.npy' exists; pass --overwrite to replace it",
    );
    dir.featx_ok(&["merge", "out", "--overwrite", "--layer", "avgpool"]);
    dir.featx_ok(&["merge", "out", "--out", "one.npy", "--layer", "features.30"]);
    assert_eq!(dir.read("one.npy"), dir.read("whole.npy"));
    dir.featx_err(
        &["merge", "out", "--out", "two.npy"],
        "a file .npy takes one layer, and 'out' holds 2: features.30, avgpool; choose one with --layer",
    );
    dir.featx_err(
        &["merge", "out", "--layer", "fc"],
        "layer 'fc' is not in 'out'; it holds features.30, avgpool",
    );
}

#[test]
fn a_layers_own_folder_knows_its_run() {
    let dir = Workdir::new("merge_layer_folder");
    run_dir(&dir, "out", &["fc"], 10, 1, &[(0, 4)]);
    let line = "'out/fc' lacks rows 4-10 of 10; run the same featx extract again to finish them";
    dir.featx_err(&["merge", "out/fc"], line);
    dir.featx_err(&["merge", "out/fc/"], line);
    run_dir(&dir, "full", &["fc"], 10, 1, &[(0, 10)]);
    dir.featx_ok(&["merge", "full/fc"]);
    assert_eq!(dir.read("full/fc/features.npy"), dir.read("whole.npy"));
}

#[test]
fn a_sharded_run_that_lacks_rows_says_which_to_submit() {
    let dir = Workdir::new("merge_shards");
    // Ten shards of four rows, two batches each.
    run_dir(&dir, "out", &["fc"], 40, 10, &[(0, 8), (12, 18), (20, 24)]);
    dir.featx_err(
        &["merge", "out"],
        "'out/fc' lacks rows 8-12, 18-20, 24-40 of 40; submit the missing shards again: --array=2,4,6-9",
    );
    assert_eq!(dir.names("out/fc").len(), 3);
}

#[test]
fn thingsvision_names_of_both_kinds() {
    let dir = Workdir::new("merge_thingsvision");
    dir.python(&format!(
        "{PARTS}
a = np.arange(36, dtype='f4').reshape(12, 3); np.save('whole.npy', a)
parts('tv/one', a, [2, 10, 12], plain)
parts('tv/two', a, [2, 10, 12], lambda s, e: plain(e, e))
os.mkdir('numbered')
for i in range(12): np.save(f'numbered/features_{{i + 1:02}}.npy', a[i:i + 1])
open('tv/file_names.txt', 'w').write('x.jpg\\n' * 12)"
    ));
    dir.featx_ok(&["merge", "tv"]);
    dir.featx_ok(&["merge", "numbered"]);
    for merged in ["tv/one", "tv/two", "numbered"] {
        assert_eq!(
            dir.read(&format!("{merged}/features.npy")),
            dir.read("whole.npy"),
            "{merged}"
        );
    }
    dir.write("tv/file_names.txt", "x.jpg\n".repeat(13).trim_end());
    dir.featx_err(
        &["merge", "tv/two", "--overwrite"],
        "'tv/two' lacks rows 12-13 of 13, as run.toml or file_names.txt counts them",
    );
    dir.write("tv/file_names.txt", "x.jpg\n".repeat(11));
    dir.featx_err(
        &["merge", "tv", "--overwrite"],
        "'tv/one' holds rows up to 12, expected 11, as run.toml or file_names.txt counts them",
    );
    fs::remove_file(dir.path("tv/two/features_10-10.npy")).unwrap();
    dir.featx_err(
        &["merge", "tv/two"],
        "'tv/two/features_12-12.npy' is named as thingsvision names a second layer's parts, by their last row alone; \
         after row 2 it should hold 10 rows, it holds 2, so its rows are not certain; extract this layer again",
    );
    fs::remove_file(dir.path("tv/two/features_12-12.npy")).unwrap();
    dir.write(
        "tv/two/features_0-2.npy",
        dir.read("tv/one/features_0-2.npy"),
    );
    dir.featx_err(
        &["merge", "tv/two"],
        "'tv/two' holds parts named in two ways, such as 'features_2-2.npy' and 'features_0-2.npy', which do not \
         follow each other; expected one run's parts; move one kind elsewhere",
    );
    dir.write(
        "numbered/features_1-3.npy",
        dir.read("tv/one/features_0-2.npy"),
    );
    dir.featx_err(
        &["merge", "numbered"],
        "'numbered' holds parts named in two ways, such as 'features_12.npy' and 'features_1-3.npy', which do not \
         follow each other; expected one run's parts; move one kind elsewhere",
    );
    fs::remove_file(dir.path("numbered/features_09.npy")).unwrap();
    dir.featx_err(
        &["merge", "numbered", "--overwrite"],
        "'numbered' lacks part 9: expected 'features_09.npy', found 'features_10.npy'",
    );
}

#[test]
fn mixed_runs_gaps_and_overlaps_are_refused_before_anything_is_written() {
    let dir = Workdir::new("merge_mixed");
    let cases = [
        (
            "np.zeros((2, 4), 'f4')",
            "0, 2",
            "2, 4",
            "np.zeros((2, 512, 7, 7), 'f4')",
            "'features_0000000002-0000000004.npy' has row shape (512, 7, 7), \
             but 'features_0000000000-0000000002.npy' has (4)",
        ),
        (
            "np.zeros(2, '<f4')",
            "0, 2",
            "2, 4",
            "np.zeros(2, '>f4')",
            "'features_0000000002-0000000004.npy' has dtype >f4, but 'features_0000000000-0000000002.npy' has <f4",
        ),
        (
            "np.zeros(2)",
            "0, 2",
            "1, 3",
            "np.zeros(2)",
            "'features_0000000000-0000000002.npy' and 'features_0000000001-0000000003.npy' both hold rows 1-2; \
             expected the parts of one run; move one elsewhere",
        ),
        (
            "np.zeros(2)",
            "1, 3",
            "4, 6",
            "np.zeros(2)",
            "'parts' lacks rows 0-1, 3-4 of 6",
        ),
        (
            "np.zeros(2)",
            "0, 2",
            "2, 5",
            "np.zeros(2)",
            "'parts/features_0000000002-0000000005.npy' holds 2 rows, its name says 3; delete it and extract again",
        ),
        (
            "np.zeros((2, 3))",
            "0, 2",
            "2, 4",
            "np.zeros((2, 3), order='F')",
            "'parts/features_0000000002-0000000004.npy' is in Fortran order, so its rows do not lie one after the \
             other; save it again with np.ascontiguousarray",
        ),
        (
            "np.zeros(2)",
            "0, 2",
            "2, 3",
            "np.float64(1)",
            "'parts/features_0000000002-0000000003.npy' holds a single number, which has no rows",
        ),
    ];
    for (first, rows, more, second, line) in cases {
        let _ = fs::remove_dir_all(dir.path("parts"));
        dir.python(&format!(
            "{PARTS}
os.mkdir('parts')
np.save('parts/' + padded({rows}), {first}); np.save('parts/' + padded({more}), {second})"
        ));
        let before = dir.names("parts");
        dir.featx_err(&["merge", "parts"], line);
        dir.featx_err(&["merge", "parts", "--remove-parts"], line);
        assert_eq!(dir.names("parts"), before);
    }
}

#[test]
fn a_run_whose_parts_are_not_its_own_is_refused() {
    let dir = Workdir::new("merge_foreign");
    run_dir(&dir, "out", &["fc"], 4, 1, &[(0, 2)]);
    dir.python("np.save('out/fc/features_0000000002-0000000004.npy', np.zeros((2, 3), 'f4'))");
    dir.write(
        "out/run.toml",
        String::from_utf8(dir.read("out/run.toml"))
            .unwrap()
            .replace("[3]", "[4]"),
    );
    dir.featx_err(
        &["merge", "out"],
        "'out/fc/features_0000000000-0000000002.npy' has row shape (3) and dtype <f4, but run.toml says (4) and <f4",
    );
    dir.write("out/run.toml", "layers = 3");
    let ended = dir.featx(&["merge", "out"]);
    assert!(
        ended.stderr.starts_with("error: 'out/run.toml' line 1: "),
        "{}",
        ended.stderr
    );
}

#[test]
fn nothing_to_merge() {
    let dir = Workdir::new("merge_nothing");
    fs::create_dir(dir.path("empty")).unwrap();
    dir.write("file", "");
    dir.featx_err(
        &["merge", "empty"],
        "'empty' holds nothing to merge or inspect: expected run.toml, parts named features_START-END.npy, \
         or folders of such parts",
    );
    dir.featx_err(&["merge", "none"], "directory 'none' does not exist");
    dir.featx_err(
        &["merge", "file"],
        "expected a directory, found the file 'file'",
    );
    dir.python(&format!("{PARTS}parts('p', np.zeros(3), [3])"));
    dir.featx_err(
        &["merge", "p", "--out", "no/where.npy"],
        "cannot write to 'no': No such file or directory (os error 2)",
    );
    dir.featx_err(
        &["merge", "p", "--out", "p/features_0-9.npy"],
        "'p/features_0-9.npy' is named as a part; choose another name for the result",
    );
    dir.featx_err(
        &["merge", "p", "--out", "p"],
        "'p' is a directory; expected the name of a file",
    );
    assert_eq!(dir.featx(&["merge"]).code, Some(2));
}

#[test]
fn no_permission_is_one_line() {
    let dir = Workdir::new("merge_permission");
    dir.python(&format!(
        "{PARTS}parts('p', np.zeros(3), [2, 3])\nos.chmod('p', 0o555)"
    ));
    let mut command = dir.command(&["merge", "p"]);
    // Root may write everywhere, unless that power is taken away.
    if fs::metadata("/proc/self").unwrap().uid() == 0 {
        let featx = command;
        command = Command::new("setpriv");
        command
            .arg("--bounding-set=-dac_override")
            .arg(featx.get_program());
        command.args(featx.get_args()).current_dir(dir.path("."));
    }
    let ended = crate::support::workdir::Ended::of(&mut command);
    assert_eq!(
        ended.stderr,
        "error: cannot write 'p/features.npy.partial': Permission denied (os error 13)\n"
    );
    assert_eq!((ended.code, dir.names("p").len()), (Some(1), 2));
}

#[test]
fn a_result_that_cannot_be_read_may_be_replaced() {
    let dir = Workdir::new("merge_broken_result");
    run_dir(&dir, "out", &["fc"], 4, 1, &[(0, 2), (2, 4)]);
    for more in [&["--overwrite"][..], &["--overwrite", "--remove-parts"]] {
        dir.write("out/fc/features.npy", "damaged");
        dir.featx_err(
            &["merge", "out"],
            "'out/fc/features.npy' exists; pass --overwrite to replace it",
        );
        let told = dir.featx_ok(&["inspect", "out"]);
        let problem = "problem: 'out/fc/features.npy': not an .npy file: expected it to start with '\\x93NUMPY', \
                       found 'damage'\n";
        assert!(told.ends_with(problem), "{told}");
        dir.featx_ok(&[&["merge", "out"], more].concat());
        assert_eq!(dir.read("out/fc/features.npy"), dir.read("whole.npy"));
    }
    assert_eq!(dir.names("out/fc"), ["features.npy"]);
    // A result of another run is none of this one's rows.
    dir.python("np.save('out/fc/features.npy', np.zeros((4, 5), 'f4'))");
    dir.featx_err(
        &["merge", "out"],
        "'out/fc' lacks rows 0-4 of 4; run the same featx extract again to finish them",
    );
}

#[test]
#[cfg(not(feature = "hdf5"))]
fn a_format_that_was_left_out_is_named() {
    let dir = Workdir::new("merge_left_out");
    run_dir(&dir, "out", &["fc"], 4, 1, &[(0, 4)]);
    dir.featx_err(
        &["merge", "out", "--out", "x.h5"],
        "cannot write 'x.h5': this featx was built without its feature 'hdf5'; build it with: cargo build --release \
         --features hdf5",
    );
}
