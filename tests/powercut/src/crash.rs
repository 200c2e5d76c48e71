//! What a power cut leaves: what was synced, and of the rest whatever the disk had come to.
//!
//! POSIX promises that `fsync` of a file makes its bytes and size durable, and `fsync` of a folder its names. Of what came
//! after that nothing is promised, in no order:
//!
//! - each name that was added, removed or renamed may be there or not, whatever the file of that name holds;
//! - each sector of a file is as it was after any of the writes to it, and so is the file's size: a file may be longer,
//!   with zeros, or shorter.

use crate::tree::{Call, Ino, Inode, Node, Place, Tree, change};
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

/// A disk writes so many bytes whole or not at all.
const SECTOR: usize = 512;

/// What happened from a moment at which everything was durable.
#[derive(Clone, Debug)]
pub struct Record {
    pub base: Tree,
    pub calls: Vec<Call>,
    /// How many of them were answered; the power went during the next.
    pub answered: usize,
}

/// Which of the calls that were not made durable have reached the disk.
#[derive(Clone, Copy, Debug)]
pub enum Reached {
    Nothing,
    Everything,
    /// Some, by chance.
    Some(u64),
}

/// The state of a disk, and what may have come to it.
struct Disk {
    tree: Tree,
    names: Vec<Call>,
    data: HashMap<Ino, Vec<Call>>,
}

impl Record {
    pub fn after(&self, reached: Reached) -> Tree {
        let mut disk = self.disk();
        let mut chance = Chance::new(match reached {
            Reached::Some(seed) => seed,
            _ => 0,
        });
        // Seldom, half the time, or mostly.
        let share = chance.below(3) + 1;
        for call in std::mem::take(&mut disk.names) {
            let is_there = match reached {
                Reached::Nothing => false,
                Reached::Everything => true,
                Reached::Some(_) => chance.below(4) < share,
            };
            if is_there {
                disk.tree.apply(&call);
            }
        }
        let mut files: Vec<_> = std::mem::take(&mut disk.data).into_iter().collect();
        files.sort_unstable_by_key(|(ino, _)| *ino);
        for (ino, calls) in files {
            if let Some(inode) = disk.tree.inodes.get_mut(&ino)
                && let Node::File(bytes) = &mut inode.node
            {
                match reached {
                    Reached::Nothing => {}
                    Reached::Everything => calls.iter().for_each(|call| change(bytes, call)),
                    Reached::Some(_) => *bytes = torn(bytes, &calls, &mut chance),
                }
            }
        }
        disk.tree
    }

    /// Files that a program has made durable, under names that it has made durable, which a power cut would yet take,
    /// because a folder above has no durable name.
    pub fn unreachable(&self) -> Vec<PathBuf> {
        let mut seen = self.base.clone();
        self.calls[..self.answered]
            .iter()
            .for_each(|call| seen.apply(call));
        let disk = self.disk();
        let kept: Vec<PathBuf> = disk.tree.walk().into_iter().map(|(path, _)| path).collect();
        let paths = seen.walk();
        let folders: HashMap<&Path, Ino> = paths
            .iter()
            .map(|(path, ino)| (path.as_path(), *ino))
            .collect();
        let is_sealed = |path: &Path, ino: Ino| {
            let above = path.parent().and_then(|above| folders.get(above));
            let name = path.file_name().unwrap_or_default();
            let place = above.map(|&folder| Place {
                folder,
                name: name.into(),
            });
            seen.file(ino).is_some()
                && !disk.data.contains_key(&ino)
                && place.is_some_and(|place| disk.tree.find(&place) == Some(ino))
        };
        paths
            .iter()
            .filter(|(path, ino)| is_sealed(path, *ino) && !kept.contains(path))
            .map(|(path, _)| path.clone())
            .collect()
    }

    /// Goes through the calls: what they made durable, and what they did not.
    fn disk(&self) -> Disk {
        let mut disk = Disk {
            tree: self.base.clone(),
            names: Vec::new(),
            data: HashMap::new(),
        };
        for (number, call) in self.calls.iter().enumerate() {
            disk.take(call, number < self.answered);
        }
        disk
    }
}

impl Disk {
    fn take(&mut self, call: &Call, is_answered: bool) {
        match call {
            Call::Add { ino, made, .. } => {
                if let Some(made) = made {
                    self.tree.inodes.insert(*ino, made.without_contents());
                }
                self.names.push(named(call));
            }
            Call::Remove { .. } => self.names.push(call.clone()),
            Call::Rename { from, to, ino } => {
                // Between two folders it is a change of each.
                if from.folder == to.folder {
                    self.names.push(call.clone());
                } else {
                    let (from, to, ino) = (from.clone(), to.clone(), *ino);
                    let made = None;
                    self.names.push(Call::Add { at: to, ino, made });
                    self.names.push(Call::Remove { at: from, ino });
                }
            }
            Call::Write { ino, .. } | Call::Resize { ino, .. } => {
                self.data.entry(*ino).or_default().push(call.clone());
            }
            Call::Touch { .. } => self.tree.apply(call),
            Call::SyncFile(ino) if is_answered => {
                for call in self.data.remove(ino).unwrap_or_default() {
                    self.tree.apply(&call);
                }
            }
            Call::SyncFolder(folder) if is_answered => {
                let is_its = |call: &Call| place_of(call).is_some_and(|at| at.folder == *folder);
                let names = std::mem::take(&mut self.names).into_iter();
                let (durable, rest): (Vec<Call>, Vec<Call>) = names.partition(is_its);
                self.names = rest;
                durable.iter().for_each(|call| self.tree.apply(call));
            }
            Call::SyncFile(_) | Call::SyncFolder(_) => {}
        }
    }
}

/// The name alone: what the file holds has its own calls.
fn named(call: &Call) -> Call {
    match call {
        Call::Add { at, ino, .. } => Call::Add {
            at: at.clone(),
            ino: *ino,
            made: None,
        },
        other => other.clone(),
    }
}

fn place_of(call: &Call) -> Option<&Place> {
    match call {
        Call::Add { at, .. } | Call::Remove { at, .. } => Some(at),
        Call::Rename { to, .. } => Some(to),
        _ => None,
    }
}

/// A file of which some was written.
fn torn(durable: &[u8], calls: &[Call], chance: &mut Chance) -> Vec<u8> {
    let mut versions = vec![durable.to_vec()];
    for call in calls {
        let mut next = versions[versions.len() - 1].clone();
        change(&mut next, call);
        versions.push(next);
    }
    match chance.below(4) {
        0 => return versions.swap_remove(0),
        1 => return versions.pop().unwrap_or_default(),
        2 => return versions.swap_remove(chance.below(versions.len())),
        _ => {}
    }
    let mut file = vec![0; versions[chance.below(versions.len())].len()];
    for (number, sector) in file.chunks_mut(SECTOR).enumerate() {
        let version = &versions[chance.below(versions.len())];
        let from = version.get(number * SECTOR..).unwrap_or_default();
        let length = from.len().min(sector.len());
        sector[..length].copy_from_slice(&from[..length]);
    }
    file
}

/// Tells states apart, but for what differs from process to process: in locks, and in times.
pub fn digest(tree: &Tree) -> u64 {
    let mut hasher = DefaultHasher::new();
    for (path, ino) in tree.walk() {
        let path = path.to_string_lossy().into_owned();
        let varies = path.contains(".lock") || path.ends_with(".csv");
        let is_of_process = path.contains(".lock.");
        let plain = |bytes: &[u8]| without_numbers(bytes);
        match is_of_process {
            true => plain(path.as_bytes()).hash(&mut hasher),
            false => path.as_bytes().hash(&mut hasher),
        }
        match &tree.inodes[&ino] {
            Inode {
                node: Node::File(bytes),
                ..
            } if varies => plain(bytes).hash(&mut hasher),
            Inode {
                node: Node::File(bytes),
                ..
            } => bytes.hash(&mut hasher),
            _ => "folder".hash(&mut hasher),
        }
    }
    hasher.finish()
}

fn without_numbers(bytes: &[u8]) -> Vec<u8> {
    let mut plain: Vec<u8> = bytes
        .iter()
        .map(|byte| match byte {
            b'0'..=b'9' | b'.' => b'0',
            other => *other,
        })
        .collect();
    plain.dedup_by(|a, b| *a == b'0' && *b == b'0');
    plain
}

/// Numbers by chance, the same for the same seed.
pub struct Chance(u64);

impl Chance {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Below `end`, which is at least 1.
    pub fn below(&mut self, end: usize) -> usize {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        (mixed % end as u64) as usize
    }
}
