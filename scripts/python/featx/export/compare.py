"""A model's every layer, as featx extracts it from its file, against forward hooks on the original."""

import copy
import os
import re
import subprocess
from dataclasses import dataclass, field

import numpy
import torch
from PIL import Image

from . import hooks
from .torchscript import relative_l2

TOLERANCE = 1e-5  # relative L2 of a layer
SILENT = "left no trace: it did nothing, or nothing uses what it gave"
NO_ROWS = "has not one row an image"
FAST_PATH = "PyTorch calls it only where a hook keeps it from its fast path"
LOST = "the trace does not have its first tensor"


@dataclass
class Result:
    """What came of one file."""

    layers: int = 0  # that PyTorch calls
    never_called: int = 0
    right: int = 0
    refused: dict = field(default_factory=dict)  # the reason, by the layer
    missing: list = field(default_factory=list)  # without a reason
    renamed: dict = field(default_factory=dict)  # modules of several names that have another in the file
    apart: list = field(default_factory=list)  # of several names too, each of which is a layer, with its own calls
    worst: float = 0.0
    worst_layer: str = ""
    differing: list = field(default_factory=list)  # layers beyond the tolerance
    own: float = 0.0  # of those, the furthest that PyTorch's f32 is from f64
    beyond: list = field(default_factory=list)  # and those where featx is further
    failure: str = ""  # why there is nothing to compare
    crashed: bool = False  # and featx did not end in an orderly way
    skipped: str = ""  # why there is nothing to compare, where it is not featx's fault

    def failed(self):
        return bool(self.failure or self.missing or self.beyond)

    def verdict(self):
        if self.skipped:
            return f"- {self.skipped}"
        if self.failure:
            return f"{'CRASHED' if self.crashed else 'FAILED'} {self.failure}"
        if self.missing:
            return f"FAILED {len(self.missing)} missing: {some(self.missing)}"
        if self.beyond:
            return f"FAILED {len(self.beyond)} differ: {some(self.beyond)}"
        return f"equal in f32, PyTorch's own is {self.own:.0e} from f64" if self.differing else "equal"


def some(names):
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more


def extract(featx, path, run, photos):
    """All layers to the folder `run`. A result that has failed, or nothing; and why featx left out which layer."""
    command = [featx, "extract", "--model", path, "--layer", "*", "--out", run, "--batch-size", "2", "--quiet", photos]
    on_cpu = os.environ | {"CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(command, env=on_cpu, capture_output=True, text=True, errors="replace")
    if done.returncode == 0:
        return None, left_out(done.stderr)
    said = [line for line in done.stderr.splitlines() if line.startswith("error: ")] or [done.stderr[-200:].strip()]
    failure = f"featx ended with {done.returncode}: {said[-1]}"
    return Result(failure=failure, crashed=done.returncode != 1 or "C++ exception" in said[-1]), {}


def left_out(said):
    """The reasons that featx gives on stderr, by the layer."""
    return dict(re.findall(r"^left out: layer '(.+?)' (.+)$", said, re.MULTILINE))


def compare(model, transforms, photos, run, silent=(), outputs=None, tolerance=TOLERANCE, said=None):
    """Runs PyTorch over the same photos (paths, in the order of the rows), after `transforms` from a PIL image to what the
    model is given, and compares each layer as it is computed.
    Memory holds one activation beyond the model itself. `silent`: layers of which a trace knows nothing; `outputs`: see
    traced.first_tensors; `said`: see left_out."""
    images = torch.stack([transforms(Image.open(photo).convert("RGB")) for photo in photos])

    stored = _stored(model, run)
    renamed = {first: names[0] for first, names in stored.items() if names[0] != first}

    def keep(layer, activation):
        features = read_features(run / renamed.get(layer, layer))
        if features is None:
            return None
        same_shape = features.shape == activation.shape
        return relative_l2(features, activation) if same_shape else float("inf")

    lost = {layer for layer, number in (outputs or {}).items() if number is False}
    why = dict.fromkeys(lost, LOST) | dict.fromkeys(silent, SILENT)
    result = _summed(hooks.record(model, images, keep), why, said or {}, stored, tolerance)
    result.renamed = renamed
    if result.missing:
        called = hooks.called_without_hooks(model, images)
        result.refused |= {layer: FAST_PATH for layer in result.missing if layer not in called}
        result.missing = [layer for layer in result.missing if layer in called]
    if result.differing:
        _compare_in_f64(model, images, run, result)
    result.right -= len(result.beyond)
    return result


def _stored(model, run):
    """Modules of several names, by the first: the names under which featx has rows. The tracer keeps one of them, maybe
    another; a script or a program has a module for each."""
    names = {}
    for name, module in model.named_modules(remove_duplicate=False):
        names.setdefault(module, []).append(name)
    return {also[0]: [name for name in also if (run / name).is_dir()] or also[:1]
            for also in names.values() if len(also) > 1}


def _summed(layers, why, said, stored, tolerance):
    """`why`, `said`: reasons why a layer may be missing, those of the file and featx's own."""
    result = Result()
    for name, layer in layers.items():
        if layer.why_not():
            result.never_called += 1
            continue
        result.layers += 1
        if layer.kept is None:
            reason = _why_missing(layer, (name, *layer.aliases), why, said)
            if reason:
                result.refused[name] = reason
            else:
                result.missing.append(name)
            continue
        result.right += 1
        if not layer.kept <= tolerance and len(stored.get(name, [])) > 1 and min(layer.each) <= tolerance:
            result.apart.append(name)  # the call by this name, where a hook keeps the last by any
            continue
        if not layer.kept <= tolerance:
            result.differing.append(name)
        if not layer.kept <= result.worst:
            result.worst, result.worst_layer = layer.kept, name
    return result


def _why_missing(layer, names, why, said):
    reasons = [why[name] for name in names if name in why]
    if not layer.per_image:
        reasons.append(NO_ROWS)
    reasons += [said[name] for name in names if name in said]
    return reasons[0] if reasons else None


def _compare_in_f64(model, images, run, result):
    """Fills `own` and `beyond`: some networks amplify rounding beyond the tolerance. Then featx must be as near to f64
    as PyTorch's own f32 is, in one memory order or the other, within a factor of two. Written so that NaN is beyond."""
    def differing(model, images):
        layers = hooks.record(model, images, lambda name, tensor: tensor.clone() if name in result.differing else None)
        return {name: layers[name].kept for name in result.differing}

    try:
        exact = differing(copy.deepcopy(model).double(), images.double())
    except RuntimeError:  # some code insists on f32
        result.beyond = list(result.differing)
        return
    f32 = differing(model, images)
    order = {"memory_format": torch.channels_last}
    last = differing(copy.deepcopy(model).to(**order), images.to(**order))
    for name, wanted in exact.items():
        own = max(relative_l2(f32[name], wanted), relative_l2(last[name], wanted))
        features = read_features(run / result.renamed.get(name, name))
        result.own = max(result.own, own)
        if features.shape != wanted.shape or not relative_l2(features, wanted) <= 2 * own:
            result.beyond.append(name)


def read_features(folder):
    """A layer's rows, joined from its parts; None where featx wrote none."""
    parts = sorted(folder.glob("features_*-*.npy"))
    return torch.from_numpy(numpy.concatenate([numpy.load(part) for part in parts])) if parts else None
