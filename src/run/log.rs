//! The files of a run directory that are one process's own: on a shared filesystem a file has one writer.

/// A file that each process of a run adds lines to: `errors.csv` is that of a whole run, `errors_0003.csv` a shard's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Log {
    /// The NaN rows, and why.
    Errors,
    /// RAM, part sizes and pace over time.
    Memory,
    /// How long the stages were busy.
    Stages,
    /// The checksums of files when they were written; that of a whole run also has those that `merge` made.
    Checksums,
}

impl Log {
    pub const ALL: [Self; 4] = [Self::Errors, Self::Memory, Self::Stages, Self::Checksums];

    fn stem_and_ending(self) -> (&'static str, &'static str) {
        match self {
            Self::Errors => ("errors", ".csv"),
            Self::Memory => ("memory", ".csv"),
            Self::Stages => ("stages", ".csv"),
            Self::Checksums => ("checksums", ".txt"),
        }
    }

    #[must_use]
    pub fn of_run(self) -> String {
        let (stem, ending) = self.stem_and_ending();
        format!("{stem}{ending}")
    }

    #[must_use]
    pub fn of_shard(self, shard: u64) -> String {
        let (stem, ending) = self.stem_and_ending();
        format!("{stem}_{shard:04}{ending}")
    }

    /// True for the name of a whole run's, and for those of shards.
    #[must_use]
    pub fn is(self, name: &str) -> bool {
        name == self.of_run() || self.is_of_a_shard(name)
    }

    /// True for the name of a shard's.
    #[must_use]
    pub fn is_of_a_shard(self, name: &str) -> bool {
        let (stem, ending) = self.stem_and_ending();
        number(name, stem, ending).is_some()
    }
}

/// Of a shard's file: as [`Log::of_shard`] and `lock_name` write it, and not otherwise.
#[must_use]
pub fn number(name: &str, stem: &str, ending: &str) -> Option<u64> {
    let digits = name
        .strip_prefix(stem)?
        .strip_prefix('_')?
        .strip_suffix(ending)?;
    let number = digits.parse().ok()?;
    (format!("{number:04}") == digits).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_known_by_its_name() {
        for log in Log::ALL {
            assert!(log.is(&log.of_run()) && log.is(&log.of_shard(12_345)));
            let others = Log::ALL.into_iter().filter(|&other| other != log);
            assert!(others.into_iter().all(|other| !other.is(&log.of_shard(3))));
        }
        assert_eq!(Log::Checksums.of_run(), "checksums.txt");
        assert_eq!(Log::Errors.of_shard(3), "errors_0003.csv");
    }
}
