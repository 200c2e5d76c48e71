//! Who holds a lock, and whether that process lives.

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};
use std::fs;
use std::time::Duration;

/// An owner touches its lock this often.
pub const BEAT: Duration = Duration::from_secs(5);
/// An owner that has not done so for this long is dead.
pub const WATCHED: Duration = Duration::from_secs(45);

/// Who writes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    pub host: String,
    pub pid: u32,
    /// When that process began, in the kernel's ticks since boot: process ids come again.
    pub started: u64,
    /// Boot and process namespace, within which `pid` means something.
    pub place: String,
}

impl Owner {
    pub fn this() -> Result<Self> {
        let pid = std::process::id();
        let Some(started) = began(pid) else {
            bail!("cannot read /proc/{pid}/stat; featx needs /proc");
        };
        Ok(Self {
            host: host(),
            pid,
            started,
            place: place(),
        })
    }

    /// `None` if its process cannot be seen from here.
    pub fn is_dead_here(&self) -> Option<bool> {
        let this = Self::this().ok()?;
        (this.place == self.place).then(|| began(self.pid) != Some(self.started))
    }
}

/// Boot and process namespace of this process.
pub fn place() -> String {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let namespace = fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    format!("{} {}", boot.trim(), namespace.display())
}

pub fn host() -> String {
    rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned()
}

/// When a process began. `None` if there is no such process, or if it is dead and its parent has not noticed (a zombie).
pub fn began(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the program's name in parentheses, and may hold anything.
    let mut fields = stat.rsplit_once(") ")?.1.split(' ');
    let state = fields.next()?;
    if matches!(state, "Z" | "X") {
        return None;
    }
    fields.nth(18)?.parse().ok()
}
