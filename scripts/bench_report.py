#!/usr/bin/env python3
"""How long the page of a long run takes, and how much memory: 100,000 rows of VGG16 classifier.3, with random weights.

The run is of so many links to the project's photos, and is stopped by SIGTERM; the rows that it lacks are those that it
has, with noise, in parts of the same size. Works in target/report, which takes 2 GB. Exit code 1 where the page takes more than
60 seconds or 300 MB, or has more than 5 MB.

example:
  scripts/bench_report.py
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import time

from zoo.small import repeated_photos
from zoo.venv import ROOT, built_featx, use_project_python

WORK = ROOT / "target/report"
RUN, PAGE = WORK / "run", WORK / "report.html"
LAYER = "classifier.3"
SECONDS, MEMORY, SIZE = 60, 300e6, 5e6
ROWS_BEGUN = 256  # at least


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000, metavar="N")
    args = parser.parse_args()
    use_project_python()
    built_featx()
    featx = ROOT / "target/release/featx"
    if not (WORK / f"whole-{args.rows}").exists():
        begin(featx, args.rows)
        fill_up(args.rows)
        (WORK / f"whole-{args.rows}").touch()
    # numpy's memory is not to be seen in the child's peak.
    os.execv(sys.executable, [sys.executable, "-c", MEASURE, str(featx), str(RUN), str(PAGE), *map(str, (SECONDS, MEMORY, SIZE))])


MEASURE = """
import os, subprocess, sys, time
featx, run, page, *most = sys.argv[1:]
began = time.monotonic()
child = subprocess.Popen([featx, 'inspect', run, '--report', page, '--overwrite', '--quiet'])
_, status, usage = os.wait4(child.pid, 0)
assert status == 0
found = time.monotonic() - began, usage.ru_maxrss * 1024, os.stat(page).st_size
print(f'{found[0]:.1f} s, peak RSS {found[1] / 1e6:.1f} MB, the page {found[2] / 1e6:.2f} MB')
sys.exit(any(value > float(limit) for value, limit in zip(found, most)))
"""


def begin(featx, rows):
    """A run over so many images, of which the first have their rows."""
    shutil.rmtree(RUN, ignore_errors=True)
    model = WORK / "models/vgg16.pt"
    if not model.exists():
        export = [ROOT / "scripts/export_model.py", "--random", "--out", model.parent, model.stem]
        subprocess.run(export, check=True, stdout=subprocess.DEVNULL)
    photos = repeated_photos(WORK / f"photos-{rows}", rows)
    extract = [featx, "extract", "--model", model, "--layer", LAYER, "--device", "cpu", "--out", RUN, "--batch-size", "16",
               "--step-size", str(ROWS_BEGUN // 16), "--quiet", photos]
    child = subprocess.Popen(extract)
    while child.poll() is None and not list(RUN.glob(f"{LAYER}/features_*.npy")):
        time.sleep(0.5)
    child.send_signal(signal.SIGTERM)
    child.wait()


def fill_up(rows):
    """The parts that are missing, of rows like those that are there."""
    import numpy
    first, *others = sorted((RUN / LAYER).glob("features_*.npy"))
    for part in others:
        part.unlink()
    first_rows = numpy.load(first)
    noise = numpy.random.default_rng(0)
    for start in range(0, rows, len(first_rows)):
        stop = min(start + len(first_rows), rows)
        part = RUN / LAYER / f"features_{start:010}-{stop:010}.npy"
        if not part.exists():
            like = first_rows[: stop - start]
            numpy.save(part, like * noise.uniform(0.5, 1.5, like.shape).astype("f4"))


if __name__ == "__main__":
    sys.exit(main())
