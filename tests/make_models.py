#!/usr/bin/env python3
"""Make the models that the tests run featx on, and what PyTorch says their layers are.

usage: tests/make_models.py OUT_DIR

OUT_DIR/photos/             the photos that the references were made from: a few of tests/photos
OUT_DIR/NAME_scripted.pt    a network of small_models.py, with its NAME_scripted.toml; likewise NAME_traced
OUT_DIR/NAME_scripted/      its reference: what forward hooks on the original network saw
    LAYER.npy               activation of that layer for the photos, sorted by name
    layers.json             {"images": [...], "layers": {LAYER: {"called": 1, "shape": [4, 16, 32, 32], ...}}}
OUT_DIR/unusual/            models of unusual kinds, NAME.pt and NAME.toml; NAME/LAYER.npy is what PyTorch gives
OUT_DIR/broken/             files that are no model, or none that fits; files.json says what each is

Of a layer in layers.json:
    called      how often in one pass; the last call counts
    shape       of the whole batch, and `dtype`; absent where there is no activation, with the reason in `why`
    per_image   false where the rows are not the images
    aliases     further names of the same module. PyTorch knows one module, called several times; in a scripted file
                each name is a module of its own. LAYER@0.npy, LAYER@1.npy ... are the single calls.
    no_trace    the traced file does not know what this layer gave: it gave back its input

The same files come out each time (seeded). With everything there already, it does nothing.
"""

import fcntl
import hashlib
import json
import os
import shutil
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "scripts"))

from zoo.venv import use_project_python

# One that is progressive, one with full chroma, a grey one, and a PNG.
PHOTOS = ("brushes.jpg", "dragonfly.jpg", "lamp.png", "stream.jpg")
SIDE = 64


def main():
    return run(__doc__, make_all)


def run(usage, make_all):
    """What a script does that makes a folder of models: nothing where it is made already. The exit code."""
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        print(usage, file=sys.stderr if len(sys.argv) != 2 else sys.stdout)
        return 2 if len(sys.argv) != 2 else 0
    use_project_python()
    out = Path(sys.argv[1])
    out.parent.mkdir(parents=True, exist_ok=True)
    with open(f"{out}.lock", "w") as lock:  # tests ask for the models from several processes at once
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not is_made(out):
            make(out, make_all)
    return 0


def is_made(out):
    done = out / "made_from"
    return done.exists() and done.read_text() == sources_digest()


def sources_digest():
    """Of all that the files depend on."""
    digest = hashlib.sha256()
    scripts = [*HERE.glob("*.py"), *(HERE.parent / "scripts/python/featx/export").glob("*.py"), *(HERE / "photos").iterdir()]
    for path in sorted([*scripts, HERE.parent / "scripts" / "requirements.txt"]):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


def make(out, make_all):
    """Everything beside, then renamed: a folder under the name asked for is whole."""
    import torch
    torch.set_num_threads(1)  # these are small, and the other cores are busy with tests
    new = out.with_name(f"{out.name}.{os.getpid()}")
    shutil.rmtree(new, ignore_errors=True)
    try:
        (new / "photos").mkdir(parents=True)
        for photo in PHOTOS:
            shutil.copy(HERE / "photos" / photo, new / "photos")
        make_all(new)
        (new / "made_from").write_text(sources_digest())
        shutil.rmtree(out, ignore_errors=True)
        new.rename(out)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def make_all(out):
    import broken_models
    import small_models
    import unusual_models
    for name, (construct, ways) in small_models.MODELS.items():
        make_model(out, name, construct, ways)
    broken_models.make(out / "broken", out / "resnet_scripted.pt")
    unusual_models.make(out / "unusual", out / "photos")


def make_model(out, name, construct, ways):
    from featx.export import torchscript
    shape = (3, SIDE, SIDE)
    model = woken(name, construct)
    silent = []
    for way in ways:
        path = out / f"{name}_{way}.pt"
        script = torchscript.script(model) if way == "scripted" else torchscript.trace(model, shape)[0]
        torchscript.save(script, path)
        torchscript.verify(model, path, shape)
        path.with_suffix(".toml").write_text(pixels(name).to_toml())
        if way == "traced":
            silent = torchscript.left_no_trace(script)
    make_references(out, name, model, [f"{name}_{way}" for way in ways], silent)


def woken(name, construct):
    """The network with random weights, the same ones each time."""
    import torch
    from featx.export import weights
    torch.manual_seed(sum(name.encode()))
    model = construct()
    weights.vary_norms(model)
    weights.wake(model, (3, SIDE, SIDE))
    return model


def pixels(name):
    """Each kind of network gets another preprocessing, so that none passes by featx's default alone."""
    from featx.export.preprocess import Preprocess
    if name in ("vit", "swin"):
        return Preprocess(72, SIDE, "bicubic", (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    if name == "mobilenet":
        return Preprocess(SIDE, SIDE, "lanczos")
    if name == "dtypes":
        return Preprocess(80, SIDE, "nearest")
    return Preprocess(72, SIDE)


def make_references(out, name, model, folders, silent):
    import torch
    from PIL import Image
    from featx.export import hooks
    transforms = pixels(name.removesuffix("_fixed")).to_transforms()
    images = torch.stack([transforms(Image.open(out / "photos" / photo).convert("RGB")) for photo in sorted(PHOTOS)])
    layers = hooks.record(model, images)
    first, *others = [out / folder for folder in folders]
    write_reference(first, layers, silent)
    for other in others:
        other.symlink_to(first.name)


def write_reference(folder, layers, silent):
    import numpy
    folder.mkdir()
    entries = {}
    for name, layer in layers.items():
        entry = entries[name] = {"called": layer.called}
        if layer.aliases:
            entry["aliases"] = layer.aliases
        if name in silent:
            entry["no_trace"] = True
        if layer.why_not():
            entry["why"] = layer.why_not()
            continue
        activation = layer.kept.contiguous().numpy()
        entry |= {"shape": activation.shape, "dtype": str(activation.dtype), "per_image": layer.per_image}
        numpy.save(folder / f"{name}.npy", activation)
        for index, call in enumerate(layer.each):
            numpy.save(folder / f"{name}@{index}.npy", call.contiguous().numpy())
    text = json.dumps({"images": sorted(PHOTOS), "layers": entries}, indent=1)
    (folder / "layers.json").write_text(text + "\n")


if __name__ == "__main__":
    sys.exit(main())
