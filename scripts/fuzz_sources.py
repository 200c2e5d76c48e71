#!/usr/bin/env python3
"""Fuzz sources that C libraries read: small HDF5 files, LMDB environments and others, changed at random.

Whatever the change, reading ends: with an error, or with rows each of which is broken or that of the whole file. A
process that falls, hangs, says nothing or gives an image that was in no row is kept beside the others and told; then the
exit code is 1. What Rust alone reads is fuzzed by its coverage too: scripts/fuzz.sh source 600.

examples:
  scripts/fuzz_sources.py --minutes 10
  scripts/fuzz_sources.py --kinds lmdb,hdf5 --minutes 10
  scripts/fuzz_sources.py --seed 1234 --count 1            once more, what was told
"""

import argparse
import io
import os
import random
import subprocess
import sys
import time
from pathlib import Path

from zoo.venv import ROOT, use_project_python

FUZZ = ROOT / "tests/fuzz"
WORK = ROOT / "target/tmp/fuzz_sources"
LONGEST = 20  # seconds
NUMBERS = (0, 1, 2, 7, 8, 127, 128, 255, 256, 4096, 65535, 65536, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**64 - 1)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=1, metavar="N")
    parser.add_argument("--kinds", metavar="NAMES", help="comma-separated: lmdb, hdf5, tar, zip, parquet (default: all)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="the first case (default: 0)")
    parser.add_argument("--count", type=int, metavar="N", help="so many cases at most")
    return parser.parse_args()


def main():
    args = parse_arguments()
    use_project_python()
    build = ["cargo", "build", "-q", "--release", "--bin", "read_source", "--features", "read_source"]
    subprocess.run(build, cwd=FUZZ, check=True)
    files = {name: data for name, data in make_files().items() if not args.kinds or name.split("_")[0] in args.kinds.split(",")}
    wanted = {name: read_rows(write(name, data))[1] for name, data in files.items()}
    for name, rows in wanted.items():
        assert len(rows) == 12 and not any(row.startswith("broken") for row in rows.values()), f"{name}: {rows}"
    counts, failed, began, seed = {}, 0, time.monotonic(), args.seed
    while time.monotonic() - began < 60 * args.minutes and (args.count is None or seed - args.seed < args.count):
        chance = random.Random(seed)
        name = chance.choice(sorted(files))
        path = write(name, changed(files[name], chance))
        verdict = judge(read_rows(path), wanted[name], name)
        kind = f"{name}: {verdict.partition(':')[0]}"
        counts[kind] = counts.get(kind, 0) + 1
        if verdict.isupper() or verdict.partition(":")[0].isupper():
            failed += 1
            kept = WORK / f"seed_{seed}_{name}"
            path.replace(kept)
            print(f"--seed {seed} ({name}): {verdict}; kept as {kept}", flush=True)
        seed += 1
    for kind, count in sorted(counts.items()):
        print(f"{count:7} {kind}")
    return 1 if failed else 0


def write(name, data):
    WORK.mkdir(parents=True, exist_ok=True)
    path = WORK / f"case_{name}"
    path.write_bytes(data)
    return path


def read_rows(path):
    """How it ended, the rows by their names within the source, and what was said."""
    where = target_folder() / "release/read_source"
    try:
        ended = subprocess.run([where, path], capture_output=True, text=True, errors="replace", timeout=LONGEST,
                               preexec_fn=limit_memory)
    except subprocess.TimeoutExpired:
        return None, {}, ""
    lines = (line.partition("\t") for line in ended.stdout.splitlines())
    return ended.returncode, {name.partition("/")[2]: row for name, _, row in lines}, ended.stderr


def target_folder():
    return Path(os.environ.get("CARGO_TARGET_DIR", FUZZ / "target"))


def limit_memory():
    import resource
    resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))


def judge(ended, wanted, name):
    """In capitals what must not be."""
    code, rows, said = ended
    if code is None:
        return "HANGS"
    # LMDB says first what it expected.
    lines = [line for line in said.rstrip("\n").split("\n") if "Assertion '" not in line]
    if code == 1 and len(lines) == 1 and lines[0].startswith("error: "):
        return "led astray" if "refers to data outside the file" in said else "refused"
    if "memory allocation of" in said:
        return "no memory" # featx itself says so in a line
    if code:
        return f"FELL: {code}: {said[-300:]}"
    if all(row.startswith("broken") for row in rows.values()):
        return "all broken"
    found = {row for row in rows.values() if not row.startswith("broken")}
    if found <= set(wanted.values()):
        return "equal" if rows == wanted else "some broken, gone or moved"
    # The first HDF5 had no checksums of what it says of itself: a shape is what the file says it is.
    return "another shape" if name == "hdf5_old" else f"WRONG: {len(found - set(wanted.values()))} rows"


def changed(data, chance):
    data = bytearray(data)
    places = [at for at, byte in enumerate(data) if byte] # what is zero is mostly no part of anything
    for _ in range(chance.choice((1, 1, 1, 2, 3, 6))):
        at = min(chance.choice(places) + chance.choice((0, 0, 0, 1, -1)), len(data) - 8)
        what = chance.randrange(8)
        if what < 2:
            data[at] ^= 1 << chance.randrange(8)
        elif what == 2:
            data[at] = chance.randrange(256)
        elif what < 5:
            size = chance.choice((1, 2, 4, 8))
            number = (chance.choice(NUMBERS) + chance.choice((0, 0, 1, -1))) % (1 << 8 * size)
            data[at:at + size] = number.to_bytes(size, chance.choice(("little", "little", "big")))
        elif what == 5:
            other, size = chance.randrange(len(data)), chance.choice((1, 2, 4, 8, 16, 64))
            data[at:at + size] = data[other:other + size]
        elif what == 6:
            size = chance.choice((1, 4, 16, 64, 512))
            data[at:at + size] = bytes([chance.choice((0, 255, 32))]) * len(data[at:at + size])
        elif chance.random() < 0.2:
            del data[at:]
            data += bytes(8)
            places = [place for place in places if place < len(data)] or [0]
    return bytes(data)


def make_files():
    """Of each kind, files with the same twelve images."""
    import numpy
    from PIL import Image
    pixels = numpy.random.default_rng(0).integers(0, 256, (12, 12, 10, 3), numpy.uint8)
    photos = []
    for number, image in enumerate(pixels):
        file = io.BytesIO()
        # Some are small enough for LMDB to lie beside their keys, some are not.
        Image.fromarray(image).resize((10, 12) if number % 2 else (40, 48)).save(file, "png")
        photos.append((f"{number:02}.png", file.getvalue()))
    files = {"lmdb_env": make_lmdb(photos), "tar_gnu": make_tar(photos), "zip_deflated": make_zip(photos)}
    files["parquet_snappy"] = make_parquet(photos)
    for name, options in (("hdf5_old", {}), ("hdf5_new", {"libver": "latest"})):
        files[name] = make_hdf5(photos, pixels, "x", **options)
    files["hdf5_files"] = make_hdf5(photos, pixels, "files", libver="latest")
    return files


def make_lmdb(photos):
    import lmdb
    path = WORK / "whole.mdb"
    WORK.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with lmdb.open(str(path), subdir=False, map_size=1 << 24, lock=False) as environment:
        with environment.begin(write=True) as transaction:
            for name, photo in photos:
                transaction.put(name.encode(), photo)
    return path.read_bytes()


def make_hdf5(photos, pixels, dataset, **options):
    import h5py
    import numpy
    file = io.BytesIO()
    with h5py.File(file, "w", **options) as opened:
        if dataset == "x":
            opened.create_dataset("x", data=pixels, chunks=(5, 12, 10, 3), compression="gzip", shuffle=True, fletcher32=True)
        else:
            rows = opened.create_dataset("files", len(photos), h5py.vlen_dtype(numpy.uint8))
            for row, (_, photo) in enumerate(photos):
                rows[row] = numpy.frombuffer(photo, numpy.uint8)
    return file.getvalue()


def make_tar(photos):
    import tarfile
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name, photo in photos:
            member = tarfile.TarInfo(name)
            member.size = len(photo)
            archive.addfile(member, io.BytesIO(photo))
    return file.getvalue()


def make_zip(photos):
    import zipfile
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, photo in photos:
            archive.writestr(name, photo)
    return file.getvalue()


def make_parquet(photos):
    import pyarrow
    import pyarrow.parquet
    file = io.BytesIO()
    image = pyarrow.array([{"bytes": photo, "path": name} for name, photo in photos])
    pyarrow.parquet.write_table(pyarrow.table({"image": image}), file, row_group_size=5)
    return file.getvalue()


if __name__ == "__main__":
    sys.exit(main())
