//! Which of many shards begins their run.

use crate::run::directory::RunDir;
use crate::run::lock::{OtherWriter, RunLock};
use crate::text::figures;
use crate::text::printing::say;
use anyhow::{Result, ensure};
use std::cell::Cell;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// The first shard may search a folder of millions of images on a slow filesystem.
pub const LONGEST_WAIT: Duration = Duration::from_secs(3600);
pub const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// With a thousand waiting shards, one of them asks every two milliseconds.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Takes `run.lock` to begin the run. Another process that holds it begins the run instead: this one waits, and takes over
/// if that one dies. `None` as soon as there is a run.
pub fn lock_to_begin(directory: &Path) -> Result<Option<RunLock>> {
    let began = Instant::now();
    let mut pause = FIRST_PAUSE;
    let said = Cell::new(false);
    let say_once = |line: &str| {
        if !said.replace(true) {
            say(line);
        }
    };
    while !RunDir::is_at(directory) {
        // Trying to take the lock writes into the directory: an NFS client then looks again, also for run.toml. Others may
        // not, so that who has the lock asks the directory for its list.
        let error = match RunLock::take(directory, say_once) {
            Ok(lock) => return Ok((!RunDir::is_listed_at(directory)?).then_some(lock)),
            Err(error) => error,
        };
        let Some(OtherWriter { who, .. }) = error.downcast_ref() else {
            return Err(error);
        };
        if began.elapsed() > Duration::from_secs(1) {
            let out = directory.display();
            say_once(&format!("waiting for {who} to begin the run in '{out}'"));
        }
        ensure!(
            began.elapsed() < LONGEST_WAIT,
            "{who} holds the lock on '{}' but has not started the run after {}; check that process, then start this shard \
             again",
            directory.display(),
            figures::duration(LONGEST_WAIT)
        );
        sleep(pause);
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
    Ok(None)
}
