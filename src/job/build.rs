//! Makes the presets of `configs/` part of the program.

use std::env::var_os;
use std::path::PathBuf;

/// Writes `presets.rs`, name and text of each file in `configs/`, sorted by name, and `preset_names.rs`, the names alone.
pub fn build() {
    println!("cargo:rerun-if-changed=configs");
    let root =
        PathBuf::from(var_os("CARGO_MANIFEST_DIR").expect("cargo says where the package is"));
    let entries = std::fs::read_dir(root.join("configs")).expect("configs/ is part of the project");
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.expect("a readable folder").path())
        .collect();
    files.retain(|file| file.extension().is_some_and(|ending| ending == "toml"));
    files.sort_by_key(|file| file.file_stem().map(|name| name.to_owned()));
    let mut table = String::from("const PRESETS: &[(&str, &str)] = &[\n");
    let mut names = String::from("const NAMES: &[&str] = &[\n");
    for file in files {
        let name = file.file_stem().unwrap_or_default().to_string_lossy();
        names += &format!("    {name:?},\n");
        table += &format!("    ({name:?}, include_str!({file:?})),\n");
    }
    table += "];\n";
    names += "];\n";
    let out = PathBuf::from(var_os("OUT_DIR").expect("cargo says where to build"));
    std::fs::write(out.join("presets.rs"), table).expect("OUT_DIR can be written");
    std::fs::write(out.join("preset_names.rs"), names).expect("OUT_DIR can be written");
}
