//! Compiles the C++ half of the model room against libtorch's headers, and gives the binary an rpath to libtorch.

use std::fs;
use std::path::{Path, PathBuf};

/// The folders with C++. Each includes `runtime`; `ffi` includes all. Those of a row are compiled as one file: four
/// fifths of the time for one file go into libtorch's headers.
const ROOMS: [&[&str]; 3] = [&["runtime", "ffi"], &["load"], &["fast"]];

/// `torch-sys` hands its libtorch's `lib` folder to the packages that depend on it directly.
pub fn build() {
    watch_cpp("src/model");
    let lib = std::env::var("DEP_TCH_LIBTORCH_LIB").expect("torch-sys names its libtorch");
    println!("cargo:rustc-link-arg-bin=featx-compute=-Wl,-rpath,{lib}");
    let libtorch = Path::new(&lib).parent().expect("it has a lib folder");
    println!("cargo:rustc-env=FEATX_BUILT_WITH={}", libtorch.display());
    println!("cargo:rustc-env=FEATX_BUILT_VERSION={}", version(libtorch));
    let include = libtorch.join("include");
    cc::Build::new()
        .cpp(true)
        .std("c++17")
        .flag("-Wno-stringop-overflow") // gcc 12 misreads intrusive_ptr
        .flag("-isystem")
        .flag(&include)
        .flag("-isystem")
        .flag(include.join("torch/csrc/api/include"))
        .include("src/model")
        .files(ROOMS.map(whole))
        .compile("featx_model");
}

/// A file that includes all C++ of these rooms, by name.
fn whole(rooms: &[&str]) -> PathBuf {
    let mut includes: Vec<String> = rooms.iter().copied().flat_map(includes).collect();
    includes.sort();
    let out = std::env::var_os("OUT_DIR").expect("cargo names a folder for what is made");
    let file = Path::new(&out).join(rooms.join("_") + ".cpp");
    fs::write(&file, includes.concat()).expect("the folder can be written");
    file
}

/// A line for each C++ file of a room.
fn includes(room: &str) -> impl Iterator<Item = String> {
    let root = std::env::var("CARGO_MANIFEST_DIR").expect("cargo names the package's folder");
    let folder = Path::new(&root).join("src/model").join(room);
    let entries = fs::read_dir(folder).expect("the room is there");
    let files = entries.map(|entry| entry.expect("its files can be listed").path());
    files
        .filter(|path| path.extension().is_some_and(|ending| ending == "cpp"))
        .map(|path| format!("#include \"{}\"\n", path.display()))
}

/// `2.11.0`, from the headers.
fn version(libtorch: &Path) -> String {
    let header = libtorch.join("include/torch/headeronly/version.h");
    println!("cargo:rerun-if-changed={}", header.display());
    let text = fs::read_to_string(&header).expect("libtorch's headers tell its version");
    let number = |name: &str| {
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(&format!("#define TORCH_VERSION_{name} ")));
        line.expect("a number").trim().to_owned()
    };
    ["MAJOR", "MINOR", "PATCH"].map(number).join(".")
}

/// Has cargo compile the C++ again when C++ changes, and not when Rust beside it does.
fn watch_cpp(folder: &str) {
    let entries = fs::read_dir(folder).expect("the model room is there");
    for entry in entries {
        let path = entry.expect("its files can be listed").path();
        let name = path.display().to_string();
        match path.extension().and_then(|ending| ending.to_str()) {
            _ if path.is_dir() => watch_cpp(&name),
            Some("cpp" | "h") => println!("cargo:rerun-if-changed={name}"),
            _ => {}
        }
    }
}
