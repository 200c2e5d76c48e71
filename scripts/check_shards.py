#!/usr/bin/env python3
"""What a shard of a very long list costs: 64 shards of 1,000,000 names, without images. Prints the README's table.

usage: scripts/check_shards.py [--featx FILE] [--shards 64] [--names 1000000] [--every 1]

Begins a run by --list, of images that are not there, and plans each shard of it (`--dry-run`): the first names every
image, each other one reads its part of file_names.txt. Time is beside that of a list of 10 names, memory (the kernel's
peak RSS) too: what is left is the list's. Exit code 1 where a shard takes a second, or 300 MB, more than the model.
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

sys.path.insert(0, str(Path(__file__).resolve().parent))

from zoo.venv import ROOT, use_project_python

WORK = ROOT / "target/shards"
MOST_SECONDS, MOST_BYTES = 1.0, 300e6


def main():
    use_project_python()
    typed = arguments()
    shutil.rmtree(WORK, ignore_errors=True)
    (WORK / "images").mkdir(parents=True)
    models = ROOT / "target/tmp/models"
    subprocess.run([ROOT / "tests/make_models.py", models], check=True)
    write_list(WORK / "few.txt", 10)
    write_list(WORK / "all.txt", typed.names)
    bench = Bench(typed.featx, models / "resnet_scripted.pt")
    few = [bench.plan("few", 0, 1, "--list", "few.txt", "--no-shard") for _ in range(5)]
    model = (statistics.median(seconds for seconds, _, _ in few), max(peak for _, peak, _ in few))
    first = bench.begin("all", typed.shards)
    others = [bench.plan("all", shard, typed.shards) for shard in range(0, typed.shards, typed.every)]
    if typed.every == 1:
        rows = sum(plan["rows"] for _, _, plan in others)
        if rows != typed.names:
            sys.exit(f"error: the shards have {rows} rows of {typed.names}")
    return report(typed, model, first, others)


class Bench:
    def __init__(self, featx, model):
        self.featx, self.model = Path(featx).resolve(), model

    def plan(self, out, shard, shards, *more):
        """Seconds, peak RSS in bytes, the plan."""
        options = more or ("--shard", f"{shard}/{shards}")
        seconds, peak, code, said = self.run(out, *options, "--dry-run", "--json")
        if code != 0:
            sys.exit(f"error: shard {shard}: {said}")
        return seconds, peak, json.loads(said.splitlines()[-1])

    def begin(self, out, shards):
        """Writes run.toml and file_names.txt, then finds that the first image is not there."""
        seconds, peak, code, said = self.run(out, "--shard", f"0/{shards}", "--list", "all.txt")
        if code != 1 or not (WORK / out / "run.toml").exists():
            sys.exit(f"error: the run did not begin: {said}")
        return seconds, peak, None

    def run(self, out, *options):
        command = [self.featx, "extract", "--model", self.model, "--layer", "fc", "--batch-size", "32"]
        command += ["--threads", "2", "--workers", "1", "--out", out, "--quiet", *options, "images"]
        began = time.monotonic()
        child = subprocess.Popen([str(word) for word in command], cwd=WORK, stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, text=True)
        said = child.stdout.read()
        _, status, usage = os.wait4(child.pid, 0)
        return time.monotonic() - began, usage.ru_maxrss * 1024, os.waitstatus_to_exitcode(status), said


def write_list(path, count):
    """Names as long as ImageNet's."""
    with open(path, "w") as file:
        for index in range(count):
            file.write(f"train/n{index // 1300:08}/n{index // 1300:08}_{index:08}.JPEG\n")


def report(typed, model, first, others):
    seconds, peak = model
    print(f"| {typed.shards} shards of {typed.names:,} names | beyond loading libtorch and the model | peak RSS over it |")
    print("|---|---|---|")
    slowest, largest = 0, 0
    for what, runs in (("the shard that begins the run", [first]), ("each other shard, median", others),
                       ("the worst of them", None)):
        if runs is None:
            times, peaks = max(run[0] for run in others), max(run[1] for run in others)
        else:
            times, peaks = (statistics.median(run[at] for run in runs) for at in (0, 1))
        slowest, largest = max(slowest, times - seconds), max(largest, peaks - peak)
        print(f"| {what} | {max(times - seconds, 0):.2f} s | {max(peaks - peak, 0) / 1e6:.0f} MB |")
    print(f"\nbeside {seconds:.2f} s and {peak / 1e6:.0f} MB for a list of 10 names", file=sys.stderr)
    return 1 if slowest > MOST_SECONDS or largest > MOST_BYTES else 0


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--featx", default=ROOT / "target/release/featx", help="the program [target/release/featx]")
    parser.add_argument("--shards", type=int, default=64)
    parser.add_argument("--names", type=int, default=1_000_000)
    parser.add_argument("--every", type=int, default=1, help="plan each so many-th shard alone")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
