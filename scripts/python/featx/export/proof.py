"""An exported file put through featx itself: every layer of two photos, against forward hooks on the original."""

import os
import subprocess
import tempfile
from pathlib import Path

import numpy
from PIL import Image

from . import Failure, compare

NOT_TRIED = "not tried with featx: "


def through_featx(program, module, path, pixels, transforms, made):
    """Raises where a layer differs. Lines for the user otherwise. Its files lie beside `path` while it runs.

    transforms: the library's own, from a PIL image to what the model is given.
    """
    why_not = _why_not(program)
    if why_not:
        return [NOT_TRIED + why_not]
    with tempfile.TemporaryDirectory(prefix=".proof-", dir=path.parent) as folder:
        folder = Path(folder)
        model, run = folder / f"model{made.ending}", folder / "run"
        os.link(path, model)
        model.with_suffix(".toml").write_text(made.toml)
        photos = make_photos(folder / "photos", side(pixels))
        failed, said = compare.extract(program, model, run, folder / "photos")
        return in_words(failed or compare.compare(module, transforms or pixels.to_transforms(), photos, run, made.silent, made.outputs, said=said))


def _why_not(program):
    if program is None:
        return "there is none (cargo build --release in a clone; --featx PROGRAM names one)"
    try:
        asked = subprocess.run([program, "--version"], capture_output=True, text=True, errors="replace")
    except OSError as error:
        return f"'{program}' does not run: {error.strerror}"
    if asked.returncode != 0:
        return f"'{program}' does not run: {(asked.stderr.strip().splitlines() or ['no reason given'])[-1]}"
    return None


def side(pixels):
    """That photos have at least, so that they are made smaller."""
    return pixels.resize if isinstance(pixels.resize, int) else max(pixels.size)


def make_photos(folder, side):
    """Noise, seeded; one lies, one stands, and both are resized."""
    folder.mkdir()
    generator = numpy.random.default_rng(0)
    paths = []
    for name, height, width in (("lying.png", side + 8, side + 40), ("standing.png", side + 24, side + 8)):
        coarse = generator.integers(0, 256, (height // 8 + 1, width // 8 + 1, 3))
        noise = generator.integers(-40, 41, (height, width, 3))
        pixels = coarse.repeat(8, 0).repeat(8, 1)[:height, :width] + noise
        paths.append(folder / name)
        Image.fromarray(pixels.clip(0, 255).astype(numpy.uint8)).save(paths[-1])
    return paths


def in_words(result):
    """What a result says to the user."""
    if result.failure:
        raise Failure(result.failure)
    if result.beyond:
        raise Failure(f"featx gives other activations than the original in {len(result.beyond)} of {result.layers} layers: "
                      f"{compare.some(result.beyond)} (the worst: {result.worst_layer}, relative L2 {result.worst:.1e})")
    lines = [f"featx agrees with the original in {result.right} of {result.layers} layers, to {result.worst:.0e}"]
    reasons = {}
    for layer, reason in [*result.refused.items(), *((layer, "featx leaves it out") for layer in result.missing)]:
        reasons.setdefault(reason, []).append(layer)
    if result.renamed:
        named = [f"'{name}' is '{chosen}'" for name, chosen in result.renamed.items()]
        lines.append(f"layers of several names have another in the file: {compare.some(named)}")
    if result.apart:
        lines.append("layers of several names are several in the file, each with its own calls, where a hook keeps the last of "
                     f"all: {compare.some(result.apart)}")
    return lines + [f"without features, {reason}: {compare.some(layers)}" for reason, layers in reasons.items()]
