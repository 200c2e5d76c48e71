//! Long jobs die: what a run leaves when it is stopped, killed, or its files are harmed. `scripts/check_faults.py` does
//! the same at random instants, and more.

use crate::support::models::models;
use crate::support::waiting::{wait_for_rows, wait_until};
use crate::support::workdir::{Ended, Workdir};
use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

pub const ROWS: usize = 120;
const ARGS: &str =
    "extract --layer fc --batch-size 2 --step-size 1 --threads 1 --workers 1 --quiet";

/// A directory with [`ROWS`] small images, a model beside them, and an undisturbed run in `whole`.
pub fn bench(name: &str) -> Workdir {
    let dir = Workdir::new(name);
    make_images(&dir);
    dir.featx_ok(&args("whole"));
    dir
}

pub fn make_images(dir: &Workdir) {
    fs::create_dir(dir.path("images")).unwrap();
    for row in 0..ROWS {
        dir.write(&format!("images/{row:04}.bmp"), bitmap(row as u8));
    }
    let model = Path::new("resnet_scripted.pt");
    for file in [model.to_owned(), model.with_extension("toml")] {
        symlink(models().join(&file), dir.path(file.to_str().unwrap())).unwrap();
    }
}

/// 64 × 64 pixels, other ones for each seed.
fn bitmap(seed: u8) -> Vec<u8> {
    let mut file = b"BM".to_vec();
    let length = 54 + 64 * 64 * 3u32;
    for word in [length, 0, 54, 40, 64, 64, 1 | 24 << 16, 0, 0, 0, 0, 0, 0] {
        file.extend(word.to_le_bytes());
    }
    file.extend((0..64 * 64 * 3u32).map(|at| (at * 7 + at / 64) as u8 ^ seed.wrapping_mul(37)));
    file
}

pub fn args(out: &str) -> Vec<&str> {
    let mut args: Vec<&str> = ARGS.split(' ').collect();
    args.extend(["--model", "resnet_scripted.pt", "--out", out]);
    args
}

pub fn start(dir: &Workdir, args: &[&str]) -> Child {
    let mut command = dir.command(args);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

#[track_caller]
pub fn wait_for_parts(dir: &Workdir, out: &str, count: usize) {
    let folder = dir.path(&format!("{out}/fc"));
    wait_until(&format!("{count} parts in {out}"), || {
        folder.exists() && parts(dir, out).len() >= count
    });
}

pub fn parts(dir: &Workdir, out: &str) -> Vec<String> {
    let names = dir.names(&format!("{out}/fc")).into_iter();
    names.filter(|name| name.ends_with(".npy")).collect()
}

pub fn send(signal: &str, child: &Child) {
    let mut kill = Command::new("kill");
    let sent = kill
        .args([&format!("-{signal}"), &child.id().to_string()])
        .status();
    assert!(sent.unwrap().success());
}

/// Every finished part holds the rows of the undisturbed run.
pub fn check(dir: &Workdir, out: &str) {
    let wrong = dir.python(&format!(
        "import glob
rows = lambda out: [(int(p[-25:-15]), np.load(p)) for p in sorted(glob.glob(out + '/fc/features_*-*.npy'))]
whole = np.concatenate([part for _, part in rows('whole')])
print([start for start, part in rows('{out}') if part.tobytes() != whole[start:start + len(part)].tobytes()])"
    ));
    assert_eq!(wrong, "[]\n");
}

/// A plain rerun gives the rows of the undisturbed run, and nothing else is left.
pub fn finish(dir: &Workdir, out: &str) -> String {
    let ended = dir.featx(&args(out));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    check(dir, out);
    let merged = |out: &str| {
        dir.featx_ok(&["merge", out, "--overwrite", "--quiet"]);
        let bytes = dir.read(&format!("{out}/fc/features.npy"));
        fs::remove_file(dir.path(&format!("{out}/fc/features.npy"))).unwrap();
        bytes
    };
    assert_eq!(merged(out), merged("whole"));
    let names = [dir.names(out), dir.names(&format!("{out}/fc"))].concat();
    let odd = names
        .iter()
        .find(|name| name.contains("partial") || name.contains("lock"));
    assert_eq!(odd, None);
    ended.stderr
}

#[test]
fn a_signal_seals_what_is_done_and_the_same_command_goes_on() {
    let dir = bench("faults_signals");
    for (signal, code) in [("TERM", 143), ("INT", 130), ("USR1", 138)] {
        let mut child = start(&dir, &args(signal));
        wait_for_parts(&dir, signal, 3);
        send(signal, &child);
        let since = Instant::now();
        child.wait().unwrap();
        assert!(since.elapsed() < Duration::from_secs(5));
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{said}");
        let last = said.lines().last().unwrap();
        let names = last.starts_with(&format!("stopped by SIG{signal}: "));
        let tells = last.ends_with(&format!(
            " of {ROWS} rows are done in '{signal}'; the same command goes on"
        ));
        assert!(names && tells && !said.contains("error"), "{said}");
        check(&dir, signal);
        let resumed = finish(&dir, signal);
        assert!(
            resumed.contains(&format!("resuming '{signal}': ")),
            "{resumed}"
        );
    }
}

#[test]
fn a_signal_while_one_part_grows_seals_it_short() {
    let dir = bench("faults_short");
    let mut long = args("out");
    let step = long.iter().position(|arg| *arg == "--step-size").unwrap();
    long[step + 1] = "1000";
    let mut child = start(&dir, &long);
    wait_for_rows(&dir, "out/fc/features_0000000000.partial", 10);
    send("TERM", &child);
    let status = child.wait().unwrap();
    assert_eq!(status.code(), Some(143));
    assert_eq!(parts(&dir, "out").len(), 1);
    check(&dir, "out");
    finish(&dir, "out");
}

#[test]
fn a_kill_costs_the_part_in_the_making_alone() {
    let dir = bench("faults_kill");
    for count in [1, 10, 30] {
        let mut child = start(&dir, &args("out"));
        wait_for_parts(&dir, "out", count);
        child.kill().unwrap();
        assert_eq!(child.wait().unwrap().signal(), Some(9));
        check(&dir, "out");
        let merge = dir.featx(&["merge", "out"]);
        assert!(
            merge.code == Some(1) && merge.stderr.contains("lacks rows"),
            "{merge:?}"
        );
    }
    finish(&dir, "out");
}

#[test]
fn a_second_process_is_refused_and_the_first_is_not_disturbed() {
    let dir = bench("faults_two");
    let first = start(&dir, &args("out"));
    wait_for_parts(&dir, "out", 2);
    send("STOP", &first);
    let second = dir.featx(&args("out"));
    let inspected = dir.featx(&["inspect", "out"]);
    send("CONT", &first);
    let expected = format!(
        "error: 'out' is being written by process {}; wait for it, or choose another --out\n",
        first.id()
    );
    assert!(second.stderr.ends_with(&expected), "{}", second.stderr);
    assert_eq!((second.code, inspected.code), (Some(1), Some(0)));
    assert!(first.wait_with_output().unwrap().status.success());
    finish(&dir, "out");
}

#[test]
fn a_file_truncated_under_the_map_is_an_error_line() {
    let dir = bench("faults_bus");
    let mut long = args("out");
    let step = long.iter().position(|arg| *arg == "--step-size").unwrap();
    long[step + 1] = "1000";
    let child = start(&dir, &long);
    let partial = "out/fc/features_0000000000.partial";
    wait_for_rows(&dir, partial, 10);
    dir.write(partial, "");
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        output.status.code() == Some(1) && said.contains("truncated by another program"),
        "{said}"
    );
    assert_eq!(parts(&dir, "out"), [""; 0]);
    finish(&dir, "out");
}

#[test]
fn images_that_never_come_are_named_then_fail() {
    let dir = bench("faults_hang");
    dir.write("hang.c", HANG);
    let mut cc = Command::new("cc");
    let library = dir.path("hang.so");
    let made = cc
        .args(["-shared", "-fPIC", "-o"])
        .arg(&library)
        .arg(dir.path("hang.c"))
        .status();
    assert!(made.unwrap().success());
    let mut args = args("out");
    args.extend(["--image-timeout", "2s"]);
    let run = |more: &[&str]| {
        let mut command = dir.command(&[&args, more].concat());
        Ended::of(command.env("LD_PRELOAD", &library))
    };
    let stopped = run(&[]);
    let line = "image '0007.bmp' took longer than 2.0s to read; remove or repair it, or pass --on-error skip\n";
    assert!(
        stopped.code == Some(1) && stopped.stderr.ends_with(line),
        "{}",
        stopped.stderr
    );
    let skipped = run(&["--on-error", "skip"]);
    assert_eq!(skipped.code, Some(0), "{}", skipped.stderr);
    assert!(
        skipped
            .stderr
            .contains("image '0007.bmp' has not been read for 1.")
    );
    let errors = String::from_utf8(dir.read("out/errors.csv")).unwrap();
    assert_eq!(
        errors,
        "row,path,reason\n7,0007.bmp,took longer than 2.0s to read\n"
    );
}

/// `open` of one image hangs, as on a mount whose server is dead.
const HANG: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>
int open64(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    int mode = va_arg(rest, int);
    va_end(rest);
    while (strstr(path, "0007.bmp")) pause();
    int (*next)(const char *, int, ...) = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open64");
    return next(path, flags, mode);
}
"#;

#[test]
fn without_file_descriptors_no_image_is_called_broken() {
    let dir = bench("faults_descriptors");
    for limit in [6, 9, 12, 16, 20, 24, 40] {
        let mut shell = Command::new("sh");
        let command = format!("ulimit -n {limit}; exec \"$0\" \"$@\" --on-error skip");
        shell.args(["-c", &command, env!("CARGO_BIN_EXE_featx")]);
        let ended = Ended::of(shell.args(args("out")).current_dir(dir.path("")));
        let fine = ended.code == Some(0)
            || ended.code == Some(1) && ended.stderr.contains("Too many open files");
        assert!(fine, "{limit}: {}", ended.stderr);
        assert!(!dir.path("out/errors.csv").exists());
    }
    finish(&dir, "out");
}
