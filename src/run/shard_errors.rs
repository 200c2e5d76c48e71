//! `errors.csv` of a run in shards, each of which wrote its own.

use crate::rows::durable::sync_directory;
use crate::rows::unfinished_file::write_whole;
use crate::run::directory::RunDir;
use crate::run::log::Log;
use anyhow::{Context, Result};
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

/// Joins the shards' files into `errors.csv`, in the order of the rows, or removes it where none is left; does nothing for a
/// directory that holds no run in shards. They stay, for shards that are computed again.
///
/// # Errors
/// A file that cannot be read or written.
pub fn join_errors(directory: &Path) -> Result<()> {
    if !RunDir::is_at(directory) {
        return Ok(());
    }
    let shards = RunDir::open(directory)?.run.shards;
    if shards == 1 {
        return Ok(());
    }
    let mut joined = Vec::new();
    for shard in 0..shards {
        let path = directory.join(Log::Errors.of_shard(shard));
        let bytes = match fs::read(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            bytes => bytes.with_context(|| format!("cannot read '{}'", path.display()))?,
        };
        // Each begins with the same line of heads.
        let heads = bytes.iter().position(|&byte| byte == b'\n');
        let from = match joined.is_empty() {
            true => 0,
            false => heads.map_or(bytes.len(), |at| at + 1),
        };
        joined.extend_from_slice(&bytes[from..]);
    }
    let target = directory.join(Log::Errors.of_run());
    if !joined.is_empty() {
        return write_whole(&target, &joined);
    }
    match fs::remove_file(&target) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        removed => {
            removed.with_context(|| format!("cannot remove '{}'", target.display()))?;
            sync_directory(directory)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::record::Run;
    use crate::run::record::tests::example;

    #[test]
    fn errors_of_repaired_images_are_not_joined() {
        let dir = std::env::temp_dir().join(format!("featx-joined-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let run = Run {
            shards: 2,
            ..example()
        };
        run.write(&dir).unwrap();
        let heads = "row,path,reason\n";
        let [first, second] = [0, 1].map(|shard| dir.join(Log::Errors.of_shard(shard)));
        let joined = dir.join(Log::Errors.of_run());
        fs::write(&first, format!("{heads}0,a.jpg,x\n")).unwrap();
        fs::write(&second, format!("{heads}9,b.jpg,y\n")).unwrap();
        join_errors(&dir).unwrap();
        let text = fs::read_to_string(&joined).unwrap();
        assert_eq!(text, format!("{heads}0,a.jpg,x\n9,b.jpg,y\n"));
        fs::remove_file(first).unwrap();
        join_errors(&dir).unwrap();
        let text = fs::read_to_string(&joined).unwrap();
        assert_eq!(text, format!("{heads}9,b.jpg,y\n"));
        fs::remove_file(second).unwrap();
        join_errors(&dir).unwrap();
        assert!(!joined.exists());
        fs::remove_dir_all(&dir).unwrap();
    }
}
