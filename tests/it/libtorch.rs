//! Which libtorch featx finds and starts `featx-compute` with.

use crate::support::models::workdir;
use crate::support::workdir::{Ended, Workdir};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

const MODEL: &str = "models/resnet_scripted.pt";

/// featx and `featx-compute` in an environment's `bin`, beside its packages.
fn environment(dir: &Workdir) -> Command {
    fs::create_dir_all(dir.path("env/bin")).unwrap();
    let featx = Path::new(env!("CARGO_BIN_EXE_featx"));
    for program in [featx, Path::new(env!("CARGO_BIN_EXE_featx-compute"))] {
        let copy = dir.path("env/bin").join(program.file_name().unwrap());
        fs::copy(program, copy).unwrap();
    }
    fs::create_dir_all(dir.path("env/lib/python3.11/site-packages")).unwrap();
    let mut command = Command::new(dir.path("env/bin/featx"));
    command.current_dir(dir.path("."));
    command.env_remove("VIRTUAL_ENV").env_remove("CONDA_PREFIX");
    command
}

fn error(command: &mut Command) -> String {
    let ended = Ended::whole(command);
    assert_eq!(
        (ended.code, &*ended.stdout),
        (Some(1), ""),
        "{}",
        ended.stderr
    );
    assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
    ended.stderr
}

#[test]
fn the_environment_that_featx_lies_in_has_its_libtorch() {
    let dir = workdir("libtorch_environment");
    let mut command = environment(&dir);
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join(".venv/libtorch");
    let torch = dir.path("env/lib/python3.11/site-packages/torch");
    symlink(fs::canonicalize(own).unwrap(), &torch).unwrap();
    let log = dir.path("loader");
    command.env("LD_DEBUG", "libs").env("LD_DEBUG_OUTPUT", &log);
    let ended = Ended::whole(command.args(["inspect", MODEL, "--json"]));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let logs = dir
        .names(".")
        .into_iter()
        .filter(|name| name.starts_with("loader."));
    let said: String = logs
        .map(|name| fs::read_to_string(dir.path(&name)).unwrap())
        .collect();
    let library = torch.join("lib/libtorch_cpu.so");
    assert!(said.contains(&format!("calling init: {}", library.display())));
}

#[test]
fn a_libtorch_of_another_version_is_named() {
    let dir = workdir("libtorch_version");
    let mut command = environment(&dir);
    dir.write("torch/version.py", "__version__ = '2.9.1+cpu'\n");
    dir.write("torch/lib/libtorch_cpu.so", "");
    let said = error(
        command
            .args(["inspect", MODEL])
            .env("FEATX_LIBTORCH", "torch"),
    );
    let expected = "error: FEATX_LIBTORCH='torch' holds 2.9.1+cpu, and featx needs 2.11.0;";
    assert!(said.starts_with(expected), "{said}");
    let said = error(command.env("FEATX_LIBTORCH", "nowhere"));
    assert!(
        said.contains("holds no libtorch, and featx needs 2.11.0;"),
        "{said}"
    );
}

#[test]
fn another_libtorch_on_the_loaders_path_is_passed_by() {
    let dir = workdir("libtorch_loader");
    dir.write("other/libtorch_cpu.so", "");
    let mut command = Command::new(env!("CARGO_BIN_EXE_featx"));
    command.current_dir(dir.path("."));
    command.env("LD_LIBRARY_PATH", dir.path("other"));
    let ended = Ended::whole(command.args(["inspect", MODEL, "--json"]));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
}

#[test]
fn files_need_no_libtorch_and_models_the_second_program() {
    let dir = workdir("libtorch_none");
    let mut command = environment(&dir);
    command.env("FEATX_LIBTORCH", "nowhere");
    fs::remove_file(dir.path("env/bin/featx-compute")).unwrap();
    dir.python("np.save('a.npy', np.arange(6.))");
    let ended = Ended::whole(command.args(["inspect", "a.npy"]));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let mut command = Command::new(dir.path("env/bin/featx"));
    let said = error(command.args(["inspect", MODEL]).current_dir(dir.path(".")));
    assert!(
        said.contains("env/bin/featx-compute' is missing; featx needs it to compute, "),
        "{said}"
    );
}
