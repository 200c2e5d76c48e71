#!/usr/bin/env python3
"""Make the inputs of bench_sources.sh: the same photos in every place that featx reads images from.

usage: inputs.py COUNT OUT_DIR                  photos of about 500x375, and pieces of them of 425x425, as NSD has them
       inputs.py --tiny MEMBERS SHARDS OUT_DIR  tar shards of images of one pixel
"""
import io
import sys
import tarfile
import zipfile
from pathlib import Path

import photos

SHARD = 500  # photos in a tar shard and in a Parquet file
SIDE = 425


def main(count, out):
    out = Path(out)
    photos.main(count, out.with_suffix(".photos"), Path(__file__).parent.parent.parent / "tests/photos")
    unfinished = out.with_suffix(".unfinished")
    unfinished.mkdir()
    out.with_suffix(".photos").rename(unfinished / "folder")
    paths = sorted((unfinished / "folder").iterdir())
    for start in range(0, len(paths), SHARD):
        some, number = paths[start:start + SHARD], start // SHARD
        write_tar(unfinished / f"shards/{number:05}.tar", [(path.name, path.read_bytes()) for path in some])
        write_parquet(unfinished / f"photos-{number:05}.parquet", some)
    with zipfile.ZipFile(unfinished / "photos.zip", "w", zipfile.ZIP_STORED) as archive:
        for path in paths:
            archive.write(path, path.name)
    write_lmdb(unfinished / "photos.lmdb", paths)
    write_hdf5(unfinished / "photos.h5", paths)
    write_pixels(unfinished, paths)
    unfinished.rename(out)


def write_tar(path, members):
    path.parent.mkdir(exist_ok=True)
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as archive:
        for name, data in members:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))


def write_parquet(path, photos):
    """As `datasets` writes them: a struct, in groups of 100 rows, by Snappy."""
    import pyarrow
    import pyarrow.parquet
    image = pyarrow.array([{"bytes": photo.read_bytes(), "path": photo.name} for photo in photos])
    label = pyarrow.array(range(len(photos)))
    pyarrow.parquet.write_table(pyarrow.table({"image": image, "label": label}), path, row_group_size=100)


def write_lmdb(path, photos):
    import lmdb
    with lmdb.open(str(path), map_size=1 << 40) as environment, environment.begin(write=True) as transaction:
        for photo in photos:
            transaction.put(photo.name.encode(), photo.read_bytes())


def write_hdf5(path, photos):
    import h5py
    import numpy
    with h5py.File(path, "w") as file:
        files = file.create_dataset("files", len(photos), h5py.vlen_dtype(numpy.uint8))
        for row, photo in enumerate(photos):
            files[row] = numpy.frombuffer(photo.read_bytes(), numpy.uint8)


def write_pixels(out, paths):
    import h5py
    import numpy
    from PIL import Image
    (out / "png").mkdir()
    shape = (len(paths), SIDE, SIDE, 3)
    array = numpy.lib.format.open_memmap(out / "pixels.npy", "w+", numpy.uint8, shape)
    with h5py.File(out / "pixels.h5", "w") as file:
        chunk = (1, *shape[1:])
        plain = file.create_dataset("plain", shape, "u1", chunks=chunk)
        packed = file.create_dataset("gzip", shape, "u1", chunks=chunk, compression="gzip")
        for row, path in enumerate(paths):
            picture = Image.open(path).convert("RGB").resize((SIDE, SIDE))
            picture.save(out / f"png/{path.stem}.png", compress_level=1)
            array[row] = plain[row] = packed[row] = numpy.asarray(picture)
    array.flush()


def make_tiny(members, shards, out):
    from PIL import Image
    unfinished = Path(f"{out}.unfinished")
    unfinished.mkdir(exist_ok=True)
    pixel = io.BytesIO()
    Image.new("RGB", (1, 1), (9, 99, 199)).save(pixel, "png")
    for shard in range(int(shards)):
        names = (f"{shard:05}{member:04}.png" for member in range(int(members)))
        write_tar(unfinished / f"{shard:05}.tar", [(name, pixel.getvalue()) for name in names])
    unfinished.rename(out)


if __name__ == "__main__":
    if sys.argv[1] == "--tiny":
        make_tiny(*sys.argv[2:])
    else:
        main(*sys.argv[1:])
