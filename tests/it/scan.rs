//! Which images a run is about: the search of a folder, and `--list`.

use featx::sources::{FileNames, SourceList, scan};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
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

/// The names that `--list` takes from a list.
fn listed(list: &Path, root: &Path) -> anyhow::Result<FileNames> {
    let images = SourceList::new(&[root.to_owned()])?.all(Some(list), |_| {})?;
    let mut names = FileNames::default();
    images.rows().for_each(|row| names.push(images.name(row)));
    Ok(names)
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
        "4 other files left out: 'b.jpg.part', 'jpg', 'm/n.csv', …; 1 hidden: '.jpg'"
    );
}

#[test]
fn files_that_systems_leave_among_images_are_left_out() {
    let files = [
        "a.jfif",
        "b.JPE",
        "c.jif",
        "._a.jpg",
        ".hidden.png",
        "sub/.git/d.png",
        "sub/.ipynb_checkpoints/a-checkpoint.jpg",
        "sub/@eaDir/a.jpg/SYNOPHOTO_THUMB_M.jpg",
        ".Trash-1000/files/e.jpg",
        "$RECYCLE.BIN/f.jpg",
        "__MACOSX/._a.jpg",
        "__MACOSX/b.jpg",
        "sub/_g.jpg",
        "sub/@eaDir.jpg",
    ];
    let found = scan(&folder("systems", &files)).unwrap();
    assert_eq!(
        strings(&found.names),
        ["a.jfif", "b.JPE", "c.jif", "sub/@eaDir.jpg", "sub/_g.jpg"]
    );
    assert_eq!(
        found.others.line().unwrap(),
        "2 of macOS left out: '._a.jpg', '__MACOSX/'; 1 of thumbnails: 'sub/@eaDir/'; 2 of trash: '$RECYCLE.BIN/', \
         '.Trash-1000/'; 1 of Jupyter: 'sub/.ipynb_checkpoints/'; 2 hidden: '.hidden.png', 'sub/.git/'"
    );
}

/// Not as root, who may read everything.
#[test]
fn a_folder_that_cannot_be_read_says_how_to_read_it() {
    let root = folder("unreadable", &["a.jpg", "private/b.jpg"]);
    let private = root.join("private");
    fs::set_permissions(&private, fs::Permissions::from_mode(0o0)).unwrap();
    let scanned = fs::read_dir(&private)
        .is_err()
        .then(|| refusal(scan(&root)));
    fs::set_permissions(&private, fs::Permissions::from_mode(0o755)).unwrap();
    let private = private.display();
    if let Some(line) = scanned {
        assert_eq!(
            line,
            format!(
                "cannot read the image folder '{private}': Permission denied (os error 13); make it readable (chmod u+rx \
                 '{private}'), or name the images with --list"
            )
        );
    }
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
    let endings = "looked for files ending in jpg, jpeg, jfif, jpe, jif, png, webp, bmp, gif, tif, tiff, ppm, pgm, pbm, pnm, qoi, tga";
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
    let names = listed(&list, &root).unwrap();
    assert_eq!(strings(&names), ["b.jpg", "a.jpg", "b.jpg", "sub/ c.jpg"]);
}

#[test]
fn a_list_cannot_leave_the_folder() {
    let root = folder("leave", &[]);
    let list = root.join("list.txt");
    for path in ["../a.jpg", "/a.jpg", "a/../../b.jpg"] {
        fs::write(&list, format!("fine.jpg\n{path}\n")).unwrap();
        assert_eq!(
            refusal(listed(&list, &root)),
            format!(
                "'{}' line 2: '{path}' is not inside '{}'; paths are relative to the image folder",
                list.display(),
                root.display()
            )
        );
    }
    fs::write(&list, "\n\n").unwrap();
    assert!(refusal(listed(&list, &root)).contains("names no image"));
    assert!(refusal(listed(&root.join("x"), &root)).starts_with("cannot read the list"));
}

#[test]
fn an_absolute_path_inside_the_folder_is_inside() {
    let root = folder("absolute", &["sub/a.jpg"]);
    let link = folder("absolute_link", &[]).join("images");
    symlink(&root, &link).unwrap();
    let list = folder("absolute_list", &[]).join("list.txt");
    for given in [&root, &link] {
        fs::write(&list, format!("{}/sub/a.jpg\n", root.display())).unwrap();
        let names = listed(&list, given).unwrap();
        assert_eq!(strings(&names), ["sub/a.jpg"]);
    }
    fs::write(&list, format!("{}/../x.jpg\n", root.display())).unwrap();
    assert!(refusal(listed(&list, &root)).contains("is not inside"));
}

#[test]
fn names_that_would_break_a_line_are_quoted_and_read_back() {
    let root = folder("quoted", &["a\rb.jpg", "\u{1b}[31m.jpg", "plain.jpg"]);
    fs::write(root.join(std::ffi::OsStr::from_bytes(b"caf\xe9.jpg")), "").unwrap();
    let found = scan(&root).unwrap();
    let text = found.names.text();
    assert_eq!(
        String::from_utf8(text.to_vec()).unwrap(),
        "\"\\033[31m.jpg\"\n\"a\\rb.jpg\"\n\"caf\\351.jpg\"\nplain.jpg\n"
    );
    let list = folder("quoted_list", &[]).join("list.txt");
    fs::write(&list, text).unwrap();
    assert!(listed(&list, &root).unwrap() == found.names);
}

/// What a list whose images are in `im/` says; run in the working directory that holds it.
fn said(list: &str, text: &str) -> String {
    let dir = crate::support::workdir::Workdir::new("scan_mistakes");
    for image in ["a.jpg", "b c.jpg", "sub/d.jpg"] {
        dir.write(&format!("im/{image}"), "");
    }
    dir.write(list, text);
    let (list, root) = (dir.path(list), dir.path("im"));
    let line = listed(&list, &root).map_or_else(|e| format!("{e:#}"), |_| "taken".into());
    line.replace(
        &format!(
            "{}/",
            dir.path("").display().to_string().trim_end_matches('/')
        ),
        "",
    )
}

#[test]
fn tables_and_other_slashes_are_known_at_the_first_line() {
    let labels = "'l.csv' line 1: expected a path, found 'a.jpg,3', of which 'a.jpg' is one; keep that column: cut -d, -f1 \
                  'l.csv' > paths.txt";
    assert_eq!(said("l.csv", "a.jpg,3\nb c.jpg,4\n"), labels);
    for (text, cut) in [
        ("\n7\ta.jpg\n", "cut -f2"),
        ("a.jpg 7\n", "cut -d' ' -f1"),
        ("a.jpg;7\n", "cut -d';' -f1"),
        ("\"a.jpg\",7\n", "cut -d, -f1"),
        (
            "path,label\na.jpg,3\n",
            "tail -n +2 'l.txt' | cut -d, -f1 > paths.txt",
        ),
        (
            "sub\\d.jpg\n",
            "turn the slashes: tr '\\\\' / < 'l.txt' > paths.txt",
        ),
    ] {
        let line = said("l.txt", text);
        assert!(
            line.starts_with("'l.txt' line ") && line.contains(cut),
            "{line}"
        );
    }
    for text in [
        "b c.jpg\n",
        "gone.jpg\n",
        "gone away.jpg\na.jpg\n",
        "\"a.jpg\"\n",
    ] {
        assert_eq!(said("l.txt", text), "taken");
    }
}
