#!/usr/bin/env python3
"""The half of bench_sources.sh that measures. Needs the standard library alone; what it reads bench/inputs.py makes.

Images a second are featx's own (--json): from the first image to the last row on disk, without loading the model. Each
round has every source once; what is told is the median of the rounds, and of each round's ratio to the folder, of pixels
to a folder of the same pixels as PNG. CPU is that of all threads and of the whole run, with its start. Cold: the
kernel's page cache and its cache of folders are dropped before each run (as root; else the inputs' pages alone), then
the program, libtorch and the model are read. All rows have to be the folder's.

usage: bench_sources.py FEATX DIR [OPTIONS]
"""
import argparse
import hashlib
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import time
from collections import namedtuple
from pathlib import Path

from bench import measure
from bench.measure import say

ROOT = Path(__file__).resolve().parent.parent
PYTHON = ROOT / ".venv/bin/python"
# A layer so cheap that reading and decoding bound the run; its rows are small.
LAYER = ["--layer", "features.0", "--pool", "avg"]
SIDES = {
    "folder": "folder",
    "tar": "shards/*.tar",
    "zip": "photos.zip",
    "HDF5 files": "photos.h5:/files",
    "LMDB": "photos.lmdb",
    "Parquet": "photos-*.parquet",
    "folder of PNG": "png",
    "HDF5 pixels": "pixels.h5:/plain",
    "HDF5 pixels by gzip": "pixels.h5:/gzip",
    ".npy pixels": "pixels.npy",
}
PIXELS = ("folder of PNG", "HDF5 pixels", "HDF5 pixels by gzip", ".npy pixels")
MEMBERS = 10_000  # a shard, as img2dataset has them
Run = namedtuple("Run", "pace peak cpu rows")


def arguments():
    parser = argparse.ArgumentParser(prog="bench_sources.sh", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("featx")
    parser.add_argument("where", type=Path)
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="turns of each source (default: 5)")
    parser.add_argument("--images", type=int, default=2000, metavar="N", help="photos (default: 2000)")
    parser.add_argument("--shards", type=int, default=100, metavar="N",
                        help=f"of {MEMBERS} tiny members, for the first row (default: 100; 0: none)")
    parser.add_argument("--only", choices=("cold", "warm", "first"), help="of what is measured, this alone")
    parser.add_argument("--sides", metavar="NAMES", help="comma-separated sources; the folder is always one")
    parser.add_argument("--keep", action="store_true", help="keep the inputs")
    return parser.parse_args()


class Bench:
    def __init__(self, typed):
        self.featx, self.where, self.typed = Path(typed.featx).resolve(), typed.where.resolve(), typed
        self.inputs, self.out = self.where / f"inputs-{typed.images}", self.where / "out"
        self.model = self.where / "alexnet.pt"

    def make(self):
        self.where.mkdir(parents=True, exist_ok=True)
        if not self.model.exists():
            export = [ROOT / "scripts/export_model.py", "alexnet", "--out", self.where, "--random"]
            subprocess.run(export, check=True, stdout=sys.stderr)
        if not self.inputs.exists():
            subprocess.run([PYTHON, ROOT / "scripts/bench/inputs.py", str(self.typed.images), self.inputs], check=True)

    def command(self, images, *more):
        shutil.rmtree(self.out, ignore_errors=True)
        return [self.featx, "extract", "--model", self.model, *LAYER, "--device", "cpu", "--batch-size", "32", "--out", self.out,
                "--quiet", "--json", *more, *images]

    def images(self, side):
        typed, _, inside = SIDES[side].partition(":")
        paths = sorted(self.inputs.glob(typed))
        return [f"{path}:{inside}" if inside else path for path in paths]

    def extract(self, side, is_cold):
        """What the run told, its peak RSS, and its rows."""
        images = self.images(side)
        if is_cold:
            self.forget()
        run = measure.run(self.command(images))
        rows = b"".join(part.read_bytes()[128:] for part in sorted((self.out / "features.0").glob("features_*.npy")))
        return Run(json.loads(run.said)["images_per_second"], run.peak, run.cpu, hashlib.sha256(rows).hexdigest())

    def forget(self):
        os.sync()
        if os.geteuid() == 0:
            Path("/proc/sys/vm/drop_caches").write_text("3")
        else:
            for path in self.inputs.rglob("*.*"):
                with open(path, "rb") as file:
                    os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        # A run that touches nothing of the inputs.
        few = self.where / "few"
        if not few.exists():
            few.mkdir()
            for path in sorted((self.inputs / "folder").iterdir())[:64]:
                shutil.copy(path, few)
        measure.run(self.command([few]))

    def rounds(self, is_cold):
        sides = [side for side in SIDES if not self.typed.sides or side in (*self.typed.sides.split(","), "folder")]
        results = {side: [] for side in sides}
        for number in range(self.typed.rounds):
            say(f"{'cold' if is_cold else 'warm'}, round {number + 1} of {self.typed.rounds}")
            if number == 0 and not is_cold:
                for side in sides:
                    self.extract(side, False)
            for side in sides:
                results[side].append(self.extract(side, is_cold))
        for kinds in ([side for side in sides if side not in PIXELS], [side for side in sides if side in PIXELS]):
            assert len({run.rows for side in kinds for run in results[side]}) <= 1, f"rows differ: {results}"
        return results

    def tell(self, title, results):
        print(f"\n{title}: {self.typed.images} photos, {self.typed.rounds} rounds in turn, medians\n")
        print("| source | images/s | to the folder (lowest, highest) | CPU ms an image | peak RSS |\n|---|---|---|---|---|")
        for side, runs in results.items():
            folder = "folder of PNG" if side in PIXELS and "folder of PNG" in results else "folder"
            ratios = [run.pace / other.pace for run, other in zip(runs, results[folder])]
            spread = f"{statistics.median(ratios):.2f} ({min(ratios):.2f}, {max(ratios):.2f})"
            pace, cpu, peak = (statistics.median(run[i] for run in runs) for i in (0, 2, 1))
            cpu *= 1000 / self.typed.images
            print(f"| {side} | {pace:.0f} | {spread} | {cpu:.2f} | {peak / 1e6:.0f} MB |", flush=True)

    def first_rows(self):
        """Seconds to the first row, and the peak by then, of ever more members; a row's memory is in the difference."""
        made = self.where / "tiny"
        if not made.exists():
            tiny = [PYTHON, ROOT / "scripts/bench/inputs.py", "--tiny", str(MEMBERS), "10", made]
            subprocess.run(tiny, check=True)
        print("\n| members | names | seconds to the first row | peak RSS | a row above its name |\n|---|---|---|---|---|")
        base = None
        for shards in (1, self.typed.shards, 10 * self.typed.shards):
            links = self.where / f"links-{shards}"
            shutil.rmtree(links, ignore_errors=True)
            links.mkdir()
            for number in range(shards):
                # What is read and kept is of each link; only the disk has fewer.
                (links / f"{number:05}.tar").symlink_to(made / f"{number % 10:05}.tar")
            seconds, peak, names = self.first_row(sorted(links.iterdir()))
            rows = shards * MEMBERS
            base = base or (rows, peak, names)
            above = (peak - base[1] - (names - base[2])) / (rows - base[0]) if rows > base[0] else None
            row = "" if above is None else f"{above:.1f} bytes"
            print(f"| {rows:,} in {shards:,} tar | {names / 1e6:.1f} MB | {seconds:.1f} | {peak / 1e6:.0f} MB | {row} |", flush=True)
            shutil.rmtree(links)

    def first_row(self, images):
        """The run is stopped once its first row is there."""
        command = [str(word) for word in self.command(images, "--step-size", "1")]
        start = time.perf_counter()
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while not measure.has_row(self.out / "features.0"):
            time.sleep(0.002)
        seconds = time.perf_counter() - start
        child.send_signal(signal.SIGTERM)
        _, _, usage = os.wait4(child.pid, 0)
        child.returncode = 0
        return seconds, usage.ru_maxrss * 1024, (self.out / "file_names.txt").stat().st_size


def main():
    typed = arguments()
    bench = Bench(typed)
    bench.make()
    try:
        if typed.only in (None, "cold"):
            bench.tell("Cold", bench.rounds(True))
        if typed.only in (None, "warm"):
            bench.tell("Warm", bench.rounds(False))
        if typed.only in (None, "first") and typed.shards:
            bench.first_rows()
    finally:
        shutil.rmtree(bench.out, ignore_errors=True)
        if not typed.keep:
            shutil.rmtree(bench.where)


if __name__ == "__main__":
    main()
