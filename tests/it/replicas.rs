//! Several devices at once, shown with replicas on the CPU: who computes a batch changes no row.

use crate::faults::{make_images, parts, send, start, wait_for_parts};
use crate::support::arrays::{relative_l2, values};
use crate::support::workdir::{Ended, Workdir};
use std::fs;

const LAYERS: [&str; 3] = ["layer1", "layer4", "fc"];

/// `featx extract` of three layers on these devices.
fn command<'a>(out: &'a str, device: &'a str, more: &'a str) -> Vec<&'a str> {
    let fixed = "extract --model resnet_scripted.pt --layer layer1,layer4,fc --threads 1 --quiet";
    let named = ["--out", out, "--device", device];
    fixed
        .split(' ')
        .chain(named)
        .chain(more.split_whitespace())
        .collect()
}

/// Merges both runs: all layers are equal, byte for byte.
#[track_caller]
fn assert_equal(dir: &Workdir, out: &str, expected: &str) {
    for out in [out, expected] {
        dir.featx_ok(&["merge", out, "--quiet", "--overwrite"]);
    }
    for layer in LAYERS {
        let rows = |out: &str| dir.read(&format!("{out}/{layer}/features.npy"));
        assert!(rows(out) == rows(expected), "{layer} of {out}");
    }
    let names = |out: &str| dir.read(&format!("{out}/file_names.txt"));
    assert_eq!(names(out), names(expected));
}

/// The last line of a run that must fail.
#[track_caller]
fn failure(ended: &Ended) -> &str {
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    let words = ["panicked", "terminate called", "Traceback"];
    let fell = words.iter().any(|words| ended.stderr.contains(words));
    assert!(!fell, "{}", ended.stderr);
    let line = ended.stderr.lines().last().unwrap();
    line.strip_prefix("error: ").unwrap()
}

#[test]
fn replicas_give_the_rows_of_one() {
    let dir = Workdir::new("replicas_equal");
    make_images(&dir);
    let cases = [
        (1, "--batch-size 4", "cpu,cpu"),
        (7, "--batch-size 2 --step-size 1", "cpu,cpu,cpu"),
        (7, "--batch-size 100", "cpu,cpu,cpu,cpu,cpu"),
        (119, "--batch-size 3 --step-size 5", "cpu,cpu,cpu"),
        (119, "--batch-size 16 --workers 3", "cpu,cpu"),
    ];
    for (case, (count, more, device)) in cases.iter().enumerate() {
        let names = (0..*count).map(|row| format!("{:04}.bmp\n", row * 37 % 120));
        dir.write("list.txt", names.collect::<String>());
        let more = format!("{more} --list list.txt");
        let [one, several] = ["one", "several"].map(|out| format!("{case}/{out}"));
        dir.featx_ok(&command(&one, "cpu", &more));
        let ended = Ended::whole(&mut dir.command(&command(&several, device, &more)));
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        let said = format!("device: {device}\n");
        assert!(ended.stderr.starts_with(&said), "{}", ended.stderr);
        assert_equal(&dir, &several, &one);
    }
    // They are rows that could be told from each other.
    let (shape, rows) = values(&dir.path("3/one/fc/features.npy"));
    let mut rows: Vec<&[f64]> = rows.chunks(shape[1] as usize).collect();
    rows.sort_by(|a, b| a[0].total_cmp(&b[0]));
    for pair in rows.windows(2) {
        assert!(relative_l2(pair[0], pair[1]) > 1e-4);
    }
}

#[test]
fn a_signal_to_several_replicas_loses_nothing_and_one_goes_on() {
    let dir = Workdir::new("replicas_signal");
    make_images(&dir);
    let more = "--batch-size 2 --step-size 1 --workers 1";
    dir.featx_ok(&command("whole", "cpu", more));
    for (signal, code) in [("TERM", 143), ("USR1", 138)] {
        let several = command(signal, "cpu,cpu,cpu", more);
        let mut child = start(&dir, &several);
        wait_for_parts(&dir, signal, 3);
        send(signal, &child);
        assert_eq!(child.wait().unwrap().code(), Some(code));
        let done = parts(&dir, signal);
        assert!((3..60).contains(&done.len()), "{done:?}");
        // One goes on, and then several with what is missing here and there.
        let resumed = dir.featx(&command(signal, "cpu", more));
        let said = format!("resuming '{signal}': {} of 120 rows", 2 * done.len());
        assert!(resumed.stderr.contains(&said), "{}", resumed.stderr);
        for part in parts(&dir, signal).iter().step_by(3) {
            fs::remove_file(dir.path(&format!("{signal}/fc/{part}"))).unwrap();
        }
        dir.featx_ok(&several);
        assert_equal(&dir, signal, "whole");
    }
}

#[test]
fn a_broken_image_stops_all_replicas_with_the_rows_before_it_sealed() {
    let dir = Workdir::new("replicas_broken");
    make_images(&dir);
    dir.write("images/0061.bmp", "no photo");
    let more = "--batch-size 4 --step-size 2";
    let ended = dir.featx(&command("out", "cpu,cpu,cpu", more));
    let line = failure(&ended);
    assert!(
        line.starts_with("image '0061.bmp' is not an image: "),
        "{line}"
    );
    for layer in LAYERS {
        let parts = dir.names(&format!("out/{layer}"));
        assert_eq!(parts.len(), 8, "{parts:?}");
        assert_eq!(parts[7], "features_0000000056-0000000061.npy");
    }
    let skip = format!("{more} --on-error skip");
    dir.featx_ok(&command("one", "cpu", &skip));
    dir.featx_ok(&command("new", "cpu,cpu", &skip));
    assert_equal(&dir, "new", "one");
    dir.featx_ok(&command("out", "cpu,cpu,cpu", &skip));
    for out in ["new", "out"] {
        let errors = String::from_utf8(dir.read(&format!("{out}/errors.csv"))).unwrap();
        assert!(
            errors.starts_with("row,path,reason\n61,0061.bmp,"),
            "{errors}"
        );
    }
    let nan = dir.featx_ok(&["inspect", "new/fc/features.npy"]);
    assert!(nan.contains("NaN") && nan.contains("10"), "{nan}");
}

#[test]
fn a_replica_that_fails_ends_the_run_and_it_goes_on() {
    let dir = Workdir::new("replicas_fail");
    make_images(&dir);
    dir.write("picky.py", PICKY);
    dir.python("import sys\nsys.path.insert(0, '.')\nimport picky\npicky.save()");
    let row = dir.read("images/0090.bmp");
    let header = row.len() - 64 * 64 * 3;
    let white = [&row[..header], &[255; 64 * 64 * 3]].concat();
    dir.write("images/0090.bmp", white);
    let args = "extract --model picky.pt --layer fc --threads 1 --quiet --batch-size 4 --step-size 2 --resize 64 --crop 64";
    let run = |out, device| {
        let named = ["--out", out, "--device", device];
        dir.featx(&args.split(' ').chain(named).collect::<Vec<_>>())
    };
    let ended = run("out", "cpu,cpu,cpu");
    let line = failure(&ended);
    assert!(line.contains("too white for this model"), "{line}");
    let sealed = parts(&dir, "out");
    assert!(
        sealed.len() <= 11 && sealed.iter().all(|name| &name[20..30] <= "0000000088"),
        "{sealed:?}"
    );
    dir.write("images/0090.bmp", row);
    for (out, device) in [("out", "cpu,cpu"), ("one", "cpu")] {
        let ended = run(out, device);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        dir.featx_ok(&["merge", out, "--quiet"]);
    }
    assert!(dir.read("out/fc/features.npy") == dir.read("one/fc/features.npy"));
}

/// A model that fails on an image of nothing but white.
const PICKY: &str = "import torch

class Picky(torch.nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(7)
        self.fc = torch.nn.Linear(3, 5)

    def forward(self, x):
        if bool((x.flatten(1).amin(1) > 2.0).any()):
            raise RuntimeError('too white for this model')
        return self.fc(x.mean((2, 3)))

def save():
    torch.jit.script(Picky().eval()).save('picky.pt')
";

#[test]
fn parts_of_all_replicas_keep_to_a_limit_on_the_size_of_files() {
    let dir = Workdir::new("replicas_limit");
    make_images(&dir);
    let run = command("out", "cpu,cpu,cpu", "--batch-size 2 --step-size 4");
    let mut shell = std::process::Command::new("sh");
    let limited = "trap '' XFSZ; ulimit -f 100; exec \"$0\" \"$@\"";
    shell.args(["-c", limited, env!("CARGO_BIN_EXE_featx")]);
    let ended = Ended::of(shell.args(&run).current_dir(dir.path("")));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    dir.featx_ok(&command("one", "cpu", "--batch-size 2"));
    assert_equal(&dir, "out", "one");
}
