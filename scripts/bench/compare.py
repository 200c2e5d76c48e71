#!/usr/bin/env python3
"""Do two sides have the same rows? Prints the relative L2 of OTHER to REFERENCE, folders with the rows of a layer.

usage: compare.py REFERENCE OTHER
"""
import re
import sys
from pathlib import Path

import numpy as np


def rows_of(folder):
    """The parts below a folder in the order of their rows, mapped."""
    files = sorted(Path(folder).rglob("features*.npy"), key=lambda path: int((re.findall(r"\d+", path.stem) or [0])[0]))
    return [np.load(path, mmap_mode="r") for path in files]


def batches(folder, rows=32):
    for part in rows_of(folder):
        for start in range(0, len(part), rows):
            yield np.asarray(part[start:start + rows], dtype=np.float64)


def one_by_one(folder):
    return (row for batch in batches(folder) for row in batch)


reference, other = sys.argv[1:]
error = norm = 0.0
for wanted, found in zip(one_by_one(reference), one_by_one(other), strict=True):
    if wanted.size != found.size:
        sys.exit(f"rows of {found.shape}, expected {wanted.shape}")
    error += np.square(found.ravel() - wanted.ravel()).sum()
    norm += np.square(wanted).sum()
print((error / norm) ** 0.5)
