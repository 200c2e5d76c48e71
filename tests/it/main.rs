//! The program's tests, one binary: a module for each room or command.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[cfg(feature = "images")]
mod broken;
#[cfg(feature = "images")]
mod pillow;
#[cfg(feature = "images")]
mod pixels;
#[cfg(feature = "images")]
mod scan;
