#!/usr/bin/env python3
"""What a shard of a very long list costs: 64 shards of 1,000,000 names. Prints the table of docs/slurm.md.

usage: scripts/check_shards.py [--featx FILE] [--shards 64] [--names 1000000] [--every 1]

Begins a run by --list, of images of which the first batch alone is there, and plans each shard of it (`--dry-run`): the
first names every image, each other one reads its part of file_names.txt. Time is beside that of a list of 10 names, memory
(the kernel's peak RSS) too: what is left is the list's. Exit code 1 where a shard takes a second, or 300 MB, more than the
model.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent))

from zoo.small import small_model
from zoo.venv import ROOT, built_featx, use_project_python

WORK = ROOT / "target/shards"
MOST_SECONDS, MOST_BYTES = 1.0, 300e6
BATCH = 32


def main():
    typed = arguments()
    use_project_python()
    shutil.rmtree(WORK, ignore_errors=True)
    (WORK / "images").mkdir(parents=True)
    write_list(WORK / "few.txt", 10)
    write_list(WORK / "all.txt", typed.names)
    bench = Bench(typed.featx, small_model())
    few = [bench.plan("few", 0, 1, "--list", "few.txt", "--no-shard")[0] for _ in range(5)]
    first = bench.begin("all", typed.shards)
    others = [bench.plan("all", shard, typed.shards) for shard in range(0, typed.shards, typed.every)]
    rows = sum(rows for _, rows in others)
    if typed.every == 1 and rows != typed.names:
        sys.exit(f"error: the shards have {rows} rows of {typed.names}")
    return report(typed, middle(few), first, [cost for cost, _ in others])


class Cost(NamedTuple):
    seconds: float
    cpu_seconds: float
    peak: int  # bytes


class Bench:
    def __init__(self, featx, model):
        self.featx, self.model = Path(featx).resolve(), model

    def plan(self, out, shard, shards, *more):
        """Its cost, and its number of rows."""
        options = more or ("--shard", f"{shard}/{shards}", "--list", "all.txt")
        cost, code, said = self.run(out, *options, "--dry-run", "--json")
        if code != 0:
            sys.exit(f"error: shard {shard}: {said}")
        return cost, json.loads(said.splitlines()[-1])["rows"]

    def begin(self, out, shards):
        """Writes run.toml, file_names.txt and a batch, then finds that the next image is not there."""
        cost, code, said = self.run(out, "--shard", f"0/{shards}", "--list", "all.txt")
        if code != 1 or not list((WORK / out / "fc").glob("features_*.npy")):
            sys.exit(f"error: the run did not begin: {said}")
        return cost

    def run(self, out, *options, images=("images",)):
        words = ["extract", "--model", self.model, "--layer", "fc", "--batch-size", BATCH, "--step-size", BATCH]
        words += ["--threads", "2", "--workers", "1"]
        return self.watch(*words, "--out", out, "--quiet", *options, *images)

    def command(self, *words):
        """The cost of a command that has to end well."""
        cost, code, said = self.watch(*words)
        if code != 0:
            sys.exit(f"error: featx {words[0]}: {said}")
        return cost

    def watch(self, *words):
        """Cost, exit code and what was said."""
        began = time.monotonic()
        child = subprocess.Popen([str(word) for word in (self.featx, *words)], cwd=WORK, stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, text=True)
        said = child.stdout.read()
        _, status, usage = os.wait4(child.pid, 0)
        cost = Cost(time.monotonic() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)
        return cost, os.waitstatus_to_exitcode(status), said


def write_list(path, count):
    """Names as long as ImageNet's; the images of the first batch."""
    with open(path, "w") as file:
        for index in range(count):
            file.write(f"{image_name(index)}\n")
    for index in range(BATCH):
        image = WORK / "images" / image_name(index)
        image.parent.mkdir(parents=True, exist_ok=True)
        if not image.exists():
            image.symlink_to(ROOT / "tests/photos/dogs.jpg")


def image_name(index):
    folder = f"n{index // 1300:08}"
    return f"train/{folder}/{folder}_{index:08}.JPEG"


def middle(costs):
    return Cost(*(statistics.median(values) for values in zip(*costs)))


def report(typed, model, first, others):
    print(f"| {typed.shards} shards of {typed.names:,} names | time | CPU time | peak RSS |\n|---|---|---|---|")
    worst = Cost(*map(max, zip(*others)))
    for what, cost in (("the shard that begins the run", first), ("another, median", middle(others)),
                       ("another, the worst", worst)):
        more = Cost(*(max(0, a - b) for a, b in zip(cost, model)))
        print(f"| {what} | {more.seconds:.2f} s | {more.cpu_seconds:.2f} s | {more.peak / 1e6:.0f} MB |")
    print(f"\nmore than the {model.seconds:.2f} s, {model.cpu_seconds:.2f} s and {model.peak / 1e6:.0f} MB of a list of "
          "10 names", file=sys.stderr)
    slowest, largest = max(first.seconds, worst.seconds), max(first.peak, worst.peak)
    return 1 if slowest - model.seconds > MOST_SECONDS or largest - model.peak > MOST_BYTES else 0


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--featx", help="the program [target/release/featx, which is built]")
    parser.add_argument("--shards", type=int, default=64)
    parser.add_argument("--names", type=int, default=1_000_000)
    parser.add_argument("--every", type=int, default=1, help="plan each so many-th shard alone")
    args = parser.parse_args()
    args.featx = args.featx or built_featx()
    return args


if __name__ == "__main__":
    sys.exit(main())
