//! LMDB maps its file, and each page that is read counts as this process's memory from then on. So pages are given back
//! once they were read.

use rustix::mm::{Advice, madvise};
use std::ffi::c_void;

/// Pages are given back after this number of reads.
pub const MOST_READS: u64 = 64;

/// Where in the map one reader has read since it last gave pages back. It must go before the map does.
#[derive(Debug, Default)]
pub struct ReadRange {
    /// The lowest address and that after the highest.
    range: Option<(usize, usize)>,
    reads: u64,
}

impl ReadRange {
    /// `bytes` lie in a map of LMDB's ([`crate::sources::lmdb_map::Map::holds`]), all of them in the same one, and were read.
    pub fn note(&mut self, bytes: &[u8]) {
        let low = bytes.as_ptr().expose_provenance();
        let high = low + bytes.len();
        self.range = match self.range {
            None => Some((low, high)),
            Some((lowest, highest)) => Some((lowest.min(low), highest.max(high))),
        };
        self.reads += 1;
        if self.reads >= MOST_READS {
            self.give_back();
        }
    }

    fn give_back(&mut self) {
        self.reads = 0;
        let Some((low, high)) = self.range.take() else {
            return;
        };
        let start = low - low % rustix::param::page_size();
        let start_of_map: *mut c_void = std::ptr::with_exposed_provenance_mut(start);
        // SAFETY: both ends lie in one map of a file that is only read, so all between does. Such pages are read from the
        // file again when they are next used; nobody sees a difference.
        let given = unsafe { madvise(start_of_map, high - start, Advice::LinuxDontNeed) };
        let _ = given; // what stays counts as memory, and the budget sees it
    }
}

impl Drop for ReadRange {
    fn drop(&mut self) {
        self.give_back();
    }
}
