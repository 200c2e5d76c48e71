//! A long run divides its batches among cores.

use crate::faults::make_images;
use crate::support::arrays::{assert_near, values};
use crate::support::models::ONEDNN_LOG;
use crate::support::workdir::{Ended, Workdir};
use std::thread::available_parallelism;

/// Long on two cores, which compute eight images at a time; the last ones are no whole pass.
const IMAGES: usize = 8 * 16 + 5;

/// `featx extract` on two cores where there are two; returns the batches that oneDNN computed.
fn batches(dir: &Workdir, out: &str, more: &str) -> Vec<u64> {
    let fixed =
        "extract --model resnet_scripted.pt --layer layer1,fc --list list.txt --quiet --out";
    let args = fixed.split(' ').chain([out]).chain(more.split_whitespace());
    let mut command = dir.command(&args.collect::<Vec<_>>());
    command.env("SLURM_CPUS_PER_TASK", "2");
    let ended = Ended::of(command.env("ONEDNN_VERBOSE", ONEDNN_LOG));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let convolutions = ended
        .stdout
        .lines()
        .filter(|line| line.contains(",convolution,"));
    let shapes = convolutions.filter_map(|line| line.split(",mb").nth(1)?.split('_').next());
    let mut batches: Vec<u64> = shapes.map(|batch| batch.parse().unwrap()).collect();
    batches.sort_unstable();
    batches.dedup();
    batches
}

#[test]
fn a_long_run_divides_its_batches_and_that_changes_no_row() {
    let dir = Workdir::new("lanes");
    make_images(&dir);
    let names = (0..IMAGES).map(|row| format!("{:04}.bmp\n", row * 37 % 120));
    dir.write("list.txt", names.collect::<String>());
    let cores = available_parallelism().unwrap().get().min(2) as u64;
    let batch_in = |out: &str| {
        let run = String::from_utf8(dir.read(&format!("{out}/run.toml"))).unwrap();
        let run: toml::Table = run.parse().unwrap();
        run["batch_size"].as_integer().unwrap() as u64
    };

    let divided = batches(&dir, "divided", "");
    assert_eq!(batch_in("divided"), 4 * cores);
    assert_eq!(divided.last(), Some(&4), "{divided:?}"); // below are those that prove it
    for (out, fixed) in [("batch", "--batch-size 8"), ("threads", "--threads 2")] {
        let whole = batches(&dir, out, fixed);
        assert_eq!(whole.last(), Some(&batch_in(out)), "{whole:?}");
        assert_eq!(batch_in(out), 8);
        for layer in ["layer1", "fc"] {
            let rows = |out: &str| {
                let part = dir.names(&format!("{out}/{layer}")).remove(0);
                values(&dir.path(&format!("{out}/{layer}/{part}")))
            };
            let ((shape, found), (_, expected)) = (rows("divided"), rows(out));
            assert_eq!(shape[0], IMAGES as u64);
            assert_near(&found, &expected, 1e-6);
        }
    }
}
