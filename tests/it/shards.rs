//! `--shard I/N`: many processes, one run directory. `scripts/check_slurm.py` does the same on a real Slurm.

use crate::faults::{ROWS, args, bench, make_images, parts, start};
use crate::support::workdir::{Ended, Workdir};
use std::fs;

/// `args(out)` for a shard, then `more`.
fn shard<'a>(out: &'a str, shard: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [args(out), vec!["--shard", shard], more.to_vec()].concat()
}

/// Merges the run: it is the one that a single process made in `whole`, and no file of the work is left.
#[track_caller]
fn finish(dir: &Workdir, out: &str) {
    dir.featx_ok(&["merge", out, "--quiet"]);
    if !dir.path("whole/fc/features.npy").exists() {
        dir.featx_ok(&["merge", "whole", "--quiet"]);
    }
    for name in ["fc/features.npy", "file_names.txt"] {
        assert_eq!(
            dir.read(&format!("{out}/{name}")),
            dir.read(&format!("whole/{name}")),
            "{name}"
        );
    }
    let left: Vec<_> = [dir.names(out), dir.names(&format!("{out}/fc"))].concat();
    let odd = |name: &String| name.ends_with(".partial") || name.contains(".lock");
    assert!(!left.iter().any(odd), "{left:?}");
}

/// The error of a command that has to fail.
#[track_caller]
fn refused(dir: &Workdir, args: &[&str], code: i32) -> String {
    let ended = dir.featx(args);
    assert_eq!(ended.code, Some(code), "{args:?}: {}", ended.stderr);
    let line = ended.stderr.lines().last().unwrap();
    line.strip_prefix("error: ").unwrap().to_owned()
}

#[test]
fn shards_give_the_rows_of_a_single_process() {
    let dir = bench("shards_equal");
    // More of them than differ: 60 batches in 7 slices.
    for index in ["6/7", "0/7", "3/7", "1/7", "2/7", "5/7"] {
        dir.featx_ok(&shard("out", index, &[]));
    }
    let missing = "shards: 6 of 7 done\nmissing: --array=4\n";
    let inspected = dir.featx_ok(&["inspect", "out"]);
    assert!(inspected.ends_with(missing), "{inspected}");
    let line = refused(&dir, &["merge", "out"], 1);
    let cure = "lacks rows 68-84 of 120; submit the missing shards again: --array=4";
    assert!(line.ends_with(cure), "{line}");
    let said = dir.featx(&shard("out", "4/7", &[])).stderr;
    assert!(
        said.contains("shard 4/7 of 'out': rows 68-84, 0 of 16 rows are done\n"),
        "{said}"
    );
    finish(&dir, "out");
    assert!(
        String::from_utf8(dir.read("out/run.toml"))
            .unwrap()
            .contains("shards = 7\n")
    );
    // Done is done.
    let again = dir.featx(&shard("out", "4/7", &[])).stderr;
    assert!(again.contains("16 of 16 rows are done\n"), "{again}");
}

#[test]
fn all_may_start_at_once_and_some_have_nothing_to_do() {
    let dir = bench("shards_at_once");
    let small = ["--batch-size", "20"];
    let names: Vec<String> = (0..8).map(|index| format!("{index}/8")).collect();
    let batched = |out, name| -> Vec<String> {
        let mut words: Vec<_> = shard(out, name, &[])
            .into_iter()
            .map(str::to_owned)
            .collect();
        let at = words
            .iter()
            .position(|word| word == "--batch-size")
            .unwrap();
        words[at + 1] = small[1].to_owned();
        words
    };
    let children: Vec<_> = names
        .iter()
        .map(|name| {
            let words = batched("a/new/out", name);
            start(&dir, &words.iter().map(String::as_str).collect::<Vec<_>>())
        })
        .collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    // Six batches: two shards have none.
    assert_eq!(parts(&dir, "a/new/out").len(), 6);
    dir.featx_ok(&["merge", "a/new/out", "--quiet"]);
    let close = "a, b = (np.load(f'{d}/fc/features.npy') for d in ('a/new/out', 'whole')); print(abs(a - b).max())";
    dir.featx_ok(&["merge", "whole", "--quiet"]);
    let difference: f64 = dir.python(close).trim().parse().unwrap();
    assert!(difference < 1e-4, "{difference}");
}

#[test]
fn what_is_not_the_run_is_refused() {
    let dir = bench("shards_refused");
    dir.featx_ok(&shard("out", "1/4", &[]));
    let before = dir.names("out");
    let other = "or choose another --out";
    let cases: [(&[&str], String); 5] = [
        (
            &["--shard", "1/5"],
            format!("'out' holds a run of 4 shards, this is shard 1 of 5 (--shard); pass --shard I/4, {other}"),
        ),
        (
            &[],
            format!("'out' holds a run of 4 shards; pass --shard I/4 (see: featx inspect out), {other}"),
        ),
        (
            &["--no-shard"],
            format!("'out' holds a run of 4 shards; pass --shard I/4 (see: featx inspect out), {other}"),
        ),
        (
            &["--shard", "0/4", "--flatten"],
            "'out' holds a run with flatten false, this one asks for true; choose another --out".into(),
        ),
        (
            &["--shard", "0/4", "--list", "few.txt"],
            "'out' holds a run of other images than 'few.txt' names; pass --list out/file_names.txt, or choose another --out"
                .into(),
        ),
    ];
    dir.write("few.txt", "0001.bmp\n");
    for (more, line) in cases {
        assert_eq!(
            refused(&dir, &[args("out"), more.to_vec()].concat(), 1),
            line
        );
    }
    let line = refused(&dir, &shard("out", "0/4", &["--overwrite"]), 2);
    assert!(
        line.starts_with("--overwrite would remove what other shards have done; "),
        "{line}"
    );
    let mut batch = shard("out", "0/4", &[]);
    let at = batch.iter().position(|arg| *arg == "--batch-size").unwrap();
    batch[at + 1] = "4";
    let line = refused(&dir, &batch, 1);
    assert!(line.contains("batch size 2, this one asks for 4"), "{line}");
    let line = refused(&dir, &shard("whole", "0/4", &[]), 1);
    assert!(
        line.starts_with("'whole' holds a run by one process, this is shard 0 of 4 (--shard); "),
        "{line}"
    );
    for wrong in ["4/4", "1", "a/b", "-1/4", "0/0"] {
        assert_eq!(
            dir.featx(&shard("out", wrong, &[])).code,
            Some(2),
            "{wrong}"
        );
    }
    assert_eq!(dir.names("out"), before);
}

#[test]
fn slurms_variables_are_taken_and_told() {
    let dir = bench("shards_slurm");
    let run = |variables: &[(&str, &str)], more: &[&str]| {
        let mut command = dir.command(&[args("out"), more.to_vec()].concat());
        Ended::of(command.envs(variables.iter().copied()))
    };
    let array = |id| {
        [
            ("SLURM_JOB_ID", "7"),
            ("SLURM_ARRAY_TASK_ID", id),
            ("SLURM_ARRAY_TASK_MIN", "3"),
            ("SLURM_ARRAY_TASK_MAX", "7"),
            ("SLURM_ARRAY_TASK_COUNT", "2"),
        ]
    };
    let fresh = run(&array("3"), &[]);
    assert_eq!(fresh.code, Some(2));
    let line = "error: SLURM_ARRAY_TASK_ID=3 says which shard this is, but not how many there are: 'out' holds no run yet; \
                pass --shard 3/N\n";
    assert_eq!(fresh.stderr, line);
    assert!(!dir.path("out").exists());
    // The run knows how many there are, whatever is submitted again.
    assert_eq!(run(&array("3"), &["--shard", "3/10"]).code, Some(0));
    let again = run(&array("7"), &[]);
    assert!(
        again
            .stderr
            .starts_with("shard 7/10: 7 from SLURM_ARRAY_TASK_ID, 10 from 'out/run.toml' "),
        "{}",
        again.stderr
    );
    assert!(
        dir.featx_ok(&["inspect", "out"])
            .contains("\nmissing: --array=0-2,4-6,8,9\n")
    );
    // All of a batch script's tasks, but no step of srun's: a plain job.
    let batch = [
        ("SLURM_JOB_ID", "7"),
        ("SLURM_PROCID", "0"),
        ("SLURM_NTASKS", "4"),
    ];
    let mut plain = dir.command(&args("plain"));
    assert_eq!(Ended::of(plain.envs(batch)).code, Some(0));
    assert_eq!(parts(&dir, "plain"), parts(&dir, "whole"));
}

#[test]
fn a_shard_touches_no_others_files() {
    let dir = bench("shards_tidy");
    dir.featx_ok(&shard("out", "0/4", &[]));
    // Rows 30 to 59 are shard 1's.
    let (ours, theirs) = (
        "out/fc/features_0000000034.partial",
        "out/fc/features_0000000064.partial",
    );
    for name in [
        ours,
        theirs,
        "out/errors_0001.csv.partial",
        "out/errors_0002.csv.partial",
    ] {
        dir.write(name, "half");
    }
    dir.write(
        "out/fc/features_0000000060-0000000062.npy",
        "broken, but not ours",
    );
    dir.featx_ok(&shard("out", "1/4", &[]));
    assert!(!dir.path(ours).exists() && dir.path(theirs).exists());
    assert!(!dir.path("out/errors_0001.csv.partial").exists());
    assert!(dir.path("out/errors_0002.csv.partial").exists());
    assert!(
        dir.path("out/fc/features_0000000060-0000000062.npy")
            .exists()
    );
    fs::remove_file(dir.path("out/errors_0002.csv.partial")).unwrap();
    // It goes by the run's own list, whatever came into the folder; and a list that was lost is made again.
    dir.featx_ok(&shard("out", "2/4", &[]));
    fs::remove_file(dir.path("out/file_names.txt")).unwrap();
    let said = dir.featx(&shard("out", "3/4", &[])).stderr;
    assert!(
        said.contains("'out/file_names.txt' was missing or changed; written again\n"),
        "{said}"
    );
    fs::remove_file(dir.path("out/fc/features_0000000060-0000000062.npy.broken")).unwrap();
    finish(&dir, "out");
}

#[test]
fn broken_images_of_all_shards_are_in_one_table() {
    let dir = Workdir::new("shards_errors");
    make_images(&dir);
    for row in [3, 70, 119] {
        dir.write(&format!("images/{row:04}.bmp"), "BM");
    }
    dir.featx_ok(&[args("whole"), vec!["--on-error", "skip"]].concat());
    for index in ["2/3", "0/3", "1/3"] {
        dir.featx_ok(&shard("out", index, &["--on-error", "skip"]));
    }
    assert_eq!(
        dir.read("out/errors_0001.csv"),
        b"row,path,reason\n70,0070.bmp,"
            .to_vec()
            .into_iter()
            .chain(dir.read("out/errors_0001.csv").into_iter().skip(28))
            .collect::<Vec<_>>()
    );
    finish(&dir, "out");
    assert_eq!(dir.read("out/errors.csv"), dir.read("whole/errors.csv"));
}

#[test]
fn a_shard_has_one_process_and_a_run_that_is_written_is_not_overwritten() {
    let dir = bench("shards_locks");
    dir.featx_ok(&shard("out", "0/4", &[]));
    let holder = std::process::id();
    // The lock of a process that lives: this one.
    let stat = fs::read_to_string(format!("/proc/{holder}/stat")).unwrap();
    let started = stat
        .rsplit_once(") ")
        .unwrap()
        .1
        .split(' ')
        .nth(19)
        .unwrap();
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    let space = fs::read_link("/proc/self/ns/pid").unwrap();
    let place = format!("{} {}", boot.trim(), space.display());
    let lock =
        format!("host = \"here\"\npid = {holder}\nstarted = {started}\nplace = \"{place}\"\n");
    dir.write("out/shard_0001.lock", &lock);
    let line = refused(&dir, &shard("out", "1/4", &[]), 1);
    let expected = format!(
        "shard 1 of 'out' is being written by process {holder}; wait for it, or choose another --out"
    );
    assert_eq!(line, expected);
    let inspected = dir.featx_ok(&["inspect", "out"]);
    assert!(
        inspected.ends_with("shards: 1 of 4 done\nrunning: 1\nmissing: --array=2,3\n"),
        "{inspected}"
    );
    let line = refused(&dir, &["merge", "out"], 1);
    assert!(
        line.ends_with(
            "wait for the shards that run: 1; submit the missing shards again: --array=2,3"
        ),
        "{line}"
    );
    let line = refused(
        &dir,
        &[args("out"), vec!["--no-shard", "--overwrite"]].concat(),
        1,
    );
    assert!(
        line.starts_with("shard 1 of 'out' is being written by another process; "),
        "{line}"
    );
    assert_eq!(parts(&dir, "out").len(), 15);
    // The lock of a dead process stops neither this shard nor a new run.
    dir.write(
        "out/shard_0001.lock",
        lock.replace(&format!("started = {started}"), "started = 1"),
    );
    dir.featx_ok(&shard("out", "1/4", &[]));
    dir.featx_ok(&[args("out"), vec!["--no-shard", "--overwrite"]].concat());
    finish(&dir, "out");
    assert_eq!(
        dir.names("out"),
        [
            "checksums.txt",
            "fc",
            "file_names.txt",
            "memory.csv",
            "run.toml",
            "stages.csv"
        ]
    );
}

#[test]
fn a_shard_of_a_long_list_reads_its_own_lines_alone() {
    let dir = bench("shards_long_list");
    // Three blocks of at most 4,096 lines; ten rows a shard.
    let name = |row: usize| format!("{:04}.bmp\n", row % ROWS);
    let list: String = (0..9000).map(name).collect();
    dir.write("list.txt", &list);
    let run = |index: &str, list| dir.featx(&shard("out", index, &["--list", list]));
    let well = |index: &str, list| {
        let ended = run(index, list);
        assert_eq!(ended.code, Some(0), "{index}: {}", ended.stderr);
        ended.stderr
    };
    well("899/900", "list.txt");
    let part = |out: &str, rows: &str| dir.read(&format!("{out}/fc/features_{rows}.npy"));
    assert_eq!(
        part("out", "0000008996-0000008998"),
        part("whole", "0000000116-0000000118")
    );
    dir.python(
        "index = np.load('out/file_names.npy')\n\
         assert index.shape == (4, 5) and index.dtype == 'u8', index\n\
         assert index[:, 0].tolist() == [0, 4096 * 9, 8192 * 9, 9000 * 9], index[:, 0]\n",
    );
    // Where the list differs in another shard's rows, that shard refuses it.
    let other = |row: usize| match row {
        5000 => "0000.bmp\n".to_owned(),
        row => name(row),
    };
    dir.write("other.txt", (0..9000).map(other).collect::<String>());
    well("3/900", "other.txt");
    let line = refused(&dir, &shard("out", "500/900", &["--list", "other.txt"]), 1);
    assert!(
        line.starts_with("'out' holds a run of other images than 'other.txt' names"),
        "{line}"
    );
    // So it is with the run's own list.
    dir.write("out/file_names.txt", dir.read("other.txt"));
    let changed = "'out/file_names.txt' was missing or changed; written again\n";
    assert!(!well("0/900", "list.txt").contains(changed));
    assert!(well("500/900", "list.txt").contains(changed));
    assert_eq!(dir.read("out/file_names.txt"), list.as_bytes());
    // Without the index, or with another, all lines are read.
    dir.write(
        "out/file_names.npy",
        dir.read("out/fc/features_0000008996-0000008998.npy"),
    );
    well("501/900", "list.txt");
    fs::remove_file(dir.path("out/file_names.npy")).unwrap();
    well("502/900", "list.txt");
    dir.featx_ok(&[args("out"), vec!["--no-shard", "--overwrite"]].concat());
    assert!(!dir.path("out/file_names.npy").exists());
}

#[test]
fn a_dry_run_plans_the_shard_and_writes_nothing() {
    let dir = bench("shards_dry");
    for out in ["fresh", "out"] {
        let said = dir.featx_ok(&shard(out, "3/7", &["--dry-run", "--json"]));
        let plan: serde_json::Value = serde_json::from_str(&said).unwrap();
        assert_eq!(
            (&plan["rows"], &plan["parts"]),
            (&18.into(), &9.into()),
            "{said}"
        );
        assert!(!dir.path("fresh").exists());
        dir.featx_ok(&shard("out", "0/7", &[]));
    }
}
