//! The program as its users run it: a file a command.

// Clippy's leave for tests ends at their helpers; an unwrap that fails fails the test.
#![allow(clippy::unwrap_used)]

mod inspect;
mod merge;
mod npy;
mod removal;
mod split;
mod without_torch;
mod workdir;
