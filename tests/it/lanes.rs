//! A long run divides its batches among cores.

use crate::faults::make_images;
use crate::support::arrays::{assert_near, values};
use crate::support::models::models;
use crate::support::workdir::{Ended, Workdir};
use std::thread::available_parallelism;

/// Long on two cores, which compute eight images at a time; the last ones are no whole pass.
const IMAGES: usize = 8 * 16 + 5;
const MODEL: &str = "resnet_scripted.pt";

/// `featx extract` on two cores where there are two.
fn extract(dir: &Workdir, model: &str, layers: &str, out: &str, more: &str) -> Ended {
    let fixed = "extract --list list.txt --quiet";
    let chosen = ["--model", model, "--layer", layers, "--out", out];
    let args = fixed
        .split(' ')
        .chain(chosen)
        .chain(more.split_whitespace());
    let mut command = dir.command(&args.collect::<Vec<_>>());
    let ended = Ended::of(command.env("SLURM_CPUS_PER_TASK", "2"));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    ended
}

/// The images of the largest pass, as a model that prints the shape of what it is given tells them.
fn largest_pass(dir: &Workdir, out: &str, more: &str) -> u64 {
    let model = models().join("unusual/talkative.pt");
    let said = extract(dir, model.to_str().unwrap(), "b", out, more).stderr;
    let shapes = said.lines().filter_map(|line| line.strip_prefix("shape ["));
    let passes = shapes.filter_map(|shape| shape.split(',').next()?.parse().ok());
    passes.max().unwrap()
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

    extract(&dir, MODEL, "layer1,fc", "divided", "");
    assert_eq!(batch_in("divided"), 4 * cores);
    assert_eq!(largest_pass(&dir, "divided_told", ""), 4);
    for (out, fixed) in [("batch", "--batch-size 8"), ("threads", "--threads 2")] {
        extract(&dir, MODEL, "layer1,fc", out, fixed);
        assert_eq!(batch_in(out), 8);
        assert_eq!(largest_pass(&dir, &format!("{out}_told"), fixed), 8);
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
