//! Where LMDB's map of its file lies in memory.

use std::ops::Range;

/// The addresses of a map. LMDB follows what the file says, so what it gives is compared with them before it is read.
#[derive(Debug, Clone)]
pub struct Map(Range<usize>);

impl Map {
    /// The map that `bytes` lie in. `file`: its length. The map is empty if the system tells of none.
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

/// The addresses in a line of `/proc/self/maps`: `7f00-7fff r--p …`.
fn addresses(line: &str) -> Option<Range<usize>> {
    let (start, end) = line.split_whitespace().next()?.split_once('-')?;
    let address = |text| usize::from_str_radix(text, 16).ok();
    Some(address(start)?..address(end)?)
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
