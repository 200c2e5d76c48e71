//! Which slice of a run this process does: from `--shard`, else from the batch system's variables, and from the run
//! directory.

use crate::batch::slurm::{Slurm, StepTask};
use crate::batch::{ArrayBounds, ArrayTask, Shard, System, array_tasks};
use crate::cli::wrong_usage;
use crate::run::record::RUN_FILE;
use anyhow::{Result, anyhow, ensure};
use std::path::Path;

/// A shard, as far as the command line and the environment tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShardWish {
    index: u64,
    count: Count,
    /// Where the index comes from: `--shard`, `SLURM_ARRAY_TASK_ID`, `SGE_TASK_ID - 1`.
    source: String,
}

/// Of how many shards.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Count {
    Given(u64),
    /// The run's. The array tells it only where no run has begun and the whole array was submitted: of `--array=3,7` Slurm
    /// says that there are two.
    OfRun(ArrayTask),
}

impl ShardWish {
    /// None: one process does the whole run.
    ///
    /// # Errors
    /// The batch system tells only one of index and count, or contradicts itself, or there are two ([`crate::cli::WrongUsage`]).
    pub fn find(
        typed: Option<Shard>,
        no_shard: bool,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Option<Self>> {
        if let Some(Shard { index, count }) = typed {
            return Ok(Some(Self {
                index,
                count: Count::Given(count),
                source: TYPED.into(),
            }));
        }
        if no_shard {
            return Ok(None);
        }
        let slurm = Slurm::from_variables(&variable);
        let step = slurm.step.as_ref().map(of_step).transpose()?.flatten();
        let tasks = array_tasks(variable);
        match (&tasks[..], step) {
            ([task, ..], Some(step)) => Err(both(task, &step)),
            ([task], None) => of_array(task).map(Some),
            ([one, other, ..], None) => Err(wrong_usage(format!(
                "{} and {} are set, and either could number the shards; pass --shard I/N, or --no-shard",
                one.system.index, other.system.index
            ))),
            ([], step) => Ok(step),
        }
    }

    /// Says what is still open by the run that `directory` holds, if it holds one: by its number of shards.
    ///
    /// # Errors
    /// The run has another number of shards; or nothing tells how many there are.
    pub fn resolve(&self, of_run: Option<u64>, directory: &Path) -> Result<Shard> {
        let index = self.index;
        let count = match (&self.count, of_run) {
            (Count::Given(count), None) => *count,
            (Count::Given(count), Some(shards)) if *count == shards => shards,
            (Count::Given(count), Some(shards)) => {
                let this = format!("this is shard {index} of {count} ({})", self.source);
                return Err(other_run(directory, shards, &this));
            }
            (Count::OfRun(_), Some(shards)) => shards,
            (Count::OfRun(task), None) => self.whole_array(task, directory)?,
        };
        if index >= count {
            let this = format!("this is shard {index} ({})", self.source);
            return Err(other_run(directory, count, &this));
        }
        Ok(Shard { index, count })
    }

    /// The line that says how the batch system's variables were read. `None` if the user gave the shard.
    #[must_use]
    pub fn line(&self, shard: Shard, directory: &Path, has_run: bool) -> Option<String> {
        let Shard { index, count } = shard;
        let of = match (&self.count, has_run) {
            _ if self.source == TYPED => return None,
            (Count::Given(_), _) => "SLURM_NTASKS".to_owned(),
            (_, true) => format!("'{}'", directory.join(RUN_FILE).display()),
            (_, false) => "the whole array".to_owned(),
        };
        Some(format!(
            "shard {index}/{count}: {index} from {}, {count} from {of} (--shard I/N and --no-shard win)",
            self.source
        ))
    }

    /// The number of tasks of an array that was submitted whole, for a run that has not begun.
    fn whole_array(&self, task: &ArrayTask, directory: &Path) -> Result<u64> {
        let System { index, first, .. } = *task.system;
        let held = format!("'{}' holds no run yet", directory.display());
        match task.bounds {
            Some(bounds) if bounds.first == first && bounds.last + 1 == first + bounds.count => {
                Ok(bounds.count)
            }
            Some(ArrayBounds { first, last, count }) if last + 1 == first + count => {
                Err(wrong_usage(format!(
                    "{held}, and shards count from 0, but the array goes from {first} to {last}; submit {}, or pass \
                     --shard $(({index} - {first}))/{count}",
                    task.system.whole(count)
                )))
            }
            _ => Err(wrong_usage(format!(
                "{index}={} says which shard this is, but not how many there are: {held}; pass --shard {}/N",
                task.id, self.index
            ))),
        }
    }
}

const TYPED: &str = "--shard";

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
    let System { index, first, .. } = *task.system;
    let id = number(index, &task.id)?;
    Ok(ShardWish {
        index: id.checked_sub(first).ok_or_else(|| {
            wrong_usage(format!(
                "expected at least {first} in {index}, found {id}; pass --shard I/N, or --no-shard"
            ))
        })?,
        count: Count::OfRun(task.clone()),
        source: match first {
            0 => index.into(),
            _ => format!("{index} - {first}"),
        },
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
        wrong_usage(format!(
            "SLURM_PROCID={index} is not below SLURM_NTASKS={count}; pass --shard I/N, or --no-shard"
        ))
    );
    let wish = ShardWish {
        index,
        count: Count::Given(count),
        source: "SLURM_PROCID".into(),
    };
    Ok((count > 1).then_some(wish))
}

fn number(name: &str, text: &str) -> Result<u64> {
    text.parse().map_err(|_| {
        wrong_usage(format!(
            "expected a number in {name}, found '{text}'; pass --shard I/N, or --no-shard"
        ))
    })
}

fn half(known: &str, unknown: &str) -> anyhow::Error {
    wrong_usage(format!(
        "{known} is set, but {unknown} is not; pass --shard I/N, or --no-shard"
    ))
}

fn both(task: &ArrayTask, step: &ShardWish) -> anyhow::Error {
    let Count::Given(tasks) = step.count else {
        return half("SLURM_PROCID", "SLURM_NTASKS");
    };
    wrong_usage(format!(
        "this is one of {tasks} tasks of srun in a job array, and either could number the shards; pass \
         --shard $(({} * {tasks} + SLURM_PROCID))/N, or --no-shard",
        task.system.index
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    const OUT: &str = "out";

    /// `A=1 B=2` as an environment.
    fn variables_of(text: &str) -> impl Fn(&str) -> Option<String> {
        move |name| {
            let mut pairs = text
                .split_whitespace()
                .filter_map(|pair| pair.split_once('='));
            pairs
                .find(|(other, _)| *other == name)
                .map(|(_, value)| value.to_owned())
        }
    }

    fn found(variables: &str, run_shards: Option<u64>) -> Result<Option<(u64, u64)>, String> {
        let wish =
            ShardWish::find(None, false, variables_of(variables)).map_err(|e| e.to_string())?;
        wish.map(|wish| wish.resolve(run_shards, Path::new(OUT)))
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

    #[test]
    fn other_systems_number_shards_too() {
        let task = |text: &str, run| found(text, run);
        for (text, shard) in [
            ("PBS_ARRAY_INDEX=3", (3, 10)),
            ("LSB_JOBINDEX=3 LSB_JOBINDEX_END=3", (2, 10)),
            (
                "SGE_TASK_ID=10 SGE_TASK_FIRST=10 SGE_TASK_LAST=10 SGE_TASK_STEPSIZE=1",
                (9, 10),
            ),
            (
                "AWS_BATCH_JOB_ARRAY_INDEX=0 AWS_BATCH_JOB_ARRAY_SIZE=10",
                (0, 10),
            ),
            ("JOB_COMPLETION_INDEX=9", (9, 10)),
        ] {
            assert_eq!(task(text, Some(10)), Ok(Some(shard)), "{text}");
        }
        let sge = "SGE_TASK_ID=2 SGE_TASK_FIRST=1 SGE_TASK_LAST=4 SGE_TASK_STEPSIZE=1";
        assert_eq!(task(sge, None), Ok(Some((1, 4))));
        let aws = "AWS_BATCH_JOB_ARRAY_INDEX=1 AWS_BATCH_JOB_ARRAY_SIZE=4";
        assert_eq!(task(aws, None), Ok(Some((1, 4))));
        let alone = task("LSB_JOBINDEX=3 LSB_JOBINDEX_END=9", None).unwrap_err();
        let line = "LSB_JOBINDEX=3 says which shard this is, but not how many there are: 'out' holds no run yet; pass \
                    --shard 2/N";
        assert_eq!(alone, line);
        let later = "SGE_TASK_ID=3 SGE_TASK_FIRST=3 SGE_TASK_LAST=6 SGE_TASK_STEPSIZE=1";
        let from_three = task(later, None).unwrap_err();
        assert!(
            from_three.contains("submit -t 1-4, or pass --shard $((SGE_TASK_ID - 3))/4"),
            "{from_three}"
        );
        let two = task("JOB_COMPLETION_INDEX=1 PBS_ARRAY_INDEX=1", None).unwrap_err();
        assert!(
            two.starts_with("PBS_ARRAY_INDEX and JOB_COMPLETION_INDEX are set"),
            "{two}"
        );
        let zero = task("SGE_TASK_ID=0", None).unwrap_err();
        assert!(
            zero.starts_with("expected at least 1 in SGE_TASK_ID, found 0"),
            "{zero}"
        );
    }
}
