//! LMDB maps its file, and each page that is read counts as this process's memory from then on. So pages are given back
//! once they were read.

use rustix::mm::{Advice, madvise};
use std::ffi::c_void;
use std::ops::Range;

/// After so many reads pages are given back.
pub const MOST_READS: u64 = 64;

/// The addresses of a map. LMDB goes where the file says; what it then gives is looked at before it is read.
#[derive(Debug, Clone)]
pub struct Map(Range<usize>);

impl Map {
    /// The map that these bytes lie in, of the first so many bytes of a file; empty where the system tells of none.
    pub fn around(bytes: &[u8], file: u64) -> Self {
        let at = bytes.as_ptr().addr();
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
        let found = maps
            .lines()
            .filter_map(addresses)
            .find(|map| map.contains(&at));
        Self(found.map_or(0..0, |map| {
            map.start..map.end.min(map.start.saturating_add(file as usize))
        }))
    }

    pub fn holds(&self, bytes: &[u8]) -> bool {
        let start = bytes.as_ptr().addr();
        let end = start.checked_add(bytes.len());
        self.0.start <= start && end.is_some_and(|end| end <= self.0.end)
    }
}

/// Of a line of `/proc/self/maps`: `7f00-7fff r--p …`.
fn addresses(line: &str) -> Option<Range<usize>> {
    let (start, end) = line.split_whitespace().next()?.split_once('-')?;
    let address = |text| usize::from_str_radix(text, 16).ok();
    Some(address(start)?..address(end)?)
}

/// Where in the map one reader has read since it last gave pages back. It must go before the map does.
#[derive(Debug, Default)]
pub struct Touched {
    /// The lowest address and that after the highest.
    range: Option<(usize, usize)>,
    reads: u64,
}

impl Touched {
    /// `bytes` lie in a map of LMDB's ([`Map::holds`]), all of them in the same one, and were read.
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
        // file again when somebody comes to them; nobody sees a difference.
        let given = unsafe { madvise(start_of_map, high - start, Advice::LinuxDontNeed) };
        let _ = given; // what stays counts as memory, and the budget sees it
    }
}

impl Drop for Touched {
    fn drop(&mut self) {
        self.give_back();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_holds_what_lies_in_it() {
        let bytes = vec![7u8; 1 << 20];
        let map = Map::around(&bytes, u64::MAX);
        assert!(map.holds(&bytes) && map.holds(&bytes[9..9]));
        let other: &'static [u8] = b"a constant";
        assert!(!map.holds(other) && !Map(0..0).holds(&bytes));
        let short = Map(map.0.start..bytes.as_ptr().addr() + 10);
        assert!(short.holds(&bytes[..10]) && !short.holds(&bytes[..11]));
    }
}
