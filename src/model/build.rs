//! Compiles the C++ half of the model room against libtorch's headers, and gives the binary an rpath to libtorch.

fn main() {
    println!("cargo:rerun-if-changed=src/model");
    list_presets();
    #[cfg(feature = "torch")]
    build_against_libtorch();
}

/// `torch-sys` hands its libtorch's `lib` folder to the packages that depend on it directly.
#[cfg(feature = "torch")]
fn build_against_libtorch() {
    let lib = std::env::var("DEP_TCH_LIBTORCH_LIB").expect("torch-sys names its libtorch");
    println!("cargo:rustc-link-arg=-Wl,-rpath,{lib}");
    let include = std::path::Path::new(&lib).with_file_name("include");
    cc::Build::new()
        .cpp(true)
        .std("c++17")
        .flag("-Wno-stringop-overflow") // gcc 12 misreads intrusive_ptr
        .flag("-isystem")
        .flag(&include)
        .flag("-isystem")
        .flag(include.join("torch/csrc/api/include"))
        .files(["archive", "layers", "module", "walk"].map(|name| format!("src/model/{name}.cpp")))
        .compile("featx_model");
}

/// Writes `presets.rs`: name and text of each file in `configs/`, sorted by name.
fn list_presets() {
    println!("cargo:rerun-if-changed=configs");
    let root = std::path::PathBuf::from(std::env::var("CARGO_MANIFEST_DIR").expect("cargo says where it builds"));
    let files = std::fs::read_dir(root.join("configs")).expect("configs/ is part of the project");
    let mut files: Vec<_> = files.map(|entry| entry.expect("a readable folder").path()).collect();
    files.retain(|file| file.extension().is_some_and(|ending| ending == "toml"));
    files.sort_by_key(|file| file.file_stem().map(|name| name.to_owned()));
    let mut table = String::from("const PRESETS: &[(&str, &str)] = &[\n");
    for file in files {
        let name = file.file_stem().unwrap_or_default().to_string_lossy();
        table += &format!("    ({name:?}, include_str!({file:?})),\n");
    }
    table += "];\n";
    let out = std::path::PathBuf::from(std::env::var("OUT_DIR").expect("cargo says where to build"));
    std::fs::write(out.join("presets.rs"), table).expect("OUT_DIR can be written");
}
