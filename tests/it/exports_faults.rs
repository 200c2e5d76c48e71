//! Exports that are killed, or meet a full disk, and exports of runs that were cut short.

use crate::exports::{export_ok, python};
use crate::support::waiting::wait_until;
use crate::support::workdir::{Ended, Workdir};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

/// Every export of a run of some size, killed at twelve instants from when it begins to write.
#[test]
fn a_killed_export_has_not_the_final_name() {
    let dir = Workdir::new("exports_killed");
    python(&dir, "run('out', {'features.30': (512, 7, 7)}, 200, [80])");
    for ending in ["h5", "mat", "parquet", "safetensors", "pt", "csv"] {
        let target = format!("out.{ending}");
        let mut killed = 0;
        let partial = dir.path(&format!("{target}.partial"));
        for instant in 0..12 {
            let _ = fs::remove_file(&partial); // of the last kill
            let mut process = dir.command(&["merge", "out", "--out", &target, "--quiet"]);
            let mut process = process.stderr(Stdio::null()).spawn().unwrap();
            wait_until(&target, || {
                partial.exists() || process.try_wait().unwrap().is_some()
            });
            sleep(Duration::from_millis(instant * 2));
            process.kill().unwrap();
            if !process.wait().unwrap().success() {
                assert!(!dir.path(&target).exists(), "{target}");
                killed += 1;
            }
            let _ = fs::remove_file(dir.path(&target));
        }
        assert!(killed > 0, "{ending} was always quicker");
        export_ok(&dir, "out", ending, &[]);
        assert!(!partial.exists());
    }
    python(
        &dir,
        "check('out', ['features.30'], ['h5', 'mat', 'parquet', 'safetensors', 'pt'])",
    );
}

/// The disk is full sooner or later; a limit on the size of files stands for it.
#[test]
fn a_full_disk_leaves_nothing_behind() {
    let dir = Workdir::new("exports_full");
    python(&dir, "run('out', {'fc': (512,)}, 2000, [80])");
    for ending in ["h5", "mat", "parquet", "safetensors", "pt", "csv"] {
        let target = format!("out.{ending}");
        for kilobytes in [1, 40, 500, 2000, 3900] {
            let featx = Path::new(env!("CARGO_BIN_EXE_featx"));
            let shell = format!(
                "trap '' XFSZ; ulimit -f {}; exec '{}' merge out --quiet --out {target}",
                kilobytes * 2,
                featx.display()
            );
            let mut command = Command::new("sh");
            command.args(["-c", &shell]).current_dir(dir.path("."));
            let ended = Ended::whole(&mut command);
            assert_eq!(
                ended.code,
                Some(1),
                "{ending} {kilobytes}: {}",
                ended.stderr
            );
            let line = format!("error: cannot write '{target}': ");
            assert!(
                ended.stderr.starts_with(&line),
                "{ending}: {}",
                ended.stderr
            );
            assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
            let left = dir.names(".");
            assert!(
                !left.iter().any(|name| name.starts_with(&target)),
                "{left:?}"
            );
        }
    }
}

#[cfg(feature = "torch")]
#[test]
fn a_sharded_and_resumed_run_exports() {
    use crate::exports::{SEVERAL, export};
    use crate::faults::{args, make_images};
    let dir = Workdir::new("exports_run");
    make_images(&dir);
    dir.write("images/0041.bmp", "no image");
    let shard = |index| {
        let more = ["--layer", "layer4", "--on-error", "skip", "--shard", index];
        dir.featx_ok(&[args("out"), more.to_vec()].concat());
    };
    shard("1/2");
    shard("0/2");
    fs::remove_file(dir.path("out/fc").join(&dir.names("out/fc")[4])).unwrap();
    let ended = export(&dir, "out", "h5", &[]);
    assert!(
        ended.stderr.contains("lacks rows 8-10 of 120"),
        "{}",
        ended.stderr
    );
    shard("0/2");
    for ending in SEVERAL {
        export_ok(&dir, "out", ending, &[]);
    }
    for layer in ["fc", "layer4"] {
        let out = format!("out-{layer}.npy");
        dir.featx_ok(&["merge", "out", "--layer", layer, "--out", &out]);
    }
    python(
        &dir,
        "check('out', ['fc', 'layer4'], ['h5', 'hdf5', 'mat', 'parquet', 'safetensors', 'pt'])
a = np.load('out-fc.npy'); assert np.isnan(a[41]).all() and np.isfinite(np.delete(a, 41, 0)).all()",
    );
}
