#!/usr/bin/env python3
"""Make photos as ImageNet has them out of those in tests/photos: pieces of 75 to 100 % of a side, some mirrored, some
brighter or darker, with the grain that scaling takes away, as JPEGs of about 500x375 and of three qualities.

usage: photos.py COUNT OUT_DIR SOURCE_DIR      the same arguments give the same photos
"""
import random
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

SIZES = [(500, 375), (375, 500), (500, 333), (640, 480), (500, 400)]
QUALITIES = [85, 90, 95]


def main(count, out, source):
    paths = sorted(path for path in Path(source).iterdir() if path.suffix in (".jpg", ".png", ".webp"))
    pool = [Image.open(path).convert("RGB") for path in paths]
    chance, grain = random.Random(7), np.random.default_rng(7)
    unfinished = Path(f"{out}.partial")
    unfinished.mkdir(parents=True, exist_ok=True)
    for number in range(int(count)):
        photo = made(chance.choice(pool), chance, grain)
        photo.save(unfinished / f"{number:06}.jpg", quality=chance.choice(QUALITIES))
    unfinished.rename(out)


def made(picture, chance, grain):
    width, height = chance.choice(SIZES)
    piece = min(picture.width / width, picture.height / height) * chance.uniform(0.75, 1.0)
    left = chance.uniform(0, picture.width - width * piece)
    top = chance.uniform(0, picture.height - height * piece)
    box = (left, top, left + width * piece, top + height * piece)
    photo = picture.resize((width, height), Image.Resampling.BICUBIC, box=box)
    if chance.random() < 0.5:
        photo = ImageOps.mirror(photo)
    values = np.asarray(photo, dtype=np.float32) * chance.uniform(0.8, 1.2)
    values += grain.normal(scale=chance.uniform(2, 6), size=(height, width, 1))
    return Image.fromarray(values.round().clip(0, 255).astype(np.uint8))


if __name__ == "__main__":
    main(*sys.argv[1:])
