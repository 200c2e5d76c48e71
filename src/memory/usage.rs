//! What this process uses.

use anyhow::{Context, Result};
use std::fs;
use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

/// Reads this process's own memory.
pub struct Gauge {
    system: System,
    pid: Pid,
}

impl Gauge {
    /// # Errors
    /// A machine whose memory cannot be read.
    pub fn new() -> Result<Self> {
        let system = System::new().context("cannot read this machine's memory")?;
        Ok(Self {
            system,
            pid: Pid::from_u32(std::process::id()),
        })
    }

    /// Resident set size, bytes; pages of mapped files count.
    pub fn rss(&mut self) -> u64 {
        // `nothing()` alone would still read the threads: a folder to list, and files of each thread.
        let only_memory = ProcessRefreshKind::nothing().without_tasks().with_memory();
        self.system.refresh_processes_specifics(
            ProcessesToUpdate::Some(&[self.pid]),
            false,
            only_memory,
        );
        self.system
            .process(self.pid)
            .map_or(0, sysinfo::Process::memory)
    }
}

/// The kernel's own record of this process's peak resident set size, bytes.
#[must_use]
pub fn peak_rss() -> u64 {
    status_bytes("VmHWM:")
}

/// A size in the kernel's own record of this process (proc_pid_status(5)), bytes.
pub fn status_bytes(key: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(key));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok())
        .map_or(0, |kib| kib * 1024)
}

/// Blocks from this size on are mapped by themselves and go back to the kernel when they are freed, bytes.
const MAPPED: libc::c_int = 4 << 20;

/// Keeps freed memory from staying: glibc would raise the size from which it maps blocks by themselves to 32 MB, and then
/// keep what lies in between; and all threads share two arenas. Large tensors have an arena of their own
/// (`model/fast/arena.h`). Called before any other thread starts.
pub fn tame_allocator() {
    // SAFETY: sets numbers inside glibc's allocator; there is no memory involved.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, MAPPED);
        libc::mallopt(libc::M_ARENA_MAX, 2);
    }
}

/// Gives freed memory back to the kernel.
pub fn trim_allocator() {
    // SAFETY: malloc_trim may be called at any time from any thread.
    unsafe {
        libc::malloc_trim(0);
    }
}
