//! `--pool`, `--project` and `--seed`.

use crate::cli::extract::Extract;
use crate::cli::wrong_usage;
use crate::model::{Grid, MOST_OUTPUTS, Project, Reduction};
use crate::text::figures::count;
use anyhow::{Result, ensure};

/// What TOML files can hold.
const LARGEST_SEED: u64 = i64::MAX as u64;

/// How rows are made shorter. `grid`: where the model's tokens lie in the image.
///
/// # Errors
/// Options that contradict each other or are out of range ([`crate::cli::WrongUsage`]).
pub fn resolve(args: &Extract, grid: Option<Grid>) -> Result<Reduction> {
    ensure!(
        args.tokens.is_none() || args.pool.is_none(),
        wrong_usage("--tokens and --pool both reduce a layer; choose one of them")
    );
    Ok(Reduction {
        pool: args.pool,
        grid: grid.filter(|_| args.pool.is_some()),
        project: project(args)?,
    })
}

fn project(args: &Extract) -> Result<Option<Project>> {
    let Some(outputs) = args.project else {
        ensure!(
            args.seed.is_none(),
            wrong_usage(
                "--seed is for --project, which is missing; add --project N, or leave --seed out"
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
