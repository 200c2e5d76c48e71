//! The kernel's calls of one mount, and how they are answered.

use crate::client::{Answer, Client, Listed, lock, place};
use crate::tree::{Call, Node};
use fuser::{
    BsdFileFlags, CopyFileRangeFlags, Errno, FileAttr, FileHandle, FileType, Filesystem,
    FopenFlags, Generation, INodeNo, InitFlags, KernelConfig, LockOwner, OpenFlags, RenameFlags,
    ReplyAttr, ReplyCreate, ReplyData, ReplyDirectory, ReplyEmpty, ReplyEntry, ReplyOpen,
    ReplyStatfs, ReplyWrite, Request, TimeOrNow, WriteFlags,
};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::time::SystemTime;

/// A page, and a block of the disk.
pub const BLOCK: u32 = 4096;
/// Blocks of the disk: 4 GB.
const BLOCKS: u64 = 1 << 20;

pub fn done(answer: Answer<()>, reply: ReplyEmpty) {
    match answer {
        Ok(()) => reply.ok(),
        Err(error) => reply.error(error),
    }
}

impl Client {
    fn entry(&self, answer: Answer<FileAttr>, reply: ReplyEntry) {
        match answer {
            Ok(attributes) => reply.entry(&self.weather.late, &attributes, Generation(0)),
            Err(error) => reply.error(error),
        }
    }

    /// That there is no such name, to be believed for a while.
    fn absent(&self, reply: ReplyEntry) {
        let time = SystemTime::UNIX_EPOCH;
        let nothing = FileAttr {
            ino: INodeNo(0),
            size: 0,
            blocks: 0,
            atime: time,
            mtime: time,
            ctime: time,
            crtime: time,
            kind: FileType::RegularFile,
            perm: 0,
            nlink: 0,
            uid: 0,
            gid: 0,
            rdev: 0,
            blksize: BLOCK,
            flags: 0,
        };
        reply.entry(&self.weather.late, &nothing, Generation(0));
    }
}

impl Filesystem for Client {
    fn init(&mut self, _: &Request, config: &mut KernelConfig) -> std::io::Result<()> {
        // What a kernel does not have, it does without.
        let _ = config.add_capabilities(InitFlags::FUSE_AUTO_INVAL_DATA);
        Ok(())
    }

    fn lookup(&self, _: &Request, folder: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let answer = self.ensure_fresh().and_then(|()| {
            let store = self.store();
            let found = store.look()?.find(&place(folder, name));
            self.attributes(&store, found.ok_or(Errno::ENOENT)?)
        });
        match answer {
            Err(Errno::ENOENT) if !self.weather.late.is_zero() => self.absent(reply),
            answer => self.entry(answer, reply),
        }
    }

    fn getattr(&self, _: &Request, ino: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        let answer = self
            .ensure_fresh()
            .and_then(|()| self.attributes(&self.store(), ino.0));
        match answer {
            Ok(attributes) => reply.attr(&self.weather.late, &attributes),
            Err(error) => reply.error(error),
        }
    }

    fn setattr(
        &self,
        _: &Request,
        ino: INodeNo,
        mode: Option<u32>,
        _: Option<u32>,
        _: Option<u32>,
        size: Option<u64>,
        _: Option<TimeOrNow>,
        modified: Option<TimeOrNow>,
        _: Option<SystemTime>,
        _: Option<FileHandle>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let ino = ino.0;
        let set = || -> Answer<FileAttr> {
            if let Some(size) = size {
                self.resize(ino, |_| size)?;
            }
            let mut store = self.store();
            if let Some(modified) = modified {
                let modified = match modified {
                    TimeOrNow::SpecificTime(time) => time,
                    TimeOrNow::Now => SystemTime::now(),
                };
                store.call(Call::Touch { ino, modified })?;
            }
            if let (Some(mode), Some(inode)) = (mode, store.tree.inodes.get_mut(&ino)) {
                inode.mode = (mode & 0o7777) as u16;
            }
            self.attributes(&store, ino)
        };
        match set() {
            Ok(attributes) => reply.attr(&self.weather.late, &attributes),
            Err(error) => reply.error(error),
        }
    }

    fn mknod(
        &self,
        _: &Request,
        folder: INodeNo,
        name: &OsStr,
        mode: u32,
        umask: u32,
        _: u32,
        reply: ReplyEntry,
    ) {
        let file = Node::File(Vec::new());
        self.entry(self.make(place(folder, name), file, mode, umask), reply);
    }

    fn mkdir(
        &self,
        _: &Request,
        folder: INodeNo,
        name: &OsStr,
        mode: u32,
        umask: u32,
        reply: ReplyEntry,
    ) {
        let empty = Node::Folder(BTreeMap::new());
        self.entry(self.make(place(folder, name), empty, mode, umask), reply);
    }

    fn unlink(&self, _: &Request, folder: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        done(self.remove(place(folder, name), false), reply);
    }

    fn rmdir(&self, _: &Request, folder: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        done(self.remove(place(folder, name), true), reply);
    }

    fn rename(
        &self,
        _: &Request,
        folder: INodeNo,
        name: &OsStr,
        new_folder: INodeNo,
        new_name: &OsStr,
        flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        if !(flags - RenameFlags::RENAME_NOREPLACE).is_empty() {
            return reply.error(Errno::EINVAL);
        }
        let may_replace = flags.is_empty();
        let (from, to) = (place(folder, name), place(new_folder, new_name));
        done(self.rename(from, to, may_replace), reply);
    }

    fn link(&self, _: &Request, ino: INodeNo, folder: INodeNo, name: &OsStr, reply: ReplyEntry) {
        self.entry(self.link(ino.0, place(folder, name)), reply);
    }

    fn open(&self, _: &Request, ino: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        let answer = self.ensure_fresh().and_then(|()| {
            let store = self.store();
            let inode = store.look()?.inodes.get(&ino.0);
            inode.filter(|inode| inode.links > 0).ok_or(Errno::ESTALE)?;
            Ok(())
        });
        match answer {
            Ok(()) => reply.opened(FileHandle(0), FopenFlags::empty()),
            Err(error) => reply.error(error),
        }
    }

    fn create(
        &self,
        _: &Request,
        folder: INodeNo,
        name: &OsStr,
        mode: u32,
        umask: u32,
        flags: i32,
        reply: ReplyCreate,
    ) {
        let at = place(folder, name);
        let is_exclusive = flags & libc::O_EXCL != 0;
        let made = match self.make(at.clone(), Node::File(Vec::new()), mode, umask) {
            // The kernel believed that it was not there.
            Err(Errno::EEXIST) if !is_exclusive => {
                let store = self.store();
                let found = store
                    .look()
                    .and_then(|tree| tree.find(&at).ok_or(Errno::ESTALE));
                found.and_then(|ino| self.attributes(&store, ino))
            }
            made => made,
        };
        let (late, flags) = (&self.weather.late, FopenFlags::empty());
        match made {
            Ok(attributes) => reply.created(late, &attributes, Generation(0), FileHandle(0), flags),
            Err(error) => reply.error(error),
        }
    }

    fn read(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        at: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let fresh = self.ensure_fresh();
        match fresh.and_then(|()| self.read(ino.0, at, u64::from(size))) {
            Ok(bytes) => reply.data(&bytes),
            Err(error) => reply.error(error),
        }
    }

    fn write(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        at: u64,
        bytes: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        match self.write(ino.0, at, bytes) {
            Ok(written) => reply.written(written),
            Err(error) => reply.error(error),
        }
    }

    /// `close`: where a network's file system says that there was no room.
    fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        match self.happens(self.weather.full) {
            true => reply.error(Errno::ENOSPC),
            false => reply.ok(),
        }
    }

    fn fsync(&self, _: &Request, ino: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        self.sync(Call::SyncFile(ino.0), reply);
    }

    fn fsyncdir(&self, _: &Request, ino: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        self.sync(Call::SyncFolder(ino.0), reply);
    }

    fn fallocate(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        at: u64,
        length: u64,
        mode: i32,
        reply: ReplyEmpty,
    ) {
        match mode {
            0 => done(self.resize(ino.0, |now| now.max(at + length)), reply),
            _ => reply.error(Errno::EOPNOTSUPP),
        }
    }

    fn copy_file_range(
        &self,
        _: &Request,
        from: INodeNo,
        _: FileHandle,
        from_at: u64,
        to: INodeNo,
        _: FileHandle,
        to_at: u64,
        length: u64,
        _: CopyFileRangeFlags,
        reply: ReplyWrite,
    ) {
        let copied = self
            .read(from.0, from_at, length)
            .and_then(|bytes| self.write(to.0, to_at, &bytes));
        match copied {
            Ok(copied) => reply.written(copied),
            Err(error) => reply.error(error),
        }
    }

    fn opendir(&self, _: &Request, ino: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        match self.listing(ino.0) {
            Ok(listing) => {
                let mut listings = lock(&self.listings);
                let handle = listings.keys().max().map_or(1, |last| last + 1);
                listings.insert(handle, listing);
                reply.opened(FileHandle(handle), FopenFlags::empty());
            }
            Err(error) => reply.error(error),
        }
    }

    fn readdir(
        &self,
        _: &Request,
        _: INodeNo,
        handle: FileHandle,
        from: u64,
        mut reply: ReplyDirectory,
    ) {
        if let Err(error) = self.store().look().map(drop) {
            return reply.error(error);
        }
        let listings = lock(&self.listings);
        let listed = listings.get(&handle.0).into_iter().flatten().enumerate();
        for (number, Listed { name, ino, kind }) in listed.skip(from as usize) {
            if reply.add(INodeNo(*ino), number as u64 + 1, *kind, name) {
                break;
            }
        }
        reply.ok();
    }

    fn releasedir(
        &self,
        _: &Request,
        _: INodeNo,
        handle: FileHandle,
        _: OpenFlags,
        reply: ReplyEmpty,
    ) {
        lock(&self.listings).remove(&handle.0);
        reply.ok();
    }

    fn statfs(&self, _: &Request, _: INodeNo, reply: ReplyStatfs) {
        match self.store().look().map(drop) {
            Ok(()) => reply.statfs(BLOCKS, BLOCKS, BLOCKS, BLOCKS, BLOCKS, BLOCK, 255, BLOCK),
            Err(error) => reply.error(error),
        }
    }
}
