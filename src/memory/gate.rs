//! Memory for large images: a decoder asks for it before it takes it, so that a folder of huge photos keeps the budget.

use crate::memory::usage::Gauge;
use anyhow::Result as Fallible;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The share of the budget up to which decoders are let in.
const FULL_AT: f64 = 0.97;
/// A decoder that has waited this long with nobody else inside waits in vain: in that time a part was sealed, and a batch
/// computed.
const PATIENCE: Duration = Duration::from_secs(20);
/// The time between two looks at RSS.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Shared by the decoders, which ask, and the writer, which makes room by sealing its part.
pub struct Gate {
    budget: u64,
    inside: Mutex<GateState>,
    left: Condvar,
}

struct GateState {
    gauge: Gauge,
    /// Bytes that were granted to those who are inside; some of them may not be taken yet.
    granted: u64,
    waiting: usize,
}

/// The right to some memory, until it is dropped.
pub struct Pass<'a> {
    gate: &'a Gate,
    bytes: u64,
}

impl Gate {
    /// # Errors
    /// A machine whose memory cannot be read.
    pub fn new(budget: u64) -> Fallible<Self> {
        let inside = GateState {
            gauge: Gauge::new()?,
            granted: 0,
            waiting: 0,
        };
        Ok(Self {
            budget,
            inside: Mutex::new(inside),
            left: Condvar::new(),
        })
    }

    /// Waits until there is room for `bytes` within the budget.
    ///
    /// # Errors
    /// There will never be room: returns the budget that would suffice.
    pub fn enter(&self, bytes: u64) -> Result<Pass<'_>, u64> {
        let full = (self.budget as f64 * FULL_AT) as u64;
        let mut alone_since = Instant::now();
        let mut inside = self.lock();
        inside.waiting += 1;
        let entered = loop {
            let needed = inside.gauge.rss() + inside.granted + bytes;
            if needed <= full {
                break Ok(());
            }
            if inside.granted > 0 {
                alone_since = Instant::now();
            }
            if bytes >= full || alone_since.elapsed() > PATIENCE {
                break Err((needed as f64 / FULL_AT) as u64);
            }
            let waited = self.left.wait_timeout(inside, LOOK_AGAIN);
            inside = waited.unwrap_or_else(PoisonError::into_inner).0;
        };
        inside.waiting -= 1;
        entered?;
        inside.granted += bytes;
        Ok(Pass { gate: self, bytes })
    }

    /// Bytes.
    pub fn budget(&self) -> u64 {
        self.budget
    }

    /// True where a decoder waits for memory: a part that is sealed now gives its pages back.
    pub fn is_waited_at(&self) -> bool {
        self.lock().waiting > 0
    }

    fn lock(&self) -> MutexGuard<'_, GateState> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        self.gate.lock().granted -= self.bytes;
        self.gate.left.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_never_fit_does_not_wait() {
        let gate = Gate::new(1 << 40).unwrap();
        let pass = gate.enter(1 << 20);
        assert!(pass.is_ok() && !gate.is_waited_at());
        assert!(gate.enter(1 << 40).is_err());
        drop(pass);
        assert_eq!(gate.lock().granted, 0);
    }
}
