//! Files and folders as programs see them, and the calls that change them.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

pub type Ino = u64;
pub const ROOT: Ino = 1;

#[derive(Clone, Debug)]
pub enum Node {
    File(Vec<u8>),
    Folder(BTreeMap<OsString, Ino>),
}

#[derive(Clone, Debug)]
pub struct Inode {
    pub node: Node,
    pub mode: u16,
    pub modified: SystemTime,
    /// Names that it has; a file without lives as long as a program has it open.
    pub links: u32,
}

impl Inode {
    pub fn new(node: Node, mode: u16) -> Self {
        Self {
            node,
            mode,
            modified: SystemTime::now(),
            links: 0,
        }
    }

    /// Empty, of the same kind.
    pub fn without_contents(&self) -> Self {
        let node = match self.node {
            Node::File(_) => Node::File(Vec::new()),
            Node::Folder(_) => Node::Folder(BTreeMap::new()),
        };
        Self {
            node,
            links: 0,
            ..*self
        }
    }

    pub fn is_folder(&self) -> bool {
        matches!(self.node, Node::Folder(_))
    }
}

/// A name in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub folder: Ino,
    pub name: OsString,
}

/// A call that changes something, or makes it durable.
#[derive(Clone, Debug)]
pub enum Call {
    /// A new name, of a new file or folder or of one that is there.
    Add {
        at: Place,
        ino: Ino,
        made: Option<Inode>,
    },
    Remove {
        at: Place,
        ino: Ino,
    },
    Rename {
        from: Place,
        to: Place,
        ino: Ino,
    },
    Write {
        ino: Ino,
        at: u64,
        bytes: Vec<u8>,
    },
    /// `ftruncate`, or `fallocate`.
    Resize {
        ino: Ino,
        size: u64,
    },
    Touch {
        ino: Ino,
        modified: SystemTime,
    },
    SyncFile(Ino),
    SyncFolder(Ino),
}

/// Everything below one folder.
#[derive(Clone, Debug)]
pub struct Tree {
    pub inodes: HashMap<Ino, Inode>,
}

impl Tree {
    pub fn new() -> Self {
        let root = Inode::new(Node::Folder(BTreeMap::new()), 0o755);
        Self {
            inodes: HashMap::from([(ROOT, root)]),
        }
    }

    pub fn file(&self, ino: Ino) -> Option<&Vec<u8>> {
        match &self.inodes.get(&ino)?.node {
            Node::File(bytes) => Some(bytes),
            Node::Folder(_) => None,
        }
    }

    pub fn folder(&self, ino: Ino) -> Option<&BTreeMap<OsString, Ino>> {
        match &self.inodes.get(&ino)?.node {
            Node::Folder(names) => Some(names),
            Node::File(_) => None,
        }
    }

    pub fn find(&self, place: &Place) -> Option<Ino> {
        self.folder(place.folder)?.get(&place.name).copied()
    }

    pub fn apply(&mut self, call: &Call) {
        match call {
            Call::Add { at, ino, made } => {
                if let Some(made) = made {
                    self.inodes.insert(*ino, made.clone());
                }
                self.name(at, *ino);
            }
            Call::Remove { at, ino } => self.unname(at, *ino),
            Call::Rename { from, to, ino } => {
                // Two names of one file: POSIX has a rename between them do nothing.
                if self.find(to) != Some(*ino) {
                    self.name(to, *ino);
                    self.unname(from, *ino);
                }
            }
            Call::Touch { ino, modified } => {
                if let Some(inode) = self.inodes.get_mut(ino) {
                    inode.modified = *modified;
                }
            }
            Call::Write { ino, .. } | Call::Resize { ino, .. } => {
                if let Some(inode) = self.inodes.get_mut(ino)
                    && let Node::File(bytes) = &mut inode.node
                {
                    change(bytes, call);
                    inode.modified = SystemTime::now();
                }
            }
            Call::SyncFile(_) | Call::SyncFolder(_) => {}
        }
    }

    /// Gives a file a name, which another may have had.
    pub fn name(&mut self, at: &Place, ino: Ino) {
        let before = self.names_of(at.folder, |names| names.insert(at.name.clone(), ino));
        self.count_links(before, -1);
        self.count_links(Some(ino), 1);
    }

    /// Takes a name away, if it is this file's.
    pub fn unname(&mut self, at: &Place, ino: Ino) {
        if self.find(at) == Some(ino) {
            self.names_of(at.folder, |names| names.remove(&at.name));
            self.count_links(Some(ino), -1);
        }
    }

    fn names_of(
        &mut self,
        folder: Ino,
        change: impl FnOnce(&mut BTreeMap<OsString, Ino>) -> Option<Ino>,
    ) -> Option<Ino> {
        let inode = self.inodes.get_mut(&folder)?;
        inode.modified = SystemTime::now();
        match &mut inode.node {
            Node::Folder(names) => change(names),
            Node::File(_) => None,
        }
    }

    fn count_links(&mut self, ino: Option<Ino>, by: i32) {
        if let Some(inode) = ino.and_then(|ino| self.inodes.get_mut(&ino)) {
            inode.links = inode.links.saturating_add_signed(by);
        }
    }

    /// Every path below the root, in order, with what it names.
    pub fn walk(&self) -> Vec<(PathBuf, Ino)> {
        let mut found = Vec::new();
        self.walk_below(ROOT, Path::new(""), &mut found);
        found
    }

    fn walk_below(&self, folder: Ino, path: &Path, found: &mut Vec<(PathBuf, Ino)>) {
        for (name, ino) in self.folder(folder).into_iter().flatten() {
            let path = path.join(name);
            found.push((path.clone(), *ino));
            self.walk_below(*ino, &path, found);
        }
    }

    /// The same files under inode numbers that were never given out, so that no kernel takes them for others; what has no
    /// name is gone.
    pub fn renumbered(&self, next: &mut Ino) -> Self {
        let mut numbers = HashMap::from([(ROOT, ROOT)]);
        for (_, ino) in self.walk() {
            numbers.entry(ino).or_insert_with(|| {
                *next += 1;
                *next
            });
        }
        let mut tree = Self {
            inodes: HashMap::new(),
        };
        for (old, new) in &numbers {
            if let Some(inode) = self.inodes.get(old) {
                let mut inode = inode.clone();
                inode.links = 0;
                if let Node::Folder(names) = &mut inode.node {
                    names.values_mut().for_each(|ino| *ino = numbers[ino]);
                }
                tree.inodes.insert(*new, inode);
            }
        }
        for (_, ino) in tree.walk() {
            tree.count_links(Some(ino), 1);
        }
        tree
    }
}

/// What a write or a new size makes of a file.
pub fn change(file: &mut Vec<u8>, call: &Call) {
    match call {
        Call::Write { at, bytes, .. } => {
            let (start, end) = (*at as usize, *at as usize + bytes.len());
            if file.len() < end {
                file.resize(end, 0);
            }
            file[start..end].copy_from_slice(bytes);
        }
        Call::Resize { size, .. } => file.resize(*size as usize, 0),
        _ => {}
    }
}
