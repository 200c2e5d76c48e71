//! What the job may use of the machine.

use crate::batch::{self, slurm::Slurm};
use crate::memory::usage::status_bytes;
use rustix::process::{Resource, getrlimit};
use std::fs;
use std::path::{Path, PathBuf};
use sysinfo::{MemoryRefreshKind, System};

/// Cores that this process may use: affinity, cgroup quota and the batch system's share, whichever is least.
#[must_use]
pub fn cores() -> usize {
    let usable = std::thread::available_parallelism().map_or(1, usize::from);
    let batch_cores = batch::cores(batch::variable);
    let shares = Slurm::here().cores.into_iter().chain(batch_cores);
    shares.fold(usable, |cores, share| cores.min(share as usize))
}

/// Address space that threads' stacks and malloc reserve beyond what they use, bytes.
const RESERVED: u64 = 128 << 20;

/// Bytes of memory that this process may use: the host's available memory, the limit of every cgroup that it is in,
/// what Slurm gave it, and its limit on address space, whichever is least. Slurm's tasks on one node share the first two.
#[must_use]
pub fn allowed() -> u64 {
    let slurm = Slurm::here();
    let shared = cgroup_limits()
        .into_iter()
        .chain(host_available())
        .map(|bytes| bytes / slurm.tasks_here);
    shared
        .chain(slurm.memory)
        .chain(within_address_space())
        .fold(u64::MAX, u64::min)
}

/// The limit on this process's address space (`ulimit -v`, Grid Engine's `h_vmem`), bytes.
#[must_use]
pub fn address_space() -> Option<u64> {
    getrlimit(Resource::As).current
}

/// What may come to be resident within the limit on address space: what libraries map and never touch counts against it.
pub fn within_address_space() -> Option<u64> {
    let mapped = status_bytes("VmSize:").saturating_sub(status_bytes("VmRSS:"));
    Some(address_space()?.saturating_sub(mapped + RESERVED))
}

fn host_available() -> Option<u64> {
    let mut system = System::new().ok()?;
    system.refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
    Some(system.available_memory())
}

/// Limits of all cgroups up the chain, bytes: v2's `memory.max`, v1's `memory.limit_in_bytes`.
fn cgroup_limits() -> Vec<u64> {
    let membership = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    membership
        .lines()
        .flat_map(|line| limits_of_membership(line, Path::new("/sys/fs/cgroup")))
        .collect()
}

/// One line of `/proc/self/cgroup`: `ID:CONTROLLERS:PATH`; v2 has no controllers.
fn limits_of_membership(line: &str, mount: &Path) -> Vec<u64> {
    let mut fields = line.splitn(3, ':').skip(1);
    let (Some(controllers), Some(path)) = (fields.next(), fields.next()) else {
        return Vec::new();
    };
    let (root, file) = if controllers.is_empty() {
        (mount.to_owned(), "memory.max")
    } else if controllers.split(',').any(|name| name == "memory") {
        (mount.join("memory"), "memory.limit_in_bytes")
    } else {
        return Vec::new();
    };
    let own: PathBuf = root.join(path.trim_start_matches('/'));
    let chain = own
        .ancestors()
        .take_while(|folder| folder.starts_with(&root));
    chain
        .filter_map(|folder| {
            fs::read_to_string(folder.join(file))
                .ok()?
                .trim()
                .parse()
                .ok()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cgroup_up_the_chain_counts() {
        let mount = std::env::temp_dir().join(format!("featx-cgroup-{}", std::process::id()));
        let job = mount.join("slurm/job_7");
        fs::create_dir_all(&job).unwrap();
        fs::write(mount.join("slurm/memory.max"), "3000\n").unwrap();
        fs::write(job.join("memory.max"), "max\n").unwrap();
        assert_eq!(limits_of_membership("0::/slurm/job_7", &mount), [3000]);
        fs::write(job.join("memory.max"), "2000\n").unwrap();
        assert_eq!(
            limits_of_membership("0::/slurm/job_7", &mount),
            [2000, 3000]
        );
        assert_eq!(limits_of_membership("5:cpu:/slurm/job_7", &mount), [0; 0]);
        fs::remove_dir_all(&mount).unwrap();
    }
}
