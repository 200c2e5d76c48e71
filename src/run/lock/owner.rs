//! Who holds a lock, and whether that process lives. Reads locks; `crate::run::lock` takes them.

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// An owner touches its lock this often.
pub const BEAT: Duration = Duration::from_secs(5);
/// One that does not for so long is dead.
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

    /// None where its process cannot be seen from here.
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

/// When a process began, if there is one and it is not dead but unburied.
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

/// A lock, as it is found.
#[derive(Debug)]
pub struct Found {
    pub text: String,
    /// By the clock of its filesystem.
    pub touched: SystemTime,
}

impl Found {
    /// None where there is none. Opened anew each time: NFS then asks its server.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn read(path: &Path) -> Result<Option<Self>> {
        let read = || -> std::io::Result<Self> {
            let file = File::open(path)?;
            let touched = file.metadata()?.modified()?;
            let text = std::io::read_to_string(file)?;
            Ok(Self { text, touched })
        };
        match read() {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            found => {
                Ok(Some(found.with_context(|| {
                    format!("cannot read '{}'", path.display())
                })?))
            }
        }
    }

    /// None where the lock does not say.
    #[must_use]
    pub fn owner(&self) -> Option<Owner> {
        toml::from_str(&self.text).ok()
    }

    /// Whether the owner is likely to live, without waiting for it: on this machine it is known; of another's, by when
    /// it last touched the lock, as far as the two clocks agree.
    #[must_use]
    pub fn seems_alive(&self) -> bool {
        match self.owner().and_then(|owner| owner.is_dead_here()) {
            Some(is_dead) => !is_dead,
            None => {
                let age = SystemTime::now().duration_since(self.touched);
                age.is_ok_and(|age| age < WATCHED + BEAT) || self.touched > SystemTime::now()
            }
        }
    }
}
