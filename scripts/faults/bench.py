"""A run that faults are tried on: its images, its command, what undisturbed rows are, and whether a directory holds them."""

import os
import shutil
import subprocess
import time
from pathlib import Path

import numpy as np
from PIL import Image
from zoo.small import small_model
from zoo.venv import ROOT

IMAGES = 240
LAYERS = ("fc", "layer1")


class Fault(Exception):
    """What should hold does not."""


def require(condition, text):
    if not condition:
        raise Fault(text)


class Bench:
    """`featx extract` of two layers of a small model on 240 small images, two of them broken, in parts of four rows."""

    def __init__(self, featx, where):
        self.featx, self.where = Path(featx).resolve(), Path(where).resolve()
        shutil.rmtree(self.where, ignore_errors=True)
        self.where.mkdir(parents=True)
        self.model = small_model()
        self.images = self.where / "images"
        make_images(self.images)
        started = time.monotonic()
        ended = self.run("reference")
        self.seconds = time.monotonic() - started
        require(ended.returncode == 0, f"the undisturbed run failed: {ended.stderr}")
        self.reference = {layer: self.rows_of("reference", layer) for layer in LAYERS}

    def command(self, out, *more, images=None, skip=True):
        layers = [word for layer in LAYERS for word in ("--layer", layer)]
        options = ["--batch-size", "4", "--threads", "1", "--quiet", "--ram-budget", "1GB"]
        for option, usual in (("--step-size", "1"), ("--workers", "2")):
            options += [option, usual] if option not in more else []
        if skip:
            options += ["--on-error", "skip"]
        images = images or self.images
        return [self.featx, "extract", "--model", self.model, *layers, *options, *more, "--out", out, images]

    def start(self, out, *more, **options):
        env = options.pop("env", None)
        before = options.pop("preexec_fn", None)
        command = self.command(out, *more, **options)
        return subprocess.Popen(
            [str(word) for word in command], cwd=self.where, stderr=subprocess.PIPE, text=True, env=env, preexec_fn=before
        )

    def run(self, out, *more, timeout=120, **options):
        process = self.start(out, *more, **options)
        try:
            _, said = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise Fault(f"still running after {timeout} s") from None
        return subprocess.CompletedProcess(process.args, process.returncode, "", said)

    def rows_of(self, out, layer):
        return np.concatenate([np.load(path) for _, _, path in parts(self.where / out / layer)])

    def check(self, out):
        """Every file with a final name is whole, and holds the rows that its name says. Returns the rows found."""
        rows = 0
        for layer in LAYERS:
            done = 0
            for start, end, path in parts(self.where / out / layer):
                found = np.load(path)
                require(start >= done, f"{path} overlaps the part before it")
                require(len(found) == end - start, f"{path} has {len(found)} rows")
                require(same(found, self.reference[layer][start:end]), f"{path} differs from the undisturbed run")
                rows, done = rows + end - start, end
        return rows

    def finish(self, out, *more):
        """A plain rerun gives exactly the rows of the undisturbed run, and `merge` takes them."""
        ended = self.run(out, *more)
        require(ended.returncode == 0, f"the rerun failed: {ended.stderr}")
        require(self.check(out) == IMAGES * len(LAYERS), "rows are missing after the rerun")
        left = [name for _, _, names in os.walk(self.where / out) for name in names]
        odd = [name for name in left if name.endswith(".partial") or name.startswith("run.lock")]
        require(not odd, f"left behind: {odd}")
        errors = (self.where / out / "errors.csv").read_text()
        require(errors == (self.where / "reference/errors.csv").read_text(), f"errors.csv: {errors}")

    def merge_refuses(self, out):
        merge = subprocess.run([self.featx, "merge", out], cwd=self.where, capture_output=True, text=True)
        require(merge.returncode == 1, f"merge took an unfinished run: {merge.stderr}")

    def wait_for_parts(self, process, out, count):
        """Waits until so many parts of the first layer are there."""
        folder = self.where / out / LAYERS[0]
        while process.poll() is None and len(parts(folder)) < count:
            time.sleep(0.002)
        require(process.poll() is None, f"ended before {count} parts were there")


def parts(folder):
    """(start, end, path) of the finished parts in a folder, in order."""
    found = []
    for path in folder.glob("features_*-*.npy"):
        start, end = path.stem.removeprefix("features_").split("-")
        found.append((int(start), int(end), path))
    return sorted(found)


def same(a, b):
    return a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes()


def make_images(folder):
    """Photos of several formats in two folders; two files of them are broken."""
    photos = sorted(path for path in (ROOT / "tests/photos").iterdir() if path.suffix in (".jpg", ".png", ".webp"))
    small = []
    for path in photos:
        with Image.open(path) as image:
            small.append(image.convert("RGB").resize((96, 80)))
    for index in range(IMAGES):
        ending = ("jpg", "png", "bmp", "webp")[index % 4]
        path = folder / ("a" if index < IMAGES // 2 else "b") / f"{index:04}.{ending}"
        path.parent.mkdir(parents=True, exist_ok=True)
        small[index % len(small)].rotate(index).save(path)
    for index in (30, 201):
        path = next(folder.glob(f"*/{index:04}.*"))
        path.write_bytes(path.read_bytes()[:300])
