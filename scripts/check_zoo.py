#!/usr/bin/env python3
"""Compare featx with PyTorch: every layer of every classification model of torchvision, scripted and traced.

Each model gets seeded random weights, is exported to a temporary folder, and featx extracts all its layers
(--layer '*') from three photos. PyTorch runs the original on the same photos; forward hooks see every layer,
and each must agree within a relative L2 of 1e-5. Some networks with random weights amplify rounding beyond that:
then PyTorch computes once more in f64, and featx must be as near to it as PyTorch's own f32 is, in one memory order
or the other, within a factor of two. One model at a time: memory holds one activation beyond the model itself, and
the temporary files are gone before the next.

Prints a table; exits with 1 if any layer differs or is missing.

examples:
  scripts/check_zoo.py
  scripts/check_zoo.py --only 'resnet*' vit_b_16 --way traced
  scripts/check_zoo.py --skip-larger-than 2GB
"""

import argparse
import copy
import fnmatch
import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from zoo.venv import ROOT, built_featx, use_project_python

PHOTOS = ("brushes.jpg", "dogs.jpg", "peaks.jpg")
WAYS = ("scripted", "traced")
# The side of the square that a model is given if it takes any: layers of every size, and quick.
SIDE = 128
SIZES = {"KB": 1e3, "MB": 1e6, "GB": 1e9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", default=["*"], metavar="NAME", help="these models only; globs are fine")
    parser.add_argument("--after", metavar="NAME", help="go on after this model, in the order of the table")
    parser.add_argument("--way", choices=WAYS, help="scripted or traced only")
    parser.add_argument("--skip-larger-than", type=size, metavar="SIZE", help="leave out models with larger files: 2GB")
    parser.add_argument("--featx", type=Path, metavar="PROGRAM", help="default: target/release/featx, which is built")
    parser.add_argument("--tolerance", type=float, default=1e-5, help="relative L2 (default: 1e-5)")
    args = parser.parse_args()
    args.featx = args.featx or built_featx()
    if not os.access(args.featx, os.X_OK):
        parser.error(f"'{args.featx}' is not there")
    return args


def size(text):
    match = re.fullmatch(r"([\d.]+) ?([KMG]i?B)", text)
    if not match:
        raise argparse.ArgumentTypeError(f"'{text}': expected a size such as 2GB or 500MB")
    return float(match[1]) * SIZES[match[2]]


@dataclass
class Result:
    """What came of one model exported one way."""

    layers: int = 0  # that PyTorch calls
    never_called: int = 0
    no_trace: int = 0  # gave back their input: the traced file does not know them, nor does featx give them
    not_rows: int = 0  # have not one row an image
    missing: list = field(default_factory=list)
    worst: float = 0.0
    worst_layer: str = ""
    differing: list = field(default_factory=list)  # layers beyond the tolerance
    own: float = 0.0  # of those, the furthest that PyTorch's f32 is from f64
    beyond: list = field(default_factory=list)  # and those where featx is further
    failure: str = ""  # why there is nothing to compare
    skipped: str = ""  # the same, where it is not featx's fault

    def verdict(self, tolerance):
        if self.skipped:
            return f"- {self.skipped}"
        if self.failure:
            return f"FAILED {self.failure}"
        if self.missing:
            more = f" and {len(self.missing) - 3} more" if len(self.missing) > 3 else ""
            return f"FAILED {len(self.missing)} missing: {', '.join(self.missing[:3])}{more}"
        if self.beyond:
            return "FAILED differs"
        return f"equal in f32, PyTorch's own is {self.own:.0e} from f64" if self.differing else "equal"


def main():
    args = parse_arguments()
    use_project_python()
    import torch
    torch.set_grad_enabled(False)
    print(f"{'model':20} {'way':9} {'layers':>6} {'never':>6} {'no':>6} {'not':>5} {'worst':>8}  layer, verdict")
    print(f"{'':20} {'':9} {'':>6} {'called':>6} {'trace':>6} {'rows':>5} {'rel. L2':>8}")
    failed = compared = 0
    for name in chosen(args):
        for way, result, seconds in check_model(name, args):
            compared += not result.skipped
            failed += result.verdict(args.tolerance).startswith("FAILED")
            print(row(name, way, result, seconds, args.tolerance), flush=True)
    print(f"{compared} files compared, {failed} failed")
    return 1 if failed or not compared else 0


def chosen(args):
    from zoo import sources
    names = [name for name in sources.torchvision_names() if any(fnmatch.fnmatch(name, glob) for glob in args.only)]
    if args.after:
        names = [name for name in names if name > args.after]
    for name in names:
        parameters = 4 * sources.torchvision_weights(name).meta["num_params"]
        if args.skip_larger_than and parameters > args.skip_larger_than:
            print(f"{name:20} left out: {parameters / 1e9:.1f} GB")
        else:
            yield name


def row(name, way, result, seconds, tolerance):
    return (f"{name:20} {way:9} {result.layers:6} {result.never_called:6} {result.no_trace:6} {result.not_rows:5} "
            f"{result.worst:8.1e}  {result.worst_layer} {result.verdict(tolerance)} ({seconds:.0f} s)")


def check_model(name, args):
    """(way, result, seconds) for each way of exporting the model."""
    model, pixels = make(name)
    for way in WAYS:
        if args.way in (None, way):
            start = time.perf_counter()
            with tempfile.TemporaryDirectory(prefix="featx-zoo-") as folder:
                result = check_file(model, pixels, way, Path(folder), args)
            yield way, result, time.perf_counter() - start


def make(name):
    """The model with random weights, and the smallest square that it takes."""
    import torch
    import torchvision
    from zoo import preprocess, sources, weights
    smallest = sources.torchvision_weights(name).meta["min_size"][0]
    vit = name.startswith("vit_")
    side = 224 if vit else max(SIDE, smallest)
    arguments = {"image_size": side} if vit else sources.as_pretrained(name)
    torch.manual_seed(sources.SEED)
    model = torchvision.models.get_model(name, weights=None, **arguments)
    weights.wake(model, (3, side, side))
    return model, preprocess.Preprocess(resize=side, crop=side)


def check_file(model, pixels, way, folder, args):
    from zoo import torchscript
    path, run = folder / "model.pt", folder / "run"
    try:
        silent = export(model, pixels, way, path)
    except Exception as error:  # the compiler and the tracer raise whatever they meet
        return Result(skipped=f"not {way}: {torchscript.first_line(error)[:100]}")
    told = extract(args.featx, path, run, folder / "photos")
    return Result(failure=told) if told else compare(model, pixels, run, silent, args.tolerance)


def export(model, pixels, way, path):
    """Writes the file; returns the layers of which a trace knows nothing."""
    from zoo import torchscript
    shape = (3, pixels.crop, pixels.crop)
    script = torchscript.script(model) if way == "scripted" else torchscript.trace(model, shape)[0]
    torchscript.save(script, path)
    path.with_suffix(".toml").write_text(pixels.to_toml())
    return torchscript.left_no_trace(script) if way == "traced" else []


def extract(featx, path, run, photos):
    """All layers to the folder `run`; what featx said if it failed."""
    photos.mkdir()
    for photo in PHOTOS:
        (photos / photo).symlink_to(ROOT / "tests" / "photos" / photo)
    command = [featx, "extract", "--model", path, "--layer", "*", "--out", run, "--batch-size", "2", "--quiet", photos]
    on_cpu = os.environ | {"CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(command, env=on_cpu, capture_output=True, text=True, errors="replace")
    if done.returncode == 0:
        return ""
    said = [line for line in done.stderr.splitlines() if line.startswith("error: ")] or [done.stderr[-200:].strip()]
    return f"featx ended with {done.returncode}: {said[-1]}"


def compare(model, pixels, run, silent, tolerance):
    """Runs PyTorch over the same photos, and compares each layer as it is computed."""
    import torch
    from PIL import Image
    from zoo import hooks
    from zoo.torchscript import relative_l2
    transforms = pixels.to_transforms()
    images = torch.stack([transforms(Image.open(ROOT / "tests" / "photos" / photo).convert("RGB")) for photo in PHOTOS])

    def keep(layer, activation):
        features = read_features(run / layer)
        if features is None:
            return None
        same_shape = features.shape == activation.shape
        return relative_l2(features, activation) if same_shape else float("inf")

    result = summed(hooks.record(model, images, keep), silent, tolerance)
    if result.differing:
        compare_in_f64(model, images, run, result)
    return result


def compare_in_f64(model, images, run, result):
    """Fills `own` and `beyond`. Written so that NaN is beyond."""
    import torch
    from zoo import hooks
    from zoo.torchscript import relative_l2

    def differing(model, images):
        layers = hooks.record(model, images, lambda name, tensor: tensor.clone() if name in result.differing else None)
        return {name: layers[name].kept for name in result.differing}

    exact = differing(copy.deepcopy(model).double(), images.double())
    f32 = differing(model, images)
    order = {"memory_format": torch.channels_last}
    last = differing(copy.deepcopy(model).to(**order), images.to(**order))
    for name, wanted in exact.items():
        own = max(relative_l2(f32[name], wanted), relative_l2(last[name], wanted))
        features = read_features(run / name)
        result.own = max(result.own, own)
        if features.shape != wanted.shape or not relative_l2(features, wanted) <= 2 * own:
            result.beyond.append(name)


def read_features(folder):
    """A layer's rows, joined from its parts; None where featx wrote none."""
    import numpy
    import torch
    parts = sorted(folder.glob("features_*-*.npy"))
    return torch.from_numpy(numpy.concatenate([numpy.load(part) for part in parts])) if parts else None


def summed(layers, silent, tolerance):
    result = Result()
    for name, layer in layers.items():
        if layer.why_not():
            result.never_called += 1
            continue
        result.layers += 1
        if layer.kept is None:
            if name in silent:
                result.no_trace += 1
            elif not layer.per_image:
                result.not_rows += 1
            else:
                result.missing.append(name)
            continue
        if not layer.kept <= tolerance:
            result.differing.append(name)
        if not layer.kept <= result.worst:
            result.worst, result.worst_layer = layer.kept, name
    return result


if __name__ == "__main__":
    sys.exit(main())
