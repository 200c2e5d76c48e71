//! `featx merge --remove-parts`: the result grows as its parts go, and no instant loses a row.

use crate::merge::{PARTS, run_dir};
use crate::support::workdir::{Ended, Workdir};
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::time::{Duration, Instant};

const ENDS: &str = "list(range(50, 3001, 50))";

fn names_of_parts(dir: &Workdir, inside: &str) -> Vec<String> {
    dir.names(inside)
        .into_iter()
        .filter(|name| name.starts_with("features_"))
        .collect()
}

#[test]
fn parts_go_and_the_result_is_numpys() {
    let dir = Workdir::new("removal");
    dir.python(&format!(
        "{PARTS}a = np.random.default_rng(0).normal(size=(3000, 70)); np.save('whole.npy', a)
parts('p', a, {ENDS}); parts('q', a, {ENDS}); parts('one', a, [3000])"
    ));
    for folder in ["p", "one"] {
        dir.featx_ok(&["merge", folder, "--remove-parts"]);
        assert_eq!(dir.names(folder), ["features.npy"]);
        assert!(dir.read(&format!("{folder}/features.npy")) == dir.read("whole.npy"));
    }
    // Elsewhere, too.
    dir.featx_ok(&["merge", "q", "--remove-parts", "--out", "elsewhere.npy"]);
    assert_eq!(dir.names("q").len(), 0);
    assert!(dir.read("elsewhere.npy") == dir.read("whole.npy"));
}

/// Kills the merge with SIGKILL after every delay that there may be, until one run lives; after each kill every row
/// is in a part or in the result, and in the end the result is NumPy's.
#[test]
fn no_instant_loses_a_row() {
    let dir = Workdir::new("removal_killed");
    dir.python(&format!(
        "{PARTS}a = np.random.default_rng(0).normal(size=(3000, 700)); np.save('whole.npy', a)
def number(s, e): return f'features_{{e // 50:02}}.npy'
for i in range(8): parts(f'p{{i}}', a, {ENDS}, [padded, plain, lambda s, e: plain(e, e), number][i % 4])"
    ));
    let whole = dir.read("whole.npy");
    let (header, row) = (128, 5600);
    let mut kills = 0;
    // Most of a run is its start, when there is nothing to lose.
    let start_up = (0..3).map(|_| time_to_start(&dir)).min().unwrap();
    let step = Duration::from_micros(900).max(start_up / 40);
    for i in 0..8u32 {
        let folder = format!("p{i}");
        let mut delay = start_up * 4 / 5 + step / 8 * i;
        loop {
            let mut merge = dir.command(&["merge", &folder, "--remove-parts"]);
            let mut merge = merge.stderr(std::process::Stdio::null()).spawn().unwrap();
            wait(delay);
            // It may have ended: then there is nothing to kill.
            let _ = merge.kill();
            let status = merge.wait().unwrap();
            if status.signal().is_none() {
                assert!(
                    status.success(),
                    "{folder}: not continued after kill {kills}"
                );
                break;
            }
            kills += 1;
            delay += step;
            let held = rows_held(&dir, &folder, header, row, &whole);
            assert!(
                held.iter().all(|&held| held),
                "{folder}: a row is lost after kill {kills}"
            );
        }
        assert_eq!(dir.names(&folder), ["features.npy"]);
        assert!(dir.read(&format!("{folder}/features.npy")) == whole);
    }
    assert!(kills > 20, "only {kills} kills hit");
}

fn time_to_start(dir: &Workdir) -> Duration {
    let start = Instant::now();
    dir.featx_ok(&["--version"]);
    start.elapsed()
}

/// Sleeping is too coarse for delays of this size.
fn wait(time: Duration) {
    let start = Instant::now();
    while start.elapsed() < time {
        std::hint::spin_loop();
    }
}

/// Which rows are in a finished file, each compared with `whole`.
fn rows_held(dir: &Workdir, folder: &str, header: usize, row: usize, whole: &[u8]) -> Vec<bool> {
    let mut held = vec![false; (whole.len() - header) / row];
    for name in dir.names(folder) {
        let bytes = dir.read(&format!("{folder}/{name}"));
        let rows = match name.as_str() {
            "features.npy" => 0..held.len(),
            "features.npy.merging" => 0..counted_rows(&bytes),
            part => {
                // Every part has 50 rows, whichever of the namings it has.
                let end = part[9..part.len() - 4].rsplit('-').next().unwrap();
                let end: usize = end.parse().unwrap();
                let end = if part.contains('-') { end } else { end * 50 };
                end - 50..end
            }
        };
        let length = rows.len() * row;
        let at = header + rows.start * row;
        assert!(
            bytes[header.min(bytes.len())..][..length] == whole[at..at + length],
            "{folder}/{name}"
        );
        held[rows].fill(true);
    }
    held
}

fn counted_rows(bytes: &[u8]) -> usize {
    // Killed before its header was written.
    if bytes.first().is_none_or(|&byte| byte == 0) {
        return 0;
    }
    let header =
        featx::rows::npy::Header::read_any_length(&mut &*bytes, bytes.len() as u64).unwrap();
    header.shape[0] as usize
}

/// A directory in which an earlier merge took rows 0 to 4, of ten, and was stopped before it removed their last part.
fn interrupted(name: &str) -> Workdir {
    let dir = Workdir::new(name);
    dir.python(&format!(
        "{PARTS}a = np.arange(30.).reshape(10, 3); np.save('whole.npy', a)
parts('p', a, [2, 4, 7, 10]); os.remove('p/' + padded(0, 2))
np.save('p/features.npy.merging.npy', a[:4]); os.rename('p/features.npy.merging.npy', 'p/features.npy.merging')
open('p/features.npy.merging', 'ab').write(b'half of the next part')"
    ));
    dir
}

#[test]
fn an_interrupted_merge_goes_on() {
    let dir = interrupted("removal_goes_on");
    let names = dir.names("p");
    dir.featx_err(
        &["merge", "p"],
        "'p/features.npy.merging' holds rows that an interrupted merge took from their parts; \
         finish it with --remove-parts",
    );
    dir.featx_err(
        &["merge", "p", "--remove-parts", "--out", "x.npy"],
        "'p' lacks rows 0-2 of 10",
    );
    assert_eq!(dir.names("p"), names);
    let told = dir.featx_ok(&["inspect", "p", "--json"]);
    assert!(told.contains("\"rows_done\": 10"), "{told}");
    dir.featx_ok(&["merge", "p", "--remove-parts"]);
    assert_eq!(dir.names("p"), ["features.npy"]);
    assert_eq!(dir.read("p/features.npy"), dir.read("whole.npy"));
}

#[test]
fn a_part_that_was_made_again_is_never_removed_unread() {
    let dir = interrupted("removal_again");
    dir.python("np.save('p/features_0000000002-0000000004.npy', np.ones((2, 3)))");
    let names = dir.names("p");
    dir.featx_err(
        &["merge", "p", "--remove-parts"],
        "'p/features_0000000002-0000000004.npy' differs from the rows that 'p/features.npy.merging' took from it; \
         expected the parts that the merge began with",
    );
    assert_eq!(dir.names("p"), names);
    dir.python("np.save('p/features_0000000002-0000000004.npy', np.ones((2, 3), 'f4'))");
    dir.featx_err(
        &["merge", "p", "--remove-parts"],
        "'features_0000000004-0000000007.npy' has dtype <f8, but 'features_0000000002-0000000004.npy' has <f4",
    );
    assert_eq!(dir.names("p"), names);
}

#[test]
fn a_finished_result_lets_its_parts_go_only_if_it_holds_them() {
    let dir = Workdir::new("removal_finished");
    dir.python(&format!(
        "{PARTS}parts('p', np.arange(10.), [3, 10]); parts('q', np.arange(10.), [3, 10])"
    ));
    for folder in ["p", "q"] {
        dir.featx_ok(&["merge", folder]);
    }
    dir.featx_ok(&["merge", "p", "--remove-parts"]);
    assert_eq!(dir.names("p"), ["features.npy"]);
    dir.python("np.save('q/features_0000000003-0000000010.npy', np.zeros(7))");
    dir.featx_err(
        &["merge", "q", "--remove-parts"],
        "'q/features.npy' exists; pass --overwrite to replace it",
    );
    // As after a stop between the result's name and the removal of the last part, but for another last part.
    fs::remove_file(dir.path("q/features_0000000000-0000000003.npy")).unwrap();
    dir.featx_err(
        &["merge", "q", "--remove-parts", "--overwrite"],
        "'q' lacks rows 0-3 of 10",
    );
    assert_eq!(dir.names("q").len(), 2);
}

/// A filesystem of 8 MB, mounted; `None`, with a word, where this user may not mount.
fn small_disk(dir: &Workdir) -> Option<SmallDisk> {
    fs::create_dir(dir.path("small")).unwrap();
    let mut mount = std::process::Command::new("mount");
    let mount = Ended::of(
        mount
            .args(["-t", "tmpfs", "-o", "size=8m", "featx"])
            .arg(dir.path("small")),
    );
    if mount.code != Some(0) {
        eprintln!(
            "skipped: no small filesystem could be mounted: {}",
            mount.stderr.trim()
        );
        return None;
    }
    Some(SmallDisk(dir.path("small")))
}

struct SmallDisk(std::path::PathBuf);

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg(&self.0).status();
    }
}

#[test]
fn a_disk_with_room_for_little_more_than_one_copy_is_enough() {
    let dir = Workdir::new("removal_small_disk");
    let Some(_disk) = small_disk(&dir) else {
        return;
    };
    dir.python(&format!(
        "{PARTS}a = np.arange(600_000.).reshape(-1, 10); np.save('whole.npy', a)
parts('small/p', a, list(range(6000, 60001, 6000)))"
    ));
    let refused = dir.featx(&["merge", "small/p"]).stderr;
    assert!(
        refused.starts_with("error: needs 4.8 MB at 'small/p', 3."),
        "{refused}"
    );
    assert_eq!(names_of_parts(&dir, "small/p").len(), 10);
    // On another filesystem there is room.
    dir.featx_ok(&["merge", "small/p", "--out", "other.npy"]);
    assert!(dir.read("other.npy") == dir.read("whole.npy"));
    let refused = dir
        .featx(&["split", "other.npy", "--out", "small/q", "--parts", "2"])
        .stderr;
    assert!(
        refused.starts_with("error: needs 4.8 MB at 'small', 3."),
        "{refused}"
    );
    dir.featx_ok(&["merge", "small/p", "--remove-parts"]);
    assert_eq!(dir.names("small/p"), ["features.npy"]);
    assert!(dir.read("small/p/features.npy") == dir.read("whole.npy"));
}

#[test]
fn two_merges_at_once_do_not_meet() {
    let dir = Workdir::new("removal_twice");
    run_dir(&dir, "out", &["fc"], 10, 1, &[(0, 10)]);
    let making =
        featx::rows::unfinished_file::UnfinishedFile::beside(&dir.path("out/fc/features.npy"))
            .unwrap();
    dir.featx_err(
        &["merge", "out"],
        "another process is writing 'out/fc/features.npy.partial'; wait for it",
    );
    drop(making);
    // What a killed merge left is no hindrance.
    dir.write("out/fc/features.npy.partial", "left behind");
    dir.featx_ok(&["merge", "out"]);
    assert_eq!(dir.read("out/fc/features.npy"), dir.read("whole.npy"));
    assert_eq!(dir.names("out/fc").len(), 2);
}
