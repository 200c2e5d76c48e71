//! What Slurm alone says of this process, in its environment (sbatch(1) and srun(1), "OUTPUT ENVIRONMENT VARIABLES"). A
//! process that Slurm did not start finds nothing.

/// Step ids from here on are Slurm's own: the batch script, an interactive shell, what others adopt.
const FIRST_SPECIAL_STEP: u64 = 0xffff_fff0;
const MIB: u64 = 1 << 20;

/// What was found. A variable that is set but not a number counts as absent, except those that shards follow from.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Slurm {
    /// Its place in a step of `srun`. A batch script has `SLURM_PROCID=0` and all of the job's `SLURM_NTASKS` too,
    /// although it is not one of those tasks: it is in no step.
    pub step: Option<StepTask>,
    /// Tasks of the step on this node, at least 1: they share its cores and memory.
    pub tasks_here: u64,
    /// Cores of this task.
    pub cores: Option<u64>,
    /// Memory of this task, bytes.
    pub memory: Option<u64>,
}

/// A task of a step, as Slurm says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepTask {
    pub index: Option<String>,
    pub count: Option<String>,
}

impl Slurm {
    /// What Slurm says of this process.
    #[must_use]
    pub fn here() -> Self {
        Self::from_variables(super::variable)
    }

    /// What the environment says; `variable` gives the value of a name.
    pub fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Self {
        let number = |name: &str| variable(name)?.parse::<u64>().ok();
        let in_step = number("SLURM_STEP_ID").is_some_and(|id| id < FIRST_SPECIAL_STEP);
        let tasks_here = match in_step {
            true => tasks_on_node(&variable).unwrap_or(1).max(1),
            false => 1,
        };
        let cores_here = number("SLURM_CPUS_ON_NODE").filter(|&cores| cores > 0);
        let cores = number("SLURM_CPUS_PER_TASK")
            .filter(|&cores| cores > 0)
            .or(cores_here.map(|cores| (cores / tasks_here).max(1)));
        let per_node = number("SLURM_MEM_PER_NODE").map(|mib| mib / tasks_here);
        let per_core = || Some(number("SLURM_MEM_PER_CPU")? * cores.unwrap_or(1));
        let per_gpu =
            || Some(number("SLURM_MEM_PER_GPU")? * number("SLURM_GPUS_ON_NODE")? / tasks_here);
        Self {
            step: in_step.then(|| StepTask {
                index: variable("SLURM_PROCID"),
                count: variable("SLURM_NTASKS"),
            }),
            tasks_here,
            cores,
            memory: per_node
                .or_else(per_core)
                .or_else(per_gpu)
                .filter(|&mib| mib > 0)
                .map(|mib| mib.saturating_mul(MIB)),
        }
    }
}

/// `2(x3),1`: two tasks on each of three nodes, one on the fourth.
fn tasks_on_node(variable: &impl Fn(&str) -> Option<String>) -> Option<u64> {
    let text =
        variable("SLURM_STEP_TASKS_PER_NODE").or_else(|| variable("SLURM_TASKS_PER_NODE"))?;
    let mut node: u64 = variable("SLURM_NODEID")?.parse().ok()?;
    for term in text.split(',') {
        let (tasks, nodes) = match term.split_once("(x") {
            Some((tasks, nodes)) => (tasks, nodes.strip_suffix(')')?.parse().ok()?),
            None => (term, 1),
        };
        if node < nodes {
            return tasks.parse().ok();
        }
        node -= nodes;
    }
    None
}

#[cfg(test)]
pub mod tests {
    use super::*;

    pub fn slurm(text: &str) -> Slurm {
        Slurm::from_variables(crate::batch::variables(text))
    }

    #[test]
    fn nothing_is_found_outside_slurm() {
        let expected = Slurm {
            tasks_here: 1,
            ..Slurm::default()
        };
        assert_eq!(slurm("HOME=/root"), expected);
    }

    #[test]
    fn a_batch_script_is_in_no_step() {
        let batch = slurm(
            "SLURM_JOB_ID=1 SLURM_PROCID=0 SLURM_NTASKS=4 SLURM_CPUS_ON_NODE=4 SLURM_MEM_PER_NODE=100",
        );
        assert_eq!((batch.step, batch.cores), (None, Some(4)));
        assert_eq!(batch.memory, Some(100 * MIB));
        // salloc's shell.
        assert_eq!(
            slurm("SLURM_STEP_ID=4294967290 SLURM_PROCID=0 SLURM_NTASKS=4").step,
            None
        );
    }

    #[test]
    fn tasks_of_a_step_share_their_node() {
        let step =
            "SLURM_STEP_ID=0 SLURM_PROCID=6 SLURM_NTASKS=7 SLURM_STEP_TASKS_PER_NODE=2(x3),1";
        let first = format!("{step} SLURM_NODEID=2 SLURM_CPUS_ON_NODE=8 SLURM_MEM_PER_NODE=100");
        let found = slurm(&first);
        assert_eq!(
            (found.tasks_here, found.cores, found.memory),
            (2, Some(4), Some(50 * MIB))
        );
        let last = format!("{step} SLURM_NODEID=3 SLURM_CPUS_PER_TASK=3 SLURM_MEM_PER_CPU=10");
        let found = slurm(&last);
        assert_eq!(
            (found.tasks_here, found.cores, found.memory),
            (1, Some(3), Some(30 * MIB))
        );
        let index = found.step.and_then(|step| step.index);
        assert_eq!(index.as_deref(), Some("6"));
    }
}
