"""Preprocessing: from a library's own transforms to featx's TOML, and from the TOML to transforms."""

import json
from dataclasses import dataclass, fields

import torch
from PIL import ImageOps
from torchvision import transforms as T
from torchvision.transforms import InterpolationMode

from .._toml import tomllib
from . import Failure

# For PIL images, which have one way of choosing the nearest pixel, NEAREST and NEAREST_EXACT mean the same.
INTERPOLATIONS = {mode: mode.value for mode in InterpolationMode} | {InterpolationMode.NEAREST_EXACT: "nearest"}
MODES = {mode.value: mode for mode in InterpolationMode if mode is not InterpolationMode.NEAREST_EXACT}
CROP_ROUNDINGS = ("even", "down")  # torchvision's, transformers'
RESAMPLERS = ("pillow", "torch", "torch-antialias", "opencv")
CHANNELS = {"rgb": 3, "bgr": 3, "grey": 1}
SCALE = 1 / 255
# Steps that featx takes with every image.
SAME = ("ToTensor", "MaybeToTensor", "PILToTensor", "MaybePILToTensor", "ConvertImageDtype", "_convert_to_rgb")


@dataclass(frozen=True)
class Preprocess:
    """As the `[preprocess]` table of featx: its keys, values and defaults."""

    resize: object = 256
    crop: object = 224
    interpolation: str = "bilinear"
    mean: tuple[float, ...] = (0.485, 0.456, 0.406)
    std: tuple[float, ...] = (0.229, 0.224, 0.225)
    resampler: str = "pillow"
    pad: dict | None = None
    channels: str = "rgb"
    scale: float = SCALE
    orient: bool = False
    crop_rounding: str = "even"

    def __post_init__(self):
        for key in ("resize", "crop"):
            value = getattr(self, key)
            sides = value if isinstance(value, (tuple, list)) and len(value) == 2 else [value]
            longer = key == "resize" and isinstance(value, dict) and list(value) == ["longer"]
            if not (value == "none" or longer or all(type(side) is int and side > 0 for side in sides)):
                raise Failure(f"'{key}' is {value!r}, expected a number of pixels, [height, width]"
                              + (", { longer = pixels }" if key == "resize" else "") + ' or "none"')
            object.__setattr__(self, key, list(sides) if len(sides) == 2 else value)
        for key, known in (("interpolation", MODES), ("resampler", RESAMPLERS), ("channels", CHANNELS),
                           ("crop_rounding", CROP_ROUNDINGS)):
            if getattr(self, key) not in known:
                raise Failure(f"'{key}' is {getattr(self, key)!r}, expected one of {', '.join(known)}")
        count = CHANNELS[self.channels]
        for key in ("mean", "std"):
            value = getattr(self, key)
            if not isinstance(value, (tuple, list)) or len(value) != count:
                expected = "one number" if count == 1 else "three numbers, in the order of the channels"
                raise Failure(f"'{key}' is {value!r}, expected {expected}")
            object.__setattr__(self, key, tuple(float(v) for v in value))

    @property
    def size(self):
        """Height and width that the model is given."""
        for given in (self.crop, self.pad and self.pad["to"], self.resize):
            if isinstance(given, int):
                return given, given
            if isinstance(given, (tuple, list)):
                return tuple(given)
        raise Failure(f"resize {self.resize!r} and crop {self.crop!r} make images of different sizes")

    @property
    def shape(self):
        return CHANNELS[self.channels], *self.size

    def to_toml(self, *comments):
        """The keys of 0.1.0, and of the others those that are not as usual."""
        lines = [f"# {line}" for line in comments] + ["[preprocess]"]
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name in ("resize", "crop", "interpolation", "mean", "std") or value != field.default:
                lines.append(f"{field.name} = {_toml_value(value)}")
        return "\n".join(lines) + "\n"

    def to_transforms(self):
        """The same as PyTorch's own libraries do it, from a PIL image of RGB to what the model is given."""
        if self.pad or isinstance(self.resize, dict) or self.resampler == "opencv":
            raise Failure("no library of PyTorch's does this preprocessing: it pads, resizes by the longer side, or by OpenCV")
        steps = [ImageOps.exif_transpose] if self.orient else []
        tensors = self.resampler != "pillow"
        grey = [T.Grayscale()] if self.channels == "grey" else []
        steps += [T.PILToTensor()] if tensors else []
        if self.resize != "none":
            steps.append(T.Resize(self.resize, MODES[self.interpolation], antialias=self.resampler != "torch"))
        if self.crop != "none":
            steps.append(T.CenterCrop(self.crop) if self.crop_rounding == "even" else _crop_down(self.crop))
        steps += grey if tensors else [*grey, _as_tensor]
        steps += [lambda image: image.flip(0)] if self.channels == "bgr" else []
        steps.append(T.ConvertImageDtype(torch.float32) if self.scale == SCALE else lambda image: image.float() * self.scale)
        return T.Compose([*steps, T.Normalize(self.mean, self.std)])


def _as_tensor(image):
    return image if isinstance(image, torch.Tensor) else T.functional.pil_to_tensor(image)


def _crop_down(crop):
    """transformers' centre crop: half of an odd margin is rounded down."""
    height, width = (crop, crop) if isinstance(crop, int) else crop

    def cropped(image):
        image = _as_tensor(image)
        top, left = ((side - size) // 2 for side, size in zip(image.shape[-2:], (height, width)))
        return T.functional.crop(image, top, left, height, width)

    return cropped


def _toml_value(value):
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml_value(inner)}" for key, inner in value.items()) + " }"
    return json.dumps(list(value) if isinstance(value, tuple) else value)


def read_toml(path):
    """The preprocessing of a model, from the TOML beside it; featx's default where there is none."""
    if not path.exists():
        return Preprocess()
    return from_dict(tomllib.loads(path.read_text())["preprocess"])


def from_dict(settings):
    """From keys and values as in the TOML; what is not given has featx's default."""
    known = Preprocess.__dataclass_fields__
    for key in settings:
        if key not in known:
            raise Failure(f"unknown preprocessing key '{key}', expected some of {', '.join(known)}")
    resize = settings.get("resize", 256)
    if "crop" not in settings and ("pad" in settings or not isinstance(resize, int)):
        settings = {**settings, "crop": "none"}
    return Preprocess(**settings)


def read_transforms(transforms):
    """What a library's transforms do, as (settings, problems).

    `settings` holds what featx's TOML can express, `problems` says in words what it cannot.
    """
    if isinstance(transforms, T.Compose):
        return _read_steps(transforms.transforms)
    return _read_preset(transforms)


def _read_preset(preset):
    """torchvision's `WEIGHTS.transforms()`."""
    settings = {"mean": tuple(preset.mean), "std": tuple(preset.std)}
    problems = []
    settings["resize"] = _size(preset.resize_size)
    settings["crop"] = _side(preset.crop_size)
    _read_interpolation(preset.interpolation, settings, problems)
    return settings, problems


def _read_steps(steps):
    """timm's, OpenCLIP's, or the user's own, list of transforms."""
    settings, problems = {}, []
    for step in steps:
        kind = type(step).__name__
        if kind == "Resize":
            settings["resize"] = _size(step.size)
            _read_interpolation(step.interpolation, settings, problems)
            if getattr(step, "max_size", None):
                problems.append(f"limits the longer side to {step.max_size}")
        elif kind == "CenterCrop":
            settings["crop"] = _side(step.size)
        elif kind == "Grayscale" and step.num_output_channels == 1 and "mean" not in settings:
            settings["channels"] = "grey"
        elif kind == "Normalize":
            settings["mean"] = tuple(float(v) for v in step.mean)
            settings["std"] = tuple(float(v) for v in step.std)
        elif kind == "MaybeConvertMode" and step.mode == "RGB":
            pass  # OpenCLIP's
        elif kind not in SAME and getattr(step, "__name__", None) not in SAME:
            problems.append(f"has the step {kind}")
    if "crop" not in settings and not isinstance(settings.get("resize", 0), int):
        settings["crop"] = "none"
    for key, step in (("resize", "Resize"), ("crop", "CenterCrop"), ("mean", "Normalize")):
        if key not in settings and not problems:
            problems.append(f"has no step {step}")
    return settings, problems


def _size(size):
    """torchvision's: one number is the shorter side, two are height and width."""
    sides = [size] if isinstance(size, int) else [int(side) for side in size]
    return sides[0] if len(sides) == 1 else sides


def _side(size):
    """torchvision's of a crop: one number is both sides."""
    sides = [size] if isinstance(size, int) else [int(side) for side in size]
    return sides[0] if len(set(sides)) == 1 else sides


def _read_interpolation(mode, settings, problems):
    if mode in INTERPOLATIONS:
        settings["interpolation"] = INTERPOLATIONS[mode]
    else:
        problems.append(f"resizes with {mode.value}, not one of {', '.join(MODES)}")
