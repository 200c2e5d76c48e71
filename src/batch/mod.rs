//! Batch systems: how each tells a process which task of an array it is, how many cores it has, and how tasks are
//! submitted again. One table; what only Slurm tells is in [`slurm`].
//!
//! Sources: sbatch(1); qsub(1B) of OpenPBS; bsub(1) of LSF; submit(1) and qsub(1) of Grid Engine; the user guide of AWS
//! Batch, "Job environment variables"; the documentation of Kubernetes, "Indexed Job".

mod arrays;
mod shard;
#[cfg(feature = "torch")]
pub mod slurm;

pub use arrays::{MAX_ARRAY_SIZE, Submission, array_expression, submissions};
pub use shard::Shard;

use arrays::ranges;
use std::env;

/// A batch system.
#[derive(Debug, PartialEq, Eq)]
pub struct System {
    pub name: &'static str,
    /// A variable that its jobs have and other processes have not.
    job: &'static str,
    /// The variable with the number of a task, and its value in a job that is not an array.
    pub index: &'static str,
    no_index: &'static str,
    /// The number of the first task, for shard 0.
    pub first: u64,
    bounds: BoundsVariables,
    /// The cores of a job on one node.
    cores: &'static str,
    /// The program that submits.
    command: &'static str,
    /// A variable that shows that the shell is set up for it.
    beside: &'static str,
    tasks: Tasks,
}

/// Variables that tell which tasks were submitted.
#[derive(Debug, PartialEq, Eq)]
enum BoundsVariables {
    /// None does.
    Nothing,
    /// First, last, and how many there are.
    Count([&'static str; 3]),
    /// First, last, and the step between them.
    Step([&'static str; 3]),
    /// How many, from 0 on.
    Size(&'static str),
}

/// How some of an array's tasks are submitted.
#[derive(Debug, PartialEq, Eq)]
enum Tasks {
    /// Slurm's `--array=`.
    Array,
    /// Any ranges, between these.
    List(&'static str, &'static str),
    /// One range after this; a single task too.
    Range(&'static str),
    /// One range after this, of two tasks at least.
    LongRange(&'static str),
    /// All of them alone, by this name.
    Whole(&'static str),
}

/// If a login node has several, the first counts.
pub static SYSTEMS: [System; 6] = [
    System {
        name: "Slurm",
        job: "SLURM_JOB_ID",
        index: "SLURM_ARRAY_TASK_ID",
        no_index: "",
        first: 0,
        bounds: BoundsVariables::Count([
            "SLURM_ARRAY_TASK_MIN",
            "SLURM_ARRAY_TASK_MAX",
            "SLURM_ARRAY_TASK_COUNT",
        ]),
        cores: "", // `slurm` knows
        command: "sbatch",
        beside: "",
        tasks: Tasks::Array,
    },
    System {
        name: "LSF",
        job: "LSB_JOBID",
        index: "LSB_JOBINDEX",
        no_index: "0",
        first: 1,
        bounds: BoundsVariables::Nothing, // LSB_JOBINDEX_END is the last of those submitted, be they all or not
        cores: "LSB_DJOB_NUMPROC",
        command: "bsub",
        beside: "",
        tasks: Tasks::List("-J \"featx[", "]\""),
    },
    System {
        name: "Grid Engine",
        job: "SGE_TASK_ID",
        index: "SGE_TASK_ID",
        no_index: "undefined",
        first: 1,
        bounds: BoundsVariables::Step(["SGE_TASK_FIRST", "SGE_TASK_LAST", "SGE_TASK_STEPSIZE"]),
        cores: "NSLOTS",
        command: "qsub",
        beside: "SGE_ROOT",
        tasks: Tasks::Range("-t "),
    },
    System {
        name: "PBS",
        job: "PBS_JOBID",
        index: "PBS_ARRAY_INDEX",
        no_index: "",
        first: 0,
        bounds: BoundsVariables::Nothing,
        cores: "NCPUS",
        command: "qsub",
        beside: "",
        tasks: Tasks::LongRange("-J "),
    },
    System {
        name: "AWS Batch",
        job: "AWS_BATCH_JOB_ID",
        index: "AWS_BATCH_JOB_ARRAY_INDEX",
        no_index: "",
        first: 0,
        bounds: BoundsVariables::Size("AWS_BATCH_JOB_ARRAY_SIZE"),
        cores: "",
        command: "",
        beside: "",
        tasks: Tasks::Whole("the array job"),
    },
    System {
        name: "Kubernetes",
        job: "JOB_COMPLETION_INDEX",
        index: "JOB_COMPLETION_INDEX",
        no_index: "",
        first: 0,
        bounds: BoundsVariables::Nothing,
        cores: "",
        command: "",
        beside: "",
        tasks: Tasks::Whole("the Job"),
    },
];

/// A task of an array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArrayTask {
    pub system: &'static System,
    /// The number of the task, as the system says it.
    pub id: String,
    /// The tasks that were submitted; they may be only a part of a run.
    pub bounds: Option<ArrayBounds>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ArrayBounds {
    pub first: u64,
    pub last: u64,
    pub count: u64,
}

/// A variable of this process's environment.
#[must_use]
pub fn variable(name: &str) -> Option<String> {
    env::var(name).ok()
}

/// The tasks of arrays that this process is; more than one where one system runs inside another.
pub fn array_tasks(variable: impl Fn(&str) -> Option<String>) -> Vec<ArrayTask> {
    let task = |system: &'static System| {
        let id = variable(system.index).filter(|id| id != system.no_index)?;
        let bounds = system.bounds(|name| variable(name)?.parse().ok());
        Some(ArrayTask { system, id, bounds })
    };
    SYSTEMS.iter().filter_map(task).collect()
}

/// Whether a batch system runs this process.
#[must_use]
pub fn in_job() -> bool {
    SYSTEMS
        .iter()
        .any(|system| env::var_os(system.job).is_some())
}

/// Cores that the job has on this node, by systems other than Slurm. `None` if nothing tells.
pub fn cores(variable: impl Fn(&str) -> Option<String>) -> Option<u64> {
    let of = |system: &System| variable(system.cores)?.parse().ok();
    let running = SYSTEMS
        .iter()
        .filter(|system| variable(system.job).is_some());
    running.filter_map(of).find(|&cores| cores > 0)
}

impl System {
    /// The one that runs this process, else the one that jobs are submitted to from here, else Slurm.
    #[must_use]
    pub fn at_hand() -> &'static Self {
        let is_set = |variable: &str| env::var_os(variable).is_some();
        let runs = |system: &&Self| is_set(system.job);
        // If there are two systems, the one that the user's environment is made for.
        let is_chosen = |system: &&Self| is_set(system.beside) && is_command(system.command);
        let submits = |system: &&Self| system.beside.is_empty() && is_command(system.command);
        let mut all = SYSTEMS.iter();
        let found = all.clone().find(runs);
        let found = found.or_else(|| all.clone().find(is_chosen));
        found.or_else(|| all.find(submits)).unwrap_or(&SYSTEMS[0])
    }

    fn bounds(&self, number: impl Fn(&str) -> Option<u64>) -> Option<ArrayBounds> {
        Some(match self.bounds {
            BoundsVariables::Nothing => return None,
            BoundsVariables::Count([first, last, count]) => ArrayBounds {
                first: number(first)?,
                last: number(last)?,
                count: number(count)?,
            },
            BoundsVariables::Step([first, last, step]) => {
                let (first, last) = (number(first)?, number(last)?);
                let count = last.checked_sub(first)? / number(step)?.max(1) + 1;
                ArrayBounds { first, last, count }
            }
            BoundsVariables::Size(size) => {
                let count = number(size)?;
                let last = count.checked_sub(1)?;
                ArrayBounds {
                    first: 0,
                    last,
                    count,
                }
            }
        })
    }

    /// How all `count` shards are submitted at once: `--array=0-63`, `-t 1-64`.
    #[must_use]
    pub fn whole(&self, count: u64) -> String {
        let all: Vec<u64> = (0..count).collect();
        self.resubmission(&all, count, count).join(", ")
    }

    /// What is to be submitted so that these shards of `count` are computed, a line each. `shards` ascend strictly; no
    /// index of Slurm's reaches `max_array_size`.
    #[must_use]
    pub fn resubmission(&self, shards: &[u64], count: u64, max_array_size: u64) -> Vec<String> {
        if shards.is_empty() {
            return Vec::new();
        }
        let tasks: Vec<u64> = shards.iter().map(|shard| shard + self.first).collect();
        let longest = || ranges(&tasks, 2); // each is a submission
        match &self.tasks {
            Tasks::Array => {
                let arrays = submissions(shards, count, max_array_size);
                arrays.iter().map(Submission::to_string).collect()
            }
            Tasks::List(before, after) => {
                vec![format!("{before}{}{after}", array_expression(&tasks))]
            }
            Tasks::Range(before) => longest()
                .iter()
                .map(|range| format!("{before}{range}"))
                .collect(),
            Tasks::LongRange(before) => {
                let words = |range: &String| match range.contains('-') {
                    true => format!("{before}{range}"),
                    false => format!("a job of its own with --shard {range}/{count}"),
                };
                longest().iter().map(words).collect()
            }
            Tasks::Whole(_) if shards.len() as u64 == count => vec![format!("{count} tasks")],
            Tasks::Whole(what) => {
                vec![format!(
                    "{what} again, with {count} tasks: shards that are done exit at once"
                )]
            }
        }
    }
}

fn is_command(name: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    !name.is_empty() && env::split_paths(&path).any(|folder| folder.join(name).is_file())
}

/// `A=1 B=2` as an environment.
#[cfg(test)]
pub fn variables(text: &str) -> impl Fn(&str) -> Option<String> {
    let pairs = text
        .split_whitespace()
        .filter_map(|pair| pair.split_once('='));
    let all: std::collections::HashMap<String, String> = pairs
        .map(|(name, value)| (name.into(), value.into()))
        .collect();
    move |name| all.get(name).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn system(name: &str) -> &'static System {
        SYSTEMS.iter().find(|system| system.name == name).unwrap()
    }

    #[test]
    fn missing_shards_are_told_in_each_systems_words() {
        let missing = [3, 7, 12, 13, 14, 15, 40];
        let words = |name| system(name).resubmission(&missing, 64, MAX_ARRAY_SIZE);
        assert_eq!(words("Slurm"), ["--array=3,7,12-15,40"]);
        assert_eq!(words("LSF"), ["-J \"featx[4,8,13-16,41]\""]);
        assert_eq!(words("Grid Engine"), ["-t 4-8:4", "-t 13-16", "-t 41"]);
        let pbs = [
            "-J 3-7:4",
            "-J 12-15",
            "a job of its own with --shard 40/64",
        ];
        assert_eq!(words("PBS"), pbs);
        let whole = "the array job again, with 64 tasks: shards that are done exit at once";
        assert_eq!(words("AWS Batch"), [whole]);
        for system in &SYSTEMS {
            assert!(system.resubmission(&[], 64, MAX_ARRAY_SIZE).is_empty());
        }
    }

    #[test]
    fn all_shards_are_one_submission() {
        let words = [
            "--array=0-63",
            "-J \"featx[1-64]\"",
            "-t 1-64",
            "-J 0-63",
            "64 tasks",
            "64 tasks",
        ];
        for (system, words) in SYSTEMS.iter().zip(words) {
            assert_eq!(system.whole(64), words);
        }
    }

    #[test]
    fn a_task_is_known_by_its_systems_variables() {
        let tasks = |text: &str| array_tasks(variables(text));
        assert_eq!(
            tasks("SGE_TASK_ID=undefined LSB_JOBINDEX=0 PBS_JOBID=7"),
            []
        );
        let bounds = |first, last, count| Some(ArrayBounds { first, last, count });
        for (text, name, id, wanted) in [
            ("PBS_ARRAY_INDEX=3", "PBS", "3", None),
            ("LSB_JOBINDEX=3 LSB_JOBINDEX_END=9", "LSF", "3", None),
            (
                "SGE_TASK_ID=5 SGE_TASK_FIRST=1 SGE_TASK_LAST=10 SGE_TASK_STEPSIZE=4",
                "Grid Engine",
                "5",
                bounds(1, 10, 3),
            ),
            (
                "AWS_BATCH_JOB_ARRAY_INDEX=2 AWS_BATCH_JOB_ARRAY_SIZE=10",
                "AWS Batch",
                "2",
                bounds(0, 9, 10),
            ),
            ("JOB_COMPLETION_INDEX=0", "Kubernetes", "0", None),
        ] {
            let (system, id) = (system(name), id.to_owned());
            let task = ArrayTask {
                system,
                id,
                bounds: wanted,
            };
            assert_eq!(tasks(text), [task]);
        }
    }

    #[test]
    fn cores_are_those_of_the_job() {
        assert_eq!(cores(variables("PBS_JOBID=1 NCPUS=4")), Some(4));
        assert_eq!(cores(variables("SGE_TASK_ID=undefined NSLOTS=3")), Some(3));
        assert_eq!(cores(variables("LSB_JOBID=1 LSB_DJOB_NUMPROC=0")), None);
        assert_eq!(cores(variables("NCPUS=4")), None);
    }
}
