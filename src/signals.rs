//! Signals that ask a run to end while it computes: the first is noted, so that what is done can be sealed; a second
//! ends the process at once. Before and after, they do what they do to every program.
//!
//! Grid Engine sends SIGUSR1 or SIGUSR2 before its limits, SIGXCPU at that of processor time; a terminal that closes
//! sends SIGHUP; where `nohup` made the process ignore that, it stays ignored. The kernel repeats SIGXCPU each second until
//! the hard limit, so only the first of them counts.
//!
//! In a job of a batch system, a second signal other than SIGINT means no more than the first: Slurm's `scancel --full
//! --signal=USR1` reaches a process and the script that hands it on, and SIGUSR1 before a time limit is followed by
//! SIGTERM. What has to end at once gets SIGKILL.

use crate::batch;
use anyhow::{Context, Result};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2, SIGXCPU};
use signal_hook::{flag, low_level};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

const NOTED: [i32; 6] = [SIGTERM, SIGINT, SIGUSR1, SIGUSR2, SIGHUP, SIGXCPU];

/// The signal that came, if one did.
#[derive(Debug)]
pub struct Signals {
    /// 0: none.
    noted: Arc<AtomicUsize>,
}

impl Signals {
    /// Notes signals from now on.
    ///
    /// # Errors
    /// The system refuses.
    pub fn note() -> Result<Self> {
        let noted = Arc::new(AtomicUsize::new(0));
        let again = Arc::new(AtomicBool::new(false));
        let in_job = batch::in_job();
        for signal in NOTED {
            if signal == SIGHUP && is_ignored(signal) {
                continue;
            }
            // In this order: the second signal is the one that finds `again` set.
            let ends = match signal == SIGXCPU || in_job && signal != SIGINT {
                true => Arc::new(AtomicBool::new(false)),
                false => again.clone(),
            };
            flag::register_conditional_shutdown(signal, exit_code(signal), ends)
                .and_then(|_| flag::register(signal, again.clone()))
                .and_then(|_| flag::register_usize(signal, noted.clone(), signal as usize))
                .context("cannot watch for signals")?;
        }
        Ok(Self { noted })
    }

    /// Its number.
    #[must_use]
    pub fn noted(&self) -> Option<i32> {
        let signal = self.noted.load(Ordering::Relaxed);
        (signal != 0).then_some(signal as i32)
    }
}

/// A signal ended the run in good order: not an error, and not a success.
#[derive(Debug, thiserror::Error)]
#[error("stopped by {}: {done}; {cure}", low_level::signal_name(*signal).unwrap_or("a signal"))]
pub struct StoppedRun {
    pub signal: i32,
    /// `1,024 of 4,096 rows are done in 'out'`
    pub done: String,
    /// `the same command goes on`
    pub cure: &'static str,
}

impl StoppedRun {
    /// As shells report a process that a signal ended.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        exit_code(self.signal) as u8
    }
}

/// Whether the program that started this process made it ignore the signal.
fn is_ignored(signal: i32) -> bool {
    // SAFETY: all zeros is a valid `sigaction`; the call only writes the present one into it.
    unsafe {
        let mut present: libc::sigaction = std::mem::zeroed();
        libc::sigaction(signal, std::ptr::null(), &mut present) == 0
            && present.sa_sigaction == libc::SIG_IGN
    }
}

fn exit_code(signal: i32) -> i32 {
    128 + signal
}
