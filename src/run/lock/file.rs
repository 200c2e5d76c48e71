//! A lock's file: put in place whole or not at all, touched, removed. `crate::run::lock` decides who may do so, and when.

use crate::rows::checksum::RunningChecksum;
use crate::rows::durable::with_ending;
use crate::rows::part::{file_name, names_in};
use crate::run::lock::owner::{began, host, place};
use crate::run::lock::snapshot::LockSnapshot;
use anyhow::{Context, Result};
use rustix::fs::{Timespec, Timestamps, UTIME_NOW, futimens};
use rustix::io::Errno;
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A lock that was not touched for this long is not watched any more.
pub const OLD: Duration = Duration::from_secs(600);

/// Digits of a checksum that tell boots and process namespaces of one host name apart.
const PLACE_DIGITS: usize = 12;

/// A place for a lock, and what ours says.
#[derive(Debug, Clone)]
pub struct LockFile {
    path: PathBuf,
    text: String,
}

impl LockFile {
    pub fn new(path: PathBuf, text: String) -> Self {
        Self { path, text }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Puts the lock in place; false where there is one.
    ///
    /// # Errors
    /// The directory cannot be written.
    pub fn make(&self) -> Result<bool> {
        let own = self.own_name();
        let named = || format!("cannot write '{}'", self.path.display());
        let linked = match self
            .write(File::create(&own))
            .and_then(|()| fs::hard_link(&own, &self.path))
        {
            Ok(()) => Ok(true),
            // Over NFS the answer to a link that was made may get lost, and the question is asked again.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                fs::metadata(&own).map(|file| file.nlink() == 2)
            }
            // Another taker tidied up.
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) if has_no_links(&error) => self.make_without_link(),
            Err(error) => Err(error),
        };
        let _ = fs::remove_file(&own);
        linked.with_context(named)
    }

    /// For filesystems without hard links: between the two steps the lock is there, but does not say whose it is.
    fn make_without_link(&self) -> std::io::Result<bool> {
        match File::create_new(&self.path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
            file => self.write(file).map(|()| true),
        }
    }

    /// Writes who we are, and syncs it: a lock that says nothing after a power cut would have to be watched.
    fn write(&self, file: std::io::Result<File>) -> std::io::Result<()> {
        let mut file = file?;
        file.write_all(self.text.as_bytes())?;
        file.sync_all()
    }

    /// Shows that the owner lives; false where the lock is another's. A disk that answers with an error for a moment
    /// takes no lock away.
    pub fn touch(&self) -> bool {
        let now = Timespec {
            tv_sec: 0,
            tv_nsec: UTIME_NOW,
        };
        let times = Timestamps {
            last_access: now,
            last_modification: now,
        };
        let read = |file: File| Ok((std::io::read_to_string(&file)?, file));
        match File::open(&self.path).and_then(read) {
            Ok((found, file)) if found == self.text => {
                let _ = futimens(&file, &times); // the server's time, where there is one
                true
            }
            Ok(_) => false,
            Err(error) => error.kind() != ErrorKind::NotFound,
        }
    }

    /// Removes the lock, if it is ours.
    pub fn remove(&self) {
        if fs::read_to_string(&self.path).is_ok_and(|text| text == self.text) {
            let _ = fs::remove_file(&self.path);
        }
    }

    /// Whether another's lock has not been touched for [`OLD`].
    pub fn is_old(&self, found: &LockSnapshot) -> bool {
        self.age(found).is_some_and(|age| age > OLD)
    }

    /// Removes another's lock, if it is still the one that was found.
    ///
    /// # Errors
    /// It cannot be removed.
    pub fn remove_dead(&self, dead: &LockSnapshot) -> Result<()> {
        let aside = self.own_name();
        match fs::rename(&self.path, &aside) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            renamed => {
                renamed.with_context(|| format!("cannot remove '{}'", self.path.display()))?
            }
        }
        // Gone: another taker, who has the lock now, tidied up.
        if fs::read_to_string(&aside).is_ok_and(|text| text != dead.text) {
            // If that fails there is a third taker's lock already, and this one's owner will see it.
            let _ = fs::hard_link(&aside, &self.path);
        }
        let _ = fs::remove_file(&aside);
        Ok(())
    }

    /// Removes the files of takers that were killed, whether they got the lock or not.
    pub fn tidy(&self) {
        let directory = self.path.parent().unwrap_or(Path::new("."));
        let names = names_in(directory).unwrap_or_default();
        let prefix = format!("{}.", file_name(&self.path));
        let temporary = names.iter().filter(|name| name.starts_with(&prefix));
        for path in temporary.map(|name| directory.join(name)) {
            if self.is_left_over(&path) {
                let _ = fs::remove_file(path);
            }
        }
    }

    /// Whether the process that made a file beside the lock is dead.
    fn is_left_over(&self, path: &Path) -> bool {
        let Ok(Some(found)) = LockSnapshot::read(path) else {
            return false;
        };
        let is_dead = match found.owner() {
            Some(owner) => owner.is_dead_here(),
            // Its maker was killed before it wrote who it is, but the name says so. A maker that lives makes another file.
            None => pid_in(path).map(|pid| began(pid).is_none()),
        };
        is_dead.unwrap_or_else(|| self.is_old(&found))
    }

    /// How old another's lock is, by the clock of the filesystem: a file made now is stamped by it.
    fn age(&self, found: &LockSnapshot) -> Option<Duration> {
        let probe = self.own_name();
        let made = File::create(&probe).and_then(|file| file.metadata()?.modified());
        let _ = fs::remove_file(&probe);
        made.ok()?.duration_since(found.touched).ok()
    }

    /// A name beside the lock that no other process uses.
    fn own_name(&self) -> PathBuf {
        with_ending(&self.path, &own_ending(std::process::id()))
    }
}

/// The ending of the files that process `pid` of this place makes beside the lock.
pub fn own_ending(pid: u32) -> String {
    ending_of(&host(), &place(), pid)
}

/// The place counts, because containers may share their machine's name, and each has a process 1.
fn ending_of(host: &str, place: &str, pid: u32) -> String {
    let place = RunningChecksum::of(place.as_bytes()).finish().to_string();
    format!(
        ".{}.{}.{pid}",
        host.replace('/', "_"),
        &place[..PLACE_DIGITS]
    )
}

/// Of a process of this place, from the name of its file.
fn pid_in(path: &Path) -> Option<u32> {
    let name = file_name(path);
    let pid = name.rsplit_once('.')?.1.parse().ok()?;
    name.ends_with(&own_ending(pid)).then_some(pid)
}

fn has_no_links(error: &std::io::Error) -> bool {
    let codes = [Errno::PERM, Errno::OPNOTSUPP, Errno::NOSYS, Errno::MLINK];
    let raw = error.raw_os_error();
    raw.is_some_and(|raw| codes.iter().any(|code| code.raw_os_error() == raw))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containers_of_one_name_write_no_common_file() {
        let ending = |space: &str| ending_of("node3", &format!("boot pid:[{space}]"), 1);
        assert_ne!(ending("4026532281"), ending("4026532283"));
        assert_eq!(own_ending(7), ending_of(&host(), &place(), 7));
        let path = PathBuf::from(format!("out/run.lock{}", own_ending(7)));
        assert_eq!(pid_in(&path), Some(7));
        let others = format!("out/run.lock{}", ending_of(&host(), "another boot", 7));
        assert_eq!(pid_in(Path::new(&others)), None);
    }
}
