//! Compiles the C half of the image room against the headers of the libjpeg-turbo that `turbojpeg-sys` built.

use std::env;

/// `turbojpeg-sys` names its include folders, separated by commas, to the packages that depend on it directly.
pub fn build() {
    println!("cargo:rerun-if-changed=src/images/decode/jpeg/jpeg.c");
    let include = env::var("DEP_TURBOJPEG_INCLUDE").expect("turbojpeg-sys names its headers");
    cc::Build::new()
        .file("src/images/decode/jpeg/jpeg.c")
        .includes(include.split(','))
        .warnings(true)
        .extra_warnings(true)
        .compile("featx_jpeg");
}
