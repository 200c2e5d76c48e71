#!/usr/bin/env python3
"""Cut the power at every call that featx makes to its disk, and check that no row is lost unnoticed.

usage: scripts/check_powercut.py [--featx FILE] [--only NAME]… [--sample N] [--seeds 3] [--at-once 2] [--work DIR]

The disk is the file system of tests/powercut, which forgets what was not synced. Each kind of write is done once
undisturbed, and its calls counted (create, write, resize, touch, rename, link, remove, sync). Then, for each call, it is done
again, the power goes during that call, the process is killed, and the disk comes back with: nothing that was not synced; all
of it; some of it by chance, in any order, sectors of 512 bytes apart (--seeds of these). The same commands again have to end
well, in the same rows, files and checksums, with nothing left over. States that were tried before are not tried again.
Prints the table of docs/faults.md. Needs root and /dev/fuse. --sample: so many calls of each kind alone, spread evenly.
"""

import argparse
import queue
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from zoo.venv import ROOT, built_featx, use_project_python

WORK = ROOT / "target/powercut"


def main():
    typed = arguments()
    use_project_python()
    from powercut import disk
    from powercut.bench import Bench
    from powercut.kinds import kinds

    program = disk.ready()
    if not program:
        return 0
    bench = Bench(typed.featx or built_featx(), typed.work)
    chosen = [kind for kind in kinds(bench) if not typed.only or kind.name in typed.only]
    disks = [disk.Disk(program, typed.work / f"disk{number}") for number in range(typed.at_once)]
    print("| write | calls | cuts | states | nothing there yet | taken over | noticed and done again | right as it is | wrong |")
    print("|---|---|---|---|---|---|---|---|---|", flush=True)
    try:
        wrong = [line for kind in chosen for line in check(kind, bench, disks, typed)]
    finally:
        for each in disks:
            each.close()
    for line in wrong:
        print(line, file=sys.stderr)
    return 1 if wrong or not chosen else 0


def check(kind, bench, disks, typed):
    """Prints the line of a kind; what was wrong."""
    from powercut.cuts import NOTHING, NOTICED, RIGHT, TAKEN, WRONG, Cutter, Tally

    began = time.monotonic()
    cutters = [Cutter(bench, each, kind, typed.seeds) for each in disks]
    tally = Tally()
    tally.calls, expected = cutters[0].undisturbed()
    calls = [*range(1, tally.calls + 1), 0]  # 0: after the end
    if typed.sample:
        calls = sorted({calls[-1 - index * len(calls) // typed.sample] for index in range(typed.sample)})
    waiting = queue.Queue()
    for call in calls:
        waiting.put(call)

    def work(cutter):
        while True:
            try:
                number = waiting.get_nowait()
            except queue.Empty:
                return
            cutter.cut(number, expected, tally)
            tally.cuts += 1

    threads = [threading.Thread(target=work, args=(cutter,)) for cutter in cutters]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        time.sleep(0.2)
        if sys.stderr.isatty():
            print(f"\r{kind.name}: {tally.cuts} of {len(calls)} cuts", end="\x1b[K", file=sys.stderr)
    require_all(tally, calls)
    counts = [tally.outcomes[name] for name in (NOTHING, TAKEN, NOTICED, RIGHT, WRONG)]
    print("|", " | ".join(map(str, (kind.name, tally.calls, tally.cuts, tally.states, *counts))), "|", flush=True)
    print(f"{kind.name}: {time.monotonic() - began:.0f} s", file=sys.stderr)
    return tally.wrong


def require_all(tally, calls):
    """A thread that died has left cuts untried."""
    if tally.cuts < len(calls):
        tally.wrong.append(f"{len(calls) - tally.cuts} cuts were not tried")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--featx", help="the program [target/release/featx, which is built]")
    parser.add_argument("--only", action="append", metavar="NAME", help="a kind of write, as the table names it; may be given again")
    parser.add_argument("--sample", type=int, metavar="N", help="so many calls of each kind alone")
    parser.add_argument("--seeds", type=int, default=3, help="states by chance, of each cut")
    parser.add_argument("--at-once", type=int, default=2, metavar="N", help="processes side by side")
    parser.add_argument("--work", type=Path, default=WORK, metavar="DIR", help="a folder to work in, which is emptied")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
