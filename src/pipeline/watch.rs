//! Which images are being decoded, and for how long. So an image that never comes (a mount that hangs, a decoder that does
//! not end) holds up the run for a while, but not for ever.
//!
//! A thread that hangs cannot be ended. Its image is taken from it and fails, and another thread takes its place. If it ever
//! comes back, it finds its image gone and ends.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// An image that has been waited for this long is named.
const NAMED_AFTER: Duration = Duration::from_secs(60);
/// At most this much of the time between two looks counts. A process that was stopped for an hour, or computed for a
/// minute, has not waited for its images.
const COUNTED: Duration = Duration::from_secs(1);

/// The images that are being decoded; `T` is what a decoder needs to hand in its image.
#[derive(Debug)]
pub struct Watch<T> {
    limit: Duration,
    state: Mutex<WatchState<T>>,
    panicked: AtomicBool,
}

#[derive(Debug)]
struct WatchState<T> {
    in_work: BTreeMap<u64, WatchedImage<T>>,
    next: u64,
    looked: Instant,
}

#[derive(Debug)]
struct WatchedImage<T> {
    ticket: T,
    waited: Duration,
    named: bool,
}

/// What a look found.
#[derive(Debug)]
pub struct LateImages<T> {
    /// Rows whose images are to be named, and for how long they have been waited for.
    pub named: Vec<(u64, Duration)>,
    /// Taken from the threads that had them.
    pub given_up: Vec<T>,
}

impl<T> Watch<T> {
    /// `limit`: an image fails once it has been waited for this long.
    pub fn new(limit: Duration) -> Self {
        Self {
            limit,
            state: Mutex::new(WatchState {
                in_work: BTreeMap::new(),
                next: 0,
                looked: Instant::now(),
            }),
            panicked: AtomicBool::new(false),
        }
    }

    /// An image's decoding begins; the number goes to [`Watch::end`].
    pub fn begin(&self, ticket: T) -> u64 {
        let mut state = self.state();
        let number = state.next;
        state.next += 1;
        let item = WatchedImage {
            ticket,
            waited: Duration::ZERO,
            named: false,
        };
        state.in_work.insert(number, item);
        number
    }

    /// An image's decoding ends, well or not; `None` where it took too long: then another thread has this one's place.
    pub fn end(&self, number: u64) -> Option<T> {
        self.state().in_work.remove(&number).map(|item| item.ticket)
    }

    /// To be called again and again while nothing comes. `row` tells a ticket's row.
    pub fn look(&self, row: impl Fn(&T) -> u64) -> LateImages<T> {
        let mut state = self.state();
        let passed = state.looked.elapsed().min(COUNTED);
        state.looked = Instant::now();
        let mut late = LateImages {
            named: Vec::new(),
            given_up: Vec::new(),
        };
        let mut numbers = Vec::new();
        for (&number, item) in &mut state.in_work {
            item.waited += passed;
            if item.waited >= self.limit {
                numbers.push(number);
            } else if !item.named && item.waited >= NAMED_AFTER.min(self.limit / 2) {
                item.named = true;
                late.named.push((row(&item.ticket), item.waited));
            }
        }
        let given_up = numbers.iter().filter_map(|n| state.in_work.remove(n));
        late.given_up = given_up.map(|item| item.ticket).collect();
        late
    }

    pub fn limit(&self) -> Duration {
        self.limit
    }

    /// Notes that a decoder's thread panicked: its image will never come.
    pub fn note_panic(&self) {
        self.panicked.store(true, Ordering::Relaxed);
    }

    pub fn saw_panic(&self) -> bool {
        self.panicked.load(Ordering::Relaxed)
    }

    /// Nothing that panics is done under the lock.
    fn state(&self) -> MutexGuard<'_, WatchState<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_takes_too_long_is_named_then_given_up() {
        let watch = Watch::new(COUNTED * 4);
        let (slow, quick) = (watch.begin(7u64), watch.begin(8));
        assert_eq!(watch.end(quick), Some(8));
        let look_later = || {
            watch.state().looked -= COUNTED; // the most that counts, so a busy machine adds nothing to it
            let late = watch.look(|&row| row);
            (late.named, late.given_up)
        };
        assert_eq!(look_later(), (vec![], vec![]));
        assert_eq!(look_later(), (vec![(7, COUNTED * 2)], vec![]));
        assert_eq!(look_later(), (vec![], vec![]));
        assert_eq!(look_later(), (vec![], vec![7]));
        assert_eq!(watch.end(slow), None);
    }

    #[test]
    fn a_process_that_was_stopped_has_not_waited() {
        let watch = Watch::new(COUNTED * 2);
        watch.begin(0u64);
        watch.state().looked -= Duration::from_secs(3600);
        assert!(watch.look(|&row| row).given_up.is_empty());
    }
}
