//! What `featx extract` does when images are broken or the disk is full.

use crate::support::arrays::{assert_near, values};
use crate::support::extraction::{error_line, extract, extract_ok};
use crate::support::models::workdir;
use crate::support::workdir::Workdir;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// A directory whose photos are those of the tests, the third of them cut short.
fn with_a_broken_third(name: &str) -> Workdir {
    let dir = workdir(name);
    for photo in ["brushes.jpg", "dragonfly.jpg", "lamp.png", "stream.jpg"] {
        dir.write(
            &format!("images/{photo}"),
            dir.read(&format!("photos/{photo}")),
        );
    }
    let whole = dir.read("images/lamp.png");
    dir.write("images/lamp.png", &whole[..whole.len() / 2]);
    dir
}

const STOPPED: &str = "image 'lamp.png' is truncated; remove or repair it, or pass --on-error skip";

#[test]
fn a_broken_image_stops_the_run_with_the_rows_before_it_sealed() {
    for batch in [1, 3] {
        let dir = with_a_broken_third("faults_stop");
        let args = format!("--model resnet_scripted --layer fc,layer4 --batch-size {batch}");
        assert_eq!(error_line(&extract(&dir, &args), &args, 1), STOPPED);
        for layer in ["fc", "layer4"] {
            let folder = format!("out/{layer}");
            assert_eq!(dir.names(&folder), ["features_0000000000-0000000002.npy"]);
        }
        assert!(!dir.path("out/errors.csv").exists());

        // Mended, the run goes on with the row that was broken.
        dir.write("images/lamp.png", dir.read("photos/lamp.png"));
        let said = extract_ok(&dir, &args);
        assert!(
            said.contains("resuming 'out': 2 of 4 rows are done\n"),
            "{said}"
        );
        assert_eq!(dir.names("out/fc").len(), 2);
        let second = values(&dir.path("out/fc/features_0000000002-0000000004.npy"));
        let (_, reference) = values(&dir.path("models/resnet_scripted/fc.npy"));
        assert_near(&second.1, &reference[20..], 1e-5);
    }
}

#[test]
fn a_broken_first_image_leaves_no_part() {
    let dir = with_a_broken_third("faults_first");
    dir.write("list.txt", "lamp.png\nstream.jpg\n");
    let args = "--model resnet_scripted --layer fc --list list.txt";
    assert_eq!(error_line(&extract(&dir, args), args, 1), STOPPED);
    assert_eq!(dir.names("out/fc"), [""; 0]);
}

#[test]
fn skipped_images_become_nan_rows_and_no_other_row_moves() {
    for (dtype, descr) in [("f32", "<f4"), ("f16", "<f2")] {
        let dir = with_a_broken_third("faults_skip");
        let args = format!("--model resnet_scripted --layer layer4 --batch-size 4 --dtype {dtype}");
        let said = extract_ok(&dir, &format!("{args} --on-error skip"));
        assert!(
            said.contains("4 images, 1 skipped (see errors.csv) in "),
            "{said}"
        );
        let errors = String::from_utf8(dir.read("out/errors.csv")).unwrap();
        assert_eq!(errors, "row,path,reason\n2,lamp.png,is truncated\n");
        let mut clean = args.replace("--model", "--out clean --model");
        clean.push_str(" photos");
        let clean: Vec<&str> = clean.split_whitespace().collect();
        dir.featx_ok(&[&["extract"], clean.as_slice()].concat());
        let verdict = dir.python(
            "part = 'layer4/features_0000000000-0000000004.npy'
a, b = np.load('out/' + part), np.load('clean/' + part)
print(a.dtype.str, np.isnan(a[2]).all(), np.array_equal(a[[0, 1, 3]], b[[0, 1, 3]]))",
        );
        assert_eq!(verdict, format!("{descr} True True\n"));
    }
}

#[test]
fn images_of_a_list_that_are_not_there_are_broken_images() {
    let dir = workdir("faults_missing");
    dir.write("list.txt", "stream.jpg\nno,where.jpg\n");
    let args = "--model resnet_scripted --layer fc --list list.txt photos";
    let line = error_line(&extract(&dir, args), args, 1);
    let reason = "cannot be read: No such file or directory (os error 2)";
    let expected =
        format!("image 'no,where.jpg' {reason}; remove or repair it, or pass --on-error skip");
    assert_eq!(line, expected);
    extract_ok(&dir, &format!("{args} --on-error skip"));
    let errors = String::from_utf8(dir.read("out/errors.csv")).unwrap();
    assert_eq!(
        errors,
        format!("row,path,reason\n1,\"no,where.jpg\",{reason}\n")
    );
}

#[test]
fn a_run_of_nothing_but_broken_images_is_an_error_also_when_skipping() {
    let dir = workdir("faults_all");
    dir.write("images/a.jpg", "no photo");
    dir.write("images/b.png", "");
    let args = "--model resnet_scripted --layer fc";
    let line = error_line(&extract(&dir, args), args, 1);
    assert!(
        line.starts_with("image 'a.jpg' is not an image: "),
        "{line}"
    );
    let skip = format!("{args} --on-error skip");
    for starts_over in [false, true] {
        let ended = extract(&dir, &skip);
        assert_eq!(ended.code, Some(1));
        let line = ended.stderr.lines().last().unwrap();
        let starts = "error: none of the 2 images of 'out' could be read; the first, 'a.jpg', is not an image: ";
        assert!(line.starts_with(starts), "{line}");
        assert!(
            line.ends_with("; fix that and run the same command again; it starts over"),
            "{line}"
        );
        let said = ended
            .stderr
            .contains("'out' held a run with no row of any image; starting over");
        assert_eq!(said, starts_over);
    }
    let line = "'out' holds no row of any image: none could be read (see its errors.csv); run featx extract again once that is \
                fixed";
    dir.featx_err(&["merge", "out"], line);

    // Mended, the same command gives every row.
    for (name, photo) in [("a.jpg", "brushes.jpg"), ("b.png", "lamp.png")] {
        dir.write(
            &format!("images/{name}"),
            dir.read(&format!("photos/{photo}")),
        );
    }
    extract_ok(&dir, &skip);
    let (shape, rows) = values(&dir.path("out/fc/features_0000000000-0000000002.npy"));
    assert!(shape == [2, 10] && rows.iter().all(|value| value.is_finite()));
    assert!(!dir.path("out/errors.csv").exists());
}

#[test]
fn an_out_that_cannot_be_written_is_named() {
    let dir = workdir("faults_unwritable");
    dir.write("file", "mine");
    for (out, expected) in [
        ("file", "cannot create 'file': File exists (os error 17)"),
        (
            "file/out",
            "cannot create 'file/out': Not a directory (os error 20)",
        ),
    ] {
        let args = [
            "extract",
            "--model",
            "resnet_scripted",
            "--layer",
            "fc",
            "--out",
            out,
            "photos",
        ];
        assert_eq!(error_line(&dir.featx(&args), out, 1), expected);
    }
    assert_eq!(dir.read("file"), b"mine");
}

/// A filesystem in memory, until it is dropped.
struct Tmpfs(PathBuf);

impl Tmpfs {
    /// None where this user may not mount.
    fn mount(dir: &Workdir, inside: &str, options: &str) -> Option<Self> {
        let path = dir.path(inside);
        fs::create_dir(&path).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", options, "featx-test"]);
        let mounted = mount
            .arg(&path)
            .output()
            .is_ok_and(|out| out.status.success());
        if !mounted {
            eprintln!("skipped: only root can mount a small filesystem");
        }
        mounted.then_some(Self(path))
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_read_only_disk_is_an_error() {
    let dir = workdir("faults_read_only");
    let Some(_disk) = Tmpfs::mount(&dir, "disk", "ro,size=1m") else {
        return;
    };
    let args = "--out disk/out --model resnet_scripted --layer fc photos";
    let args: Vec<&str> = args.split(' ').collect();
    let ended = dir.featx(&[&["extract"], args.as_slice()].concat());
    let line = error_line(&ended, "read-only", 1);
    assert_eq!(
        line,
        "cannot create 'disk/out': Read-only file system (os error 30)"
    );
}

/// 64 × 32 × 32 f32.
const ROW: u64 = 262_144;

#[test]
fn what_cannot_fit_is_refused_before_anything_is_written() {
    let dir = workdir("faults_too_small");
    let Some(_disk) = Tmpfs::mount(&dir, "disk", "size=512k") else {
        return;
    };
    let args = "--out disk/out --model resnet_scripted --layer conv1 photos";
    let args: Vec<&str> = args.split(' ').collect();
    let ended = dir.featx(&[&["extract"], args.as_slice()].concat());
    let line = error_line(&ended, "a disk that is too small", 1);
    assert!(
        line.starts_with("needs 1.0 MB at 'disk', ") && line.ends_with(" kB free"),
        "{line}"
    );
    assert_eq!(dir.names("disk"), [""; 0]);
}

#[test]
fn a_run_that_cannot_begin_leaves_no_directory() {
    let dir = workdir("faults_one_block");
    let Some(_disk) = Tmpfs::mount(&dir, "disk", "size=4k") else {
        return;
    };
    let args = "--out disk/out --model resnet_scripted --layer fc photos";
    let args: Vec<&str> = args.split(' ').collect();
    let ended = dir.featx(&[&["extract"], args.as_slice()].concat());
    let line = error_line(&ended, "a disk of one block", 1);
    assert_eq!(line, "needs 160 B at 'disk', 0 B free");
    assert_eq!(dir.names("disk"), [""; 0]);
}

/// The rows fit, but not what comes with them: the fourth part finds no room.
#[test]
fn a_disk_that_fills_up_is_an_error_and_the_parts_before_it_stay() {
    let dir = workdir("faults_full");
    let size = 4 * ROW + 2 * 4096;
    let Some(disk) = Tmpfs::mount(&dir, "disk", &format!("size={size}")) else {
        return;
    };
    let args =
        "--out disk/out --model resnet_scripted --layer conv1 --batch-size 1 --step-size 1 photos";
    let args: Vec<&str> = args.split(' ').collect();
    let args = [&["extract"], args.as_slice()].concat();
    let line = error_line(&dir.featx(&args), "a disk that fills up", 1);
    let folder = "disk/out/conv1";
    let said =
        line.starts_with(&format!("cannot write '{folder}/")) && line.contains("needs 262.3 kB at");
    assert!(said, "{line}");
    let parts = [
        "000000-0000000001",
        "000001-0000000002",
        "000002-0000000003",
    ];
    assert_eq!(
        dir.names(folder),
        parts.map(|rows| format!("features_0000{rows}.npy"))
    );

    let larger = Command::new("mount")
        .args(["-o", "remount,size=4m"])
        .arg(&disk.0)
        .status();
    assert!(larger.unwrap().success());
    assert_eq!(dir.featx(&args).code, Some(0));
    assert_eq!(dir.names(folder).len(), 4);
}
