//! Images in Parquet files: the rows of the same images in a folder, byte for byte.

use crate::sources::{MODEL, names, rows, shell, with_folder_run};
use crate::support::extraction::{error_line, extract, extract_ok, refusal};
use crate::support::models::workdir;
use crate::support::workdir::Workdir;
use std::fs;

/// `p` is pyarrow.parquet, `photos` the photos' bytes, `column` a struct of bytes and path as `datasets` makes it.
fn python(dir: &Workdir, code: &str) {
    dir.python(&format!(
        "import pathlib, pyarrow as pa, pyarrow.parquet as p\n\
         paths = sorted(pathlib.Path('photos').iterdir()); photos = [path.read_bytes() for path in paths]\n\
         def column(photos): return pa.array([photo and dict(bytes=photo, path='x.jpg') for photo in photos], \
         pa.struct([('bytes', pa.binary()), ('path', pa.string())]))\n\
         def write(name, arrays, **options): p.write_table(pa.table(arrays), name, **options)\n{code}"
    ));
}

#[test]
fn a_column_of_images_gives_the_rows_of_their_folder() {
    let dir = with_folder_run("parquet");
    python(
        &dir,
        "label = pa.array([1, 2, 3, 4])\n\
         write('hf.parquet', dict(image=column(photos), label=label), row_group_size=3)\n\
         write('zstd.parquet', dict(image=column(photos), label=label), row_group_size=1, compression='zstd')\n\
         write('gzip.parquet', dict(image=column(photos)), compression='gzip', data_page_version='2.0')\n\
         write('plain.parquet', dict(jpg=pa.array(photos)), compression='none', use_dictionary=False, data_page_size=1)\n\
         write('large.parquet', dict(jpg=pa.array(photos, pa.large_binary()), path=pa.array(['x'] * 4)), \
         write_page_index=True)\n\
         write('two.parquet', dict(a=pa.array([b'no image'] * 4), image=column(photos)), row_group_size=2)\n\
         os.environ.update(HF_HUB_OFFLINE='1', USE_TORCH='0'); from datasets import Dataset, Features, Image, Value\n\
         kinds = Features(image=Image(), label=Value('int64')); labels = [1, 2, 3, 4]\n\
         images = [dict(bytes=photo, path='x.jpg') for photo in photos]\n\
         Dataset.from_dict(dict(image=images, label=labels), kinds).to_parquet('datasets.parquet')\n\
         Dataset.from_dict(dict(image=list(map(str, paths)), label=labels), kinds).to_parquet('paths.parquet')\n",
    );
    for file in [
        "datasets.parquet",
        "hf.parquet",
        "zstd.parquet",
        "gzip.parquet",
        "plain.parquet",
        "large.parquet",
        "two.parquet:image",
        "two.parquet:image.bytes",
    ] {
        extract_ok(&dir, &format!("{MODEL} {file}"));
        assert_eq!(rows(&dir, "out"), rows(&dir, "folder"), "{file}");
        let front = file.split(':').next().unwrap();
        assert_eq!(names(&dir, "out")[3], format!("{front}/3"));
        shell(&dir, "rm -r out");
    }
    // `datasets` has written the paths of files alone.
    let line = refusal(&dir, &format!("{MODEL} paths.parquet"), 1);
    assert!(
        line.contains("column 'image.bytes' of 'paths.parquet' is null in every row: "),
        "{line}"
    );
    // In shards, with a part that is lost, and never with another column.
    for shard in ["0/2", "1/2"] {
        extract_ok(&dir, &format!("{MODEL} --shard {shard} two.parquet:image"));
    }
    assert_eq!(rows(&dir, "out"), rows(&dir, "folder"));
    let lost = dir.names("out/layer1").remove(1);
    std::fs::remove_file(dir.path("out/layer1").join(lost)).unwrap();
    let other = extract(&dir, &format!("{MODEL} --shard 1/2 two.parquet:a"));
    let line = error_line(&other, "another column", 1);
    assert!(
        line.contains("'two.parquet' has changed since the run in 'out' began: ':image' was named then, and ':a' now"),
        "{line}"
    );
    extract_ok(&dir, &format!("{MODEL} --shard 1/2 two.parquet:image"));
    assert_eq!(rows(&dir, "out"), rows(&dir, "folder"));
}

/// More rows than are kept, in groups and pages of many sizes, by several decoders; each has its own colour.
#[test]
fn every_row_is_its_own_image() {
    let dir = with_folder_run("parquet_rows");
    python(
        &dir,
        "import io; from PIL import Image\n\
         def png(i): file = io.BytesIO(); Image.new('RGB', (40, 40), (i % 256, i // 2, 9)).save(file, 'png'); return file.getvalue()\n\
         photos = [png(i) for i in range(300)]; pathlib.Path('pngs').mkdir()\n\
         for i, photo in enumerate(photos): pathlib.Path(f'pngs/{i:03}.png').write_bytes(photo)\n\
         write('a.parquet', dict(image=column(photos)), row_group_size=90, data_page_size=1000, write_batch_size=7)\n",
    );
    let model =
        "--model models/resnet_scripted.pt --layer layer1 --pool avg --workers 5 --batch-size 16";
    extract_ok(&dir, &format!("{model} pngs"));
    shell(&dir, "rm -r folder; mv out folder");
    extract_ok(&dir, &format!("{model} a.parquet"));
    assert_eq!(rows(&dir, "out"), rows(&dir, "folder"));
    // A list that goes from the end to the start, far and near.
    shell(
        &dir,
        "tac out/file_names.txt | awk 'NR % 5' > list.txt; sed 's,.*/,,' list.txt | awk '{printf \"%03d.png\\n\", $1}' > pngs.txt; rm -r out folder",
    );
    extract_ok(&dir, &format!("{model} --list pngs.txt pngs"));
    shell(&dir, "mv out folder");
    extract_ok(&dir, &format!("{model} --list list.txt a.parquet"));
    assert_eq!(rows(&dir, "out"), rows(&dir, "folder"));
}

#[test]
fn what_is_wrong_with_a_table_is_said() {
    let dir = workdir("sources/parquet_refused");
    python(
        &dir,
        "write('whole.parquet', dict(image=column(photos), mask=pa.array(photos), label=pa.array([1, 2, 3, 4])))\n\
         write('none.parquet', dict(path=pa.array(['a.jpg']), sizes=pa.array([[1, 2]])))\n\
         write('lists.parquet', dict(images=pa.array([[photos[0]]])))\n\
         write('empty.parquet', dict(image=column([])))\n\
         write('brotli.parquet', dict(image=column(photos)), compression='brotli')\n\
         data = open('brotli.parquet', 'rb').read(); open('cut.parquet', 'wb').write(data[:-9])\n",
    );
    for (file, words) in [
        (
            "whole.parquet",
            "'whole.parquet' has several columns of bytes: 'image.bytes', 'mask'; name one: 'whole.parquet:image.bytes'",
        ),
        (
            "whole.parquet:label",
            "'whole.parquet' has no column 'label' of bytes; it has 'image.bytes', 'mask'",
        ),
        (
            "none.parquet",
            "'none.parquet' has no column of images; expected bytes of image files, found 'path' (text), \
             'sizes.list.element' (lists of int64)",
        ),
        ("lists.parquet", "has no column of images"),
        ("empty.parquet", "'empty.parquet' has no row"),
        (
            "brotli.parquet",
            "column 'image.bytes' of 'brotli.parquet' is compressed by BROTLI, which is not read; expected none, SNAPPY",
        ),
        (
            "cut.parquet",
            "'cut.parquet' is not a complete Parquet file; make or download it again",
        ),
    ] {
        let line = refusal(&dir, &format!("{MODEL} {file}"), 1);
        assert!(line.contains(words), "{file}: {line}");
    }
}

/// `errors.csv` of a run that skips what cannot be read.
fn errors(dir: &Workdir, file: &str) -> String {
    extract_ok(dir, &format!("{MODEL} --on-error skip {file}"));
    String::from_utf8(dir.read("out/errors.csv")).unwrap()
}

#[test]
fn a_null_and_bytes_of_no_image_are_broken_images() {
    let dir = workdir("sources/parquet_null");
    python(
        &dir,
        "write('null.parquet', dict(image=column([photos[0], None, b'text', photos[1]])))\n",
    );
    let errors = errors(&dir, "null.parquet");
    assert!(
        errors.contains("1,null.parquet/1,is null: the column holds no bytes in this row")
            && errors.contains("2,null.parquet/2,\"is not an image"),
        "{errors}"
    );
}

#[test]
fn a_damaged_row_group_is_broken_images() {
    let dir = workdir("sources/parquet_damaged");
    python(
        &dir,
        "write('broken.parquet', dict(image=column(photos)), compression='none', use_dictionary=False, row_group_size=2)\n\
         file = p.ParquetFile('broken.parquet').metadata.row_group(1).column(0)\n\
         data = bytearray(open('broken.parquet', 'rb').read()); at = file.data_page_offset\n\
         data[at:at + 40] = b'x' * 40; open('broken.parquet', 'wb').write(data)\n\
         # Its page has a list of 2^31 - 1 numbers of eight bytes, in a field that the decoder leaves out.\n\
         data[at:at + 7] = bytes.fromhex('f9f7ffffffff07'); open('endless.parquet', 'wb').write(data)\n",
    );
    for (file, words) in [
        ("broken.parquet", "cannot be read: its row group is damaged"),
        (
            "endless.parquet",
            "its row group is damaged: External: the file ends before its page",
        ),
    ] {
        let errors = errors(&dir, file);
        assert_eq!(errors.matches(words).count(), 2, "{file}: {errors}");
        shell(&dir, "rm -r out");
    }
}

#[test]
fn a_file_that_the_reader_panics_on_is_a_broken_image() {
    let dir = workdir("sources/parquet_panic");
    let seed = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/fuzz/seeds/source/negative_offset.parquet"
    );
    fs::copy(seed, dir.path("negative.parquet")).unwrap();
    let args = format!("{MODEL} negative.parquet");
    let said = error_line(&extract(&dir, &args), &args, 1);
    let words = "image 'negative.parquet/0' cannot be read: its row group is damaged";
    assert!(said.contains(words), "{said}");
}
