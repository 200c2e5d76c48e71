//! LMDB environments whose values are encoded images, in the order of the keys.

use crate::images::{ImageError, is_image};
use crate::sources::damage::Damage;
use crate::sources::exclusion::Exclusion;
use crate::sources::lmdb_map::Map;
use crate::sources::lmdb_read_range::{MOST_READS, ReadRange};
use crate::sources::source::{Address, Item, Listing, Reader, Source};
use crate::sources::stamp::Stamp;
use crate::text::figures;
use anyhow::{Context, Result, bail, ensure};
use heed::types::Bytes;
use heed::{CommitOrAbort, Database, Env, EnvFlags, EnvOpenOptions, RoTxn, WithoutTls};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// A value of up to this number of bytes lies beside its key, so looking at it reads nothing more.
const BESIDE: usize = 1024;
/// Larger values that are looked at; where all are images, so are the others, unless reading them shows otherwise.
const SAMPLED: usize = 64;
/// [`Address::at`] of a key that is named in hexadecimal because it cannot be a line of text.
const HEXADECIMAL: u64 = 1;

#[derive(Debug)]
pub struct Lmdb {
    path: PathBuf,
    /// `data.mdb`, or the path itself.
    data: PathBuf,
    stamp: Stamp,
    damage: Damage,
    /// Open from the first use on: LMDB may not open a file twice.
    open: Mutex<Option<Arc<OpenEnvironment>>>,
    /// The average bytes of a value; known once the environment is open.
    value_bytes: AtomicU64,
}

#[derive(Debug)]
struct OpenEnvironment {
    env: Env<WithoutTls>,
    database: Database<'static, Bytes, Bytes>,
    /// The number of keys, as the environment says.
    entries: usize,
    /// Where its file lies in memory.
    map: Map,
}

impl Lmdb {
    /// # Errors
    /// The file cannot be looked at.
    pub fn new(path: &Path) -> Result<Self> {
        let data = match path.is_dir() {
            true => path.join("data.mdb"),
            false => path.to_owned(),
        };
        let stamp = Stamp::of(&data)?;
        Ok(Self {
            path: path.to_owned(),
            stamp,
            damage: Damage::of(&data, stamp.bytes),
            data,
            open: Mutex::new(None),
            value_bytes: AtomicU64::new(0),
        })
    }

    fn open(&self) -> Result<Arc<OpenEnvironment>> {
        let mut shared = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = &*shared {
            return Ok(open.clone());
        }
        let env = self.environment()?;
        let info = env.info();
        let stat = env.unnamed_database_stat();
        let pages = (info.last_page_number as u64).saturating_add(1);
        let needed = pages.saturating_mul(u64::from(stat.page_size));
        ensure!(
            self.stamp.bytes >= needed,
            "'{}' is cut short: it has {} bytes of {}; make or download it again",
            self.data.display(),
            figures::count(self.stamp.bytes),
            figures::count(needed)
        );
        let average = needed / (stat.entries as u64).max(1);
        self.value_bytes.store(average, Ordering::Relaxed);
        let database =
            database(&env).with_context(|| format!("cannot read '{}'", self.data.display()))?;
        let map = self.map(&env, &database)?;
        let open = Arc::new(OpenEnvironment {
            env,
            database,
            entries: stat.entries,
            map,
        });
        *shared = Some(open.clone());
        Ok(open)
    }

    fn map(&self, env: &Env<WithoutTls>, database: &Database<Bytes, Bytes>) -> Result<Map> {
        let named = || format!("cannot read '{}'", self.data.display());
        let txn = env.read_txn().with_context(named)?;
        let first = database.first(&txn).with_context(named)?;
        let inside: &[u8] = first.map_or(&[], |(key, _)| key);
        Ok(Map::around(inside, self.stamp.bytes))
    }

    fn environment(&self) -> Result<Env<WithoutTls>> {
        let mut options = EnvOpenOptions::new().read_txn_without_tls();
        let mut flags = EnvFlags::READ_ONLY | EnvFlags::NO_LOCK;
        if self.data == self.path {
            flags |= EnvFlags::NO_SUB_DIR;
        }
        let page = rustix::param::page_size() as u64;
        options.map_size(self.stamp.bytes.next_multiple_of(page) as usize);
        // SAFETY: nothing is written, so locks would guard against other programs alone; and on a file system that is
        // read-only or shared there can be none. Who writes the file meanwhile changes its date, which ends the run.
        let opened = unsafe {
            options.flags(flags);
            options.open(&self.path)
        };
        opened.with_context(|| {
            format!(
                "'{}' is not a readable LMDB environment",
                self.path.display()
            )
        })
    }

    /// `None` if a key cannot be a line of text and `in_hexadecimal` is false.
    fn list_named(&self, open: &OpenEnvironment, in_hexadecimal: bool) -> Result<Option<Listing>> {
        let named = || format!("cannot read '{}'", self.data.display());
        let txn = open.env.read_txn().with_context(named)?;
        let (mut listing, mut read_range) = (Listing::default(), ReadRange::default());
        let (mut large, mut all_are_looked_at) = (0, false);
        for (number, entry) in open.database.iter(&txn).with_context(named)?.enumerate() {
            let (key, value) = entry.with_context(named)?;
            // Pages that lead back to themselves would go on for ever.
            ensure!(
                number < open.entries,
                "'{}' is damaged: its header counts {} keys, but there are more; make or download it again",
                self.data.display(),
                figures::count(open.entries as u64)
            );
            ensure!(
                open.map.holds(key) && open.map.holds(value),
                "'{}' is damaged: key {} or its value lies outside the file; make or download it again",
                self.data.display(),
                figures::count(number as u64 + 1)
            );
            let is_small = value.len() <= BESIDE;
            let is_looked_at = is_small || all_are_looked_at || large < SAMPLED;
            let is_one = !is_looked_at || is_image(value);
            large += usize::from(!is_small);
            all_are_looked_at |= !is_small && !is_one;
            read_range.note(key);
            read_range.note(if is_looked_at { value } else { key });
            if !is_one {
                listing
                    .others
                    .add(Exclusion::Other, Path::new(OsStr::from_bytes(key)));
            } else if in_hexadecimal {
                listing.push(Path::new(&figures::hex(key)), HEXADECIMAL);
            } else if is_text(key) {
                listing.push(Path::new(OsStr::from_bytes(key)), 0);
            } else {
                return Ok(None);
            }
        }
        if listing.names.is_empty()
            && let Some((key, value)) = open.database.first(&txn).with_context(named)?
        {
            bail!(no_image(&self.path, key, value));
        }
        Ok(Some(listing))
    }
}

impl Source for Lmdb {
    fn list(&self) -> Result<Listing> {
        self.damage.guarded(|| {
            let open = self.open()?;
            match self.list_named(&open, false)? {
                Some(listing) => Ok(listing),
                None => Ok(self.list_named(&open, true)?.unwrap_or_default()),
            }
        })
    }

    fn reader(self: Arc<Self>) -> Result<Box<dyn Reader>, ImageError> {
        let open = self.damage.guarded(|| self.open());
        let open = open.map_err(ImageError::of_source)?;
        Ok(Box::new(LmdbReader {
            damage: self.damage,
            txn: open
                .env
                .clone()
                .static_read_txn()
                .map_err(ImageError::of_source)?,
            open,
            read_range: ReadRange::default(),
        }))
    }

    fn file(&self) -> Option<(&Path, Stamp)> {
        Some((&self.data, self.stamp))
    }

    fn buffers(&self, readers: u64) -> u64 {
        readers * MOST_READS * self.value_bytes.load(Ordering::Relaxed)
    }
}

struct LmdbReader {
    /// The first to be dropped: after it the map may go.
    read_range: ReadRange,
    txn: RoTxn<'static, WithoutTls>,
    open: Arc<OpenEnvironment>,
    damage: Damage,
}

impl Reader for LmdbReader {
    fn read(&mut self, item: Address, into: &mut Vec<u8>) -> Result<Item, ImageError> {
        let name = item.name.as_os_str().as_bytes();
        let key = match item.at {
            HEXADECIMAL => &from_hexadecimal(name),
            _ => name,
        };
        self.damage.guarded(|| {
            let value = self.open.database.get(&self.txn, key);
            let Some(value) = value.map_err(ImageError::of_source)? else {
                return Err(ImageError::Source(
                    "is gone: the environment has no such key".to_owned(),
                ));
            };
            if !self.open.map.holds(value) {
                return Err(ImageError::Source(
                    "is damaged: it lies outside the file".to_owned(),
                ));
            }
            let item = Item::encoded(value, into)?;
            self.read_range.note(value);
            Ok(item)
        })
    }
}

/// The unnamed one, which every environment has.
fn database(env: &Env<WithoutTls>) -> Result<Database<'static, Bytes, Bytes>> {
    let opened = env.open_databases_and_commit(env.read_txn()?, |opener, txn| {
        let database = opener.open_database::<Bytes, Bytes>(txn, None)?;
        Ok::<_, heed::Error>(CommitOrAbort::<_, ()>::Commit(database))
    })?;
    opened.unwrap_commit().context("it has no database")
}

fn is_text(key: &[u8]) -> bool {
    std::str::from_utf8(key).is_ok_and(|key| !key.contains(char::is_control))
}

fn from_hexadecimal(name: &[u8]) -> Vec<u8> {
    let digit = |digit: u8| (digit as char).to_digit(16).unwrap_or(0) as u8;
    let (pairs, _) = name.as_chunks::<2>();
    pairs
        .iter()
        .map(|[high, low]| digit(*high) << 4 | digit(*low))
        .collect()
}

/// What is there in place of images, and how it becomes images.
fn no_image(path: &Path, key: &[u8], value: &[u8]) -> String {
    let (what, cure) = match value {
        // Of a Datum: channels, height and width, each a number.
        [0x08, _, 0x10, ..] => (
            "a Caffe Datum",
            "write its pixels into an array, which featx reads too: numpy.save('images.npy', …), uint8 of shape (N, 3, H, W)",
        ),
        [0x80, 2..=5, ..] => (
            "a pickle",
            "write the images in it into files: pickle.loads(value), then a folder, a tar archive, or values that are the \
             bytes of image files",
        ),
        _ => (
            "no image file of any kind",
            "write values that are the bytes of JPEG, PNG or other image files",
        ),
    };
    format!(
        "'{}' holds no images: the value of its first key, '{}', is {what}; {cure}",
        path.display(),
        String::from_utf8_lossy(key).escape_debug()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_back_from_their_names() {
        for key in [&b"\x00\xff\n"[..], b"a", b""] {
            assert_eq!(from_hexadecimal(figures::hex(key).as_bytes()), key);
        }
        assert!(is_text("ä/b.jpg".as_bytes()) && !is_text(b"a\nb") && !is_text(b"\xff"));
    }
}
