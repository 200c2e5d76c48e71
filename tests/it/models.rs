//! The test models and what PyTorch says of them, made once by `tests/make_models.py`.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The folder that holds them.
pub fn models() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("models");
    let mut python = Command::new(root.join(".venv/bin/python"));
    let status = python
        .arg(root.join("tests/make_models.py"))
        .arg(&out)
        .status();
    assert!(status.unwrap().success(), "make_models.py failed");
    out
}
