#!/usr/bin/env python3
"""Does --project keep what it promises? VGG16 features.0 of photos, with random weights unless --model says otherwise.

usage: scripts/check_projection.py [--model FILE.pt] [--layer L] [--project N] [distances | speed]...     both without

distances   200 photos, whole and projected: every distance within the Johnson–Lindenstrauss bound, and the
            dissimilarity matrices (Euclidean, and 1 - Pearson) that correlate to 0.99 or more
speed       640 photos with --ram-budget 600MB, whole and projected, and the forward pass alone: images a second, peak
            RSS, disk

Works in target/projection, which takes up to 12 GB and is emptied of rows again. Exit code 1 where a promise is broken.
"""
import argparse
import json
import math
import os
import shutil
import subprocess
import sys
from pathlib import Path

from zoo.small import repeated_photos
from zoo.venv import built_featx, use_project_python

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / "target" / "projection"
FEATX = ROOT / "target" / "release" / "featx"
FEW, MANY = 200, 640
LEAST_CORRELATION = 0.99
BUDGET, SHARE = 600_000_000, 0.85
broken = []


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checks", nargs="*", metavar="CHECK", help="speed, distances")
    parser.add_argument("--model", type=Path, default=WORK / "models" / "vgg16.pt")
    parser.add_argument("--layer", default="features.0")
    parser.add_argument("--project", type=int, default=4096, metavar="N")
    asked = parser.parse_args()
    # Speed first: the kernel's peak of a child has in it what this process takes as it starts that child.
    checks = {"speed": speed, "distances": distances}
    if unknown := [name for name in asked.checks if name not in checks]:
        parser.error(f"no check is called {unknown[0]}")
    use_project_python()
    built_featx()
    if not asked.model.exists():
        export = [ROOT / "scripts/export_model.py", "--random", "--out", asked.model.parent, asked.model.stem]
        subprocess.run(export, check=True, stdout=subprocess.DEVNULL)
    for name in asked.checks or checks:
        checks[name](asked)
    for line in broken:
        print(f"BROKEN: {line}")
    return 1 if broken else 0


def expect(holds, line):
    if not holds:
        broken.append(line)


def different_photos(count):
    """Pieces of the repository's photos, as the benchmark makes them."""
    folder = WORK / f"pieces-{count}"
    if not folder.exists():
        make = [sys.executable, ROOT / "scripts/bench/photos.py", str(count), folder, ROOT / "tests/photos"]
        subprocess.run(make, check=True)
    return folder


def extract(asked, photos, name, *options):
    """Runs extract into WORK/name. The kernel's peak RSS in bytes, and the summary."""
    out = WORK / name
    shutil.rmtree(out, ignore_errors=True)
    command = [FEATX, "extract", "--model", asked.model, "--layer", asked.layer, "--device", "cpu", "--out", out]
    command += ["--json", "--quiet", *options, photos]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    summary = child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    if os.waitstatus_to_exitcode(status) != 0:
        sys.exit(f"{' '.join(map(str, command))} failed")
    return usage.ru_maxrss * 1024, json.loads(summary)


# Distances -----------------------------------------------------------------------------------------------------------

def distances(asked):
    import numpy as np
    photos = different_photos(FEW)
    extract(asked, photos, "whole")
    extract(asked, photos, "projected", "--project", str(asked.project))
    whole, projected = (read(WORK / name, asked.layer) for name in ("whole", "projected"))
    print(f"{asked.model.name} {asked.layer}, {FEW} photos, {whole.shape[1]:,} numbers to {projected.shape[1]:,}")
    products = [gram(rows) for rows in (whole, projected)]
    upper = np.triu_indices(FEW, 1)
    before, after = (euclidean(gram, rows.shape[1])[upper] for gram, rows in zip(products, (whole, projected)))
    ratio = after / before
    bound = error_of(FEW, asked.project)
    print(f"squared distances: {1 - ratio.min():.3f} less to {ratio.max() - 1:.3f} more, deviation {ratio.std():.4f}; "
          f"the bound is {bound:.3f}")
    expect(1 - bound <= ratio.min() and ratio.max() <= 1 + bound, f"a distance changed by more than {bound:.3f}")
    likeness = np.corrcoef(np.sqrt(before), np.sqrt(after))[0, 1]
    by_rows = [correlation_distances(rows)[upper] for rows in (whole, projected)]
    correlation = np.corrcoef(*by_rows)[0, 1]
    print(f"Pearson of the dissimilarity matrices: Euclidean {likeness:.5f}, 1 - Pearson {correlation:.5f}")
    for name, found in (("Euclidean", likeness), ("1 - Pearson", correlation)):
        expect(found >= LEAST_CORRELATION, f"{name} dissimilarities correlate to {found:.4f} only")
    for name in ("whole", "projected"):
        shutil.rmtree(WORK / name)


def read(run, layer):
    import numpy as np
    sys.path.insert(0, str(ROOT / "scripts" / "python"))
    import featx
    rows = featx.open(run)[layer]
    return np.concatenate([block.reshape(len(block), -1) for _, block in rows.blocks()])


def gram(rows):
    """In f64, a slice of the columns at a time."""
    import numpy as np
    products = np.zeros((len(rows), len(rows)))
    for start in range(0, rows.shape[1], 1 << 16):
        piece = rows[:, start:start + (1 << 16)].astype(np.float64)
        products += piece @ piece.T
    return products


def euclidean(products, _):
    """Squared."""
    lengths = products.diagonal()
    return lengths[:, None] + lengths - 2 * products


def correlation_distances(rows):
    import numpy as np
    means = np.array([row.mean(dtype=np.float64) for row in rows])
    centred = gram(rows) - rows.shape[1] * np.outer(means, means)
    lengths = np.sqrt(centred.diagonal())
    return 1 - centred / np.outer(lengths, lengths)


def error_of(images, outputs):
    """The error that `outputs` numbers keep for so many images: scikit-learn's johnson_lindenstrauss_min_dim, inverted."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        enough = 4 * math.log(images) / (middle**2 / 2 - middle**3 / 3) <= outputs
        low, high = (low, middle) if enough else (middle, high)
    return high


# Speed ---------------------------------------------------------------------------------------------------------------

def speed(asked):
    photos = repeated_photos(WORK / f"photos-{MANY}", MANY)
    budget = ["--ram-budget", str(BUDGET)]
    alone = forward_alone(asked)
    print(f"| {MANY} photos | images/s | peak RSS | rows on disk |\n|---|---|---|---|")
    print(f"| the forward pass alone, {alone[0]} | {alone[1]:.1f} | – | – |")
    sizes = {}
    for name, options in (("whole", []), ("projected", ["--project", str(asked.project)])):
        peak, summary = extract(asked, photos, name, *budget, *options)
        rate, sizes[name] = summary["images_per_second"], summary["bytes_written"]
        print(f"| {name} | {rate:.1f} | {peak / 1e6:.0f} MB | {sizes[name] / 1e6:,.1f} MB |", flush=True)
        expect(peak <= BUDGET, f"{name}: peak RSS {peak / 1e6:.0f} MB")
        shutil.rmtree(WORK / name)
    print(f"{sizes['whole'] / sizes['projected']:.0f} times less disk")
    expect(rate >= SHARE * alone[1], f"projected: {rate:.1f} images/s of {alone[1]:.1f} of the forward pass alone")


def forward_alone(asked):
    """The fastest way that PyTorch has, and its images a second."""
    state = WORK / f"{asked.model.stem}.state.pt"
    if not state.exists():
        subprocess.run([sys.executable, ROOT / "scripts/bench/weights.py", asked.model, state], check=True)
    cores = len(os.sched_getaffinity(0))
    command = [sys.executable, ROOT / "scripts/bench/forward_alone.py", asked.model.stem, asked.layer, "f32", cores, state]
    said = subprocess.run(list(map(str, command)), check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True).stdout
    rates = {way: rate for way, rate in json.loads(said.splitlines()[0]).items() if isinstance(rate, float)}
    return max(rates.items(), key=lambda item: item[1])


if __name__ == "__main__":
    sys.exit(main())
