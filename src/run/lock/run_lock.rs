//! One writer per run directory, or per shard, on one machine or on many that share a filesystem.
//!
//! `run.lock` says who writes. The shards of a run hold it while one of them begins the run, and after that each its
//! own, `shard_0003.lock`. A lock is linked into place whole: of many takers one succeeds, over NFS too. Its owner
//! touches it every [`BEAT`]. A process that finds it there asks, in this order:
//!
//! 1. Was it made here (host, boot, process namespace)? Then the process table knows whether its maker lives.
//! 2. Is it older than [`OLD`], by the filesystem's own clock? Then its maker is dead.
//! 3. Otherwise it is watched: a maker that does not touch it for [`WATCHED`] is dead. The clocks of two machines are
//!    never compared.
//!
//! A dead maker's lock is renamed to a name of our own, and read again: if another taker was quicker, we hold that
//! taker's lock now, and put it back. If that comes too late, its owner finds at its next beat that the lock is no longer
//! its own, and ends at once. featx does not rely on `flock`, which may not reach other machines.

use crate::rows::durable::make_directory;
use crate::run::lock::file::LockFile;
use crate::run::lock::other_writer::OtherWriter;
use crate::run::lock::owner::{BEAT, Owner, WATCHED};
use crate::run::lock::snapshot::LockSnapshot;
use crate::run::shard_files::lock_name;
use crate::text::printing::say;
use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle, sleep};
use std::time::{Duration, Instant};

/// The lock's name inside a run directory.
pub const LOCK_FILE: &str = "run.lock";

/// The right to write into a run directory, until it is dropped.
#[derive(Debug)]
pub struct RunLock {
    file: LockFile,
    /// What it is the right to write: `'out'`, `shard 3 of 'out'`.
    what: String,
    /// Directories that were made for it, innermost first; removed again if nothing came into them.
    made: Vec<PathBuf>,
    /// Dropped to end the beats.
    beating: Option<(Sender<()>, JoinHandle<()>)>,
}

impl RunLock {
    /// Takes the lock of `directory`, which is made if absent. `say` gets a line if that takes a while.
    ///
    /// # Errors
    /// Another process holds it ([`OtherWriter`]); the directory cannot be made or written.
    pub fn take(directory: &Path, say: impl Fn(&str)) -> Result<Self> {
        let what = format!("'{}'", directory.display());
        Self::take_named(directory, LOCK_FILE, what, say)
    }

    /// Takes the lock of one shard.
    ///
    /// # Errors
    /// As [`RunLock::take`].
    pub fn take_shard(directory: &Path, shard: u64, say: impl Fn(&str)) -> Result<Self> {
        let what = format!("shard {shard} of '{}'", directory.display());
        Self::take_named(directory, &lock_name(shard), what, say)
    }

    fn take_named(directory: &Path, name: &str, what: String, say: impl Fn(&str)) -> Result<Self> {
        let ancestors = directory.ancestors().filter(|a| *a != Path::new(""));
        let made = ancestors.take_while(|a| !a.exists()).map(Into::into);
        let mut lock = Self {
            file: LockFile::new(directory.join(name), toml::to_string(&Owner::this()?)?),
            what,
            made: made.collect(),
            beating: None,
        };
        let named = || format!("cannot create '{}'", directory.display());
        loop {
            // Again each time: another that made the directory, and failed, removes it.
            make_directory(directory).with_context(named)?;
            if lock.file.make()? {
                break;
            }
            if let Some(found) = LockSnapshot::read(lock.file.path())? {
                lock.ensure_dead(&found, &say)?;
                lock.file.remove_dead(&found)?;
            }
        }
        lock.beat()?;
        lock.file.tidy();
        Ok(lock)
    }

    /// # Errors
    /// The owner lives: who it is.
    fn ensure_dead(&self, found: &LockSnapshot, say: impl Fn(&str)) -> Result<()> {
        let owner = found.owner();
        if let Some((owner, is_dead)) = owner.as_ref().and_then(|h| Some((h, h.is_dead_here()?))) {
            return match is_dead {
                false => Err(self.in_use(format!("process {}", owner.pid))),
                true => Ok(()),
            };
        }
        let who = owner.map_or("another process".to_owned(), |owner| {
            format!("process {} on '{}'", owner.pid, owner.host)
        });
        if self.file.is_old(found) {
            return Ok(());
        }
        say(&format!(
            "{} is locked by {who}; watching for {} s to see whether it still runs",
            self.what,
            WATCHED.as_secs()
        ));
        let began = Instant::now();
        while began.elapsed() < WATCHED {
            sleep(Duration::from_millis(500));
            match LockSnapshot::read(self.file.path())? {
                None => return Ok(()),
                Some(now) if now.text != found.text || now.touched != found.touched => {
                    return Err(self.in_use(who));
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    fn in_use(&self, who: String) -> anyhow::Error {
        let what = self.what.clone();
        OtherWriter { what, who }.into()
    }

    fn beat(&mut self) -> Result<()> {
        let file = self.file.clone();
        let (sender, dropped) = channel();
        let beats = move || {
            while dropped.recv_timeout(BEAT) == Err(RecvTimeoutError::Timeout) {
                if !file.touch() {
                    say(format_args!(
                        "error: another process has taken the lock '{}'; stopping; sealed parts are kept",
                        file.path().display()
                    ));
                    // Without unwinding: not one byte more may be written.
                    signal_hook::low_level::exit(1);
                }
            }
        };
        let thread = thread::Builder::new().name("lock".into()).spawn(beats)?;
        self.beating = Some((sender, thread));
        Ok(())
    }
}

impl Drop for RunLock {
    fn drop(&mut self) {
        if let Some((sender, thread)) = self.beating.take() {
            drop(sender);
            let _ = thread.join();
            self.file.remove();
        }
        for directory in &self.made {
            // Fails where something is in it, as it should.
            let _ = fs::remove_dir(directory);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::lock::file::{OLD, own_ending};
    use crate::run::lock::owner::began;
    use std::fs::File;
    use std::process::{Child, Command};
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::SystemTime;

    fn directory(name: &str) -> PathBuf {
        let dir = std::env::temp_dir().join(format!("featx-lock-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        dir
    }

    fn elsewhere() -> String {
        let mut owner = Owner::this().unwrap();
        owner.host = "elsewhere".into();
        owner.place = "another boot".into();
        toml::to_string(&owner).unwrap()
    }

    #[test]
    fn a_second_taker_is_refused_and_nothing_is_left() {
        let dir = directory("second").join("a/b");
        let first = RunLock::take(&dir, |_| {}).unwrap();
        let error = RunLock::take(&dir, |_| {}).unwrap_err().to_string();
        let pid = std::process::id();
        assert!(
            error.contains(&format!("written by process {pid}; wait")),
            "{error}"
        );
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 1);
        drop(first);
        assert!(!directory("second").exists());
    }

    #[test]
    fn a_dead_process_holds_nothing() {
        let dir = directory("dead");
        fs::create_dir(&dir).unwrap();
        let mut owner = Owner::this().unwrap();
        owner.started -= 1; // the id came again
        fs::write(dir.join(LOCK_FILE), toml::to_string(&owner).unwrap()).unwrap();
        drop(RunLock::take(&dir, |_| {}).unwrap());
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 0);
        fs::remove_dir(&dir).unwrap();
    }

    #[test]
    fn what_takers_that_were_killed_leave_is_removed() {
        let dir = directory("killed");
        fs::create_dir(&dir).unwrap();
        let left = |pid: u32| dir.join(format!("{LOCK_FILE}{}", own_ending(pid)));
        let dead = (2..).find(|pid| began(*pid).is_none()).unwrap();
        fs::write(left(dead), "").unwrap(); // killed before it could write who it is
        let living = Command::new("sleep").arg("60").spawn().unwrap();
        fs::write(left(living.id()), "").unwrap();
        let elsewhere = dir.join(format!("{LOCK_FILE}.elsewhere.{dead}"));
        fs::write(&elsewhere, "").unwrap();
        drop(RunLock::take(&dir, |_| {}).unwrap());
        assert!(!left(dead).exists());
        assert!(left(living.id()).exists() && elsewhere.exists());
        end(living);
        fs::remove_dir_all(&dir).unwrap();
    }

    fn end(mut process: Child) {
        process.kill().unwrap();
        process.wait().unwrap();
    }

    #[test]
    fn an_old_lock_of_another_machine_is_no_hindrance() {
        let dir = directory("old");
        fs::create_dir(&dir).unwrap();
        let path = dir.join(LOCK_FILE);
        fs::write(&path, elsewhere()).unwrap();
        let file = File::options().write(true).open(&path).unwrap();
        file.set_modified(SystemTime::now() - OLD * 2).unwrap();
        drop(RunLock::take(&dir, |_| {}).unwrap());
        fs::remove_dir(&dir).unwrap();
    }

    #[test]
    fn another_machines_beat_is_seen() {
        let dir = directory("beat");
        fs::create_dir(&dir).unwrap();
        let path = dir.join(LOCK_FILE);
        fs::write(&path, elsewhere()).unwrap();
        let others_lock = LockFile::new(path.clone(), elsewhere());
        let done = AtomicBool::new(false);
        let error = thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    sleep(Duration::from_millis(50));
                    assert!(others_lock.touch());
                }
            });
            let error = RunLock::take(&dir, |_| {}).unwrap_err().to_string();
            done.store(true, Ordering::Relaxed);
            error
        });
        assert!(error.contains("on 'elsewhere'; wait for it"), "{error}");
        assert!(!LockFile::new(path, "ours".into()).touch());
        fs::remove_dir_all(&dir).unwrap();
    }
}
