#!/usr/bin/env python3
"""Compare featx with PyTorch: every layer of every classification model of torchvision, scripted, traced and as a program
of torch.export; with --timm, of a small model of each family of timm; with --modules, of each kind of layer in torch.nn
alone.

Each model gets seeded random weights, is exported to a temporary folder, and featx extracts all its layers
(--layer '*') from three photos. PyTorch runs the original on the same photos; forward hooks see every layer,
and each must agree within a relative L2 of 1e-5. Some networks with random weights amplify rounding beyond that:
then PyTorch computes once more in f64, and featx must be as near to it as PyTorch's own f32 is, in one memory order
or the other, within a factor of two. One model at a time: memory holds one activation beyond the model itself, and
the temporary files are gone before the next.

Prints a table, and sums: layers that are right, wrong, refused and for which reason; files that crashed featx. Exits
with 1 if any layer differs or is missing without a reason.

examples:
  scripts/check_zoo.py
  scripts/check_zoo.py --only 'resnet*' vit_b_16 --way traced
  scripts/check_zoo.py --skip-larger-than 2GB
  scripts/check_zoo.py --format pt2
  scripts/check_zoo.py --timm --minutes 15 --results timm.jsonl      and again, until all are done
  scripts/check_zoo.py --modules --way scripted
"""

import argparse
import fnmatch
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import asdict
from pathlib import Path

from zoo.venv import ROOT, built_featx, use_project_python

PHOTOS = ("brushes.jpg", "dogs.jpg", "peaks.jpg")
WAYS = ("scripted", "traced", "exported")
FORMATS = {"pt": WAYS[:2], "pt2": WAYS[2:]}
# The side of the square that a model is given if it takes any: layers of every size, and quick.
SIDE = 128
SIZES = {"KB": 1e3, "MB": 1e6, "GB": 1e9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = parser.add_mutually_exclusive_group()
    kinds.add_argument("--timm", action="store_true", help="a small model of each family of timm's")
    kinds.add_argument("--modules", action="store_true", help="each kind of layer in torch.nn")
    parser.add_argument("--only", nargs="+", default=["*"], metavar="NAME", help="these models only; globs are fine")
    parser.add_argument("--after", metavar="NAME", help="go on after this model, in the order of the table")
    ways = parser.add_mutually_exclusive_group()
    ways.add_argument("--way", choices=WAYS, help="this way of making a file only")
    ways.add_argument("--format", choices=FORMATS, help="files of this kind only")
    parser.add_argument("--results", type=Path, metavar="FILE",
                        help="keep what is found there; what it has already is summed up and not checked again")
    parser.add_argument("--skip-larger-than", type=size, metavar="SIZE", help="leave out models with larger files: 2GB")
    parser.add_argument("--featx", type=Path, metavar="PROGRAM", help="default: target/release/featx, which is built")
    parser.add_argument("--minutes", type=float, metavar="N", help="begin no further model after so long")
    parser.add_argument("--tolerance", type=float, default=1e-5, help="relative L2 (default: 1e-5)")
    args = parser.parse_args()
    args.ways = (args.way,) if args.way else FORMATS.get(args.format, WAYS)
    args.featx = args.featx or built_featx()
    if not os.access(args.featx, os.X_OK):
        parser.error(f"'{args.featx}' is not there")
    return args


def size(text):
    match = re.fullmatch(r"([\d.]+) ?([KMG]i?B)", text)
    if not match:
        raise argparse.ArgumentTypeError(f"'{text}': expected a size such as 2GB or 500MB")
    return float(match[1]) * SIZES[match[2]]


def main():
    args = parse_arguments()
    use_project_python()
    import torch
    torch.set_grad_enabled(False)
    print(f"{'model':28} {'way':9} {'layers':>6} {'never':>6} {'right':>6} {'worst':>8}  layer, verdict")
    print(f"{'':28} {'':9} {'':>6} {'called':>6} {'':>6} {'rel. L2':>8}")
    results, began, last = read_results(args.results), time.monotonic(), None
    done = {name for name, _, _ in results}
    for name in (name for name in chosen(args) if name not in done):
        if args.minutes is not None and time.monotonic() - began > 60 * args.minutes:
            print(f"{args.minutes:g} minutes are over; go on with " + ("the same" if args.results else f"--after {last}" if last else "more"))
            break
        of_model = []
        for way, result, seconds in check_model(name, args):
            of_model.append((name, way, result))
            print(row(name, way, result, seconds), flush=True)
        keep_results(args.results, of_model)
        results += of_model
        last = name
    print_sums(results, args.ways)
    compared = [result for _, _, result in results if not result.skipped]
    return 1 if any(result.failed() for result in compared) or not compared else 0


def read_results(path):
    """(model, way, result) of each line."""
    from featx.export import compare
    lines = path.read_text().splitlines() if path and path.exists() else []
    return [(line["model"], line["way"], compare.Result(**line["result"])) for line in map(json.loads, lines)]


def keep_results(path, results):
    if path:
        with open(path, "a") as file:
            for name, way, result in results:
                file.write(json.dumps({"model": name, "way": way, "result": asdict(result)}) + "\n")


def row(name, way, result, seconds):
    return (f"{name:28} {way:9} {result.layers:6} {result.never_called:6} {result.right:6} "
            f"{result.worst:8.1e}  {result.worst_layer} {result.verdict()} ({seconds:.0f} s)")


def print_sums(results, ways):
    """What became of all layers."""
    files = [result for _, _, result in results if not result.skipped]
    print(f"{len(files)} files of {len({name for name, _, _ in results})} models compared, "
          f"{sum(result.failed() for result in files)} failed, {sum(result.crashed for result in files)} crashed")
    right = Counter(name for name, _, result in results if not result.skipped and not result.failed())
    print(f"{sum(count == len(ways) for count in right.values())} models right in {', '.join(ways)}")
    print(f"layers: {sum(result.right for result in files)} right, {sum(len(result.beyond) for result in files)} wrong, "
          f"{sum(len(result.missing) for result in files)} missing, {sum(len(result.refused) for result in files)} refused:")
    for reason, count in Counter(reason for result in files for reason in result.refused.values()).most_common():
        where = [f"{name} {way} '{layer}'" for name, way, result in results
                 for layer, its in result.refused.items() if its == reason]
        print(f"  {count:5} {reason}: {', '.join(where[:4])}{', ...' if count > 4 else ''}")
    skipped = [(name, result.skipped) for name, _, result in results if result.skipped]
    if skipped:
        print(f"{len(skipped)} files not made:")
    for name, reason in skipped:
        print(f"  {name}: {reason}")


def chosen(args):
    names = [name for name in all_names(args) if any(fnmatch.fnmatch(name, glob) for glob in args.only)]
    if args.after:
        if args.after not in names:
            sys.exit(f"error: --after '{args.after}' is not among the models")
        names = names[names.index(args.after) + 1:]
    for name in names:
        if args.timm or args.modules or not args.skip_larger_than:
            yield name
            continue
        parameters = 4 * torchvision_parameters(name)
        if parameters > args.skip_larger_than:
            print(f"{name:28} left out: {parameters / 1e9:.1f} GB")
        else:
            yield name


def all_names(args):
    """In the order of the table."""
    from featx.export import sources
    from zoo import families, modules
    if args.timm:
        sources.library("timm").install()
        return families.SMALL
    if args.modules:
        print(f"not tried: {', '.join(modules.left_out())}")
        return modules.names()
    return sources.from_torchvision.names()


def torchvision_parameters(name):
    from featx.export import sources
    return sources.from_torchvision.weights_of(name).meta["num_params"]


def check_model(name, args):
    """(way, result, seconds) for each way of exporting the model."""
    from featx.export import compare, torchscript
    make = make_of_timm if args.timm else make_module if args.modules else make_of_torchvision
    try:
        model, pixels = make(name)
    except Exception as error:  # of another version of its library
        yield "-", compare.Result(skipped=torchscript.first_line(error)[:100]), 0
        return
    for way in args.ways:
        start = time.perf_counter()
        with tempfile.TemporaryDirectory(prefix="featx-zoo-") as folder:
            result = check_file(model, pixels, way, Path(folder), args)
        yield way, result, time.perf_counter() - start


def make_of_torchvision(name):
    """The model with random weights, and the smallest square that it takes."""
    import torch
    import torchvision
    from featx.export import preprocess, sources, weights
    smallest = sources.from_torchvision.weights_of(name).meta["min_size"][0]
    vit = name.startswith("vit_")
    side = 224 if vit else max(SIDE, smallest)
    arguments = {"image_size": side} if vit else sources.from_torchvision.as_pretrained(name)
    torch.manual_seed(sources.SEED)
    model = torchvision.models.get_model(name, weights=None, **arguments)
    weights.wake(model, (3, side, side))
    return model, preprocess.Preprocess(resize=side, crop=side)


def make_of_timm(name):
    """As torchvision's; at the size that it was made for where it takes no other."""
    import timm
    import torch
    from featx.export import preprocess, sources, weights
    own = timm.get_pretrained_cfg(name).input_size[-1]
    for side in sorted({min(SIDE, own), own}):
        torch.manual_seed(sources.SEED)
        model = timm.create_model(name, pretrained=False, scriptable=True)
        try:
            weights.wake(model, (3, side, side))
            model.eval()(torch.zeros(1, 3, side, side))  # waking runs only what has batch normalisations
        except (AssertionError, RuntimeError):
            if side == own:
                raise
        else:
            return model, preprocess.Preprocess(resize=side, crop=side)


def make_module(name):
    import torch
    from featx.export import preprocess, sources
    from zoo import modules
    torch.manual_seed(sources.SEED)
    return modules.make(name), preprocess.Preprocess(resize=modules.SIDE, crop=modules.SIDE)


def check_file(model, pixels, way, folder, args):
    from featx.export import compare, program, torchscript
    path, run, photos = folder / ("model.pt2" if way == "exported" else "model.pt"), folder / "run", folder / "photos"
    try:
        silent, outputs = export(model, pixels, way, path)
    except Exception as error:  # the compiler, the tracer and torch.export raise whatever they meet
        why = program.reason(error) if way == "exported" else torchscript.first_line(error)
        return compare.Result(skipped=f"not {way}: {why[:100]}")
    photos.mkdir()
    for photo in PHOTOS:
        (photos / photo).symlink_to(ROOT / "tests" / "photos" / photo)
    paths = [photos / photo for photo in PHOTOS]
    failed, said = compare.extract(args.featx, path, run, photos)
    return failed or compare.compare(model, pixels.to_transforms(), paths, run, silent, outputs, args.tolerance, said)


def export(model, pixels, way, path):
    """Writes the file and its TOML. Returns the layers of which it knows nothing, and traced.first_tensors."""
    from featx.export import description, program, torchscript, traced
    shape = pixels.shape
    if way == "exported":
        program.save(program.export(model, shape), path)
        path.with_suffix(".toml").write_text(pixels.to_toml())
        return program.without_operation(model, shape), {}
    script = torchscript.script(model) if way == "scripted" else torchscript.trace(model, shape)[0]
    torchscript.save(script, path)
    silent, outputs = [], {}
    if way == "traced":
        silent = torchscript.left_no_trace(script)
        outputs = traced.first_tensors(model, script, torchscript.example_input(shape, 1))
    path.with_suffix(".toml").write_text(pixels.to_toml() + description.Description(outputs=outputs).to_toml())
    return silent, outputs


if __name__ == "__main__":
    sys.exit(main())
