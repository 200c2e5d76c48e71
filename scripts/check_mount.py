#!/usr/bin/env python3
"""Many shards at once on a disk that answers as a network's does, and check that they make one run of the right rows.

usage: scripts/check_mount.py [--featx FILE] [--shards 64] [--longest 600] [--only NAME]

The disk is the file system of tests/powercut in four mounts of one state, as four clients of a file server. Each shard is a
machine of its own: host name and process ids are its own (unshare), so that no other can look whether it lives. All begin at
once. A shard that ends with an error is started again, as a batch system would, at most five times. Prints the table of
docs/faults.md. Needs root and /dev/fuse.
"""

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from zoo.venv import ROOT, built_featx, use_project_python

WORK = ROOT / "target/mount"
ROUNDS = 5
#: Clocks of the four clients, seconds ahead of the server's.
CLOCKS = (0, 180, -180, 45)
#: What the weather is called, and how it is said to the file system.
WEATHER = {
    "late": (["late=3", "sync=50"], "names and attributes 3 s late, `fsync` takes 50 ms, clocks 3 minutes apart"),
    "stale": (["late=3", "sync=20", "stale=150"], "the same, and one answer of 150 is ESTALE"),
    "full": (["late=1", "full=40"], "ENOSPC at one `close` of 40"),
    "failing": (["late=1", "failing=40"], "EIO at one `write` of 40"),
    "dead": (["late=3"], "locks of dead machines: `run.lock`, and of 8 shards"),
}


def main():
    typed = arguments()
    use_project_python()
    from faults.bench import Fault
    from powercut import disk
    from powercut.bench import Bench

    program = disk.ready()
    if not program:
        return 0
    bench = Bench(typed.featx or built_featx(), WORK, typed.shards)
    expected = undisturbed(bench)
    failed = 0
    print(f"| {typed.shards} shards at once | what happens | rows |\n|---|---|---|")
    for name, (weather, words) in WEATHER.items():
        if typed.only not in (None, name):
            continue
        try:
            seen, rows = try_weather(bench, program, typed, name, weather, expected), "exact"
        except (Fault, OSError) as fault:
            seen, rows, failed = f"**failed**: {fault}", "–", failed + 1
        print(f"| {words} | {seen} | {rows} |", flush=True)
    return 1 if failed else 0


def undisturbed(bench):
    import numpy as np
    from faults.bench import parts
    from powercut.bench import LAYERS

    bench.run_all(bench.where, [bench.extract(batch=1, out="undisturbed")])
    found = {layer: parts(bench.where / "undisturbed" / layer) for layer in LAYERS}
    return {layer: np.concatenate([np.load(path) for _, _, path in files]) for layer, files in found.items()}


def try_weather(bench, program, typed, name, weather, expected):
    """All shards until they are done; a line on what was seen."""
    from faults.bench import require
    from powercut.disk import Disk
    from powercut.nodes import Nodes

    with Disk(program, bench.where / f"disk-{name}") as disk:
        disk.paths.clear()  # shards do not use the mount without weather, through which we look
        for number, clock in enumerate(CLOCKS):
            disk.mount(bench.where / f"disk-{name}-{number}", *weather, f"clock={clock}")
        nodes = Nodes(bench, disk, typed.shards, typed.longest)
        if name == "dead":
            nodes.leave_locks("out", range(0, typed.shards, max(1, typed.shards // 8)))
        left, errors, began = list(range(typed.shards)), [], time.monotonic()
        for _ in range(ROUNDS):
            left, _ = nodes.run_all(left, "out")
            errors += [(nodes.said(shard).splitlines() or ["nothing"])[-1] for shard in left]
            if not left:
                break
        require(not left, f"shards {left} end with an error every time: {nodes.said(left[0]) if left else ''}")
        nameless = [line for line in errors if "'" not in line]
        require(not nameless, f"an error that names no file: {nameless[:1]}")
        nodes.check("out", expected)
        disk.paths.append(disk.path)
        seconds = time.monotonic() - began
    again = f"{len(errors)} ended with an error and were started again" if errors else "all end well"
    example = f", e.g. `{errors[0].removeprefix('error: ')}`" if errors else ""
    return f"{again}, {seconds:.0f} s{example}"


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--featx", help="the program [target/release/featx, which is built]")
    parser.add_argument("--shards", type=int, default=64)
    parser.add_argument("--longest", type=int, default=600, metavar="SECONDS", help="that a shard may take")
    parser.add_argument("--only", choices=sorted(WEATHER), metavar="NAME", help="one weather: late, stale, full, failing, dead")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
