//! Which slice of a run this process does: from `--shard`, else from Slurm's variables, and from the run directory.

use crate::cli::WrongUsage;
use crate::cli::extract::ShardArg;
use crate::run::record::{RUN_FILE, Run};
use crate::slurm::{ArrayBounds, ArrayTask, Slurm, StepTask};
use anyhow::{Result, anyhow, ensure};
use std::path::Path;

/// One of the contiguous slices of a run's rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// From 0.
    pub index: u64,
    pub count: u64,
}

/// A shard, as far as the command line and the environment tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShardWish {
    index: u64,
    count: Count,
    /// Where the index comes from: `--shard`, `SLURM_ARRAY_TASK_ID`.
    source: &'static str,
}

/// Of how many shards.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Count {
    Given(u64),
    /// The run's. What was submitted to Slurm tells it only where no run has begun and it is whole: of `--array=3,7`
    /// Slurm says that there are two.
    OfRun(Option<ArrayBounds>),
}

impl ShardWish {
    /// None: one process does the whole run.
    ///
    /// # Errors
    /// Slurm tells only one of index and count, or contradicts itself ([`WrongUsage`]).
    pub fn find(typed: Option<ShardArg>, no_shard: bool, slurm: &Slurm) -> Result<Option<Self>> {
        if let Some(ShardArg { index, count }) = typed {
            return Ok(Some(Self {
                index,
                count: Count::Given(count),
                source: "--shard",
            }));
        }
        if no_shard {
            return Ok(None);
        }
        let step = slurm.step.as_ref().map(of_step).transpose()?.flatten();
        match (&slurm.array, step) {
            (Some(_), Some(step)) => Err(both(&step)),
            (Some(task), None) => of_array(task).map(Some),
            (None, step) => Ok(step),
        }
    }

    /// Says what is still open by what `directory` holds, `run`, if it holds one.
    ///
    /// # Errors
    /// The run has another number of shards; or nothing tells how many there are.
    pub fn resolve(&self, run: Option<&Run>, directory: &Path) -> Result<Shard> {
        let index = self.index;
        let count = match (&self.count, run) {
            (Count::Given(count), None) => *count,
            (Count::Given(count), Some(run)) if *count == run.shards => *count,
            (Count::Given(count), Some(run)) => {
                let this = format!("this is shard {index} of {count} ({})", self.source);
                return Err(other_run(directory, run.shards, &this));
            }
            (Count::OfRun(_), Some(run)) => run.shards,
            (Count::OfRun(bounds), None) => self.whole_array(*bounds, directory)?,
        };
        if index >= count {
            let this = format!("this is shard {index} ({})", self.source);
            return Err(other_run(directory, count, &this));
        }
        Ok(Shard { index, count })
    }

    /// The line that says what Slurm's variables were taken for; none where the user gave the shard.
    #[must_use]
    pub fn line(&self, shard: Shard, directory: &Path, has_run: bool) -> Option<String> {
        let Shard { index, count } = shard;
        let of = match (&self.count, has_run) {
            _ if self.source == "--shard" => return None,
            (Count::Given(_), _) => "SLURM_NTASKS".to_owned(),
            (_, true) => format!("'{}'", directory.join(RUN_FILE).display()),
            (_, false) => "the whole array".to_owned(),
        };
        Some(format!(
            "shard {index}/{count}: {index} from {}, {count} from {of} (--shard I/N and --no-shard win)",
            self.source
        ))
    }

    /// The number of tasks of an array that was submitted as `0-N`, for a run that has not begun.
    fn whole_array(&self, bounds: Option<ArrayBounds>, directory: &Path) -> Result<u64> {
        let id = self.index;
        match bounds {
            Some(ArrayBounds { first, last, count }) if first == 0 && last + 1 == count => {
                Ok(count)
            }
            Some(ArrayBounds { first, last, count }) if last + 1 == first + count => {
                Err(wrong(format!(
                    "'{}' holds no run yet, and shards count from 0, but the array goes from {first} to {last}; submit \
                     --array=0-{}, or pass --shard $((SLURM_ARRAY_TASK_ID - {first}))/{count}",
                    directory.display(),
                    count - 1
                )))
            }
            _ => Err(wrong(format!(
                "SLURM_ARRAY_TASK_ID={id} says which shard this is, but nothing of how many: '{}' holds no run yet; pass \
                 --shard {id}/N",
                directory.display()
            ))),
        }
    }
}

/// The error about a run that cannot have this shard.
fn other_run(directory: &Path, shards: u64, this: &str) -> anyhow::Error {
    let (held, cure) = match shards {
        1 => ("by one process".to_owned(), "pass --no-shard".to_owned()),
        _ => (
            format!("of {shards} shards"),
            format!("pass --shard I/{shards}"),
        ),
    };
    anyhow!(
        "'{}' holds a run {held}, {this}; {cure}, or choose another --out",
        directory.display()
    )
}

fn of_array(task: &ArrayTask) -> Result<ShardWish> {
    let index = number("SLURM_ARRAY_TASK_ID", &task.id)?;
    Ok(ShardWish {
        index,
        count: Count::OfRun(task.bounds),
        source: "SLURM_ARRAY_TASK_ID",
    })
}

/// None for a step of one task.
fn of_step(task: &StepTask) -> Result<Option<ShardWish>> {
    let (index, count) = match (&task.index, &task.count) {
        (Some(index), Some(count)) => (index, count),
        (None, None) => return Ok(None),
        (Some(index), None) => {
            return Err(half(&format!("SLURM_PROCID={index}"), "SLURM_NTASKS"));
        }
        (None, Some(count)) => {
            return Err(half(&format!("SLURM_NTASKS={count}"), "SLURM_PROCID"));
        }
    };
    let (index, count) = (
        number("SLURM_PROCID", index)?,
        number("SLURM_NTASKS", count)?,
    );
    ensure!(
        index < count,
        wrong(format!(
            "SLURM_PROCID={index} is not below SLURM_NTASKS={count}; pass --shard I/N, or --no-shard"
        ))
    );
    let wish = ShardWish {
        index,
        count: Count::Given(count),
        source: "SLURM_PROCID",
    };
    Ok((count > 1).then_some(wish))
}

fn number(name: &str, text: &str) -> Result<u64> {
    text.parse().map_err(|_| {
        wrong(format!(
            "expected a number in {name}, found '{text}'; pass --shard I/N, or --no-shard"
        ))
    })
}

fn half(known: &str, unknown: &str) -> anyhow::Error {
    wrong(format!(
        "{known} is set, but {unknown} is not; pass --shard I/N, or --no-shard"
    ))
}

fn both(step: &ShardWish) -> anyhow::Error {
    let Count::Given(tasks) = step.count else {
        return half("SLURM_PROCID", "SLURM_NTASKS");
    };
    wrong(format!(
        "this is one of {tasks} tasks of srun in a job array, and either could number the shards; pass \
         --shard $((SLURM_ARRAY_TASK_ID * {tasks} + SLURM_PROCID))/N, or --no-shard"
    ))
}

fn wrong(text: String) -> anyhow::Error {
    WrongUsage(text).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::record::tests::example;
    use crate::slurm::tests::slurm;

    const OUT: &str = "out";

    fn found(variables: &str, run_shards: Option<u64>) -> Result<Option<(u64, u64)>, String> {
        let run = run_shards.map(|shards| Run {
            shards,
            ..example()
        });
        let wish = ShardWish::find(None, false, &slurm(variables)).map_err(|e| e.to_string())?;
        wish.map(|wish| wish.resolve(run.as_ref(), Path::new(OUT)))
            .transpose()
            .map(|shard| shard.map(|shard| (shard.index, shard.count)))
            .map_err(|error| error.to_string())
    }

    fn array(id: u64, first: u64, last: u64, count: u64) -> String {
        format!(
            "SLURM_ARRAY_TASK_ID={id} SLURM_ARRAY_TASK_MIN={first} SLURM_ARRAY_TASK_MAX={last} \
             SLURM_ARRAY_TASK_COUNT={count} SLURM_PROCID=0 SLURM_NTASKS=1"
        )
    }

    #[test]
    fn an_array_defines_the_count_only_where_it_is_whole() {
        assert_eq!(found(&array(3, 0, 3, 4), None), Ok(Some((3, 4))));
        assert_eq!(found(&array(0, 0, 0, 1), None), Ok(Some((0, 1))));
        let partial = found(&array(3, 3, 7, 2), None).unwrap_err();
        assert!(
            partial.contains("pass --shard 3/N") && partial.contains("'out' holds no run yet"),
            "{partial}"
        );
        let from_one = found(&array(1, 1, 4, 4), None).unwrap_err();
        assert!(
            from_one.contains("submit --array=0-3, or pass --shard $((SLURM_ARRAY_TASK_ID - 1))/4"),
            "{from_one}"
        );
    }

    #[test]
    fn the_run_says_how_many_there_are() {
        assert_eq!(found(&array(3, 3, 7, 2), Some(10)), Ok(Some((3, 10))));
        assert_eq!(found(&array(0, 0, 1, 2), Some(10)), Ok(Some((0, 10))));
        let beyond = found(&array(3, 0, 3, 4), Some(1)).unwrap_err();
        let expected = "'out' holds a run by one process, this is shard 3 (SLURM_ARRAY_TASK_ID); pass --no-shard, or choose \
                        another --out";
        assert_eq!(beyond, expected);
        let step = "SLURM_STEP_ID=0 SLURM_PROCID=1 SLURM_NTASKS=2";
        assert_eq!(found(step, Some(2)), Ok(Some((1, 2))));
        let other = found(step, Some(4)).unwrap_err();
        assert!(
            other.starts_with("'out' holds a run of 4 shards, this is shard 1 of 2 (SLURM_PROCID)"),
            "{other}"
        );
    }

    #[test]
    fn tasks_of_srun_are_shards_and_a_plain_job_is_not() {
        assert_eq!(
            found("SLURM_STEP_ID=0 SLURM_PROCID=1 SLURM_NTASKS=2", None),
            Ok(Some((1, 2)))
        );
        assert_eq!(
            found("SLURM_STEP_ID=0 SLURM_PROCID=0 SLURM_NTASKS=1", None),
            Ok(None)
        );
        assert_eq!(found("SLURM_PROCID=0 SLURM_NTASKS=4", None), Ok(None));
        let half = found("SLURM_STEP_ID=0 SLURM_PROCID=1", None).unwrap_err();
        assert!(
            half.starts_with("SLURM_PROCID=1 is set, but SLURM_NTASKS is not"),
            "{half}"
        );
        let both = array(1, 0, 3, 4)
            .replace("NTASKS=1", "NTASKS=2")
            .replace("PROCID=0", "PROCID=1 SLURM_STEP_ID=0");
        assert!(
            found(&both, None)
                .unwrap_err()
                .contains("$((SLURM_ARRAY_TASK_ID * 2 + SLURM_PROCID))/N")
        );
    }
}
