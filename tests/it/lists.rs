//! `--list` as people write it, and odd names: what `featx extract` makes of them.

use crate::support::extraction::{error_line, extract, extract_ok, only_part, refusal};
use crate::support::models::workdir;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::process::Stdio;

const ARGS: &str = "--model resnet_scripted --layer fc";

#[test]
fn paths_from_the_working_directory_get_the_cure_before_anything_is_written() {
    let dir = workdir("lists_relative");
    dir.write("list.txt", "photos/stream.jpg\nphotos/lamp.png\n");
    for skip in ["", " --on-error skip"] {
        let line = refusal(&dir, &format!("{ARGS} --list list.txt photos{skip}"), 1);
        assert_eq!(
            line,
            "'list.txt' line 1: there is no 'photos/stream.jpg' in 'photos', but there is one from here; paths of a list are \
             relative to the image folder: give '.' as IMAGES"
        );
    }
    extract_ok(&dir, &format!("{ARGS} --list list.txt ."));
    assert_eq!(dir.read("out/file_names.txt"), dir.read("list.txt"));
}

#[test]
fn absolute_paths_in_the_folder_are_its_images() {
    let dir = workdir("lists_absolute");
    let photos = dir.path("photos");
    let list = format!("{0}/stream.jpg\n{0}/lamp.png\n", photos.display());
    dir.write("list.txt", list);
    extract_ok(
        &dir,
        &format!("{ARGS} --list list.txt {}", photos.display()),
    );
    assert_eq!(dir.read("out/file_names.txt"), b"stream.jpg\nlamp.png\n");
}

#[test]
fn the_cut_that_a_table_is_refused_with_makes_a_list() {
    let dir = workdir("lists_table");
    dir.write("labels.csv", "path,label\nstream.jpg,1\nlamp.png,2\n");
    let line = refusal(&dir, &format!("{ARGS} --list labels.csv photos"), 1);
    let (_, cure) = line.split_once("keep that column: ").unwrap();
    let shell = std::process::Command::new("bash")
        .args(["-c", cure])
        .current_dir(dir.path(""))
        .status();
    assert!(shell.unwrap().success());
    extract_ok(&dir, &format!("{ARGS} --list paths.txt photos"));
    assert_eq!(dir.read("out/file_names.txt"), b"stream.jpg\nlamp.png\n");
}

#[test]
fn a_list_may_come_from_a_pipe() {
    let dir = workdir("lists_stdin");
    dir.write("list.txt", "stream.jpg\n\nlamp.png\n");
    for (out, list, more) in [
        ("a", "-", ""),
        ("b", "/dev/stdin", ""),
        ("c", "-", "--shard 0/1"),
        ("d", "-", "--shard 1/2"),
    ] {
        let args = format!("extract {ARGS} --batch-size 1 --out {out} --list {list} photos {more}");
        let args: Vec<&str> = args.split_whitespace().collect();
        // A pipe, which can be read once.
        let mut command = dir.command(&args);
        command.stdin(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), &dir.read("list.txt")).unwrap();
        let ended = child.wait_with_output().unwrap();
        let said = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(ended.status.code(), Some(0), "{said}");
        assert_eq!(
            dir.read(&format!("{out}/file_names.txt")),
            b"stream.jpg\nlamp.png\n"
        );
    }
}

/// The README's own snippet reads them; so do `--list`, a resume, and the shards of a run.
#[test]
fn odd_names_keep_line_i_the_image_of_row_i() {
    let dir = workdir("lists_odd_names");
    let names: [&[u8]; 4] = [b"a\rb.jpg", b"c\x1b[31m.jpg", b"caf\xe9.jpg", b"z.jpg"];
    fs::create_dir(dir.path("images")).unwrap();
    let photos = ["brushes.jpg", "dragonfly.jpg", "stream.jpg", "stream.jpg"];
    for (name, photo) in names.iter().zip(photos) {
        fs::copy(
            dir.path("photos").join(photo),
            dir.path("images").join(OsStr::from_bytes(name)),
        )
        .unwrap();
    }
    dir.write("images/c\u{1b}[31m.jpg", "no photo");
    let line = error_line(&extract(&dir, ARGS), ARGS, 1);
    assert!(
        line.starts_with("image '\"c\\033[31m.jpg\"' is not an image"),
        "{line}"
    );
    let said = extract_ok(&dir, &format!("{ARGS} --on-error skip"));
    assert!(
        said.contains("resuming 'out': 1 of 4 rows are done") && !said.contains('\u{1b}'),
        "{said}"
    );
    let seen = dir.python(
        "names = open('out/file_names.txt').read().split('\\n')[:-1]
import csv
print(len(names), names, len(open('out/file_names.txt').read().splitlines()))
print([row['path'] for row in csv.DictReader(open('out/errors.csv', newline=''))])",
    );
    let expected = r#"4 ['"a\\rb.jpg"', '"c\\033[31m.jpg"', '"caf\\351.jpg"', 'z.jpg'] 4
['"c\\033[31m.jpg"']
"#;
    assert_eq!(seen, expected);
    let rows = [0, 1].map(|shard| {
        let args = format!(
            "{ARGS} --batch-size 2 --on-error skip --list out/file_names.txt --shard {shard}/2"
        );
        let args = format!("extract --out shards {args}");
        dir.featx_ok(&args.split(' ').collect::<Vec<_>>());
        dir.names("shards/fc").len()
    });
    assert_eq!(rows, [1, 2]);
    assert_eq!(
        dir.read("shards/file_names.txt"),
        dir.read("out/file_names.txt")
    );
}

/// As version 0.1.0 wrote them: each name as it is.
#[test]
fn a_run_whose_names_are_not_quoted_goes_on() {
    let dir = workdir("lists_raw_names");
    fs::create_dir(dir.path("images")).unwrap();
    let name = OsStr::from_bytes(b"caf\xe9.jpg");
    fs::copy(dir.path("photos/stream.jpg"), dir.path("images").join(name)).unwrap();
    extract_ok(&dir, ARGS);
    dir.write("out/file_names.txt", b"caf\xe9.jpg\n");
    let said = extract_ok(&dir, ARGS);
    assert!(
        said.contains("resuming 'out': 1 of 1 rows are done") && !said.contains("written again"),
        "{said}"
    );
    assert_eq!(only_part(&dir, "fc").0, [1, 10]);
}

#[test]
fn files_that_are_no_image_are_named_as_what_they_are() {
    let dir = workdir("lists_foreign");
    for (name, bytes, words) in [
        (
            "a.jpg",
            &b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n"[..],
            "is a Git LFS pointer",
        ),
        ("a.jpg", b"<!DOCTYPE html>\n<html>", "is a web page (HTML)"),
        (
            "a.png",
            b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf",
            "is an AVIF image, which featx does not read",
        ),
        (
            "a.jpg",
            b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
            "is a HEIC image",
        ),
        ("a.jpg", b"P7\nWIDTH 1\nHEIGHT 1\n", "is a PAM image"),
        (
            "a.jpg",
            b"\0\0\0\x0cjP  \r\n\x87\n\0\0\0\0",
            "is a JPEG 2000 image",
        ),
    ] {
        dir.write(&format!("images/{name}"), bytes);
        let line = error_line(&extract(&dir, ARGS), words, 1);
        assert!(
            line.starts_with(&format!("image '{name}' {words}")),
            "{line}"
        );
        fs::remove_dir_all(dir.path("images")).unwrap();
        fs::remove_dir_all(dir.path("out")).unwrap();
    }
}
