//! What a folder holds besides its images, and the line that says so.

use crate::sources::exclusion::Exclusion;
use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// How many of each kind are named.
const NAMED: usize = 3;

/// What is left out, by kind.
#[derive(Debug, Default)]
pub struct Others {
    kinds: BTreeMap<Exclusion, Group>,
}

#[derive(Debug, Default)]
struct Group {
    count: usize,
    /// The first in byte order, relative to the folder; folders end in a slash.
    examples: Vec<PathBuf>,
}

impl Others {
    /// `3 other files left out: 'a.txt', 'b.csv', 'notes/c.md'; 1 hidden: '.d.jpg'`. `None` if nothing was left out.
    pub fn line(&self) -> Option<String> {
        let mut left_out = " left out";
        let clause = |(kind, group): (&Exclusion, &Group)| {
            let words = kind.words(group.count);
            let said = std::mem::take(&mut left_out);
            format!("{} {words}{said}: {}", group.count, group.names())
        };
        let clauses: Vec<String> = self.kinds.iter().map(clause).collect();
        (!clauses.is_empty()).then(|| clauses.join("; "))
    }

    /// Counts a file or a folder, by its path relative to the folder that is searched.
    pub fn add(&mut self, kind: Exclusion, path: &Path) {
        let group = self.kinds.entry(kind).or_default();
        group.count += 1;
        group.name(path);
    }

    /// Takes in those of a source whose name is `front`.
    pub fn absorb(&mut self, front: &Path, others: &Self) {
        for (&kind, from) in &others.kinds {
            let group = self.kinds.entry(kind).or_default();
            group.count += from.count;
            from.examples
                .iter()
                .for_each(|path| group.name(&front.join(path)));
        }
    }
}

impl Group {
    fn name(&mut self, path: &Path) {
        let bytes = |path: &Path| path.as_os_str().as_bytes().to_vec();
        let at = self
            .examples
            .partition_point(|seen| bytes(seen) < bytes(path));
        self.examples.insert(at, path.to_path_buf());
        self.examples.truncate(NAMED);
    }

    fn names(&self) -> String {
        let names: Vec<_> = self
            .examples
            .iter()
            .map(|path| format!("'{}'", path.display()))
            .collect();
        let more = if self.count > names.len() {
            ", …"
        } else {
            ""
        };
        names.join(", ") + more
    }
}
