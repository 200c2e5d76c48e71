#!/usr/bin/env python3
"""The half of bench.sh that measures. Imports nothing large: each side's peak begins with that of this process.

Images a second are those of the extraction as each side reports it: the peers' from their first batch to their rows
being saved, without imports and model; featx's (`--json`) from its first image to its last row on disk, without loading
the model and choosing its form. Beside it the wall time of the whole command, which has all of that, and the kernel's
peak RSS. `--sides`, `--rows` take comma-separated parts of names.

The limit is what the machine can do at all: the forward pass alone, in the fastest of libtorch's own ways, and decoding
alone on all cores, one after the other. It is taken in turns of seconds, with a run of featx in each.
"""
import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import measure
import sides
import table
from measure import Failed, say
from sides import BATCH, CORES, MODELS, OUT, ROOT, ROWS, SIDES, WORK

EXTRAS = ("limit", "first")
LARGE_ROW = 1e6  # bytes: rows that the disk may be too slow for
FIRST_ROW = next(row for row in ROWS if row.model == "alexnet")


def arguments():
    parser = argparse.ArgumentParser(prog="bench.sh", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="turns of each side (default: 3)")
    parser.add_argument("--turns", type=int, default=5, metavar="N",
                        help="turns of the limit, in each one of featx (default: 5)")
    parser.add_argument("--images", type=int, default=256, metavar="N", help="photos (default: 256)")
    parser.add_argument("--rows", type=chosen([row.name for row in ROWS]), metavar="NAMES",
                        help="only rows whose name holds one of these; '=NAME' is that row alone")
    parser.add_argument("--sides", type=chosen([*SIDES, *EXTRAS]), metavar="NAMES",
                        help=f"only these of {', '.join([*SIDES, *EXTRAS])}")
    parser.add_argument("--json", type=Path, metavar="FILE",
                        help="keep what is measured; rows that the file has already are kept and printed too")
    parser.add_argument("--featx", type=Path, metavar="PROGRAM",
                        help="this one instead of target/release/featx, which is built; not with the limit")
    parser.add_argument("--table", action="store_true", help="measure nothing, print the tables of --json FILE")
    typed = parser.parse_args()
    if typed.table and not typed.json:
        parser.error("--table needs --json FILE")
    if typed.featx and "limit" in (typed.sides or EXTRAS):
        parser.error("the limit wants what is built here; leave it out with --sides")
    return typed


def chosen(names):
    """Those of some names that a comma-separated list means."""
    def parse(text):
        words = [word.strip() for word in text.split(",")]
        found = [n for n in names if any(word[1:] == n if word.startswith("=") else word in n for word in words)]
        if not found:
            raise argparse.ArgumentTypeError(f"expected some of {', '.join(names)}; found '{text}'")
        return found
    return parse


def main():
    typed = arguments()
    results = read(typed.json)
    if not typed.table:
        rows = [row for row in ROWS if not typed.rows or row.name in typed.rows]
        wanted = typed.sides or [*SIDES, *EXTRAS]
        photos = prepare(rows, wanted, typed)
        results["images"], results["cores"], results["batch"] = typed.images, CORES, BATCH
        try:
            for row in rows:
                results["rows"][row.name] = Bench(row, wanted, photos, typed).run()
                write(typed.json, results)
            if "first" in wanted and FIRST_ROW in rows:
                results["first_row"] = first_row(photos, typed.rounds)
                write(typed.json, results)
        finally:
            shutil.rmtree(OUT, ignore_errors=True)
    print(table.tables(results))


def read(path):
    if path and path.exists():
        return json.loads(path.read_text())
    return {"rows": {}}


def write(path, results):
    if path:
        beside = path.with_name(path.name + ".partial")
        beside.write_text(json.dumps(results, indent=1) + "\n")
        beside.replace(path)


def prepare(rows, wanted, typed):
    """Program, peers, photos and models; the folder of photos."""
    if typed.featx:
        sides.FEATX = typed.featx.resolve()
    else:
        build = ["cargo", "build", "--release", "--bins", "--example", "decode_folder"]
        subprocess.run(build, cwd=ROOT, check=True)
    if "thingsvision" in wanted:
        subprocess.run([ROOT / "scripts/peers.sh"], check=True)
    empty(OUT)
    for model in sorted({row.model for row in rows}):
        make_model(model, "pt")
    for row in rows:
        if row.program and "featx_pt2" in wanted:
            make_model(row.model, "pt2")
    photos = WORK / f"photos-{typed.images}"
    if not photos.exists():
        photos_py = [sides.PYTHON, sides.HERE / "photos.py", str(typed.images), photos, ROOT / "tests/photos"]
        subprocess.run(photos_py, check=True)
    return photos


def make_model(model, kind):
    """NAME.pt or NAME.pt2 for featx and the same weights for the peers: pretrained ones where they can be fetched."""
    file, state = MODELS / f"{model}.{kind}", MODELS / f"{model}.state.pt"
    if not file.exists():
        export = [ROOT / "scripts/export_model.py", model, "--out", MODELS, "--format", kind]
        export += ["--resize", "256", "--crop", "224", "--interpolation", "bilinear"]
        if subprocess.run(export, capture_output=True).returncode != 0:
            say(f"no pretrained weights of {model} to be had: seeded random ones")
            subprocess.run([*export, "--random"], check=True, stdout=sys.stderr)
        if kind == "pt":
            state.unlink(missing_ok=True)
    if not state.exists():
        subprocess.run([sides.PYTHON, sides.HERE / "weights.py", file, state], check=True)


class Bench:
    """One row of the table: its sides in turn, then its limit in turn with featx."""

    def __init__(self, row, wanted, photos, typed):
        self.row, self.photos, self.images = row, photos, typed.images
        self.rounds, self.turns = typed.rounds, typed.turns if "limit" in wanted else 0
        self.sides = sides.sides_of(row, wanted)
        self.found = {"sides": {side: [] for side in self.sides}, "limit": [], "agrees": {}}

    def run(self):
        for number in range(self.rounds if self.sides else 0):
            say(f"{self.row.name}, round {number + 1} of {self.rounds}")
            for side in self.sides:
                self.found["sides"][side].append(self.extract(side))
            if number == 0:
                self.compare()
            empty(OUT)
        if self.turns:
            self.measure_limit()
        return self.found

    def extract(self, side):
        measured = measure.run(sides.command(side, self.row, self.photos))
        summary = sides.last_json(measured.said)
        if summary["images"] != self.images:
            raise Failed(f"{side} took {summary['images']} images of {self.images}")
        # featx's seconds are the whole program's, and it says what the extraction's rate was.
        rate = summary.get("images_per_second", self.images / summary["seconds"])
        say(f"  {side}: {rate:.2f} images/s, {measured.seconds:.1f} s in all, {measured.peak / 1e6:,.0f} MB")
        return {
            "images_per_second": rate,
            "wall_seconds": measured.seconds,
            "peak_rss_bytes": measured.peak,
            "peak_with_workers_bytes": measured.peak_with_workers,
        }

    def compare(self):
        """Every side has to have the same rows: a side that is fast and wrong is not fast."""
        reference = sides.REFERENCE[self.row.precision]
        if reference not in self.sides:
            return
        for side in self.sides:
            if side != reference:
                compare = [sides.PYTHON, sides.HERE / "compare.py", OUT / reference, OUT / side]
                error = float(subprocess.run(compare, check=True, stdout=subprocess.PIPE, text=True).stdout)
                self.found["agrees"][side] = error
                if not error <= (1e-4 if self.row.precision == "f32" else 0.1):
                    raise Failed(f"{self.row.name}: the rows of {side} differ from those of {reference} by {error:.1e}")

    def measure_limit(self):
        """In turn with featx, as a machine's pace is another one some minutes later."""
        say(f"{self.row.name}, the limit")
        with measure.Staying(sides.forward_command(self.row)) as forward:
            for way, rate in forward.answer().items():
                say(f"  forward alone, {way}: {rate if isinstance(rate, str) else f'{rate:.2f} images/s'}")
            for _ in range(self.turns):
                self.found["limit"].append(self.limit_turn(forward))

    def limit_turn(self, forward):
        """Images a second of featx, and of each thing alone that it has to do."""
        turn = {"featx": self.extract("featx")["images_per_second"]}
        size = sum(file.stat().st_size for file in (OUT / "featx").rglob("features*.npy"))
        empty(OUT)
        os.sync()
        turn["forward"] = forward.ask()
        decoded = measure.run([sides.DECODE, self.photos, CORES])
        turn["decode"] = self.images / sides.last_json(decoded.said)["seconds"]
        if size > LARGE_ROW * self.images:
            turn["disk"] = self.images / measure.disk_seconds(OUT / "disk", size)
        say(f"  alone: forward {max(turn['forward'].values()):.2f} images/s, decoding {turn['decode']:.0f}"
            + (f", disk {turn['disk']:.1f}" if "disk" in turn else ""))
        return turn


def empty(folder):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)


def first_row(photos, rounds):
    """Seconds until featx has its first row in a part, and, of parts of one batch, its first part sealed."""
    out = OUT / "first"
    folder = out / FIRST_ROW.layer
    found = {"row": [], "part": []}
    for _ in range(rounds):
        for what, more in (("row", []), ("part", ["--step-size", "1"])):
            shutil.rmtree(out, ignore_errors=True)
            os.sync()
            is_there = (lambda: measure.has_row(folder)) if what == "row" else (lambda: measure.has_part(folder))
            found[what].append(measure.seconds_until(is_there, sides.featx_command(FIRST_ROW, photos, out, *more)))
    return found


if __name__ == "__main__":
    started = time.monotonic()
    try:
        main()
    except (Failed, subprocess.CalledProcessError) as failure:
        sys.exit(f"error: {failure}")
    except KeyboardInterrupt:
        sys.exit(130)
    finally:
        say(f"{time.monotonic() - started:.0f} s")
