#!/usr/bin/env python3
"""Harm runs of featx in every way that long jobs meet, and check that nothing is lost and nothing wrong is kept.

usage: scripts/check_faults.py [--featx FILE] [--kills 100] [--stops 50] [--only NAME] [--seed N]

After each fault every finished part is compared with an undisturbed run, byte for byte, and a plain rerun has to give
exactly that run's rows. Prints the table of docs/faults.md. The full disks need root; without it they are skipped.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from zoo.venv import ROOT, built_featx, use_project_python


def main():
    typed = arguments()
    use_project_python()
    from faults import cases
    from faults.bench import Bench, Fault

    random.seed(typed.seed)
    # A shell's background job ignores it, and so would every featx started from here.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    bench = Bench(typed.featx, ROOT / "target/faults")
    print(f"undisturbed: {bench.seconds:.1f} s (seed {typed.seed})", file=sys.stderr)
    chosen = [
        (cases.kills, (typed.kills,)),
        (cases.stops, (typed.stops,)),
        *((case, ()) for case in cases.CASES),
    ]
    failed = 0
    print("| fault | what happens | rerun |\n|---|---|---|")
    for case, extra in chosen:
        if typed.only and typed.only != case.__name__:
            continue
        began = time.monotonic()
        if case in cases.NEEDS_MOUNT and os.geteuid() != 0:
            seen, rerun = "skipped: needs root", "–"
        else:
            try:
                seen, rerun = case(bench, *extra), "exact"
            except (Fault, OSError, subprocess.SubprocessError) as fault:
                seen, rerun, failed = f"**failed**: {fault}", "–", failed + 1
        for folder in (bench.where, bench.model.parent):
            seen = seen.replace(f"{folder}/", "")
        print(f"| {case.__doc__} | {seen} | {rerun} |", flush=True)
        print(f"{case.__name__}: {time.monotonic() - began:.0f} s", file=sys.stderr)
    return 1 if failed else 0


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--featx", help="the program [target/release/featx, which is built]")
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--stops", type=int, default=50)
    parser.add_argument("--only", metavar="NAME", help="one function of faults/cases.py")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    args.featx = args.featx or built_featx()
    return args


if __name__ == "__main__":
    sys.exit(main())
