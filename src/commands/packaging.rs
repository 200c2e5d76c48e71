//! `featx completions` and `featx man`: what a package lays down for shells and for man.

use crate::cli::complete::VARIABLE;
use crate::cli::{Cli, Shell};
use crate::text::printing;
use anyhow::{Context, Result};
use clap::CommandFactory;
use clap_complete::env::{Bash, EnvCompleter, Fish, Zsh};
use std::fs;
use std::path::Path;

/// A script for the shell to read, which asks featx itself at each TAB.
pub fn completions(shell: Shell) -> Result<()> {
    let of: &dyn EnvCompleter = match shell {
        Shell::Bash => &Bash,
        Shell::Zsh => &Zsh,
        Shell::Fish => &Fish,
    };
    let mut script = Vec::new();
    of.write_registration(VARIABLE, "featx", "featx", "featx", &mut script)?;
    // zsh runs a file of its fpath as the function itself, at the first TAB.
    if matches!(shell, Shell::Zsh) {
        script
            .extend(b"\n[ \"$funcstack[1]\" != _featx ] || _clap_dynamic_completer_featx \"$@\"\n");
    }
    printing::print(&String::from_utf8(script)?)
}

/// All pages, or that of featx itself.
pub fn man(dir: Option<&Path>) -> Result<()> {
    let mut command = Cli::command();
    let Some(dir) = dir else {
        let mut page = Vec::new();
        command.build();
        clap_mangen::Man::new(command).render(&mut page)?;
        return printing::print(&String::from_utf8(page)?);
    };
    let named = || format!("cannot write manual pages to '{}'", dir.display());
    fs::create_dir_all(dir).with_context(named)?;
    clap_mangen::generate_to(command, dir).with_context(named)
}
