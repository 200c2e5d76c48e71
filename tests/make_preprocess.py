"""Makes images and what the libraries themselves make of them, for tests/it/preprocess.rs.

    make_preprocess.py OUT

OUT/images/*      the files
OUT/cases.tsv     image, stem: STEM.toml is a `[preprocess]` table, STEM.u8.npy the pixels (height, width, channels),
                  STEM.f32.npy what the model is given

Pillow and torchvision's first transforms on PIL images; torchvision's v2 on uint8 tensors; Pillow's `exif_transpose`;
NumPy as Keras' `preprocess_input` uses it; ultralytics' `LetterBox`, its arithmetic around OpenCV's resize and Pillow's.
"""

import itertools
import json
import sys
import warnings
from pathlib import Path

import cv2
import numpy as np
import torch
from make_pixels import photo
from PIL import Image, ImageOps
from torchvision import transforms as v1
from torchvision.transforms import v2
from torchvision.transforms import InterpolationMode as Mode

warnings.simplefilter("ignore")
MODES = {"nearest": Mode.NEAREST, "bilinear": Mode.BILINEAR, "bicubic": Mode.BICUBIC, "lanczos": Mode.LANCZOS,
         "box": Mode.BOX, "hamming": Mode.HAMMING}
PLAIN = {"scale": 1.0, "mean": [0.0, 0.0, 0.0], "std": [1.0, 1.0, 1.0]}
SIZES = [(75, 53), (53, 75), (40, 40), (1, 97), (300, 17), (224, 224), (640, 427)]


class Cases:
    def __init__(self, out):
        self.out, self.lines = out, []

    def add(self, image, settings, pixels, values=None):
        """`values` where they are not `pixels` in f32."""
        stem = f"case{len(self.lines)}"
        toml = "\n".join(f"{key} = {toml_value(value)}" for key, value in settings.items())
        (self.out / f"{stem}.toml").write_text(toml)
        pixels = np.ascontiguousarray(pixels)
        np.save(self.out / f"{stem}.u8.npy", pixels)
        np.save(self.out / f"{stem}.f32.npy", pixels.astype(np.float32) if values is None else values)
        self.lines.append(f"{image.name}\t{stem}\n")


def toml_value(value):
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {toml_value(inner)}" for key, inner in value.items()) + " }"
    return json.dumps(value)


def images(folder):
    for number, (width, height) in enumerate(SIZES):
        path = folder / f"{width}x{height}.png"
        Image.fromarray(photo(width, height, seed=number)).save(path)
        yield path


def resizes_and_crops(cases, path):
    """Each form of `resize` and `crop` with each filter of each resampler."""
    image = Image.open(path).convert("RGB")
    tensor = torch.from_numpy(np.array(image)).permute(2, 0, 1).contiguous()
    for resampler, filters in (("pillow", MODES), ("torch", list(MODES)[:3]), ("torch-antialias", list(MODES)[:3])):
        for name, (resize, crop) in itertools.product(filters, [
                (32, 24), (90, 64), ([48, 31], None), ([20, 300], [17, 40]), ([64, 64], "none"), ("none", [33, 50]), (40, [64, 20])]):
            if max(image.size) / min(image.size) > 20 and isinstance(resize, int) and resize > 40:
                continue
            settings = {"resize": resize, "interpolation": name, "resampler": resampler, **PLAIN}
            if crop is not None:
                settings["crop"] = crop
            if resampler == "pillow":
                steps = [v1.Resize(resize, MODES[name])] if resize != "none" else []
                steps += [v1.CenterCrop(crop)] if crop not in (None, "none") else []
                made = np.array(v1.Compose(steps)(image))
            else:
                antialias = resampler == "torch-antialias"
                steps = [v2.Resize(resize, MODES[name], antialias=antialias)] if resize != "none" else []
                steps += [v2.CenterCrop(crop)] if crop not in (None, "none") else []
                made = v2.Compose(steps)(tensor).permute(1, 2, 0).numpy()
            cases.add(path, settings, made)


def by_pillow(image, size):
    return np.array(image.resize(size, Image.BILINEAR))


def by_opencv(image, size):
    return cv2.resize(np.array(image), size, interpolation=cv2.INTER_LINEAR)


def resizes_of_opencv(cases, path):
    """Larger, smaller, by one axis alone, to a half exactly; and a crop."""
    image = Image.open(path).convert("RGB")
    width, height = image.size
    for size in ((90, 64), (64, 90), (17, 13), (1, 1), (300, 300), (width, 50), (50, height), (max(1, width // 2), max(1, height // 2)),
                 (2 * width, 2 * height), (width, height)):
        made = by_opencv(image, size)
        settings = {"resize": [size[1], size[0]], "resampler": "opencv", **PLAIN}
        cases.add(path, {**settings, "crop": "none"}, made)
        if min(size) > 40:
            cropped = v1.functional.center_crop(Image.fromarray(made), [31, 33])
            cases.add(path, {**settings, "crop": [31, 33]}, np.array(cropped))


def letterbox(image, side, canvas, value, channels=3, resize=by_pillow):
    """ultralytics' `LetterBox(center=True, scaleup=True)`."""
    width, height = image.size
    ratio = min(side / height, side / width)
    new = max(1, round(width * ratio)), max(1, round(height * ratio))
    resized = resize(image, new).reshape(new[1], new[0], channels)
    down, across = (canvas[0] - new[1]) / 2, (canvas[1] - new[0]) / 2
    top, left = round(down - 0.1), round(across - 0.1)
    made = np.full((*canvas, channels), value, np.uint8)
    made[top:top + new[1], left:left + new[0]] = resized
    return made


def letterboxes(cases, path):
    image = Image.open(path).convert("RGB")
    for side, canvas, value in ((64, [64, 64], 114), (64, [64, 96], 0), (33, [47, 64], 255)):
        settings = {"resize": {"longer": side}, "pad": {"to": canvas, "value": value}, **PLAIN}
        cases.add(path, settings, letterbox(image, side, canvas, value))
        cases.add(path, {**settings, "resampler": "opencv"}, letterbox(image, side, canvas, value, resize=by_opencv))
    settings = {"resize": {"longer": 64}, "pad": {"to": [64, 64], "value": 9}, "crop": [48, 31], **PLAIN}
    cases.add(path, settings, v2.functional.center_crop(
        torch.from_numpy(letterbox(image, 64, [64, 64], 9)).permute(2, 0, 1), [48, 31]).permute(1, 2, 0).numpy())


def channels_and_numbers(cases, path):
    image = Image.open(path).convert("RGB")
    steps = v1.Compose([v1.Resize(40), v1.CenterCrop(32)])
    small = np.array(steps(image))
    size = {"resize": 40, "crop": 32}
    # Keras: caffe, tf, torch
    bgr = small[..., ::-1]
    mean = [103.939, 116.779, 123.68]
    caffe = bgr.astype(np.float32)
    for channel in range(3):
        caffe[..., channel] -= mean[channel]
    cases.add(path, {**size, "channels": "bgr", "scale": 1.0, "mean": mean, "std": [1.0] * 3}, bgr, caffe)
    tf = small.astype(np.float32)
    tf /= 127.5
    tf -= 1.0
    cases.add(path, {**size, "scale": 1 / 127.5, "mean": [1.0] * 3, "std": [1.0] * 3}, small, tf)
    mean, std = [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]
    normal = v1.Normalize(mean, std)(v1.ToTensor()(Image.fromarray(small))).permute(1, 2, 0).numpy()
    cases.add(path, {**size, "mean": mean, "std": std}, small, normal)
    # transformers' slow processors: NumPy in f64, then f32
    rescaled = (small.astype(np.float64) * 0.00392156862745098).astype(np.float32)
    slow = (rescaled - np.array(mean, np.float32)) / np.array(std, np.float32)
    cases.add(path, {**size, "scale": 0.00392156862745098, "mean": mean, "std": std}, small, slow)
    grey = np.array(steps(image.convert("L")))[..., None]
    values = v1.Normalize([0.5], [0.25])(v1.ToTensor()(Image.fromarray(grey[..., 0]))).permute(1, 2, 0).numpy()
    cases.add(path, {**size, "channels": "grey", "mean": [0.5], "std": [0.25]}, grey, values)
    box = letterbox(image.convert("L"), 64, [64, 64], 114, 1)
    cases.add(path, {"resize": {"longer": 64}, "pad": {"to": [64, 64], "value": 114}, "channels": "grey", "scale": 1.0,
                     "mean": [0.0], "std": [1.0]}, box)


def orientations(cases, folder):
    original = Image.fromarray(photo(75, 53, seed=9))
    for orientation, kind in itertools.product(range(10), ("jpeg", "png", "webp", "tiff")):
        exif = Image.Exif()
        exif[0x0112] = orientation
        path = folder / f"turned{orientation}.{kind}"
        original.save(path, exif=exif, **({"quality": 90} if kind in ("jpeg", "webp") else {}))
        image = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
        made = np.array(v1.Compose([v1.Resize(40), v1.CenterCrop([32, 24])])(image))
        cases.add(path, {"orient": True, "resize": 40, "crop": [32, 24], **PLAIN}, made)
    made = np.array(v1.Compose([v1.Resize(40), v1.CenterCrop(32)])(Image.open(folder / "turned6.jpeg").convert("RGB")))
    cases.add(folder / "turned6.jpeg", {"resize": 40, "crop": 32, **PLAIN}, made)


def main():
    out = Path(sys.argv[1])
    folder = out / "images"
    folder.mkdir(parents=True, exist_ok=True)
    cases = Cases(out)
    for path in images(folder):
        resizes_and_crops(cases, path)
        resizes_of_opencv(cases, path)
        letterboxes(cases, path)
        channels_and_numbers(cases, path)
    orientations(cases, folder)
    (out / "cases.tsv").write_text("".join(cases.lines))


if __name__ == "__main__":
    main()
