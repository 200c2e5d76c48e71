//! Kills in the middle of archives of every kind, and shards over them: no row is lost, and none is another's.

use crate::faults::{args, bench, check, start, wait_for_parts};
use crate::support::workdir::Workdir;
use std::os::unix::process::ExitStatusExt;

/// In the order of the rows, a sixth of them each.
const SOURCES: [&str; 6] = ["a.tar", "b.zip", "c.h5:/x", "d.lmdb", "e.parquet", "f.npy"];

/// [`bench`], its images in archives too.
fn with_archives(name: &str) -> Workdir {
    let dir = bench(name);
    dir.python(
        "import io, pathlib, tarfile, zipfile, h5py, lmdb, pyarrow as pa, pyarrow.parquet as p; from PIL import Image\n\
         paths = sorted(pathlib.Path('images').iterdir()); files = [(path.name, path.read_bytes()) for path in paths]\n\
         pixels = np.stack([np.asarray(Image.open(path).convert('RGB')) for path in paths])\n\
         with tarfile.open('a.tar', 'w') as tar:\n\
         \x20   for path in paths[:20]: tar.add(path, path.name)\n\
         with zipfile.ZipFile('b.zip', 'w', zipfile.ZIP_DEFLATED) as z:\n\
         \x20   for name, data in files[20:40]: z.writestr(name, data)\n\
         with h5py.File('c.h5', 'w') as file:\n\
         \x20   file.create_dataset('x', data=pixels[40:60], chunks=(7, 64, 64, 3), compression='gzip')\n\
         with lmdb.open('d.lmdb', map_size=1 << 30) as env, env.begin(write=True) as txn:\n\
         \x20   for name, data in files[60:80]: txn.put(name.encode(), data)\n\
         p.write_table(pa.table(dict(image=[data for _, data in files[80:100]])), 'e.parquet', row_group_size=9)\n\
         np.save('f.npy', pixels[100:])\n",
    );
    dir
}

fn of_archives(out: &str) -> Vec<&str> {
    [args(out), SOURCES.to_vec()].concat()
}

fn is_whole(dir: &Workdir, out: &str) {
    check(dir, out);
    for run in [out, "whole"] {
        dir.featx_ok(&["merge", run, "--overwrite", "--quiet"]);
    }
    let rows = |run: &str| dir.read(&format!("{run}/fc/features.npy"));
    assert!(rows(out) == rows("whole"));
}

#[test]
fn kills_in_archives_cost_the_part_in_the_making_alone() {
    let dir = with_archives("sources/killed");
    // In each of the sources, and once in a shard, with the index that the killed process has left.
    for count in [5, 15, 25, 35, 45, 55] {
        let mut child = start(&dir, &of_archives("out"));
        wait_for_parts(&dir, "out", count);
        child.kill().unwrap();
        assert_eq!(child.wait().unwrap().signal(), Some(9));
        check(&dir, "out");
    }
    dir.featx_ok(&of_archives("out"));
    is_whole(&dir, "out");
    for count in [2, 14] {
        let mut child = start(
            &dir,
            &[of_archives("shards"), vec!["--shard", "1/2"]].concat(),
        );
        wait_for_parts(&dir, "shards", count);
        child.kill().unwrap();
        child.wait().unwrap();
    }
    for shard in ["0/2", "1/2"] {
        dir.featx_ok(&[of_archives("shards"), vec!["--shard", shard]].concat());
    }
    is_whole(&dir, "shards");
}
