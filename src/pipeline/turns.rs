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

    /// Waits for a moment in which no model computes, but not for ever.
    pub fn wait(&self) {
        self.wait_at_most(PATIENCE);
    }

    /// False where models still compute after that time.
    fn wait_at_most(&self, patience: Duration) -> bool {
        let models_compute = |computing: &mut usize| *computing > 0;
        let (computing, _) = self
            .over
            .wait_timeout_while(self.lock(), patience, models_compute)
            .unwrap_or_else(PoisonError::into_inner);
        *computing == 0
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
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;
    use std::time::Instant;

    /// No machine is so slow.
    const LONG: Duration = Duration::from_secs(600);

    #[test]
    fn a_decoder_waits_for_the_end_of_all_turns_but_not_for_ever() {
        let turns = Turns::default();
        let (first, second) = (turns.begin(), turns.begin());
        assert!(!turns.wait_at_most(Duration::from_millis(10)));
        drop(first);
        assert!(!turns.wait_at_most(Duration::ZERO));
        let is_over = AtomicBool::new(false);
        thread::scope(|scope| {
            let decoder = scope.spawn(|| {
                let began = Instant::now();
                let in_time = turns.wait_at_most(LONG) && began.elapsed() < LONG;
                (in_time, is_over.load(Ordering::SeqCst))
            });
            thread::sleep(Duration::from_millis(10)); // most often the decoder waits by then
            is_over.store(true, Ordering::SeqCst);
            drop(second);
            assert_eq!(decoder.join().unwrap(), (true, true));
        });
        assert!(turns.wait_at_most(Duration::ZERO));
    }
}
