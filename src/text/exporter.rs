//! The command that makes models, for messages that name it.

use std::env;

/// What messages call it.
pub const OF_A_CLONE: &str = "scripts/export_model.py";

/// `featx-export` where it is installed beside this program, as by the wheel; else the script of a clone.
#[must_use]
pub fn command() -> &'static str {
    let beside = env::current_exe().map(|featx| featx.with_file_name("featx-export"));
    match beside.is_ok_and(|exporter| exporter.is_file()) {
        true => "featx-export",
        false => OF_A_CLONE,
    }
}
