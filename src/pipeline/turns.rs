//! Whose turn it is on cores that a model and the decoders share.
//!
//! libtorch's threads wait for each other many times in a forward pass. A decoder that takes one of their cores for a
//! moment holds up all of them, so decoders start no image while a model computes; they read the next file meanwhile.
//! Where several models compute side by side, no moment would be left for the decoders: then nobody takes turns.
//! This only saves time, so a decoder that has waited long enough goes on.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A decoder waits at most this long: a batch that takes longer is hardly slowed down by images.
const PATIENCE: Duration = Duration::from_millis(200);

#[derive(Debug, Default)]
pub struct Turns {
    /// Models that compute.
    computing: Mutex<usize>,
    over: Condvar,
}

/// A model's turn, until it is dropped.
pub struct Turn<'a>(&'a Turns);

impl Turns {
    /// Begins a model's turn.
    pub fn begin(&self) -> Turn<'_> {
        *self.lock() += 1;
        Turn(self)
    }

    /// Waits for a moment in which no model computes.
    pub fn wait(&self) {
        let models_compute = |computing: &mut usize| *computing > 0;
        let waited = self
            .over
            .wait_timeout_while(self.lock(), PATIENCE, models_compute);
        drop(waited);
    }

    fn lock(&self) -> MutexGuard<'_, usize> {
        self.computing
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        *self.0.lock() -= 1;
        self.0.over.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;
    use std::time::Instant;

    #[test]
    fn a_decoder_waits_for_the_end_of_all_turns_but_not_for_ever() {
        let turns = Turns::default();
        let waited = || {
            let began = Instant::now();
            turns.wait();
            began.elapsed()
        };
        let (first, second) = (turns.begin(), turns.begin());
        assert!(waited() >= PATIENCE);
        drop(first);
        thread::scope(|scope| {
            let decoder = scope.spawn(waited);
            thread::sleep(PATIENCE / 4);
            assert!(!decoder.is_finished());
            drop(second);
            assert!(decoder.join().unwrap() >= PATIENCE / 8);
        });
        assert_eq!(*turns.lock(), 0);
    }
}
