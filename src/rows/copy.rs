//! Moves bytes between files without holding them: in the kernel where it can (`copy_file_range`, which is a reflink
//! on filesystems that have it), else through one buffer.

use rustix::fs::{Advice, copy_file_range, fadvise};
use rustix::io::Errno;
use std::fs::File;
use std::io::{Error, ErrorKind, Result};
use std::num::NonZero;
use std::os::unix::fs::FileExt;

/// The size of a step: after each, progress is shown and write-back starts.
const STEP: u64 = 32 << 20;
/// Bytes held in memory where the kernel cannot copy; a comparison holds this twice.
const BUFFER: usize = 4 << 20;
/// Bytes read at a time for a [`Look`] at what is copied: few enough to stay in the processor's cache.
const LOOK: usize = 256 << 10;

/// Is given the bytes that are copied.
pub type Look<'a> = &'a mut dyn FnMut(&[u8]);

/// A place in a file.
#[derive(Clone, Copy, Debug)]
pub struct FilePosition<'a>(pub &'a File, pub u64);

/// Copies `length` bytes, telling `advance` of each step. Neither file's cursor is used.
///
/// # Errors
/// A full disk, a failing one, a source that ends early.
pub fn copy(
    from: FilePosition,
    to: FilePosition,
    length: u64,
    advance: &dyn Fn(u64),
) -> Result<()> {
    copy_reading(from, to, length, None, advance)
}

/// As [`copy`], and gives `look` the bytes that it copies, in their order.
///
/// # Errors
/// As [`copy`].
pub fn copy_reading(
    from: FilePosition,
    to: FilePosition,
    length: u64,
    mut look: Option<Look>,
    advance: &dyn Fn(u64),
) -> Result<()> {
    let mut done = 0;
    let mut in_kernel = true;
    let mut buffer = Vec::new();
    while done < length {
        let step = STEP.min(length - done);
        let (source, sink) = (
            FilePosition(from.0, from.1 + done),
            FilePosition(to.0, to.1 + done),
        );
        let copied = match in_kernel
            .then(|| copy_in_kernel(source, sink, step))
            .transpose()?
        {
            Some(Some(copied)) => copied,
            // Not between these files: nor will it be for their next bytes.
            _ => {
                in_kernel = false;
                buffer.resize(BUFFER, 0);
                copy_through(source, sink, step, &mut buffer)?
            }
        };
        start_writing(sink, copied);
        if let Some(look) = &mut look {
            read_through(source, copied, look)?; // from memory: the copy has just brought it there
        }
        done += copied;
        advance(copied);
    }
    Ok(())
}

/// `None` where the kernel cannot copy between these two files.
fn copy_in_kernel(from: FilePosition, to: FilePosition, length: u64) -> Result<Option<u64>> {
    let (mut from_at, mut to_at) = (from.1, to.1);
    loop {
        return match copy_file_range(
            from.0,
            Some(&mut from_at),
            to.0,
            Some(&mut to_at),
            length as usize,
        ) {
            // The source is shorter than expected, or of a kind that reports no length: reading will tell.
            Ok(0) => Ok(None),
            Ok(copied) => Ok(Some(copied as u64)),
            Err(Errno::INTR) => continue,
            // Across filesystems, on filesystems or kernels without it, under a sandbox that knows no such call.
            Err(
                Errno::XDEV
                | Errno::INVAL
                | Errno::NOSYS
                | Errno::OPNOTSUPP
                | Errno::PERM
                | Errno::BADF,
            ) => Ok(None),
            Err(error) => Err(error.into()),
        };
    }
}

fn copy_through(
    from: FilePosition,
    to: FilePosition,
    length: u64,
    buffer: &mut [u8],
) -> Result<u64> {
    let chunk = (buffer.len() as u64).min(length) as usize;
    read_at(from, &mut buffer[..chunk])?;
    to.0.write_all_at(&buffer[..chunk], to.1)?;
    Ok(chunk as u64)
}

/// Reads `length` bytes, some at a time.
///
/// # Errors
/// A failing disk, a file that ends early.
pub fn read_through(from: FilePosition, length: u64, look: Look) -> Result<()> {
    let mut buffer = vec![0; LOOK.min(length as usize)];
    let mut done = 0;
    while done < length {
        let chunk = (buffer.len() as u64).min(length - done) as usize;
        read_at(FilePosition(from.0, from.1 + done), &mut buffer[..chunk])?;
        look(&buffer[..chunk]);
        done += chunk as u64;
    }
    Ok(())
}

fn read_at(from: FilePosition, buffer: &mut [u8]) -> Result<()> {
    from.0
        .read_exact_at(buffer, from.1)
        .map_err(|error| match error.kind() {
            ErrorKind::UnexpectedEof => Error::new(
                ErrorKind::UnexpectedEof,
                "the file was cut short while it was read",
            ),
            _ => error,
        })
}

/// Lets the disk begin while the copying goes on, so that the fsync at the end finds little left to do.
///
/// On Linux this advice starts write-back of dirty pages without waiting for it.
pub fn start_writing(to: FilePosition, length: u64) {
    // It is advice: a filesystem that ignores it is as right, only slower.
    let _ = fadvise(to.0, to.1, NonZero::new(length), Advice::DontNeed);
}

/// True where both places hold the same `length` bytes.
///
/// # Errors
/// A failing disk, a file that ends early.
pub fn same(a: FilePosition, b: FilePosition, length: u64) -> Result<bool> {
    let (mut left, mut right) = (vec![0; BUFFER], vec![0; BUFFER]);
    let mut done = 0;
    while done < length {
        let chunk = (BUFFER as u64).min(length - done) as usize;
        read_at(FilePosition(a.0, a.1 + done), &mut left[..chunk])?;
        read_at(FilePosition(b.0, b.1 + done), &mut right[..chunk])?;
        if left[..chunk] != right[..chunk] {
            return Ok(false);
        }
        done += chunk as u64;
    }
    Ok(true)
}

/// Takes the blocks of a file before it is written, so that a full disk shows at once and the file lies in one piece.
///
/// # Errors
/// No space.
pub fn allocate(file: &File, length: u64) -> Result<()> {
    if length == 0 {
        return Ok(());
    }
    match rustix::fs::fallocate(file, rustix::fs::FallocateFlags::empty(), 0, length) {
        // Where blocks cannot be taken ahead, a full disk shows as the file is written.
        Ok(()) | Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::OpenOptions;

    #[test]
    fn both_ways_of_copying_give_the_same_bytes() {
        let at = |file, offset| FilePosition(file, offset);
        let path = std::env::temp_dir().join(format!("featx-copy-{}", std::process::id()));
        let open = |ending: &str| {
            let path = path.with_extension(ending);
            let file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(true)
                .open(&path);
            std::fs::remove_file(&path).unwrap();
            file.unwrap()
        };
        let (source, by_kernel, by_buffer) = (open("a"), open("b"), open("c"));
        let bytes: Vec<u8> = (0..9_000_000u32)
            .map(|i| ((i.wrapping_mul(i)) >> 7) as u8)
            .collect();
        source.write_all_at(&bytes, 0).unwrap();
        copy(at(&source, 5), at(&by_kernel, 3), 8_999_990, &|_| {}).unwrap();
        let mut buffer = vec![0; BUFFER];
        let mut done = 0;
        while done < 8_999_990 {
            let left = 8_999_990 - done;
            done += copy_through(
                at(&source, 5 + done),
                at(&by_buffer, 3 + done),
                left,
                &mut buffer,
            )
            .unwrap();
        }
        assert!(same(at(&source, 5), at(&by_kernel, 3), 8_999_990).unwrap());
        assert!(same(at(&by_buffer, 0), at(&by_kernel, 0), 8_999_993).unwrap());
        assert!(!same(at(&by_buffer, 0), at(&by_kernel, 1), 100).unwrap());
        let error = copy(at(&source, 8_999_000), at(&by_kernel, 0), 2000, &|_| {}).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the file was cut short while it was read"
        );
    }
}
