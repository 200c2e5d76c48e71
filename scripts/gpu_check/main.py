"""Checks featx on a GPU against PyTorch on the same GPU, and measures it: the last thing printed is one Markdown table.

1. rows     several layers of five models in f32, bf16 and f16, against PyTorch's forward hooks on the same pixels;
            the pixels themselves, bit for bit, against PIL and torchvision
2. devices  auto, cuda:all, a GPU that is not there, --tf32
3. faults   GPU memory that another process holds: the batch is halved, rows stay; SIGTERM in the middle, and resuming
4. speed    forward alone, decode alone, disk alone, featx, and a PyTorch peer with as many loader workers as cores

A row or a device that is wrong makes the exit code 1. Timings do not: those below the target are marked.

--device cpu is a rehearsal for machines without a GPU: all that needs none runs, with few images.
"""
import argparse
import importlib.util
import os
import shutil
import sys
import tempfile
import time
import traceback
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NO_GPU = 3
PARTS = ("rows", "devices", "faults", "speed")


def parse_arguments():
    parser = argparse.ArgumentParser(prog="scripts/gpu_check.sh", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}; all without an argument")
    parser.add_argument("--featx", type=Path, default=ROOT / "target" / "release" / "featx", metavar="PROGRAM",
                        help="default: target/release/featx")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda", help="cpu: a rehearsal without a GPU")
    parser.add_argument("--quick", action="store_true", help="two models and fewer images: about two minutes")
    parser.add_argument("--images", type=int, metavar="N", help="photos for the timings (default: 40000)")
    parser.add_argument("--minutes", type=float, default=7.5, metavar="M",
                        help="no timing starts after so many minutes; the table says what is left out (default: 7.5)")
    parser.add_argument("--folder", type=Path, metavar="DIR",
                        help="where the temporary folder is made, 12 GB (default: the system's)")
    args = parser.parse_args()
    if unknown := [part for part in args.parts if part not in PARTS]:
        parser.error(f"no part is called '{unknown[0]}'")
    if not os.access(args.featx, os.X_OK):
        parser.error(f"'{args.featx}' is not there; build it with: cargo build --release")
    args.parts = args.parts or list(PARTS)
    return args


def main():
    args = parse_arguments()
    started = time.monotonic()
    import torch
    if args.device == "cuda" and not torch.cuda.is_available():
        print("no GPU: the GPU check did not run (PyTorch finds none; --device cpu is a rehearsal of the check itself)")
        return NO_GPU
    from bench import Bench
    folder = Path(tempfile.mkdtemp(prefix="featx-gpu-check-", dir=args.folder))
    try:
        bench = Bench(args, folder, started)
        bench.say(bench.machine)
        if not torch.__version__.startswith("2.11.0"):
            bench.say(f"featx is built for libtorch 2.11.0, this is {torch.__version__}: it may not start")
        for part in args.parts:
            bench.part = part
            try:
                __import__(part).check(bench)
            except Exception as error:  # the other parts are worth their while
                traceback.print_exc()
                bench.expect(False, f"the check itself: {error!r}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return report(bench, started)


def report(bench, started):
    for line in bench.table:
        print(line)
    seconds = time.monotonic() - started
    print(f"\n{bench.held} checks held, {len(bench.broken)} did not, {seconds:.0f} s")
    for line in bench.broken:
        print(f"BROKEN: {line}")
    if bench.device == "cpu":
        print("a rehearsal on the CPU: the GPU check did not run")
    return 1 if bench.broken else 0


if __name__ == "__main__":
    if not importlib.util.find_spec("torch"):
        sys.exit("error: this Python has no torch; run scripts/gpu_check.sh")
    sys.exit(main())
