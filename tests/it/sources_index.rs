//! What a run keeps of its search: archives are searched once, and one that has changed since is noticed.

use crate::sources::{MODEL, rows, shell, with_folder_run};
use crate::support::extraction::{error_line, extract, extract_ok};
use crate::support::workdir::Workdir;

/// Takes the headers but the first out of an archive, and leaves its size and date: who searches it again finds it damaged.
fn hide_headers(dir: &Workdir, archive: &str) {
    dir.python(&format!(
        "import tarfile\n\
         members = tarfile.open('{archive}').getmembers(); was = os.stat('{archive}')\n\
         with open('{archive}', 'r+b') as tar:\n\
         \x20   for member in members[1:]: tar.seek(member.offset); tar.write(b'x' * 512)\n\
         os.utime('{archive}', ns=(was.st_atime_ns, was.st_mtime_ns))\n"
    ));
}

fn lose_a_part(dir: &Workdir) {
    let lost = dir.names("out/layer1").remove(1);
    std::fs::remove_file(dir.path("out/layer1").join(lost)).unwrap();
}

#[test]
fn shards_and_resumes_do_not_search_again() {
    let dir = with_folder_run("index");
    shell(
        &dir,
        "mkdir deep; cp -L photos/* deep; tar -C deep -cf a.tar $(ls deep)",
    );
    extract_ok(&dir, &format!("{MODEL} --shard 0/2 a.tar"));
    hide_headers(&dir, "a.tar");
    extract_ok(&dir, &format!("{MODEL} --shard 1/2 a.tar"));
    assert_eq!(rows(&dir, "out"), rows(&dir, "folder"));
    lose_a_part(&dir);
    extract_ok(&dir, &format!("{MODEL} --shard 1/2 a.tar"));
    assert_eq!(rows(&dir, "out"), rows(&dir, "folder"));

    shell(&dir, "rm -r out; tar -C deep -cf a.tar $(ls deep)");
    extract_ok(&dir, &format!("{MODEL} --step-size 1 a.tar"));
    hide_headers(&dir, "a.tar");
    lose_a_part(&dir);
    dir.write("list.txt", dir.read("out/file_names.txt"));
    extract_ok(&dir, &format!("{MODEL} --list list.txt a.tar"));
    assert_eq!(rows(&dir, "out"), rows(&dir, "folder"));
}

#[test]
fn a_lost_index_is_made_again() {
    let dir = with_folder_run("lost_index");
    shell(
        &dir,
        "mkdir deep; cp -L photos/* deep; tar -C deep -cf a.tar $(ls deep)",
    );
    extract_ok(&dir, &format!("{MODEL} --step-size 1 a.tar"));
    let index = dir.read("out/sources.npy");
    // The last is a run of a version that wrote no index.
    for lost in [
        "rm out/sources.npy",
        "head -c 150 a.tar > out/sources.npy",
        "rm out/sources.*",
    ] {
        shell(&dir, lost);
        lose_a_part(&dir);
        extract_ok(&dir, &format!("{MODEL} a.tar"));
        assert_eq!(rows(&dir, "out"), rows(&dir, "folder"), "{lost}");
        assert_eq!(dir.read("out/sources.npy"), index, "{lost}");
    }
    shell(&dir, "rm out/sources.*");
    extract_ok(&dir, &format!("{MODEL} --overwrite --shard 0/1 a.tar"));
    assert!(dir.path("out/sources.toml").exists());
    extract_ok(&dir, &format!("{MODEL} --overwrite photos"));
    assert!(!dir.path("out/sources.toml").exists());
}

#[test]
fn a_source_that_has_changed_is_refused_and_a_copy_is_not() {
    let dir = with_folder_run("changed");
    shell(
        &dir,
        "mkdir deep; cp -L photos/* deep; tar -C deep -cf a.tar $(ls deep); cp a.tar was.tar; cp a.tar longer.tar; \
         echo text > deep/b.txt; tar -C deep -rf longer.tar b.txt; truncate -s 1M longer.tar",
    );
    dir.python("np.save('a.npy', np.zeros((3, 60, 60, 3), np.uint8)); np.save('other.npy', np.ones((3, 60, 60, 3), np.uint8))");
    for shards in ["", "--shard 0/2"] {
        extract_ok(&dir, &format!("{MODEL} --step-size 1 {shards} a.tar a.npy"));
        let or = if shards.is_empty() {
            " or pass --overwrite"
        } else {
            ""
        };
        shell(&dir, "cp longer.tar a.tar");
        let ended = extract(&dir, &format!("{MODEL} {shards} a.tar a.npy"));
        let line = error_line(&ended, "longer", 1);
        let start = "'a.tar' has changed since the run in 'out' began: it had ";
        let end = format!("; put it back as it was, choose another --out{or}");
        assert!(line.starts_with(start) && line.ends_with(&end), "{line}");
        // When it is put back, it has another date.
        shell(
            &dir,
            "cp was.tar a.tar; cp a.npy a.npy.was; cp other.npy a.npy",
        );
        let ended = extract(&dir, &format!("{MODEL} {shards} a.tar a.npy"));
        assert!(
            ended.stderr.contains("'a.npy' has changed since the run in 'out' began: it was written again; put it back"),
            "{}",
            ended.stderr
        );
        shell(&dir, "cp a.npy.was a.npy");
        let said = extract_ok(&dir, &format!("{MODEL} {shards} a.tar a.npy"));
        assert!(
            said.contains("'a.tar' has another date than when the run began, and is otherwise the same: it is taken for a copy"),
            "{said}"
        );
        shell(&dir, "rm -r out");
    }
}

#[test]
fn a_changed_source_is_no_hindrance_where_no_row_is_done() {
    let dir = with_folder_run("changed_early");
    shell(
        &dir,
        "mkdir deep; for n in $(ls photos); do echo no image > deep/$n; done; tar -C deep -cf a.tar $(ls deep)",
    );
    for shards in [&[""][..], &["--shard 0/2", "--shard 1/2"]] {
        for shard in shards {
            extract(&dir, &format!("{MODEL} --on-error skip {shard} a.tar"));
        }
        assert!(dir.path("out/sources.toml").exists());
        shell(
            &dir,
            "rm -r deep; mkdir deep; cp -L photos/* deep; tar -C deep -cf a.tar $(ls deep)",
        );
        for shard in shards {
            extract_ok(&dir, &format!("{MODEL} {shard} a.tar"));
        }
        assert_eq!(rows(&dir, "out"), rows(&dir, "folder"));
        extract_ok(&dir, &format!("{MODEL} {} a.tar", shards[0]));
        shell(
            &dir,
            "rm -r out; for n in $(ls photos); do echo no image > deep/$n; done; tar -C deep -cf a.tar $(ls deep)",
        );
    }
}
