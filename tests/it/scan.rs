//! Which images a run is about: the search of a folder, and `--list`.

use featx::sources::{FileNames, Outside, read_list, scan};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// A fresh folder for one test, with these empty files in it.
fn folder(test: &str, files: &[&str]) -> PathBuf {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("scan")
        .join(test);
    let _ = fs::remove_dir_all(&root);
    fs::create_dir_all(&root).unwrap();
    for file in files {
        let path = root.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "").unwrap();
    }
    root
}

fn strings(names: &FileNames) -> Vec<&str> {
    names.iter().map(|path| path.to_str().unwrap()).collect()
}

fn refusal<T: std::fmt::Debug>(result: anyhow::Result<T>) -> String {
    format!("{:#}", result.unwrap_err())
}

#[test]
fn finds_images_in_byte_order_of_the_relative_path() {
    let files = [
        "b.jpg",
        "a/z.JPEG",
        "a.png",
        "a b/c.TIF",
        "ä.webp",
        "Z.gif",
        "a/y/x.bmp",
        "a-b.tiff",
    ];
    let root = folder("order", &files);
    let found = scan(&root).unwrap();
    let expected = [
        "Z.gif",
        "a b/c.TIF",
        "a-b.tiff",
        "a.png",
        "a/y/x.bmp",
        "a/z.JPEG",
        "b.jpg",
        "ä.webp",
    ];
    assert_eq!(strings(&found.names), expected);
    assert_eq!(found.others.line(), None);
}

#[test]
fn other_files_are_counted_and_three_named() {
    let root = folder(
        "others",
        &["a.jpg", "z.txt", "m/n.csv", "jpg", ".jpg", "b.jpg.part"],
    );
    let found = scan(&root).unwrap();
    assert_eq!(strings(&found.names), ["a.jpg"]);
    assert_eq!(
        found.others.line().unwrap(),
        "5 other files left out: '.jpg', 'b.jpg.part', 'jpg', …"
    );
}

#[test]
fn links_are_followed_and_loops_end() {
    let root = folder("links", &["real/a.jpg"]);
    let away = folder("links_elsewhere", &["b.jpg", "c/d.jpg"]);
    symlink(&away, root.join("away")).unwrap();
    symlink(root.join("real/a.jpg"), root.join("e.jpg")).unwrap();
    symlink("..", root.join("real/up")).unwrap();
    symlink("real", root.join("again")).unwrap();
    symlink("nowhere", root.join("gone.jpg")).unwrap();
    let found = scan(&root).unwrap();
    let expected = [
        "again/a.jpg",
        "away/b.jpg",
        "away/c/d.jpg",
        "e.jpg",
        "gone.jpg",
        "real/a.jpg",
    ];
    assert_eq!(strings(&found.names), expected);
}

#[test]
fn names_that_are_not_utf8_are_kept_as_they_are() {
    let root = folder("bytes", &[]);
    let name = std::ffi::OsStr::from_bytes(b"\xff.jpg");
    fs::write(root.join(name), "").unwrap();
    assert_eq!(scan(&root).unwrap().names.get(0).as_os_str(), name);
}

#[test]
fn what_gives_no_images_is_an_error() {
    let root = folder("none", &["a.txt"]);
    let at = root.display();
    let endings = "looked for files ending in jpg, jpeg, png, webp, bmp, gif, tif, tiff";
    assert_eq!(
        refusal(scan(&root)),
        format!("no image in '{at}' (1 other file left out: 'a.txt'); {endings}")
    );
    fs::remove_file(root.join("a.txt")).unwrap();
    assert_eq!(
        refusal(scan(&root)),
        format!("no image in '{at}'; {endings}")
    );
    assert!(
        refusal(scan(&root.join("x"))).starts_with(&format!("no image folder '{at}/x'; name one"))
    );
    fs::write(root.join("a.jpg"), "").unwrap();
    assert!(refusal(scan(&root.join("a.jpg"))).contains("is not a folder"));
    fs::write(root.join("a\nb.jpg"), "").unwrap();
    assert!(refusal(scan(&root)).starts_with("the name of 'a\\nb.jpg' holds a line break"));
}

#[test]
fn a_list_fixes_images_and_order() {
    let root = folder("list", &[]);
    let list = root.join("list.txt");
    fs::write(&list, "\u{feff}b.jpg\r\n\r\na.jpg\n  \nb.jpg\nsub/ c.jpg").unwrap();
    let names = read_list(&list, &root, Outside::Refused).unwrap();
    assert_eq!(strings(&names), ["b.jpg", "a.jpg", "b.jpg", "sub/ c.jpg"]);
}

#[test]
fn a_list_cannot_leave_the_folder_unless_asked() {
    let root = folder("leave", &[]);
    let list = root.join("list.txt");
    for path in ["../a.jpg", "/a.jpg", "a/../../b.jpg"] {
        fs::write(&list, format!("fine.jpg\n{path}\n")).unwrap();
        assert_eq!(
            refusal(read_list(&list, &root, Outside::Refused)),
            format!(
                "'{}' line 2: '{path}' is not inside '{}'; paths are relative to the image folder",
                list.display(),
                root.display()
            )
        );
        assert_eq!(read_list(&list, &root, Outside::Allowed).unwrap().len(), 2);
    }
    fs::write(&list, "\n\n").unwrap();
    assert!(refusal(read_list(&list, &root, Outside::Refused)).contains("names no image"));
    assert!(
        refusal(read_list(&root.join("x"), &root, Outside::Refused))
            .starts_with("cannot read the list")
    );
}
