"""What power cuts are tried on: a model that starts fast, a few images, and featx beside them."""

import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import torch
from faults.bench import Fault, parts, require
from PIL import Image
from torch import nn

from .disk import unmount

IMAGES, BATCH, LAYERS = 12, 2, ("conv", "fc")
TOML = """[preprocess]
resize = 16
crop = 16
interpolation = "bilinear"
mean = [0.5, 0.5, 0.5]
std = [0.5, 0.5, 0.5]
"""


class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 8, stride=4)
        self.fc = nn.Linear(36, 5)

    def forward(self, x):
        return self.fc(torch.relu(self.conv(x)).flatten(1))


class Bench:
    """The folder `where` holds `model.pt`, `images/` (one of them broken; `mended/`: none), `pixels.npy` and a folder of
    states to begin with."""

    def __init__(self, featx, where, images=IMAGES):
        self.featx, self.where = Path(featx).resolve(), Path(where).resolve()
        for mount in self.where.glob("disk*"):
            unmount(mount)  # of a check that was killed
        shutil.rmtree(self.where, ignore_errors=True)
        self.where.mkdir(parents=True)
        for seed, name in enumerate(("model", "other")):
            torch.manual_seed(seed)
            torch.jit.script(Small().eval()).save(self.where / f"{name}.pt")
            (self.where / f"{name}.toml").write_text(TOML)
        self.pixels = np.random.default_rng(0).integers(0, 256, (images, 16, 16, 3), np.uint8)
        np.save(self.where / "pixels.npy", self.pixels)
        for index, pixels in enumerate(self.pixels):
            path = self.where / "images" / ("a" if index < images // 2 else "b") / f"{index:02}.bmp"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(path)
        shutil.copytree(self.where / "images", self.where / "mended")
        (self.where / "images/a/03.bmp").write_bytes(b"BM")
        self.env = {**os.environ, "OMP_WAIT_POLICY": "PASSIVE"}

    def extract(self, *more, images="images", model="model.pt", out="out", batch=BATCH):
        """The arguments of `featx extract`."""
        named = [word for layer in LAYERS for word in ("--layer", layer)]
        usual = ["--batch-size", batch, "--step-size", 2, "--threads", 1, "--workers", 1, "--device", "cpu"]
        options = [*named, *usual, "--on-error", "skip", "--quiet", *more, "--out", out]
        return ["extract", "--model", self.where / model, *options, self.where / images]

    def start(self, folder, arguments):
        command = [str(word) for word in (self.featx, *arguments)]
        return subprocess.Popen(command, cwd=folder, env=self.env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def run(self, folder, arguments, timeout=120):
        """Exit code and what was said."""
        process = self.start(folder, arguments)
        try:
            said = process.communicate(timeout=timeout)[1]
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise Fault(f"featx {arguments[0]} still runs after {timeout} s") from None
        return process.returncode, said

    def run_all(self, folder, commands):
        for command in commands:
            code, said = self.run(folder, command)
            require(code == 0, f"featx {command[0]}: exit {code}: {said}")


def rows_of(folder):
    """The bytes of a layer's rows by their numbers, from its parts and its merged file; none of a file that is no array."""
    rows = {}
    files = [(start, path) for start, _, path in parts(folder)] + [(0, folder / "features.npy")]
    for start, path in files:
        for number, row in enumerate(array(path)):
            rows[start + number] = row.tobytes()
    return rows


def array(path):
    try:
        return np.load(path, mmap_mode="r") if path.exists() else []
    except (ValueError, EOFError, OSError):
        return []
