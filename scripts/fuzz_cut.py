#!/usr/bin/env python3
"""Fuzz the cut: TorchScript modules made at random, every layer of each beside PyTorch's forward hooks.

A module has convolutions and other such modules, which it calls in branches, loops, early returns, `with`, forks, with
operations in place after them, several times each, and it gives back a tensor or several. It is scripted, and traced
where a trace can hold it; featx extracts all layers from a few images, and each must agree with what a hook on the
original saw, within a relative L2 of 1e-5. A layer that is missing, too much or different, and a featx that fails or
falls, is told with the seed and the source that made it; then the exit code is 1.

examples:
  scripts/fuzz_cut.py --minutes 10
  scripts/fuzz_cut.py --seed 1234 --count 1            once more, what was told
"""

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

from zoo.venv import built_featx, use_project_python

SIDE = 16
IMAGES = 3
TOLERANCE = 1e-5
TOML = f"[preprocess]\nresize = {SIDE}\ncrop = {SIDE}\nmean = [0.5, 0.5, 0.5]\nstd = [0.5, 0.5, 0.5]\n"
HEADER = """import torch
from torch import Tensor, nn
from typing import Dict, List, Optional, Tuple, Union

def halve(x: Tensor, times: int) -> Tensor:
    for _ in range(times):
        x = x * 0.5
    return x

def first(result: Union[Tensor, Tuple[Tensor, Tensor]]) -> Tensor:
    if isinstance(result, Tensor):
        return result
    return result[0]

"""
# What a module gives: its annotation, the expression that makes it of x and y, and one that takes a tensor out of it.
RESULTS = {
    "tensor": ("Tensor", "{x}", "{r}"),
    "tuple": ("Tuple[Tensor, Tensor]", "({x}, {y})", "({r}[0] + {r}[1])"),
    "nested": ("Tuple[int, Tuple[Tensor, Tensor]]", "(1, ({x}, {y}))", "{r}[1][1]"),
    "list": ("List[Tensor]", "[{x}, {y}]", "{r}[0]"),
    "dict": ("Dict[str, Tensor]", '{{"a": {x}, "b": {y}}}', '{r}["b"]'),
    "union of one": ("Union[Tensor, Tuple[Tensor, Tensor]]", "{x}", "first({r})"),
    "union of two": ("Union[Tensor, Tuple[Tensor, Tensor]]", "({x}, {y})", "first({r})"),
    "optional": ("Optional[Tensor]", "{x}", "torch.jit._unwrap_optional({r})"),
}
# Conditions that a model cannot see through, each with its value.
CONDITIONS = [("x.shape[1] > 2", True), ("x.shape[1] > 9", False), ("float(x.abs().sum()) >= 0.0", True),
              ("float(x.abs().sum()) < 0.0", False), ("self.flag", True), ("not self.flag", False), ("self.number > 3", False)]


class Writer:
    """Writes the source of one module class after the other."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.classes = []  # (name, kind of result)
        self.lines = []

    def source(self):
        for _ in range(self.random.randint(1, 4)):
            self.add_class()
        return HEADER + "\n".join(self.lines)

    def add_class(self):
        chance = self.random
        name = f"M{len(self.classes)}"
        kind = chance.choice(list(RESULTS)) if self.classes or chance.random() < 0.5 else "tensor"
        children = [(f"c{i}", None) for i in range(chance.randint(1, 4))]
        children += [(f"m{i}", chance.choice(self.classes)) for i in range(chance.randint(0, 2)) if self.classes]
        self.lines += [f"class {name}(nn.Module):", "    def __init__(self):", "        super().__init__()",
                       "        self.flag = True", "        self.number = 3"]
        for child, made_of in children:
            new = made_of[0] + "()" if made_of else chance.choice(
                ["nn.Conv2d(4, 4, 1)", "nn.Conv2d(4, 4, 3, padding=1)", "nn.Tanh()", "nn.ReLU(inplace=True)", "nn.BatchNorm2d(4)"])
            self.lines.append(f"        self.{child} = {new}")
        annotation, made, _ = RESULTS[kind]
        self.lines += ["", f"    def forward(self, x: Tensor) -> {annotation}:", "        y = x"]
        self.block(children, "        ", 0, kind)
        self.lines += [f"        return {made.format(x='x', y='y')}", ""]
        self.classes.append((name, kind))

    def block(self, children, indent, depth, kind, looped=False):
        for _ in range(self.random.randint(1, 3 if depth else 6)):
            self.statement(children, indent, depth, kind, looped)

    def call(self, children, argument):
        child, made_of = self.random.choice(children)
        text = f"self.{child}({argument})"
        return RESULTS[made_of[1] if made_of else "tensor"][2].format(r=text)

    def statement(self, children, indent, depth, kind, looped):
        add = lambda text: self.lines.append(indent + text)
        chance = self.random
        which = chance.random()
        target = chance.choice("xxy")
        if which < 0.35 or depth > 2:
            add(f"{target} = {self.call(children, chance.choice(['x', 'y', 'x * 0.5', 'x + y']))}")
        elif which < 0.45:
            add(chance.choice(["x = torch.relu_(x + 0.1)", "x = x.clone().mul_(0.5)", "y = halve(y, 2)", "x = x + y",
                               "x = nn.functional.interpolate(x, scale_factor=1.0)", "y = torch.nn.functional.silu(x)"]))
        elif which < 0.65:
            condition, holds = chance.choice(CONDITIONS)
            add(f"if {condition}:")
            self.block(children, indent + "    ", depth + 1, kind, looped)
            ending = chance.random()
            if ending < 0.2:
                add(f"    return {RESULTS[kind][1].format(x='x', y='y')}")
            elif ending < 0.35 and not holds:
                add("    raise ValueError('never')")
            elif ending < 0.5 and looped:
                add(chance.choice(["    break", "    continue"]))
            if chance.random() < 0.5:
                add("else:")
                self.block(children, indent + "    ", depth + 1, kind, looped)
        elif which < 0.78:
            add(f"for i{depth} in range({chance.randint(1, 3)}):")
            self.block(children, indent + "    ", depth + 1, kind, True)
        elif which < 0.88:
            add(chance.choice(["with torch.no_grad():", "with torch.autograd.profiler.record_function('r'):"]))
            self.block(children, indent + "    ", 3, kind)  # no return inside
        else:
            child, made_of = chance.choice(children)
            future = f"f{len(self.lines)}"
            add(f"{future} = torch.jit.fork(self.{child}, x)")
            self.statement(children, indent, 3, kind, looped)
            taken = RESULTS[made_of[1] if made_of else "tensor"][2].format(r=f"torch.jit.wait({future})")
            add(f"{target} = {taken}")


def load(source, folder):
    import importlib.util
    path = folder / "made.py"
    path.write_text(source)
    spec = importlib.util.spec_from_file_location("made", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def make(seed, folder):
    """The original and its source."""
    import torch
    torch.manual_seed(seed)
    writer = Writer(seed)
    source = writer.source()
    made = load(source, folder)
    name, _kind = writer.classes[-1]
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3, padding=1), getattr(made, name)()).eval()
    return model, source


def compare(featx, model, script, folder, images, is_trace):
    """What is wrong, a line each."""
    from featx.export.compare import extract, read_features
    from featx.export.hooks import record
    from featx.export.torchscript import relative_l2
    called = {name: layer for name, layer in record(model, images).items() if layer.called}
    script.save(folder / "m.pt")
    (folder / "m.toml").write_text(TOML)
    out = folder / "out"
    failed, _ = extract(featx, folder / "m.pt", out, folder / "images")
    if failed:
        return [failed.failure]
    wrong = []
    for name, layer in called.items():
        found = read_features(out / name)
        if found is None:
            if not is_trace:
                wrong.append(f"'{name}' is missing")
            continue
        same_shape = found.shape == layer.kept.shape
        distance = relative_l2(found, layer.kept) if same_shape else float("inf")
        if not distance <= TOLERANCE and is_trace and layer.tensors > 1 and held_once(script, name):
            continue  # the trace holds another of its tensors, and says so nowhere
        if not distance <= TOLERANCE:
            wrong.append(f"'{name}' differs by {distance:.1e}, shapes {tuple(found.shape)} and {layer.shape}")
    extra = [path.name for path in out.iterdir() if path.is_dir() and path.name not in called]
    return wrong + [f"'{name}' should have no rows" for name in extra]


def held_once(trace, name):
    """Whether a trace has but one of the tensors that a layer gives."""
    layer = trace.get_submodule(name)
    return "Tuple" not in str(layer.graph).splitlines()[-2] and "TupleConstruct" not in str(layer.graph)


def check(featx, seed, images):
    """Wrong lines of one seed, or none; None where PyTorch itself cannot script the module."""
    import torch
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        write_images(folder / "images")
        model, source = make(seed, folder)
        try:
            with torch.no_grad():
                model(images)
            script = torch.jit.script(model)
        except Exception:  # whatever PyTorch does not like of it
            return None, source
        wrong = compare(featx, model, script, folder, images, False)
        if not wrong and "fork" not in source and seed % 2:
            for path in sorted((folder / "out").rglob("*"), reverse=True):
                path.unlink() if path.is_file() else path.rmdir()
            try:
                with torch.no_grad():
                    trace = torch.jit.trace(model, images[:2], check_trace=False, strict=False)
            except Exception:
                return [], source
            wrong = [f"traced: {line}" for line in compare(featx, model, trace, folder, images, True)]
        return wrong, source


def pixels():
    import numpy
    return numpy.random.default_rng(0).integers(0, 256, (IMAGES, SIDE, SIDE, 3), dtype=numpy.uint8)


def write_images(folder):
    from PIL import Image
    folder.mkdir()
    for i, image in enumerate(pixels()):
        Image.fromarray(image).save(folder / f"{i}.png")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10, help="how long (default: 10)")
    parser.add_argument("--count", type=int, help="so many modules instead")
    parser.add_argument("--seed", type=int, default=0, help="of the first one (default: 0)")
    parser.add_argument("--featx", type=Path, metavar="PROGRAM", help="default: target/release/featx, which is built")
    args = parser.parse_args()
    use_project_python()
    import warnings
    import torch
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    featx = (args.featx or built_featx()).resolve()
    values = torch.from_numpy(pixels()).permute(0, 3, 1, 2).float()
    images = (values / 255 - 0.5) / 0.5
    end = time.monotonic() + 60 * args.minutes
    counts = {"right": 0, "wrong": 0, "not scripted": 0}
    seed = args.seed
    while seed - args.seed < args.count if args.count else time.monotonic() < end:
        wrong, source = check(featx, seed, images)
        counts["not scripted" if wrong is None else "wrong" if wrong else "right"] += 1
        if wrong:
            print(f"== seed {seed}", source, *wrong, sep="\n", flush=True)
        seed += 1
    print(", ".join(f"{count} {what}" for what, count in counts.items()))
    return 1 if counts["wrong"] or not counts["right"] else 0


if __name__ == "__main__":
    sys.exit(main())
