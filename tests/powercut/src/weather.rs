//! How a mount differs from a local disk: as a network's file system does.

use crate::crash::Chance;
use std::time::{Duration, SystemTime};

/// Of one mount, which is one client.
#[derive(Debug, Default)]
pub struct Weather {
    /// Names, also those that are not there, and attributes are believed for so long.
    pub late: Duration,
    /// Of its clock, ahead of the server's.
    pub clock: Option<Shift>,
    /// An `fsync` takes so long.
    pub slow_sync: Duration,
    /// One look of so many is answered by ESTALE.
    pub stale: Option<u64>,
    /// One close of so many, of a file that was written, by ENOSPC.
    pub full: Option<u64>,
    /// One write of so many by EIO.
    pub failing: Option<u64>,
}

#[derive(Debug, Clone, Copy)]
pub enum Shift {
    Ahead(Duration),
    Behind(Duration),
}

impl Weather {
    /// Reads `late=3 clock=-180 sync=200 stale=50 full=20 failing=20`: seconds, seconds, milliseconds, one in so many.
    ///
    /// # Errors
    /// A word that is none of these.
    pub fn parse<'a>(words: impl Iterator<Item = &'a str>) -> Result<Self, String> {
        let mut weather = Self::default();
        for word in words {
            let wrong = || {
                format!("expected late=, clock=, sync=, stale=, full= or failing=, found '{word}'")
            };
            let (what, number) = word.split_once('=').ok_or_else(wrong)?;
            let number: i64 = number.parse().map_err(|_| wrong())?;
            let size = number.unsigned_abs();
            match what {
                "late" => weather.late = Duration::from_secs(size),
                "clock" if number < 0 => {
                    weather.clock = Some(Shift::Behind(Duration::from_secs(size)))
                }
                "clock" => weather.clock = Some(Shift::Ahead(Duration::from_secs(size))),
                "sync" => weather.slow_sync = Duration::from_millis(size),
                "stale" => weather.stale = Some(size),
                "full" => weather.full = Some(size),
                "failing" => weather.failing = Some(size),
                _ => return Err(wrong()),
            }
        }
        Ok(weather)
    }

    /// A time of the server's, as it looks beside this client's clock: that is ahead, so the file is older.
    pub fn seen(&self, time: SystemTime) -> SystemTime {
        match self.clock {
            Some(Shift::Ahead(by)) => time - by,
            Some(Shift::Behind(by)) => time + by,
            None => time,
        }
    }
}

/// True once in so many times, on average.
pub fn is_one_of(many: Option<u64>, chance: &mut Chance) -> bool {
    many.is_some_and(|many| chance.below(many.max(1) as usize) == 0)
}
