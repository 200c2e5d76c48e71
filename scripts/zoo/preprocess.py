"""Preprocessing: from a library's own transforms to featx's TOML, and from the TOML to transforms."""

import tomllib
from dataclasses import dataclass

from torchvision import transforms as T
from torchvision.transforms import InterpolationMode

from . import Failure

INTERPOLATIONS = {
    InterpolationMode.NEAREST: "nearest",
    # For PIL images, which have one way of choosing the nearest pixel, both mean the same.
    InterpolationMode.NEAREST_EXACT: "nearest",
    InterpolationMode.BILINEAR: "bilinear",
    InterpolationMode.BICUBIC: "bicubic",
    InterpolationMode.LANCZOS: "lanczos",
}
MODES = {"nearest": InterpolationMode.NEAREST, "bilinear": InterpolationMode.BILINEAR,
         "bicubic": InterpolationMode.BICUBIC, "lanczos": InterpolationMode.LANCZOS}


@dataclass(frozen=True)
class Preprocess:
    """Shorter side to `resize` pixels, the centre `crop`, then (pixel / 255 - mean) / std. Featx's defaults."""

    resize: int = 256
    crop: int = 224
    interpolation: str = "bilinear"
    mean: tuple[float, ...] = (0.485, 0.456, 0.406)
    std: tuple[float, ...] = (0.229, 0.224, 0.225)

    def __post_init__(self):
        for key in ("resize", "crop"):
            value = getattr(self, key)
            if not isinstance(value, int) or value < 1:
                raise Failure(f"'{key}' is {value!r}, expected a number of pixels")
        if self.interpolation not in MODES:
            raise Failure(f"'interpolation' is {self.interpolation!r}, expected one of {', '.join(MODES)}")
        for key in ("mean", "std"):
            value = getattr(self, key)
            if not isinstance(value, (tuple, list)) or len(value) != 3:
                raise Failure(f"'{key}' is {value!r}, expected three numbers (red, green, blue)")
            object.__setattr__(self, key, tuple(float(v) for v in value))

    def to_toml(self, *comments):
        lines = [f"# {line}" for line in comments]
        return "\n".join(lines + [
            "[preprocess]",
            f"resize = {self.resize}",
            f"crop = {self.crop}",
            f'interpolation = "{self.interpolation}"',
            f"mean = {list(self.mean)}",
            f"std = {list(self.std)}",
        ]) + "\n"

    def to_transforms(self):
        """The same as torchvision does it, for PIL images."""
        return T.Compose([
            T.Resize(self.resize, MODES[self.interpolation]),
            T.CenterCrop(self.crop),
            T.ToTensor(),
            T.Normalize(self.mean, self.std),
        ])


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
    _read_resize(preset.resize_size, settings, problems)
    _read_crop(preset.crop_size, settings, problems)
    _read_interpolation(preset.interpolation, settings, problems)
    return settings, problems


def _read_steps(steps):
    """timm's, or the user's own, list of transforms."""
    settings, problems = {}, []
    for step in steps:
        kind = type(step).__name__
        if kind == "Resize":
            _read_resize(step.size, settings, problems)
            _read_interpolation(step.interpolation, settings, problems)
            if getattr(step, "max_size", None):
                problems.append(f"limits the longer side to {step.max_size}")
        elif kind == "CenterCrop":
            _read_crop(step.size, settings, problems)
        elif kind == "Normalize":
            settings["mean"] = tuple(float(v) for v in step.mean)
            settings["std"] = tuple(float(v) for v in step.std)
        elif kind not in ("ToTensor", "MaybeToTensor", "PILToTensor", "MaybePILToTensor", "ConvertImageDtype"):
            problems.append(f"has the step {kind}")
    for key, step in (("resize", "Resize"), ("crop", "CenterCrop"), ("mean", "Normalize")):
        if key not in settings and not problems:
            problems.append(f"has no step {step}")
    return settings, problems


def _read_resize(size, settings, problems):
    sides = [size] if isinstance(size, int) else list(size)
    if len(sides) == 1:
        settings["resize"] = int(sides[0])
    else:
        problems.append(f"squashes every image to {sides[0]}x{sides[1]}, whatever its shape")


def _read_crop(size, settings, problems):
    sides = {size} if isinstance(size, int) else set(size)
    if len(sides) == 1:
        settings["crop"] = int(sides.pop())
    else:
        problems.append(f"crops to {size[0]}x{size[1]}, which is not square")


def _read_interpolation(mode, settings, problems):
    if mode in INTERPOLATIONS:
        settings["interpolation"] = INTERPOLATIONS[mode]
    else:
        problems.append(f"resizes with {mode.value}, not one of {', '.join(MODES)}")
