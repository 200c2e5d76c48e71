#!/usr/bin/env python3
"""The half of bench_merge.sh that measures. Needs the standard library alone.

usage: bench_merge.py FEATX DIR GIGABYTES [ROUNDS] [ENDING…]
"""
import os
import shutil
import statistics
import subprocess
import sys
import time

featx, base, size = os.path.abspath(sys.argv[1]), sys.argv[2], float(sys.argv[3])
rounds = int(sys.argv[4]) if len(sys.argv) > 4 else 3
endings = sys.argv[5:] or ["npy", "h5", "safetensors", "pt", "parquet", "mat"]
PARTS, ROW_BYTES = 40, 100_352  # VGG16 features.30: 512 × 7 × 7 values in f32
ROWS = max(10, int(size * 1e9 / PARTS / ROW_BYTES) // 10 * 10)


def header(rows):
    text = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, 512, 7, 7), }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


def make_parts():
    """Random bytes: what they are as numbers does not matter, and no compression gains from them."""
    shutil.rmtree(base, ignore_errors=True)
    os.makedirs(f"{base}/parts")
    with open(f"{base}/parts/file_names.txt", "w") as names:
        names.writelines(f"n{i % 1000:08}/image_{i:010}.jpg\n" for i in range(PARTS * ROWS))
    block = os.urandom(ROW_BYTES * 10)
    for i in range(PARTS):
        with open(f"{base}/parts/features_{i * ROWS:010}-{(i + 1) * ROWS:010}.npy", "wb") as part:
            part.write(header(ROWS))
            for _ in range(ROWS // 10):
                part.write(block)


def run(command):
    """Seconds, and the kernel's peak RSS in bytes. A new process counts the pages of the one that it came from, so it
    comes from a small shell."""
    os.sync()
    start = time.perf_counter()
    child = subprocess.Popen(["sh", "-c", command])
    _, status, usage = os.wait4(child.pid, 0)
    assert status == 0, command
    return time.perf_counter() - start, usage.ru_maxrss * 1024


sides = {"featx --version": f"exec {featx} --version > /dev/null"}
sides["cat; sync"] = f"cat {base}/parts/*.npy > {base}/all.cat && sync {base}/all.cat"
for ending in endings:
    sides[f".{ending}"] = f"exec {featx} merge --quiet {base}/parts --out {base}/all.{ending} 2> /dev/null"
make_parts()
results = {side: [] for side in sides}
for _ in range(rounds):
    for side, command in sides.items():
        for left in ["cat", *endings]:
            if os.path.exists(f"{base}/all.{left}"):
                os.remove(f"{base}/all.{left}")
        results[side].append(run(command))

written = PARTS * ROWS * ROW_BYTES
cat = statistics.median(seconds for seconds, _ in results["cat; sync"])
print(f"{written / 1e9:.2f} GB in {PARTS} parts, {rounds} rounds in turn, medians")
print(f"{'':18}{'seconds':>9}{'GB/s':>8}{'to cat; sync':>14}{'peak RSS':>12}")
for side, runs in results.items():
    seconds = statistics.median(seconds for seconds, _ in runs)
    peak = max(rss for _, rss in runs)
    print(f"{side:18}{seconds:9.2f}{written / seconds / 1e9:8.2f}{seconds / cat:14.2f}{peak / 1e6:9.1f} MB")
shutil.rmtree(base)
