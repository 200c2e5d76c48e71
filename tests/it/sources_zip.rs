//! Images in zip archives: the rows of the same images in a folder, byte for byte.

use crate::sources::{MODEL, names, rows, shell, with_folder_run};
use crate::support::extraction::{error_line, extract, extract_ok};

#[test]
fn a_zip_archive_gives_the_rows_of_its_folder() {
    let dir = with_folder_run("zip");
    // As Info-ZIP writes it, stored and deflated, and as a stream, whose sizes stand after the data; as Python does, in
    // zip64.
    shell(
        &dir,
        "mkdir -p deep/empty; cp -L photos/* deep; echo text > deep/notes.txt; cd deep; zip -qr0 ../stored.zip .; \
         zip -qr9 ../deflated.zip .; zip -qr - . | cat > ../streamed.zip",
    );
    dir.python(
        "import zipfile, pathlib\n\
         with zipfile.ZipFile('zip64.zip', 'w', zipfile.ZIP_DEFLATED) as z:\n\
         \x20   for path in sorted(pathlib.Path('deep').glob('*.*')):\n\
         \x20       with z.open(path.name, 'w', force_zip64=True) as member: member.write(path.read_bytes())\n",
    );
    for archive in ["stored", "deflated", "streamed", "zip64"] {
        let said = extract_ok(&dir, &format!("{MODEL} {archive}.zip"));
        assert!(
            said.contains(&format!("1 other file left out: '{archive}.zip/notes.txt'")),
            "{said}"
        );
        // Info-ZIP takes a folder's files as they come.
        let prefix = format!("{archive}.zip/");
        let found: Vec<_> = names(&dir, "out")
            .iter()
            .map(|n| n[prefix.len()..].to_owned())
            .collect();
        let (folder, expected, whole) = (
            names(&dir, "folder"),
            rows(&dir, "folder"),
            rows(&dir, "out"),
        );
        let row = expected.len() / folder.len();
        for (i, name) in found.iter().enumerate() {
            let of_folder = folder.iter().position(|n| n == name).unwrap();
            assert_eq!(
                whole[i * row..][..row],
                expected[of_folder * row..][..row],
                "{archive}: {name}"
            );
        }
        assert_eq!(found.len(), folder.len());
        std::fs::remove_dir_all(dir.path("out")).unwrap();
    }
}

#[test]
fn zips_of_a_run_in_shards_by_list_and_resumed() {
    let dir = with_folder_run("zip_shards");
    shell(
        &dir,
        "mkdir zips deep; cp -L photos/* deep; cd deep; ls | head -2 | zip -q@ ../zips/0.zip; ls | tail -n +3 | zip -q@ ../zips/1.zip",
    );
    for shard in ["0/2", "1/2"] {
        extract_ok(&dir, &format!("{MODEL} --shard {shard} zips/{{0..1}}.zip"));
    }
    assert_eq!(rows(&dir, "out"), rows(&dir, "folder"));
    let lost = dir.names("out/layer1").remove(0);
    std::fs::remove_file(dir.path("out/layer1").join(lost)).unwrap();
    extract_ok(&dir, &format!("{MODEL} --shard 0/2 zips/*.zip"));
    assert_eq!(rows(&dir, "out"), rows(&dir, "folder"));
    let reversed: Vec<_> = names(&dir, "out").into_iter().rev().collect();
    dir.write("list.txt", reversed.join("\n"));
    shell(&dir, "rm -r out");
    extract_ok(&dir, &format!("{MODEL} --list list.txt zips/*.zip"));
    assert_eq!(names(&dir, "out"), reversed);
}

#[test]
fn what_is_wrong_with_a_zip_is_said() {
    let dir = with_folder_run("zip_refused");
    shell(
        &dir,
        "mkdir deep; cp -L photos/* deep; cd deep; zip -q ../whole.zip *; zip -q -P secret ../locked.zip *; \
         zip -q -Z bzip2 ../bzip2.zip *; head -c 60000 ../whole.zip > ../cut.zip; cd ..; mkdir -p a/b; cd a/b; \
         zip -q ../../out.zip ../../deep/lamp.png",
    );
    dir.python(
        "import zipfile, warnings; warnings.simplefilter('ignore')\n\
         data = open('deep/lamp.png', 'rb').read()\n\
         with zipfile.ZipFile('twice.zip', 'w') as z: z.writestr('a.png', data); z.writestr('a.png', data)\n\
         with zipfile.ZipFile('out.zip', 'w') as z: z.writestr('../../a.png', data)\n\
         with zipfile.ZipFile('none.zip', 'w') as z: z.writestr('a.txt', data)\n",
    );
    for (archive, words) in [
        (
            "locked",
            "' of 'locked.zip' is encrypted; unpack the archive with its password",
        ),
        (
            "bzip2",
            "is compressed by a method that is not read (Bzip2); expected stored or deflated",
        ),
        (
            "cut",
            "'cut.zip' is damaged or cut short; make or download it again",
        ),
        ("twice", "'twice.zip' holds two members of one name"),
        (
            "out",
            "the member '../../a.png' of 'out.zip' leads out of it",
        ),
        (
            "none",
            "no image in 'none.zip' (1 other file left out: 'none.zip/a.txt')",
        ),
    ] {
        std::fs::remove_dir_all(dir.path("out")).ok();
        let line = error_line(
            &extract(&dir, &format!("{MODEL} {archive}.zip")),
            archive,
            1,
        );
        assert!(line.contains(words), "{archive}: {line}");
        assert!(!dir.path("out").exists(), "{archive}");
    }
    // One byte of a member is changed, its checksum is not.
    dir.python(
        "import zipfile\n\
         info = zipfile.ZipFile('whole.zip').getinfo('lamp.png'); data = bytearray(open('whole.zip', 'rb').read())\n\
         data[info.header_offset + 30 + len(info.filename) + info.compress_size // 2] ^= 255\n\
         open('broken.zip', 'wb').write(data)\n",
    );
    let line = error_line(&extract(&dir, &format!("{MODEL} broken.zip")), "broken", 1);
    assert!(line.contains("'broken.zip/lamp.png' "), "{line}");
    extract_ok(&dir, &format!("{MODEL} --on-error skip broken.zip"));
    let errors = String::from_utf8(dir.read("out/errors.csv")).unwrap();
    assert!(errors.contains("broken.zip/lamp.png"), "{errors}");
}
