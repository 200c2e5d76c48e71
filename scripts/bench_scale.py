#!/usr/bin/env python3
"""What very many images cost before any of them is read: 1, 10 and 100 million, made up. Prints the tables of docs/scale.md.

usage: scripts/bench_scale.py [--featx FILE] [--names N]… [--shard-rows 10000]

For each number of names, a list of images of which the first batch alone is there: the shard that begins the run (it names
every image, in file_names.txt), the last one (planned), and `inspect` of the run. Then parts of so many rows in all, one a
shard, of one number a row: their merge, with their names. Then as many members of tar archives, of one pixel each: the shard
that begins the run searches all and computes its rows; the last one is planned. Seconds and the kernel's peak RSS of the
whole process, the files' bytes. 100 million names take 11 GB of disk.
"""

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

from check_shards import WORK, Bench, write_list
from zoo.small import small_model
from zoo.venv import ROOT, built_featx, use_project_python

MEMBERS, TARS = 10_000, 10  # members of an archive; archives that are made, the others are links to them
SIZES = (1_000_000, 10_000_000, 100_000_000)


def main():
    typed = arguments()
    use_project_python()
    model = small_model()
    bench = Bench(typed.featx or built_featx(), model)
    print("| names | file_names.txt | the shard that begins | the last shard | `inspect` | `merge` of as many parts as shards |")
    print("|---|---|---|---|---|---|")
    for count in typed.names:
        shutil.rmtree(WORK, ignore_errors=True)
        (WORK / "images").mkdir(parents=True)
        print("|", " | ".join((f"{count:,}", *measured(bench, count, typed.shard_rows))), "|", flush=True)
    print("\n| members, in tar archives | file_names.txt and sources.npy | the shard that begins, with its rows | the last shard |")
    print("|---|---|---|---|")
    tiny = made_tars(WORK.with_name("scale_tars"))
    for count in typed.names:
        shutil.rmtree(WORK, ignore_errors=True)
        (WORK / "tars").mkdir(parents=True)
        cells = measured_in_tars(bench, tiny, count, typed.shard_rows)
        print("|", " | ".join((f"{count:,} in {count // MEMBERS:,}", *cells)), "|", flush=True)
    shutil.rmtree(WORK)


def made_tars(folder):
    if not folder.exists():
        subprocess.run([sys.executable, ROOT / "scripts/bench/inputs.py", "--tiny", str(MEMBERS), str(TARS), folder], check=True)
    return sorted(folder.iterdir())


def measured_in_tars(bench, tiny, count, shard_rows):
    """The cells of a line. What is read and kept is of each archive; only the disk has fewer."""
    links = [f"tars/{number:06}.tar" for number in range(count // MEMBERS)]
    for number, link in enumerate(links):
        (WORK / link).symlink_to(tiny[number % TARS])
    shards = max(1, count // shard_rows)
    first, *ended = bench.run("all", "--shard", f"0/{shards}", images=links)
    if ended[0] != 0:
        sys.exit(f"error: the run did not begin: {ended[1]}")
    last, *ended = bench.run("all", "--shard", f"{shards - 1}/{shards}", "--dry-run", images=links)
    if ended[0] != 0:
        sys.exit(f"error: the last shard: {ended[1]}")
    yield " and ".join(f"{(WORK / 'all' / name).stat().st_size / 1e9:.2f}" for name in ("file_names.txt", "sources.npy")) + " GB"
    yield in_words(first)
    yield in_words(last)


def measured(bench, count, shard_rows):
    """The cells of a line."""
    write_list(WORK / "all.txt", count)
    shards = max(1, count // shard_rows)
    first = bench.begin("all", shards)
    names = WORK / "all/file_names.txt"
    last, _ = bench.plan("all", shards - 1, shards)
    (WORK / "all.txt").unlink()
    yield f"{names.stat().st_size / 1e9:.2f} GB"
    yield in_words(first)
    yield in_words(last)
    yield in_words(bench.command("inspect", "all"))
    make_parts(WORK / "parts/layer", count, shard_rows)
    names.rename(WORK / "parts/file_names.txt")
    yield in_words(bench.command("merge", "parts/layer", "--quiet"))


def make_parts(folder, count, rows):
    import numpy
    folder.mkdir(parents=True)
    part = numpy.zeros((rows, 1), "f4")
    for start in range(0, count, rows):
        numpy.save(folder / f"features_{start:010}-{start + rows:010}.npy", part)


def in_words(cost):
    return f"{cost.seconds:.2f} s · {cost.peak / 1e6:,.0f} MB"


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--featx", help="the program [target/release/featx, which is built]")
    parser.add_argument("--names", type=int, nargs="+", default=SIZES, metavar="N", help="how many [1, 10 and 100 million]")
    parser.add_argument("--shard-rows", type=int, default=10_000, metavar="N", help="rows of a shard, and of a part")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
