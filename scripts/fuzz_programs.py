#!/usr/bin/env python3
"""Fuzz programs of torch.export: numbers, names and operators of a `.pt2` changed at random, then featx beside PyTorch.

Whatever featx makes of a changed program has to be what PyTorch makes of it: where both compute the model's output, the
two must agree within a relative L2 of 1e-5. featx may refuse any. A case that differs, and a featx that falls, is kept
beside the others and told; then the exit code is 1. (That featx never falls over any other change is for
tests/it/pt2_fuzz.rs.)

examples:
  scripts/fuzz_programs.py --minutes 10
  scripts/fuzz_programs.py --seed 1234 --count 1            once more, what was told
"""

import argparse
import json
import random
import subprocess
import sys
import time
import zipfile
from pathlib import Path

from zoo.venv import ROOT, find_featx, use_project_python

SEEDS = ("regions", "in_place", "pairs", "convolutions", "vit", "dtypes", "transposed", "list_output", "swin", "loop")
NUMBERS = (0, 1, 2, 3, -1, -2, 4, 5, 8)
TOLERANCE = 1e-5


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=1, metavar="N")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="the first case (default: 0)")
    parser.add_argument("--count", type=int, metavar="N", help="so many cases at most")
    parser.add_argument("--featx", type=Path, default=find_featx(), metavar="PROGRAM",
                        help="default: target/release/featx, target/debug/featx")
    args = parser.parse_args()
    if args.featx is None:
        parser.error("featx is not built (cargo build --release, or name it with --featx PROGRAM)")
    return args


def main():
    args = parse_arguments()
    use_project_python()
    import torch
    torch.set_grad_enabled(False)
    programs, folder = ROOT / "target/tmp/programs", ROOT / "target/tmp/fuzz_programs"
    subprocess.run([sys.executable, ROOT / "tests/make_programs.py", programs], check=True)
    folder.mkdir(exist_ok=True)
    (folder / "case.toml").write_text((programs / "pairs.toml").read_text())
    images = read_images(programs / "photos", programs / "pairs.toml")
    counts, failed, began, seed = {}, 0, time.monotonic(), args.seed
    while time.monotonic() - began < 60 * args.minutes and (args.count is None or seed - args.seed < args.count):
        case = folder / "case.pt2"
        source = write_case(seed, programs, case)
        verdict = try_case(case, images, programs / "photos", args.featx)
        kind = verdict.partition(":")[0]
        counts[kind] = counts.get(kind, 0) + 1
        if kind in ("WRONG", "FELL"):
            failed += 1
            kept = case.with_name(f"seed_{seed}.pt2")
            case.replace(kept)
            print(f"--seed {seed} ({source}): {verdict}; kept as {kept}", flush=True)
        seed += 1
    print(f"{seed - args.seed} programs: {', '.join(f'{count} {kind}' for kind, count in sorted(counts.items()))}")
    return 1 if failed else 0


def read_images(photos, toml):
    import torch
    from PIL import Image
    from featx.export import preprocess
    transforms = preprocess.read_toml(toml).to_transforms()
    paths = sorted(path for path in photos.iterdir())
    return torch.stack([transforms(Image.open(path).convert("RGB")) for path in paths])


def write_case(seed, programs, path):
    """A program of the tests' with a few changes. Its name."""
    chance = random.Random(seed)
    name = chance.choice(SEEDS)
    with zipfile.ZipFile(programs / f"{name}.pt2") as old, zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as new:
        for record in old.namelist():
            data = old.read(record)
            if record.endswith("models/model.json"):
                program = json.loads(data)
                for _ in range(chance.randint(1, 2)):
                    change(program["graph_module"]["graph"]["nodes"], chance)
                data = json.dumps(program).encode()
            new.writestr(record, data)
    return name


def change(nodes, chance):
    """An argument, a name that is read, an operator, or a node, for another one."""
    node, other = chance.choice(nodes), chance.choice(nodes)
    what = chance.randrange(8)
    if what == 0:
        node["target"] = other["target"]
    elif what == 1:
        nodes.remove(node)
    elif what == 2 and node["inputs"]:
        node["inputs"].pop()  # the others have places, by which PyTorch goes and featx does not
    elif node["inputs"]:
        argument = chance.choice(node["inputs"])["arg"]
        if what == 3 and other["inputs"]:
            argument.clear()
            argument.update(json.loads(json.dumps(chance.choice(other["inputs"])["arg"])))
        else:
            change_numbers(argument, chance)


def change_numbers(argument, chance):
    for key, value in argument.items():
        if isinstance(value, bool):
            argument[key] = not value
        elif isinstance(value, int) and key in ("as_int", "as_scalar_type", "as_memory_format"):
            argument[key] = chance.choice(NUMBERS)
        elif isinstance(value, float):
            argument[key] = chance.choice((0.0, 0.5, -1.0, 1e-3))
        elif isinstance(value, list) and value and isinstance(value[0], int):
            value[chance.randrange(len(value))] = chance.choice(NUMBERS)
        elif isinstance(value, dict):
            change_numbers(value, chance)


def try_case(case, images, photos, featx):
    from featx.export import compare, torchscript
    run = case.with_name("run")
    command = [featx, "extract", "--model", case, "--layer", ".", "--out", run, "--overwrite", "--device", "cpu", "--form", "plain",
               "--threads", "1", "--batch-size", str(len(images)), "--quiet", photos]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace")
    if done.returncode == 1 and "error: " in done.stderr and "INTERNAL ASSERT" not in done.stderr:
        return "refused"
    if done.returncode:
        return f"FELL: exit code {done.returncode}: {done.stderr[-300:]}"
    try:
        wanted = reference(case, images)
    except Exception:  # PyTorch checks other things
        return "taken, not by PyTorch"
    found = compare.read_features(run / "output")
    if found.shape != wanted.shape:
        return f"WRONG: {tuple(found.shape)}, expected {tuple(wanted.shape)}"
    distance = torchscript.relative_l2(found, wanted)
    if distance <= TOLERANCE:
        return "equal"
    if "warning: layer 'output' gives " in done.stderr:
        return "other rows each time, as featx says"  # dropout that drops, a weight that is written to
    return f"WRONG: relative L2 {distance:.1e}"  # NaN too


def reference(case, images):
    import torch
    from featx.export import program, torchscript
    with program.quiet(), open(case, "rb") as file:
        loaded = torch.export.load(file).module()
        return torchscript.tensors(loaded(images.clone()))[0]


if __name__ == "__main__":
    sys.exit(main())
