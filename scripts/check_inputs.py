#!/usr/bin/env python3
"""Run every command of docs/inputs.md as it is written there, beside small stand-ins of the data sets that it names.

The stand-ins are made by what makes the real ones: webdataset, zip, h5py, lmdb, datasets, NumPy; of twelve photos. Told is
whether the rows are those of the photos in a folder: not where they are pieces of them, or more or fewer.

usage: scripts/check_inputs.py [--featx FILE]
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from zoo.venv import ROOT, find_featx, use_project_python

WHERE = ROOT / "target/tmp/check_inputs"


def main():
    use_project_python()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--featx", type=Path, default=find_featx(), help="default: target/release/featx, target/debug/featx")
    featx = parser.parse_args().featx.resolve()
    shutil.rmtree(WHERE, ignore_errors=True)
    WHERE.mkdir(parents=True)
    os.chdir(WHERE)
    export = [ROOT / "scripts/export_model.py", "vgg16", "--out", "models", "--random"]
    subprocess.run(export, check=True, stdout=subprocess.DEVNULL)
    make_stand_ins()
    (WHERE / "bin").mkdir()
    (WHERE / "bin/featx").symlink_to(featx)
    (WHERE / "bin/featx-compute").symlink_to(featx.with_name("featx-compute"))
    os.environ["PATH"] = f"{WHERE / 'bin'}:{ROOT / '.venv/bin'}:{os.environ['PATH']}"
    os.environ.update(HF_HUB_OFFLINE="1", HF_HOME=str(WHERE / "cache"), USE_TORCH="0")
    wanted, failed = rows_of(f"featx extract --model vgg16 --layer features.30 --out out photos")[1], 0
    for block in re.findall(r"^```(\w*)\n(.*?)^```", (ROOT / "docs/inputs.md").read_text(), re.M | re.S):
        failed += run_block(*block, wanted)
    shutil.rmtree(WHERE)
    return 1 if failed else 0


def run_block(language, text, wanted):
    """Faults in a block of the page, which are told."""
    if language == "python":
        ended = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True)
        return tell(text.splitlines()[0] + " …", ended.returncode and ended.stderr)
    faults = 0
    for line in text.splitlines():
        command = line.split("  #")[0].strip()
        if "extract" not in command:
            ended = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
            faults += tell(command, ended.returncode and ended.stderr)
            continue
        said, rows = rows_of(command)
        equal = rows and sorted(rows) == sorted(wanted)
        faults += tell(f"{command}: {'the same rows' if equal else f'{len(rows or [])} rows'}", not rows and said)
    return faults


def tell(what, fault):
    print(f"FAULT {what}\n{fault}" if fault else f"ok {what}", flush=True)
    return 1 if fault else 0


def rows_of(command):
    """What it said, and the rows of its run in `out`; none where it failed."""
    import numpy
    shutil.rmtree("out", ignore_errors=True)
    ended = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    if ended.returncode:
        return ended.stderr, None
    parts = [numpy.load(path) for path in sorted(Path("out/features.30").glob("features_*.npy"))]
    return ended.stderr, [row.tobytes() for part in parts for row in part]


def make_stand_ins():
    import h5py
    import lmdb
    import numpy
    import webdataset
    from datasets import Dataset, Features, Image, Value
    from PIL import Image as Picture
    photos = sorted(path for path in (ROOT / "tests/photos").iterdir() if path.suffix in (".jpg", ".png", ".webp"))
    files = [(path.suffix[1:], path.read_bytes()) for path in photos]
    for folder, some in (("photos", photos), ("train", photos[:8]), ("test", photos[8:])):
        Path(folder).mkdir()
        for path in some:
            shutil.copy(path, folder)
    for folder in ("shards", "data"):
        Path(folder).mkdir()
    # As img2dataset: images, their captions and what is known of them.
    for shard in range(10):
        with webdataset.TarWriter(f"shards/{shard:05}.tar") as tar:
            for row in range(shard, 12, 10):
                ending, data = files[row]
                tar.write({"__key__": f"{shard:05}{row:04}", ending: data, "txt": "a photo", "json": {"key": row}})
    shutil.copy("shards/00001.tar", "validation.tar")
    subprocess.run(["zip", "-q", "-r", "photos.zip", "photos"], check=True)
    pixels = numpy.stack([numpy.asarray(Picture.open(path).convert("RGB").resize((425, 425))) for path in photos])
    with h5py.File("nsd_stimuli.hdf5", "w") as file:
        file.create_dataset("imgBrick", data=pixels, chunks=(1, 425, 425, 3))
    with h5py.File("stimuli.h5", "w") as file:
        file["group/name"], file["group/masks"] = pixels, pixels[..., 0]
    with h5py.File("matlab.mat", "w", userblock_size=512) as file:
        file["images"] = pixels.transpose(0, 3, 2, 1)
        file["images"].attrs["MATLAB_class"] = numpy.bytes_("uint8")
    numpy.save("stimuli.npy", pixels)
    with lmdb.open("bedroom_val_lmdb", map_size=1 << 30) as environment, environment.begin(write=True) as transaction:
        for row, (_, data) in enumerate(files):
            transaction.put(f"{row:040x}".encode(), data)
    kinds = Features(image=Image(), label=Value("int64"))
    rows = {"image": [{"bytes": data, "path": f"{row}.{ending}"} for row, (ending, data) in enumerate(files)], "label": range(12)}
    for number in range(3):
        some = {name: list(values)[4 * number:4 * number + 4] for name, values in rows.items()}
        Dataset.from_dict(some, kinds).to_parquet(f"data/train-{number:05}-of-00003.parquet")
    Dataset.from_dict({"photo": rows["image"], "mask": rows["image"]}, Features(photo=Image(), mask=Image())).to_parquet("data.parquet")
    Dataset.from_dict(rows, kinds).save_to_disk("saved")


if __name__ == "__main__":
    sys.exit(main())
