//! `cargo bench --bench parts`: a part of 64 MB made, filled a batch at a time and sealed, in Cargo's own folder.

use divan::Bencher;
use divan::counter::BytesCount;
use featx::rows::part_writer::PartWriter;
use featx::rows::row_type::RowType;
use std::path::Path;

const PART_BYTES: u64 = 64 << 20;
const BATCH: u64 = 32;

fn main() {
    divan::main();
}

/// Rows as short as a vector and as long as an early layer's.
#[divan::bench(args = [4096, 100_352, 3_211_264], sample_count = 10, sample_size = 1)]
fn write(bencher: Bencher, row_bytes: u64) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench-parts");
    std::fs::create_dir_all(&folder).expect("a folder that can be made");
    let batch = vec![1; (BATCH * row_bytes) as usize];
    bencher
        .counter(BytesCount::new(PART_BYTES / row_bytes * row_bytes))
        .bench_local(|| write_part(&folder, PART_BYTES / row_bytes, &batch));
    let _ = std::fs::remove_dir_all(&folder);
}

fn write_part(folder: &Path, rows: u64, batch: &[u8]) -> u64 {
    let row_bytes = batch.len() as u64 / BATCH;
    let mut part = PartWriter::create(folder, 0, rows, &[row_bytes / 4], RowType::F32.into())
        .expect("a part that can be made");
    for start in (0..rows).step_by(BATCH as usize) {
        let end = rows.min(start + BATCH);
        let bytes = ((end - start) * row_bytes) as usize;
        part.write(start..end, |memory| {
            memory.copy_from_slice(&batch[..bytes]);
            Ok(())
        })
        .expect("rows that can be written");
    }
    part.seal(rows).expect("a part that can be sealed")
}
