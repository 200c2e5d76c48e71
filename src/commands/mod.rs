//! The subcommands: a file or a folder each. Commands never call each other.

pub mod inspect;
mod merge;
mod packaging;
mod split;

use crate::cli::{Cli, Command, WrongUsage};
use crate::rows::size_limit;
#[cfg(feature = "torch")]
use crate::signals::StoppedRun;
use crate::text::exporter;
use crate::text::printing::say;
use anyhow::{Error, Result};
use std::process::ExitCode;

/// Runs the subcommand that was typed.
///
/// # Errors
/// Whatever stopped the subcommand, worded for the user.
pub fn run(cli: Cli) -> Result<()> {
    match cli.command {
        #[cfg(feature = "torch")]
        Command::Extract(_) => Err(crate::libtorch::compute()),
        Command::Merge(typed) => merge::run(&typed),
        Command::Split(typed) => split::run(&typed),
        Command::Inspect(typed) => inspect::run(&typed),
        Command::Completions(typed) => packaging::completions(typed.shell),
        Command::Man(typed) => packaging::man(typed.dir.as_deref()),
    }
}

/// Says why a command failed, if it did. Returns how the process has to end.
#[must_use]
pub fn ended(outcome: Result<()>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(words(&error));
            ExitCode::from(exit_code(&error))
        }
    }
}

/// 1: failed; 2: wrong usage; 128 + signal: a signal ended a run in good order.
fn exit_code(error: &Error) -> u8 {
    #[cfg(feature = "torch")]
    if let Some(stopped) = error.downcast_ref::<StoppedRun>() {
        return stopped.exit_code();
    }
    if error.is::<WrongUsage>() { 2 } else { 1 }
}

/// The line that tells how the command ended: an error, or a signal.
fn words(error: &Error) -> String {
    let text = format!("{error:#}");
    let text = without_frames(&text);
    if exit_code(error) >= 128 {
        return text.to_owned();
    }
    let text = text.replace(exporter::OF_A_CLONE, exporter::command());
    let cure = cure(error, &text).unwrap_or_default();
    format!("error: {text}{cure}")
}

/// Without the C++ frames that libtorch puts after some of its errors.
fn without_frames(text: &str) -> &str {
    let frames = text.find("\nException raised from");
    &text[..frames.unwrap_or(text.len())]
}

/// How to lift the limit of the system that caused an error; `text` is the error's.
#[cfg_attr(not(feature = "torch"), expect(unused_variables))]
fn cure(error: &Error, text: &str) -> Option<String> {
    #[cfg(feature = "torch")]
    if let Some(cure) = crate::memory::cure(error, text) {
        return Some(cure);
    }
    size_limit::cure(text)
}
