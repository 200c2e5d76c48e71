//! Compiles the C++ half of the model room against libtorch's headers, and gives the binary an rpath to libtorch.

use std::{env, path::PathBuf};

/// `torch-sys` hands its libtorch's `lib` folder to the packages that depend on it directly.
pub fn build() {
    println!("cargo:rerun-if-changed=src/model");
    let lib = env::var("DEP_TCH_LIBTORCH_LIB").expect("torch-sys names its libtorch");
    println!("cargo:rustc-link-arg=-Wl,-rpath,{lib}");
    let _include = PathBuf::from(&lib).with_file_name("include");
}
