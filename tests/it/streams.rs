//! Messages that nobody can read, and results that somebody stops reading: no command panics, and its work and exit code
//! are what they would have been.

use crate::support::workdir::Workdir;
use std::fs::File;
use std::io::pipe;
use std::process::{Output, Stdio};

/// Streams that take nothing: a full disk, and a pipe whose reader is gone.
fn unwritable() -> [Stdio; 2] {
    let full = File::options().write(true).open("/dev/full").unwrap();
    let (reader, writer) = pipe().unwrap();
    drop(reader);
    [full.into(), writer.into()]
}

/// Runs featx with stderr on each of these streams.
fn without_stderr(dir: &Workdir, args: &[&str], after: impl Fn(Output)) {
    for stderr in unwritable() {
        after(dir.command(args).stderr(stderr).output().unwrap());
    }
}

#[test]
fn merge_split_and_inspect_work_in_silence() {
    let dir = Workdir::new("streams_rows");
    dir.python("np.save('a.npy', np.arange(1200.0).reshape(300, 4))");
    let split = ["split", "a.npy", "--out", "parts", "--overwrite"];
    without_stderr(&dir, &split, |ended| {
        assert_eq!(ended.status.code(), Some(0));
        assert_eq!(dir.names("parts").len(), 10);
    });
    let merge = ["merge", "parts", "--out", "b.npy", "--overwrite"];
    without_stderr(&dir, &merge, |ended| {
        assert_eq!(ended.status.code(), Some(0));
        assert_eq!(dir.read("a.npy"), dir.read("b.npy"));
        std::fs::remove_file(dir.path("b.npy")).unwrap();
    });
    without_stderr(&dir, &["merge", "nowhere"], |ended| {
        assert_eq!(ended.status.code(), Some(1));
    });
    without_stderr(&dir, &["inspect", "--colour"], |ended| {
        assert_eq!(ended.status.code(), Some(2));
    });
    without_stderr(&dir, &["inspect", "a.npy"], |ended| {
        assert_eq!(ended.status.code(), Some(0));
        assert!(
            String::from_utf8(ended.stdout)
                .unwrap()
                .contains("300 of (4)")
        );
    });
}

#[test]
fn a_reader_of_results_that_has_seen_enough_is_no_error_and_a_full_disk_is_one() {
    let dir = Workdir::new("streams_stdout");
    dir.python("np.save('a.npy', np.zeros((3, 4)))");
    let [full, gone] = unwritable();
    let ended = dir.command(&["inspect", "a.npy"]).stdout(gone).output();
    assert_eq!(ended.unwrap().status.code(), Some(0));
    let ended = dir
        .command(&["inspect", "a.npy"])
        .stdout(full)
        .output()
        .unwrap();
    assert_eq!(ended.status.code(), Some(1));
    let said = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(
        said,
        "error: cannot write to stdout: No space left on device (os error 28)\n"
    );
}

#[cfg(feature = "torch")]
#[test]
fn extract_works_in_silence() {
    let dir = crate::support::models::workdir("streams_extract");
    let args =
        "extract --model resnet_scripted --layer fc,layer* --json --overwrite --out out photos";
    let args: Vec<&str> = args.split(' ').collect();
    without_stderr(&dir, &args, |ended| {
        assert_eq!(ended.status.code(), Some(0));
        assert!(ended.stdout.starts_with(b"{\"images\":4,"));
        assert_eq!(dir.names("out/fc"), ["features_0000000000-0000000004.npy"]);
    });
    let wrong = [
        "extract", "--model", "none", "--layer", "fc", "--out", "out",
    ];
    without_stderr(&dir, &wrong, |ended| {
        assert_eq!(ended.status.code(), Some(1))
    });
}
