//! What a folder holds besides its images, and the line that says so.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// How many of each kind are named.
const NAMED: usize = 3;

/// Why a file or a folder is not searched for images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LeftOut {
    /// A file that is no image by its ending.
    Other,
    /// macOS's `._photo.jpg`, and its folder `__MACOSX`.
    MacOs,
    /// A file server's thumbnails, `@eaDir`.
    Thumbnails,
    Trash,
    /// A notebook's copies, `.ipynb_checkpoints`.
    Jupyter,
    /// Whatever else begins with a dot.
    Hidden,
}

impl LeftOut {
    /// What a name alone tells; none where it may be an image or a folder of them.
    pub fn by_name(name: &OsStr, is_folder: bool) -> Option<Self> {
        let name = name.as_bytes();
        let trash = name.starts_with(b".Trash")
            || is_folder && matches!(name, b"$RECYCLE.BIN" | b"#recycle" | b"lost+found");
        match name {
            _ if trash => Some(Self::Trash),
            b"__MACOSX" if is_folder => Some(Self::MacOs),
            b"@eaDir" if is_folder => Some(Self::Thumbnails),
            b".ipynb_checkpoints" => Some(Self::Jupyter),
            [b'.', b'_', ..] => Some(Self::MacOs),
            [b'.', ..] => Some(Self::Hidden),
            _ => None,
        }
    }

    /// Whether a search leaves an image of this name out.
    #[must_use]
    pub fn has(path: &Path) -> bool {
        let mut steps = path.iter().rev();
        let file = steps.next().and_then(|name| Self::by_name(name, false));
        file.is_some() || steps.any(|name| Self::by_name(name, true).is_some())
    }

    fn words(self, count: usize) -> &'static str {
        match self {
            Self::Other if count == 1 => "other file",
            Self::Other => "other files",
            Self::MacOs => "of macOS",
            Self::Thumbnails => "of thumbnails",
            Self::Trash => "of trash",
            Self::Jupyter => "of Jupyter",
            Self::Hidden => "hidden",
        }
    }
}

/// What is left out, by kind.
#[derive(Debug, Default)]
pub struct Others {
    kinds: BTreeMap<LeftOut, Group>,
}

#[derive(Debug, Default)]
struct Group {
    count: usize,
    /// The first in byte order, relative to the folder; folders end in a slash.
    examples: Vec<PathBuf>,
}

impl Others {
    /// `3 other files left out: 'a.txt', 'b.csv', 'notes/c.md'; 1 hidden: '.d.jpg'`; none where there are none.
    pub fn line(&self) -> Option<String> {
        let mut left_out = " left out";
        let clause = |(kind, group): (&LeftOut, &Group)| {
            let words = kind.words(group.count);
            let said = std::mem::take(&mut left_out);
            format!("{} {words}{said}: {}", group.count, group.names())
        };
        let clauses: Vec<String> = self.kinds.iter().map(clause).collect();
        (!clauses.is_empty()).then(|| clauses.join("; "))
    }

    /// Counts a file or a folder, by its path relative to the folder that is searched.
    pub fn add(&mut self, kind: LeftOut, path: &Path) {
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
