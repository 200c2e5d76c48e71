//! `merge`, `split` and `inspect` of files need no libtorch: built without it, featx has none of it in its graph.

use std::process::Command;

#[test]
fn no_default_features_means_no_libtorch() {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args([
        "tree",
        "--offline",
        "--no-default-features",
        "--edges",
        "normal,build",
        "--prefix",
        "none",
    ]);
    let output = cargo
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let tree = String::from_utf8(output.stdout).unwrap();
    assert!(
        tree.starts_with("featx "),
        "{tree}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let torch: Vec<_> = tree
        .lines()
        .filter(|line| line.starts_with("tch ") || line.contains("torch"))
        .collect();
    assert!(torch.is_empty(), "{torch:?}");
}

/// The binary under test, when it was built so, must not ask the loader for libtorch either.
#[test]
#[cfg(not(feature = "torch"))]
fn the_binary_asks_for_no_libtorch() {
    let bytes = std::fs::read(env!("CARGO_BIN_EXE_featx")).unwrap();
    assert!(!bytes.windows(11).any(|window| window == b"libtorch.so"));
    assert!(!bytes.windows(15).any(|window| window == b"libtorch_cpu.so"));
}
