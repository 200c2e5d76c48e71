#!/usr/bin/env python3
"""Is the RAM budget kept? Runs featx under budgets and limits, reads the kernel's peak RSS, prints the tables of
docs/memory.md.

usage: scripts/check_memory.py [--featx FILE] [table | cgroup | long | floor | flip]...     all of them without a name

table   VGG16 features.0, features.30 and ResNet-50 layer1 under four budgets
cgroup  the same layers under a real limit of 1.5 GB, with the default budget (root)
long    20,000 images through a small model: RSS at the end against RSS at a tenth of the way
floor   the least RAM for VGG16 features.30 and features.4
flip    a model file with one bit of a used weight flipped is refused

Needs 20 GB of disk under target/memory, which it empties again. Exit code 1 where a promise is broken.
"""
import argparse, csv, json, os, shutil, subprocess, sys, tomllib, zipfile
from pathlib import Path

from zoo.small import repeated_photos
from zoo.venv import built_featx

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / "target" / "memory"
MODELS, OUT = WORK / "models", WORK / "out"
LAYERS = [("vgg16", "features.0"), ("vgg16", "features.30"), ("resnet50", "layer1")]
BUDGETS = ["0.4GB", "1GB", "2GB", "8GB"]
PHOTOS = 640
program = None  # featx
broken = []


def main():
    checks = {"table": table, "cgroup": cgroup, "long": long_run, "floor": floor, "flip": flip}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--featx", type=Path, help="the program [target/release/featx, which is built]")
    parser.add_argument("checks", nargs="*", metavar="CHECK")
    typed = parser.parse_args()
    if unknown := [name for name in typed.checks if name not in checks]:
        parser.error(f"no check is called {unknown[0]}")
    global program
    program = typed.featx or built_featx()
    prepare()
    for name in typed.checks or checks:
        checks[name]()
    shutil.rmtree(OUT, ignore_errors=True)
    for line in broken:
        print(f"BROKEN: {line}")
    return 1 if broken else 0


def prepare():
    missing = [m for m in ("vgg16", "resnet50", "mobilenet_v3_small") if not (MODELS / f"{m}.pt").exists()]
    if missing:
        export = [ROOT / "scripts/export_model.py", "--random", "--out", MODELS, *missing]
        subprocess.run(export, check=True, stdout=subprocess.DEVNULL)


def photos(count):
    """Links to the repository's photos, as many as asked for."""
    return repeated_photos(WORK / f"photos-{count}", count)


def featx(model, layer, images, *options, before=None):
    """Runs extract. The kernel's peak RSS in bytes, the exit code, the JSON summary or None, and the last line said."""
    shutil.rmtree(OUT, ignore_errors=True)
    command = [program, "extract", "--model", MODELS / f"{model}.pt", "--layer", layer, "--out", OUT, images]
    command += ["--json", "--quiet", *options]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=before)
    said = child.stderr.read().strip().splitlines() or [""]
    answer = child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    code = os.waitstatus_to_exitcode(status)
    return usage.ru_maxrss * 1024, code, json.loads(answer) if answer else None, said[-1]


def expect(holds, line):
    if not holds:
        broken.append(line)


def megabytes(n):
    return f"{n / 1e6:,.0f} MB"


def table():
    images = photos(PHOTOS)
    print(f"\nPeak RSS (kernel) of {PHOTOS} photos; parts, and batches in each.\n")
    print("| model, layer | bytes a row |" + "".join(f" {budget} |" for budget in BUDGETS))
    print("|---|---|" + "---|" * len(BUDGETS))
    for model, layer in LAYERS:
        cells = [cell(model, layer, images, budget) for budget in BUDGETS]
        size = next(row for row, _ in cells if row)
        print(f"| {model} {layer} | {size / 1e6:.2f} MB |" + "".join(f" {text} |" for _, text in cells), flush=True)


def cell(model, layer, images, budget):
    peak, code, summary, said = featx(model, layer, images, "--ram-budget", budget)
    limit = float(budget.removesuffix("GB")) * 1e9
    if code != 0:
        expect("under the floor" in said, f"{model} {layer} {budget}: {said}")
        return None, said.split(";")[0].removeprefix("error: --ram-budget ")
    rows = summary["layers"][0]["shape"]
    row_bytes = 4
    for length in rows:
        row_bytes *= length
    expect(peak <= limit, f"{model} {layer}: {megabytes(peak)} of {budget}")
    enough = PHOTOS * row_bytes > limit
    expect(not enough or peak >= 0.7 * limit, f"{model} {layer}: only {megabytes(peak)} of {budget} used")
    batch = tomllib.loads((OUT / "run.toml").read_text())["batch_size"]
    ranges = [part.stem.split("_")[1].split("-") for part in (OUT / layer).glob("features_*-*.npy")]
    steps = [-(-(int(end) - int(start)) // batch) for start, end in ranges]
    batches = f"{min(steps)}" if min(steps) == max(steps) else f"{min(steps)} to {max(steps)}"
    return row_bytes, f"{megabytes(peak)}; {summary['parts']} × {batches}"


def cgroup():
    limit = 1_500_000_000
    group = make_cgroup(limit)
    if group is None:
        print("\ncgroup: skipped, no memory cgroup can be made here (it takes root)")
        return
    try:
        for model, layer in LAYERS:
            join = lambda: (group / "cgroup.procs").write_text(str(os.getpid()))
            peak, code, summary, said = featx(model, layer, photos(PHOTOS), before=join)
            budget = summary["ram_budget_bytes"] if summary else 0
            print(f"\ncgroup of {megabytes(limit)}, {model} {layer}: exit {code}, default budget {megabytes(budget)}, "
                  f"peak RSS {megabytes(peak)}; {said if code else ''}")
            expect(code == 0 and peak <= budget <= limit, f"under a cgroup limit: {model} {layer} {said}")
    finally:
        group.rmdir()


def make_cgroup(limit):
    for parent, file in [("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max")]:
        group = Path(parent) / "featx-check"
        try:
            group.mkdir()
            (group / file).write_text(str(limit))
            return group
        except OSError:
            if group.exists():
                group.rmdir()
    return None


def long_run():
    count = 20_000
    small = ("--resize", "64", "--crop", "64", "--batch-size", "16")
    peak, code, _, said = featx("mobilenet_v3_small", "avgpool", photos(count), *small, "--step-size", "25")
    expect(code == 0, f"20,000 images: {said}")
    lines = [(int(line["images"]), int(line["rss_bytes"])) for line in csv.DictReader(open(OUT / "memory.csv"))]
    early = next(rss for images, rss in lines if images >= count // 10)
    end = lines[-1][1]
    print(f"\n{count:,} images, mobilenet_v3_small: RSS at a tenth of the way {megabytes(early)}, at the end "
          f"{megabytes(end)} ({end / early - 1:+.1%}), peak {megabytes(peak)}")
    expect(end <= early * 1.05, "RSS grows with the number of images")


def floor():
    print()
    for layer, most in [("features.30", 280e6), ("features.4", 200e6)]:
        peak, code, _, said = featx("vgg16", layer, ROOT / "tests/photos", "--batch-size", "1", "--step-size", "1")
        print(f"floor of vgg16 {layer}, batch 1: {megabytes(peak)} (at most {megabytes(most)})")
        expect(code == 0 and peak <= most, f"floor of {layer}: {megabytes(peak)} {said}")


def flip():
    bad = MODELS / "flipped.pt"
    shutil.copy(MODELS / "vgg16.pt", bad)
    with zipfile.ZipFile(bad) as archive:
        record = next(info for info in archive.infolist() if info.filename.endswith("/data/0"))
    with open(bad, "r+b") as file:
        file.seek(record.header_offset + 26)
        lengths = file.read(4)
        start = record.header_offset + 30 + int.from_bytes(lengths[:2], "little") + int.from_bytes(lengths[2:], "little")
        file.seek(start + record.file_size // 2)
        byte = file.read(1)[0]
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte ^ 16]))
    _, code, _, said = featx("flipped", "features.30", ROOT / "tests/photos")
    print(f"\none bit of a used weight flipped: exit {code}, {said}")
    expect(code == 1 and "is damaged" in said, f"a flipped bit: {said}")
    bad.unlink()


if __name__ == "__main__":
    sys.exit(main())
