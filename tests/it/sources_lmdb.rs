//! Images in LMDB environments: the rows of the same images in a folder, byte for byte.

use crate::sources::{MODEL, names, rows, shell, with_folder_run};
use crate::support::extraction::{extract_ok, refusal};
use crate::support::workdir::Workdir;

/// `write` makes an environment of pairs, `photos` are the photos' names and bytes.
fn python(dir: &Workdir, code: &str) {
    dir.python(&format!(
        "import lmdb, pathlib, pickle\n\
         photos = [(path.name, path.read_bytes()) for path in sorted(pathlib.Path('photos').iterdir())]\n\
         def write(name, pairs, **options):\n\
         \x20   with lmdb.open(name, map_size=1 << 30, **options) as env, env.begin(write=True) as txn:\n\
         \x20       for key, value in pairs: txn.put(key if isinstance(key, bytes) else key.encode(), value)\n{code}"
    ));
}

#[test]
fn an_lmdb_environment_gives_the_rows_of_its_folder() {
    let dir = with_folder_run("lmdb");
    python(
        &dir,
        "write('a.lmdb', photos[::-1] + [('__len__', b'4'), ('label-0', b'dog'), ('zz', pickle.dumps([0] * 5000))])\n\
         write('one.mdb', photos, subdir=False)\n\
         write('numbers.lmdb', [(i.to_bytes(8, 'big'), photo) for i, (_, photo) in zip((2, 10, 11, 12), photos)])\n",
    );
    let said = extract_ok(&dir, &format!("{MODEL} a.lmdb"));
    assert!(
        said.contains("3 other files left out: 'a.lmdb/__len__', 'a.lmdb/label-0', 'a.lmdb/zz'"),
        "{said}"
    );
    assert_eq!(rows(&dir, "out"), rows(&dir, "folder"));
    let expected: Vec<_> = names(&dir, "folder")
        .iter()
        .map(|n| format!("a.lmdb/{n}"))
        .collect();
    assert_eq!(names(&dir, "out"), expected);
    shell(&dir, "rm -r out");
    // A folder that cannot be written, and a file alone.
    shell(
        &dir,
        "rm -f a.lmdb/lock.mdb; chmod a-w a.lmdb a.lmdb/data.mdb",
    );
    extract_ok(&dir, &format!("{MODEL} a.lmdb"));
    assert_eq!(dir.names("a.lmdb"), ["data.mdb"]);
    shell(&dir, "chmod u+w a.lmdb; rm -r out");
    extract_ok(&dir, &format!("{MODEL} one.mdb"));
    assert_eq!(rows(&dir, "out"), rows(&dir, "folder"));
    shell(&dir, "rm -r out");
    // Keys that are no text, one of which holds a line break; in shards, by the index, and by list.
    for shard in ["0/2", "1/2"] {
        extract_ok(&dir, &format!("{MODEL} --shard {shard} numbers.lmdb"));
    }
    assert_eq!(rows(&dir, "out"), rows(&dir, "folder"));
    assert_eq!(names(&dir, "out")[1], "numbers.lmdb/000000000000000a");
    let reversed: Vec<_> = names(&dir, "out").into_iter().rev().collect();
    dir.write("list.txt", reversed.join("\n"));
    shell(&dir, "rm -r out");
    extract_ok(&dir, &format!("{MODEL} --list list.txt numbers.lmdb"));
    assert_eq!(names(&dir, "out"), reversed);
    let (found, whole) = (rows(&dir, "out"), rows(&dir, "folder"));
    let row = whole.len() / 4;
    assert_eq!(found[..row], whole[3 * row..]);
}

#[test]
fn what_is_wrong_with_an_lmdb_environment_is_said() {
    let dir = with_folder_run("lmdb_refused");
    python(
        &dir,
        "write('datum.lmdb', [('a', b'\\x08\\x03\\x10\\x20\\x18\\x20\\x22\\x80\\x18' + b'x' * 3072)])\n\
         write('pickles.lmdb', [('a', pickle.dumps(dict(image=photos[0][1])))])\n\
         write('text.lmdb', [('a', b'text')]); write('empty.lmdb', [])\n\
         write('cut.lmdb', photos); data = open('cut.lmdb/data.mdb', 'rb').read(); open('cut.lmdb/data.mdb', 'wb').write(data[:-70000])\n\
         write('far.lmdb', photos); data = bytearray(open('far.lmdb/data.mdb', 'rb').read())\n\
         for page in (0, 4096): data[page + 136:page + 144] = (1 << 52).to_bytes(8, 'little') # the last page\n\
         open('far.lmdb/data.mdb', 'wb').write(data)\n\
         write('other.lmdb', photos); open('other.lmdb/data.mdb', 'wb').write(b'x' * 50000)\n",
    );
    for (path, words) in [
        (
            "datum.lmdb",
            "'datum.lmdb' holds no images: the value of its first key, 'a', is a Caffe Datum; write its pixels",
        ),
        (
            "pickles.lmdb",
            "is a pickle; write the images in it into files",
        ),
        ("text.lmdb", "is no image file of any kind"),
        ("empty.lmdb", "no image in 'empty.lmdb'"),
        ("cut.lmdb", "'cut.lmdb/data.mdb' is cut short: it has "),
        ("far.lmdb", "'far.lmdb/data.mdb' is cut short: it has "),
        (
            "other.lmdb",
            "'other.lmdb' is not a readable LMDB environment",
        ),
    ] {
        let line = refusal(&dir, &format!("{MODEL} {path}"), 1);
        assert!(line.contains(words), "{path}: {line}");
    }
}

/// LMDB goes where a file says, and would end in a core dump.
#[test]
fn a_value_that_leads_out_of_its_file_ends_in_a_line() {
    let dir = with_folder_run("lmdb_astray");
    python(
        &dir,
        "write('a.lmdb', photos); data = bytearray(open('a.lmdb/data.mdb', 'rb').read())\n\
         size = data.rindex(photos[2][0].encode()) - 8 # of the value, before its key\n\
         data[size:size + 4] = (1 << 29).to_bytes(4, 'little'); open('a.lmdb/data.mdb', 'wb').write(data)\n",
    );
    assert_eq!(
        refusal(&dir, &format!("{MODEL} a.lmdb"), 1),
        "'a.lmdb/data.mdb' is damaged: key 3 or its value lies outside the file; make or download it again"
    );
}
