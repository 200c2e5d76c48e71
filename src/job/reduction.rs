//! `--pool`, `--project` and `--seed`.

use crate::cli::extract::Extract;
use crate::job::{preset, wrong_usage};
use crate::model::{MOST_OUTPUTS, Project, Reduction};
use crate::text::figures::count;
use anyhow::{Result, ensure};
use std::path::Path;

/// What TOML files can hold.
const LARGEST_SEED: u64 = i64::MAX as u64;

/// How rows of this model are made shorter.
///
/// # Errors
/// Options that contradict each other or are out of range ([`crate::cli::WrongUsage`]), a TOML that cannot be read.
pub fn resolve(args: &Extract, model: &Path) -> Result<Reduction> {
    ensure!(
        args.tokens.is_none() || args.pool.is_none(),
        wrong_usage("--tokens and --pool both reduce a layer; choose one of them")
    );
    let grid = match args.pool {
        Some(_) => preset::grid_of(model)?,
        None => None,
    };
    Ok(Reduction {
        pool: args.pool,
        grid,
        project: project(args)?,
    })
}

fn project(args: &Extract) -> Result<Option<Project>> {
    let Some(outputs) = args.project else {
        ensure!(
            args.seed.is_none(),
            wrong_usage(
                "--seed is the projection's, and there is none; add --project N, or leave --seed out"
            )
        );
        return Ok(None);
    };
    ensure!(
        (1..=MOST_OUTPUTS).contains(&outputs),
        wrong_usage(format!(
            "--project must be between 1 and {}, found {outputs}",
            count(MOST_OUTPUTS)
        ))
    );
    let seed = args.seed.unwrap_or(0);
    ensure!(
        seed <= LARGEST_SEED,
        wrong_usage(format!(
            "--seed must be at most {LARGEST_SEED}, found {seed}"
        ))
    );
    Ok(Some(Project { outputs, seed }))
}
