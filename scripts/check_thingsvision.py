#!/usr/bin/env python3
"""The half of check_thingsvision.sh that runs in thingsvision's environment.

usage: check_thingsvision.py FEATX WORK
"""
import contextlib, glob, io, os, subprocess, sys

import numpy as np
import torch
from PIL import Image
from thingsvision import get_extractor_from_model
from thingsvision.utils.data import DataLoader, ImageDataset
from thingsvision.utils.storing.helpers import split_features

featx, work = os.path.abspath(sys.argv[1]), sys.argv[2]
IMAGES, BATCH, STEP = 23, 2, 3


def model():
    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3, stride=8), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.LazyLinear(7)
    )


def make_photos():
    rng = np.random.default_rng(0)
    os.makedirs(f"{work}/photos")
    for i in range(IMAGES):
        Image.fromarray(rng.integers(0, 256, (80, 90, 3), dtype=np.uint8)).save(f"{work}/photos/{i:02}.jpg")


def extract(out, layers, output_dir):
    """thingsvision's own low-memory path: the layers' arrays, or, with output_dir, its files."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        net = model().eval()
        net(torch.zeros(1, 3, 224, 224))
        extractor = get_extractor_from_model(model=net, device="cpu", backend="pt")
        images = ImageDataset(
            root=f"{work}/photos", out_path=out, backend="pt", transforms=extractor.get_transformations()
        )
        batches = DataLoader(dataset=images, batch_size=BATCH, backend="pt")
        return extractor.extract_features(
            batches=batches, module_names=layers, flatten_acts=False, output_dir=output_dir, step_size=STEP
        )


def check(what, directory, expected):
    names = sorted(os.path.basename(name) for name in glob.glob(f"{directory}/features_*.npy"))
    subprocess.run([featx, "merge", "--quiet", directory], check=True, stderr=subprocess.DEVNULL)
    merged = np.load(f"{directory}/features.npy")
    assert merged.dtype == expected.dtype and np.array_equal(merged, expected), what
    print(f"equal  {what:32} {len(names):2} parts, {names[0]} … {names[-1]}: {merged.shape} {merged.dtype}")


make_photos()
for what, layers in [("one layer", ["0"]), ("two layers", ["0", "3"])]:
    out = f"{work}/{len(layers)}"
    extract(out, layers, out)
    whole = extract(f"{work}/names", layers, None)
    for layer in layers:
        check(f"{what}, layer {layer}", f"{out}/{layer}", whole[layer])
        os.remove(f"{out}/{layer}/features.npy")
    subprocess.run([featx, "merge", "--quiet", out], check=True, stderr=subprocess.DEVNULL)
    for layer in layers:
        assert np.array_equal(np.load(f"{out}/{layer}/features.npy"), whole[layer]), layer

numbered = f"{work}/numbered"
os.makedirs(numbered)
features = np.random.default_rng(1).normal(size=(103, 5)).astype("f4")
split_features(numbered, features, "npy", 12)
check("split_features into 12", numbered, features)
