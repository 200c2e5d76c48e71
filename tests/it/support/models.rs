//! The test models and what PyTorch says of them, made once by `tests/make_models.py`.

use crate::support::workdir::Workdir;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The folder that holds them.
pub fn models() -> &'static Path {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    MADE.get_or_init(|| made_by("make_models.py", "models"))
}

/// The programs of torch.export, made by `tests/make_programs.py`; those of another PyTorch for
/// `scripts/check_torch_versions.sh`.
pub fn programs() -> &'static Path {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    MADE.get_or_init(|| match std::env::var_os("FEATX_PROGRAMS") {
        Some(folder) => folder.into(),
        None => made_by("make_programs.py", "programs"),
    })
}

fn made_by(script: &str, folder: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join(folder);
    let mut python = Command::new(root.join(".venv/bin/python"));
    let status = python
        .arg(root.join("tests").join(script))
        .arg(&out)
        .env("OMP_WAIT_POLICY", "PASSIVE") // as featx, in `Workdir::command`
        .status();
    assert!(status.unwrap().success(), "{script} failed");
    out
}

/// A directory with the test models in `models/` and four photos in `photos/`.
pub fn workdir(name: &str) -> Workdir {
    let dir = Workdir::new(name);
    symlink(models(), dir.path("models")).unwrap();
    symlink(models().join("photos"), dir.path("photos")).unwrap();
    dir
}

/// A directory with the programs in `models/` and four photos in `photos/`.
pub fn workdir_of_programs(name: &str) -> Workdir {
    let dir = Workdir::new(name);
    symlink(programs(), dir.path("models")).unwrap();
    symlink(programs().join("photos"), dir.path("photos")).unwrap();
    dir
}
