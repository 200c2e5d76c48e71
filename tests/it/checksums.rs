//! Checksums of files of rows: kept as the files are written; `inspect --verify`, `merge` and exports compare
//! the files with them.

use crate::faults::{args, bench, finish, parts};
use crate::support::workdir::{Ended, Workdir};
use std::fs;

/// Python: every line of every checksum file is what another implementation finds in the file; how many there are.
const LINES_ARE_RIGHT: &str = r"
import glob, xxhash
lines = [line.rstrip('\n').split('  ') for file in glob.glob('out/checksums*.txt') for line in open(file)]
lines = [(checksum, file) for checksum, file in lines if os.path.exists(f'out/{file}')]
for checksum, file in lines:
    assert xxhash.xxh128(open(f'out/{file}', 'rb').read()).hexdigest() == checksum, file
print(len(lines))";

fn run(dir: &Workdir) {
    dir.featx_ok(&args("out"));
}

fn verify(dir: &Workdir) -> Ended {
    dir.featx(&["inspect", "out", "--verify"])
}

/// Flips one bit of a file.
fn flip(dir: &Workdir, file: &str, bit: usize) {
    let mut bytes = dir.read(file);
    bytes[bit / 8] ^= 1 << (bit % 8);
    fs::write(dir.path(file), bytes).unwrap();
}

/// `out/fc/NAME` of the second part.
fn second_part(dir: &Workdir) -> String {
    format!("out/fc/{}", parts(dir, "out")[1])
}

/// The last line of a command that has to fail because of `file`, which is put aside.
#[track_caller]
fn put_aside(dir: &Workdir, command: &[&str], file: &str) {
    let ended = dir.featx(command);
    let line = ended.stderr.lines().last().unwrap_or_default();
    assert_eq!(ended.code, Some(1), "{command:?}: {line}");
    for words in [
        format!("'{file}' is damaged: its checksum is "),
        format!("renamed to '{file}.broken'; "),
    ] {
        assert!(line.contains(&words), "{command:?}: {line}");
    }
    assert!(!dir.path(file).exists() && dir.path(&format!("{file}.broken")).exists());
}

#[test]
fn every_sealed_file_has_the_checksum_that_others_find() {
    let dir = bench("checksums_kept");
    for index in ["0/3", "2/3", "1/3"] {
        dir.featx_ok(&[args("out"), vec!["--shard", index]].concat());
    }
    dir.featx_ok(&["merge", "out", "--quiet"]);
    let files = parts(&dir, "out").len(); // and features.npy
    assert_eq!(dir.python(LINES_ARE_RIGHT).trim(), files.to_string());
    let said = verify(&dir);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    let words = format!("\nverified: {files} files, ");
    assert!(said.stdout.contains(&words), "{}", said.stdout);
    // Also while parts are removed one by one, and where an earlier merge has taken some of them.
    dir.featx_ok(&["merge", "out", "--quiet", "--remove-parts", "--overwrite"]);
    let json = dir.featx_ok(&["inspect", "out", "--verify", "--json"]);
    for words in [
        "\"files\": 1,",
        "\"without_checksum\": 0",
        "\"damaged\": []",
    ] {
        assert!(json.contains(words), "{json}");
    }
}

#[test]
fn a_thousand_flipped_bits_are_found() {
    let dir = bench("checksums_bits");
    run(&dir);
    let file = second_part(&dir);
    let whole = dir.read(&file);
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    for number in 0..1000 {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        // Bits of the header first, then any.
        let bit = if number < 200 {
            number * 5
        } else {
            random as usize % (whole.len() * 8)
        };
        flip(&dir, &file, bit);
        let ended = verify(&dir);
        let found = ended
            .stderr
            .contains(&format!("renamed to '{file}.broken'; "));
        assert!(
            ended.code == Some(1) && found,
            "bit {bit}: {}{}",
            ended.stdout,
            ended.stderr
        );
        fs::remove_file(dir.path(&format!("{file}.broken"))).unwrap();
        fs::write(dir.path(&file), &whole).unwrap();
    }
    assert_eq!(verify(&dir).code, Some(0));
}

#[test]
fn what_is_damaged_is_computed_again_by_the_same_command() {
    let dir = bench("checksums_again");
    run(&dir);
    let file = second_part(&dir);
    let whole = dir.read(&file);
    let merge = ["merge", "out", "--quiet"];
    let inspect = ["inspect", "out", "--verify"];
    let h5 = ["merge", "out", "--quiet", "--out", "out.h5"];
    let csv = ["merge", "out", "--quiet", "--out", "out.csv"];
    let remove = ["merge", "out", "--quiet", "--remove-parts"];
    for command in [&inspect[..], &merge, &h5, &csv, &remove] {
        flip(&dir, &file, 1600); // among its rows
        put_aside(&dir, command, &file);
        assert!(!dir.path("out.h5").exists() && !dir.path("out.csv").exists());
        let missing = dir.featx(&merge).stderr;
        assert!(
            missing.contains("run the same featx extract again"),
            "{missing}"
        );
        run(&dir);
        assert!(dir.read(&file) == whole, "{command:?}");
    }
    // The last one took the first part already, and goes on.
    dir.featx_ok(&remove);
    assert_eq!(dir.python(LINES_ARE_RIGHT), "1\n");
    assert_eq!(verify(&dir).code, Some(0));
    // The result alone is left, and is as precious.
    flip(&dir, "out/fc/features.npy", 5000);
    put_aside(&dir, &h5, "out/fc/features.npy");
    run(&dir);
    finish(&dir, "out");
}

#[test]
fn runs_of_earlier_versions_have_none_and_say_so() {
    let dir = bench("checksums_none");
    run(&dir);
    fs::remove_file(dir.path("out/checksums.txt")).unwrap();
    flip(&dir, &second_part(&dir), 1600);
    let files = parts(&dir, "out").len();
    let said = verify(&dir);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    let words = format!(
        "not verified: {files} files of earlier versions or from elsewhere, without a checksum\n"
    );
    assert!(said.stdout.contains(&words), "{}", said.stdout);
    dir.featx_ok(&["merge", "out", "--quiet"]);
    let file = dir.featx(&["inspect", "out/fc/features.npy", "--verify"]);
    let words =
        "--verify is for run directories, which keep checksums; 'out/fc/features.npy' is a file";
    assert!(
        file.code == Some(2) && file.stderr.contains(words),
        "{}",
        file.stderr
    );
}
