//! One mount of the store, and what its calls do there; `kernel` answers them.

use crate::crash::Chance;
use crate::kernel::{BLOCK, done};
use crate::store::Store;
use crate::tree::{Call, Ino, Inode, Node, Place};
use crate::weather::{Weather, is_one_of};
use fuser::{Errno, FileAttr, FileType, INodeNo, ReplyEmpty};
use std::collections::{BTreeMap, HashMap};
use std::ffi::{OsStr, OsString};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub struct Client {
    store: Arc<Mutex<Store>>,
    pub weather: Weather,
    chance: Mutex<Chance>,
    /// What open folders held when they were opened.
    pub listings: Mutex<HashMap<u64, Vec<Listed>>>,
}

pub struct Listed {
    pub name: OsString,
    pub ino: Ino,
    pub kind: FileType,
}

pub type Answer<T> = Result<T, Errno>;

pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub fn place(folder: INodeNo, name: &OsStr) -> Place {
    Place {
        folder: folder.0,
        name: name.to_owned(),
    }
}

impl Client {
    pub fn new(store: Arc<Mutex<Store>>, weather: Weather, seed: u64) -> Self {
        Self {
            store,
            weather,
            chance: Mutex::new(Chance::new(seed)),
            listings: Mutex::default(),
        }
    }

    pub fn store(&self) -> MutexGuard<'_, Store> {
        lock(&self.store)
    }

    /// True now and then, where the weather says so.
    pub fn happens(&self, many: Option<u64>) -> bool {
        many.is_some() && is_one_of(many, &mut lock(&self.chance))
    }

    /// # Errors
    /// ESTALE now and then.
    pub fn ensure_fresh(&self) -> Answer<()> {
        match self.happens(self.weather.stale) {
            true => Err(Errno::ESTALE),
            false => Ok(()),
        }
    }

    pub fn attributes(&self, store: &Store, ino: Ino) -> Answer<FileAttr> {
        let inode = store.look()?.inodes.get(&ino).ok_or(Errno::ESTALE)?;
        let size = store.tree.file(ino).map_or(0, |bytes| bytes.len() as u64);
        let time = self.weather.seen(inode.modified);
        Ok(FileAttr {
            ino: INodeNo(ino),
            size,
            blocks: size.div_ceil(512),
            atime: time,
            mtime: time,
            ctime: time,
            crtime: time,
            kind: kind(inode),
            perm: inode.mode,
            nlink: inode.links + u32::from(inode.is_folder()),
            uid: 0,
            gid: 0,
            rdev: 0,
            blksize: BLOCK,
            flags: 0,
        })
    }

    /// Makes a file or folder where there is none.
    pub fn make(&self, at: Place, node: Node, mode: u32, umask: u32) -> Answer<FileAttr> {
        let mut store = self.store();
        if store.look()?.find(&at).is_some() {
            return Err(Errno::EEXIST);
        }
        let ino = store.new_ino();
        let made = Some(Inode::new(node, (mode & !umask & 0o7777) as u16));
        store.call(Call::Add { at, ino, made })?;
        self.attributes(&store, ino)
    }

    pub fn remove(&self, at: Place, folders: bool) -> Answer<()> {
        let mut store = self.store();
        let tree = store.look()?;
        let ino = tree.find(&at).ok_or(Errno::ENOENT)?;
        match (tree.folder(ino), folders) {
            (Some(_), false) => return Err(Errno::EISDIR),
            (None, true) => return Err(Errno::ENOTDIR),
            (Some(names), true) if !names.is_empty() => return Err(Errno::ENOTEMPTY),
            _ => {}
        }
        store.call(Call::Remove { at, ino })
    }

    pub fn rename(&self, from: Place, to: Place, may_replace: bool) -> Answer<()> {
        let mut store = self.store();
        let tree = store.look()?;
        let ino = tree.find(&from).ok_or(Errno::ENOENT)?;
        if let Some(there) = tree.find(&to) {
            if !may_replace {
                return Err(Errno::EEXIST);
            }
            if tree.folder(there).is_some_and(|names| !names.is_empty()) {
                return Err(Errno::ENOTEMPTY);
            }
        }
        store.call(Call::Rename { from, to, ino })
    }

    pub fn link(&self, ino: Ino, at: Place) -> Answer<FileAttr> {
        let mut store = self.store();
        let tree = store.look()?;
        if tree.find(&at).is_some() {
            return Err(Errno::EEXIST);
        }
        // Another client has removed it.
        if tree.inodes.get(&ino).is_none_or(|inode| inode.links == 0) {
            return Err(Errno::ESTALE);
        }
        let made = None;
        store.call(Call::Add { at, ino, made })?;
        self.attributes(&store, ino)
    }

    pub fn write(&self, ino: Ino, at: u64, bytes: &[u8]) -> Answer<u32> {
        if self.happens(self.weather.failing) {
            return Err(Errno::EIO);
        }
        let bytes = bytes.to_vec();
        let written = bytes.len() as u32;
        let mut store = self.store();
        if store.look()?.file(ino).is_none() {
            return Err(Errno::ESTALE);
        }
        store.call(Call::Write { ino, at, bytes })?;
        Ok(written)
    }

    pub fn resize(&self, ino: Ino, size: impl Fn(u64) -> u64) -> Answer<()> {
        let mut store = self.store();
        let now = store.look()?.file(ino).ok_or(Errno::ESTALE)?.len() as u64;
        let size = size(now);
        store.call(Call::Resize { ino, size })
    }

    pub fn read(&self, ino: Ino, at: u64, length: u64) -> Answer<Vec<u8>> {
        let store = self.store();
        let file = store.look()?.file(ino).ok_or(Errno::ESTALE)?;
        let end = (at + length).min(file.len() as u64) as usize;
        Ok(file.get(at as usize..end).unwrap_or_default().to_vec())
    }

    /// Does a sync once it has taken as long as one takes here, without holding up the mount.
    pub fn sync(&self, call: Call, reply: ReplyEmpty) {
        let (store, slow) = (self.store.clone(), self.weather.slow_sync);
        let answer = move || {
            std::thread::sleep(slow);
            done(lock(&store).call(call), reply);
        };
        if slow.is_zero() {
            answer();
        } else {
            std::thread::spawn(answer);
        }
    }

    pub fn listing(&self, ino: Ino) -> Answer<Vec<Listed>> {
        let store = self.store();
        let tree = store.look()?;
        let own = [".", ".."].map(|name| Listed {
            name: name.into(),
            ino,
            kind: FileType::Directory,
        });
        let names: &BTreeMap<_, _> = tree.folder(ino).ok_or(Errno::ENOTDIR)?;
        let names = names.iter().map(|(name, &ino)| Listed {
            name: name.clone(),
            ino,
            kind: tree.inodes.get(&ino).map_or(FileType::RegularFile, kind),
        });
        Ok(own.into_iter().chain(names).collect())
    }
}

fn kind(inode: &Inode) -> FileType {
    match inode.is_folder() {
        true => FileType::Directory,
        false => FileType::RegularFile,
    }
}
