"""The picture that every file holds, in each of Pillow's modes, and what Pillow reads of a file."""

import numpy as np
from PIL import Image

WIDTH, HEIGHT = 37, 29


def samples(channels, bits=8, seed=1):
    """(HEIGHT, WIDTH, channels): smooth, with edges and noise, over all values of so many bits."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    phase = np.arange(channels) * 2.1
    smooth = np.sin(x[..., None] / 5 + phase) * np.cos(y[..., None] / 7 + phase) + ((x + y) % 11 > 7)[..., None] * 0.6
    values = (smooth + 1) / 2.6 + rng.normal(0, 0.06, smooth.shape)
    return np.clip(np.round(values * (2**bits - 1)), 0, 2**bits - 1).astype(np.uint8 if bits <= 8 else np.uint16)


def rgb():
    return Image.fromarray(samples(3))


def by_mode():
    """The picture in the modes that Pillow saves."""
    colour, grey = rgb(), Image.fromarray(samples(1)[..., 0])
    alpha = Image.fromarray(samples(4), "RGBA")
    return {
        "1": grey.convert("1"),
        "L": grey,
        "LA": alpha.convert("LA"),
        "P": colour.quantize(200),
        "P16": colour.quantize(16),
        "P2": colour.quantize(2),
        "RGB": colour,
        "RGBA": alpha,
        "CMYK": Image.fromarray(samples(4, seed=2), "CMYK"),
        "YCbCr": colour.convert("YCbCr"),
        "LAB": Image.fromarray(samples(3, seed=3), "LAB"),
        "I;16": Image.fromarray(samples(1, 16)[..., 0]),
        "I": Image.fromarray(samples(1, 16)[..., 0].astype(np.int32)),
        "F": Image.fromarray(samples(1)[..., 0].astype(np.float32) * 1.5 - 40),
    }


def pixels_of(path):
    """What featx has to give; None where Pillow does not read it."""
    try:
        return np.asarray(Image.open(path).convert("RGB"))
    except Exception:  # noqa: BLE001 - whatever Pillow raises, it gives no pixels
        return None
