#!/usr/bin/env python3
"""The same rows on processors that this machine is not: an x86-64 without AVX, and one with AVX2 but not AVX-512, as QEMU
emulates them, instruction by instruction.

What has a faster way with AVX2 (resizing, checksums, and what libraries choose by themselves) has a plain twin: the model's
input has to be the same to the last bit, by every filter and every kind of image file, and so have checksums; activations
differ by rounding, for libtorch computes in another order.

QEMU is Debian's qemu-user. Root gets it installed; where it cannot be, this says so and exits with 0. It takes some minutes.

example:
  scripts/check_processors.py
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from zoo.small import small_model
from zoo.venv import ROOT, built_featx, debian_program, use_project_python

PROCESSORS = {"Nehalem": "SSE4.2, no AVX", "Haswell": "AVX2, no AVX-512"}
FILTERS = ("nearest", "bilinear", "bicubic", "lanczos", "box", "hamming")
# Each filter of Pillow's, and the ways in which tensors are resized.
WAYS = [["--interpolation", name] for name in FILTERS]
WAYS += [["--resampler", name, "--interpolation", "bicubic"] for name in ("torch", "torch-antialias")]
SIZES = ["--resize", "75", "--crop", "61"]
TOLERANCE = 1e-5  # relative L2, of activations


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--featx", type=Path, metavar="PROGRAM", help="default: target/release/featx, which is built")
    args = parser.parse_args()
    featx = (args.featx or built_featx()).resolve()
    use_project_python()
    qemu = debian_program("qemu-x86_64", "qemu-user")
    if not qemu:
        return
    with tempfile.TemporaryDirectory(prefix="featx-processors-") as folder:
        os.chdir(folder)
        make_images()
        save_model_of_pixels()
        here = Processor(featx, [], "here")
        here.extract_all()
        for name, has in PROCESSORS.items():
            there = Processor(featx, [qemu, "-cpu", name], name)
            there.extract_all()
            difference = compare(here, there)
            print(f"{name} ({has}): pixels of {len(WAYS)} ways of resizing and checksums are the same, activations agree to "
                  f"{difference:.0e}", flush=True)


def make_images():
    """The project's photos, and one of them as other kinds of files."""
    from PIL import Image
    images = Path("images")
    images.mkdir()
    for photo in (ROOT / "tests/photos").iterdir():
        if photo.suffix != ".md":
            (images / photo.name).symlink_to(photo)
    photo = Image.open(ROOT / "tests/photos/dogs.jpg").resize((203, 131))
    for name, options in (("a.bmp", {}), ("a.gif", {}), ("lzw.tif", {"compression": "tiff_lzw"}), ("a.ppm", {}), ("a.tga", {}),
                          ("progressive.jpg", {"progressive": True}), ("lossy.webp", {})):
        photo.save(images / name, **options)
    for mode in ("L", "P", "RGBA", "CMYK", "1"):
        photo.convert(mode).save(images / f"{mode}.{'jpg' if mode == 'CMYK' else 'png'}")


def save_model_of_pixels():
    """A model whose layer gives the input itself."""
    import torch
    torch.jit.script(torch.nn.Sequential(torch.nn.Flatten()).eval()).save("pixels.pt")


class Processor:
    """featx on a processor; `emulator`: what comes before a program's name."""

    def __init__(self, featx, emulator, name):
        self.featx, self.emulator, self.name = featx, emulator, name

    def extract_all(self):
        """The model's input by all ways of resizing, and all layers of a small network."""
        for number, way in enumerate(WAYS):
            self.extract(f"pixels-{number}", "--model", "pixels.pt", "--layer", "0", *SIZES, *way)
        self.extract("resnet", "--model", small_model(), "--layer", "*")

    def extract(self, out, *words):
        # `featx` would start it without the emulator.
        self.run("featx-compute", "extract", *words, "--out", f"{self.name}/{out}", "--device", "cpu", "--form", "plain",
                 "--threads", "1", "--quiet", "images")

    def verify(self, out):
        """Holds a run's files against their checksums."""
        self.run("featx", "inspect", out, "--verify", "--quiet")

    def run(self, program, *words):
        import torch
        libraries = str(Path(torch.__file__).parent / "lib")
        ended = subprocess.run([*self.emulator, self.featx.with_name(program), *map(str, words)], capture_output=True, text=True,
                               env={**os.environ, "LD_LIBRARY_PATH": libraries, "CUDA_VISIBLE_DEVICES": ""})
        if ended.returncode:
            sys.exit(f"error: on {self.name}: {program} {' '.join(map(str, words))}: exit code {ended.returncode}: "
                     f"{ended.stderr[-2000:]}")

    def rows(self, out, layer):
        import numpy
        parts = sorted(Path(self.name, out, layer).glob("features_*.npy"))
        return numpy.concatenate([numpy.load(part) for part in parts])


def compare(here, there):
    """Ends the check where the two do not agree; else by how much activations differ."""
    for number, way in enumerate(WAYS):
        one, other = (processor.rows(f"pixels-{number}", "0") for processor in (here, there))
        if one.tobytes() != other.tobytes():
            sys.exit(f"error: {there.name}: pixels by {' '.join(way)} differ in rows {sorted(set((one != other).nonzero()[0]))}")
    here.verify(f"{there.name}/resnet")
    there.verify(f"{here.name}/resnet")
    difference = activations_differ(here, there)
    if not difference <= TOLERANCE:
        sys.exit(f"error: {there.name}: activations differ by {difference:.1e}")
    return difference


def activations_differ(here, there):
    """The greatest relative L2 of a layer."""
    import numpy
    layers = [folder.name for folder in Path(here.name, "resnet").iterdir() if folder.is_dir()]
    rows = ([processor.rows("resnet", layer).astype("f8") for processor in (here, there)] for layer in layers)
    return max(numpy.linalg.norm(one - other) / numpy.linalg.norm(one) for one, other in rows)


if __name__ == "__main__":
    main()
