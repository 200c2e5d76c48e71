//! A lock, read; `crate::run::lock` takes them.

use crate::run::lock::owner::{BEAT, Owner, WATCHED};
use anyhow::{Context, Result};
use std::fs::File;
use std::io::ErrorKind;
use std::path::Path;
use std::time::SystemTime;

/// A lock as it was at one moment.
#[derive(Debug)]
pub struct LockSnapshot {
    pub text: String,
    /// By the clock of its filesystem.
    pub touched: SystemTime,
}

impl LockSnapshot {
    /// `None` if there is no lock. The file is opened each time: NFS then asks its server.
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

    /// `None` if the lock does not say.
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
