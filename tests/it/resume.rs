//! The same command goes on with what is there; another one is refused; `--overwrite` starts over.

use crate::faults::{args, bench, finish, parts};
use crate::support::models::models;
use crate::support::workdir::Workdir;
use std::fs;

/// The last line on stderr of a command that has to fail.
fn refused(dir: &Workdir, more: &[&str]) -> String {
    let ended = dir.featx(&[args("whole"), more.to_vec()].concat());
    assert_eq!(ended.code, Some(1), "{more:?}: {}", ended.stderr);
    ended.stderr.lines().last().unwrap().to_owned()
}

#[test]
fn whatever_changes_the_rows_is_refused() {
    let dir = bench("resume_other");
    fs::copy(models().join("resnet_traced.pt"), dir.path("other.pt")).unwrap();
    fs::copy(dir.path("resnet_scripted.toml"), dir.path("other.toml")).unwrap();
    dir.write("few.txt", "0001.bmp\n");
    let differences: [(&[&str], &str); 8] = [
        (
            &["--layer", "layer4"],
            "layer fc, this one asks for fc, layer4",
        ),
        (&["--dtype", "f16"], "dtype f32, this one asks for f16"),
        (&["--flatten"], "flatten false, this one asks for true"),
        (&["--resize", "70"], "resize 72, this one asks for 70"),
        (
            &["--interpolation", "bicubic"],
            "interpolation bilinear, this one asks for bicubic",
        ),
        (
            &["--mean", "0,0,0"],
            "mean [0.485, 0.456, 0.406], this one asks for [0.0, 0.0, 0.0]",
        ),
        (
            &["--std", "1,1,1"],
            "std [0.229, 0.224, 0.225], this one asks for [1.0, 1.0, 1.0]",
        ),
        (
            &["--list", "few.txt"],
            "since then gone: '0000.bmp', '0002.bmp', '0003.bmp' and 116 more",
        ),
    ];
    for (more, words) in differences {
        let line = refused(&dir, more);
        let cure = line.ends_with("choose another --out or pass --overwrite");
        assert!(line.contains(words) && cure, "{line}");
    }
    let mut model = args("whole");
    let at = model.iter().position(|arg| *arg == "--model").unwrap();
    model[at + 1] = "other.pt";
    let ended = dir.featx(&model);
    assert!(
        ended.stderr.contains("holds a run with model fingerprint"),
        "{}",
        ended.stderr
    );
    // Other threads and batches change no row.
    let mut quicker = args("whole");
    let at = quicker
        .iter()
        .position(|arg| *arg == "--batch-size")
        .unwrap();
    quicker[at + 1] = "8";
    dir.featx_ok(&quicker);
}

#[test]
fn images_that_came_or_went_are_named() {
    let dir = bench("resume_images");
    let held = "error: 'whole' holds a run of 120 images, ";
    let cure = "choose another --out or pass --overwrite";
    for name in ["a.bmp", "b.bmp", "c.bmp", "d.bmp"] {
        fs::copy(
            dir.path("images/0000.bmp"),
            dir.path(&format!("images/{name}")),
        )
        .unwrap();
    }
    let list = "pass --list whole/file_names.txt, ";
    let added = "since then added: 'a.bmp', 'b.bmp', 'c.bmp' and 1 more; ";
    assert_eq!(refused(&dir, &[]), format!("{held}{added}{list}{cure}"));
    let mut listed = args("whole");
    listed.extend(["--list", "whole/file_names.txt"]);
    dir.featx_ok(&listed);
    for name in ["b.bmp", "c.bmp", "d.bmp", "0119.bmp"] {
        fs::remove_file(dir.path(&format!("images/{name}"))).unwrap();
    }
    let both = "since then added: 'a.bmp'; gone: '0119.bmp'; ";
    assert_eq!(refused(&dir, &[]), format!("{held}{both}{cure}"));
    let mut turned: Vec<_> = (0..119).map(|row| format!("{row:04}.bmp\n")).collect();
    turned.insert(0, "0119.bmp\n".into());
    dir.write("turned.txt", turned.concat());
    let order = format!("{held}in another order than now; {list}{cure}");
    assert_eq!(refused(&dir, &["--list", "turned.txt"]), order);
}

#[test]
fn parts_that_are_harmed_are_put_aside_and_deleted_ones_computed_again() {
    let dir = bench("resume_harmed");
    dir.featx_ok(&args("out"));
    let names = parts(&dir, "out");
    let part = |index: usize| format!("out/fc/{}", names[index]);
    fs::remove_file(dir.path(&part(0))).unwrap();
    dir.write(&part(7), &dir.read(&part(7))[..150]);
    dir.write(&part(9), "");
    fs::remove_file(dir.path("out/file_names.txt")).unwrap();
    let said = finish(&dir, "out");
    let expected = format!(
        "'{}' cut short: its header promises 80 bytes of data, the file has 22; renamed to '{}.broken', its rows are \
         computed again\n",
        part(7),
        part(7)
    );
    assert!(
        said.contains(&expected.replace("' cut", "': cut")),
        "{said}"
    );
    assert!(
        said.contains("'out/file_names.txt' was missing or changed; written again\n"),
        "{said}"
    );
    assert_eq!(
        dir.read("out/file_names.txt"),
        dir.read("whole/file_names.txt")
    );
    dir.python(&format!(
        "np.save('{}', np.zeros((2, 9), np.float32))",
        part(3)
    ));
    let ended = dir.featx(&args("out"));
    assert!(
        ended.code == Some(1) && ended.stderr.contains("has row shape (9)"),
        "{}",
        ended.stderr
    );
}

#[test]
fn layers_whose_names_are_paths_leave_nothing() {
    let dir = Workdir::new("resume_paths");
    let model = models().join("broken/names_are_paths.pt");
    let photos = models().join("photos");
    let (model, photos) = (model.to_str().unwrap(), photos.to_str().unwrap());
    let ended = dir.featx(&[
        "extract", "--model", model, "--layer", "a/b", "--out", "out/a", photos,
    ]);
    assert_eq!(ended.code, Some(1));
    assert!(
        ended
            .stderr
            .contains("layer 'a/b' has a '/' in its name, which its folder cannot have"),
        "{}",
        ended.stderr
    );
    assert_eq!(dir.names(""), [""; 0]);
}

#[test]
fn what_a_killed_start_left_is_taken_over() {
    let dir = bench("resume_left");
    dir.write("out/file_names.txt", "half a li");
    dir.write("out/run.toml.partial", "featx = ");
    dir.write("out/fc/features_0000000000.partial", "x");
    dir.write("out/fc/features_0000000099.partial", "");
    dir.featx_ok(&args("out"));
    finish(&dir, "out");
}

#[test]
fn overwrite_starts_over_and_leaves_what_is_the_users() {
    let dir = bench("resume_overwrite");
    let mut other = args("out");
    let at = other.iter().position(|arg| *arg == "fc").unwrap();
    other[at] = "layer4";
    dir.featx_ok(&other);
    dir.featx_ok(&["merge", "out", "--quiet"]);
    dir.write("out/notes.txt", "mine");
    dir.write("out/layer4/notes.txt", "mine");
    dir.featx_ok(&[args("out"), vec!["--overwrite"]].concat());
    assert_eq!(dir.names("out/layer4"), ["notes.txt"]);
    assert!(dir.path("out/notes.txt").exists());
    finish(&dir, "out");
    // Stopped after the old run had lost its name: the next command finishes what was started.
    fs::rename(dir.path("out/run.toml"), dir.path("out/run.toml.discarded")).unwrap();
    let said = finish(&dir, "out");
    assert!(!said.contains("resuming"), "{said}");
}
