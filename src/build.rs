//! The build script: what each room compiles or links beside its Rust.

#[cfg(feature = "images")]
#[path = "images/build.rs"]
mod images;
#[cfg(feature = "torch")]
#[path = "job/build.rs"]
mod job;
#[cfg(feature = "torch")]
#[path = "model/build.rs"]
mod model;

fn main() {
    println!("cargo:rerun-if-changed=src/build.rs");
    #[cfg(feature = "images")]
    images::build();
    #[cfg(feature = "torch")]
    job::build();
    #[cfg(feature = "torch")]
    model::build();
}
