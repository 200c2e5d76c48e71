//! The limits and signals of batch systems: a run that they stop says so, and keeps what is done.

use crate::faults::{args, bench, check, finish, make_images, parts, send, start, wait_for_parts};
use crate::support::workdir::{Ended, Workdir};
use std::process::Command;

/// featx under `ulimit OPTIONS`, in the shell's units.
fn limited(dir: &Workdir, limits: &str, args: &[&str]) -> Ended {
    let mut command = Command::new("bash");
    let script = format!("ulimit {limits} && exec \"$0\" \"$@\"");
    command.args(["-c", &script, env!("CARGO_BIN_EXE_featx")]);
    Ended::of(command.args(args).current_dir(dir.path("")))
}

#[test]
fn signals_of_batch_systems_and_terminals_seal_what_is_done() {
    let dir = bench("limits_signals");
    for (signal, code) in [("USR2", 140), ("HUP", 129), ("XCPU", 152)] {
        let mut child = start(&dir, &args(signal));
        wait_for_parts(&dir, signal, 3);
        send(signal, &child);
        // The kernel repeats this one.
        if signal == "XCPU" {
            send(signal, &child);
        }
        assert_eq!(child.wait().unwrap().code(), Some(code), "{signal}");
        assert!(!parts(&dir, signal).is_empty());
        check(&dir, signal);
        let said = finish(&dir, signal);
        assert!(said.contains(&format!("resuming '{signal}': ")), "{said}");
    }
}

#[test]
fn nohup_keeps_a_run_from_a_terminal_that_closes() {
    let dir = bench("limits_nohup");
    let mut command = Command::new("bash");
    let script = "trap '' HUP; exec \"$0\" \"$@\"";
    command.args(["-c", script, env!("CARGO_BIN_EXE_featx")]);
    command.args(args("out")).current_dir(dir.path(""));
    let mut child = command.spawn().unwrap();
    wait_for_parts(&dir, "out", 3);
    send("HUP", &child);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn parts_keep_to_the_limit_on_files_and_what_cannot_is_refused() {
    let dir = Workdir::new("limits_file_size");
    make_images(&dir);
    // Rows of layer1 have 16,384 bytes; bash counts in 1,024.
    let args = |out| {
        let options = "extract --model resnet_scripted.pt --layer layer1 --batch-size 2 --out";
        options.split(' ').chain([out]).collect::<Vec<_>>()
    };
    let ended = limited(&dir, "-f 175", &args("out"));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let names = dir.names("out/layer1");
    let largest = names
        .iter()
        .map(|name| dir.read(&format!("out/layer1/{name}")).len());
    assert!(largest.max().unwrap() <= 175 * 1024 && names.len() >= 12);

    let ended = limited(&dir, "-f 30", &args("small"));
    let expected = "error: a part of one batch has 36.9 kB, and a file may have 30.7 kB (ulimit -f); raise that limit or \
                    lower --batch-size\n";
    assert!(ended.stderr.ends_with(expected), "{}", ended.stderr);
    assert_eq!(ended.code, Some(1));
    assert!(!dir.path("small").exists());

    let ended = limited(&dir, "-f 175", &["merge", "out"]);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    let expected =
        "File too large (os error 27); a file may have 179.2 kB (ulimit -f): raise that limit\n";
    assert!(ended.stderr.ends_with(expected), "{}", ended.stderr);
    assert_eq!(dir.names("out/layer1"), names);
}

/// From far too little to plenty: every run succeeds, or ends in one line that names the limit.
#[test]
fn a_limit_on_address_space_is_heeded_or_named() {
    let dir = Workdir::new("limits_address_space");
    make_images(&dir);
    let mut done = 0;
    for mib in [300, 400, 500, 700, 1000, 6000] {
        let out = format!("out{mib}");
        let options =
            "extract --model resnet_scripted.pt --layer layer1,fc --threads 2 --workers 2 --out";
        let args: Vec<&str> = options.split(' ').chain([&*out]).collect();
        let ended = limited(&dir, &format!("-v {}", mib * 1024), &args);
        let last = ended.stderr.lines().last().unwrap_or_default();
        match ended.code {
            Some(0) => done += 1,
            // The dynamic loader's own words.
            Some(127) => assert!(
                last.contains("error while loading shared libraries"),
                "{last}"
            ),
            code => {
                assert_eq!(code, Some(1), "{mib} MiB: {}", ended.stderr);
                let named = last.contains("ulimit -v") || last.contains("--ram-budget");
                assert!(
                    last.starts_with("error: ") && named,
                    "{mib} MiB: {}",
                    ended.stderr
                );
            }
        }
    }
    assert!(done >= 2, "{done}");
}
