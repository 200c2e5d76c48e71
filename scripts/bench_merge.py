#!/usr/bin/env python3
"""The half of bench_merge.sh that measures. Needs the standard library alone.

usage: bench_merge.py FEATX DIR ROUNDS
"""
import os, shutil, statistics, subprocess, sys, time

featx, base, rounds = os.path.abspath(sys.argv[1]), sys.argv[2], int(sys.argv[3])
PARTS, ROWS, ROW_BYTES = 40, 1000, 100_352  # VGG16 features.30: 512 × 7 × 7 values in f32; 4.01 GB in all


def header(rows):
    text = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, 512, 7, 7), }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


def make_parts():
    shutil.rmtree(base, ignore_errors=True)
    os.makedirs(f"{base}/parts")
    block = os.urandom(ROW_BYTES * 10)
    for i in range(PARTS):
        with open(f"{base}/parts/features_{i * ROWS:010}-{(i + 1) * ROWS:010}.npy", "wb") as part:
            part.write(header(ROWS))
            for _ in range(ROWS // 10):
                part.write(block)


def run(command):
    """Seconds, and the kernel's peak RSS in bytes of the largest process, which is never less than Python's own here:
    a new process counts the pages of the one that it came from."""
    os.sync()
    start = time.perf_counter()
    child = subprocess.Popen(command)
    _, status, usage = os.wait4(child.pid, 0)
    seconds = time.perf_counter() - start
    assert status == 0, command
    return seconds, usage.ru_maxrss * 1024


sides = {
    "cat": ["sh", "-c", f"cat {base}/parts/*.npy > {base}/cat.out"],
    "cat; sync": ["sh", "-c", f"cat {base}/parts/*.npy > {base}/cat.out && sync {base}/cat.out"],
    "featx merge": [featx, "merge", "--quiet", f"{base}/parts", "--out", f"{base}/merged.npy"],
}
make_parts()
results = {side: [] for side in sides}
for _ in range(rounds):
    for side, command in sides.items():
        for left in ("cat.out", "merged.npy"):
            if os.path.exists(f"{base}/{left}"):
                os.remove(f"{base}/{left}")
        results[side].append(run(command))

size = PARTS * ROWS * ROW_BYTES
best = statistics.median(seconds for seconds, _ in results["cat; sync"])
print(f"{size / 1e9:.1f} GB in {PARTS} parts, {rounds} rounds in turn, medians")
print(f"{'':14}{'seconds':>9}{'GB/s':>8}{'to cat; sync':>14}{'peak RSS':>12}")
for side, runs in results.items():
    seconds = statistics.median(seconds for seconds, _ in runs)
    peak = max(rss for _, rss in runs)
    print(f"{side:14}{seconds:9.2f}{size / seconds / 1e9:8.2f}{seconds / best:14.2f}{peak / 1e6:9.1f} MB")
shutil.rmtree(base)
