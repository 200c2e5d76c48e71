"""YOLO and its kin: `ultralytics/yolov8n`, `ultralytics/yolo11n-cls`, or a checkpoint of your own,
`ultralytics/./runs/detect/train/weights/best.pt`, which is code: load only what you trust.

Layers are named as in `YOLO(…).model`, before convolutions and normalisations are fused for `predict()`. Images of detectors
are prepared as `predict(rect=False)` prepares them: `LetterBox`, all in one shape.
"""

import os
import re
from pathlib import Path

import torch
from PIL import ImageOps

from .. import Failure
from .installed import require, require_apart
from .source import SEED, Source, fetched, finished

MODULE, REQUIREMENT = "ultralytics", "ultralytics==8.4.190"
# What it needs besides, but for OpenCV with windows, which wants a desktop's libraries.
BESIDE = {"cv2": "opencv-python-headless==4.14.0.94", "yaml": "pyyaml", "requests": "requests", "psutil": "psutil"}
SIDE = {"classify": 224, "obb": 1024}  # where the checkpoint does not say, 640 for others
GREY = 114
UNIT = {"mean": (0.0,) * 3, "std": (1.0,) * 3}


class AnyBatch:
    """What a head compares with the shape of its features, to make new anchors where it is another: the batch is no
    matter."""

    def __init__(self, shape):
        self.size = tuple(shape[2:])

    def __ne__(self, shape):
        return tuple(shape[2:]) != self.size


def install():
    os.environ.setdefault("YOLO_VERBOSE", "false")
    os.environ.setdefault("YOLO_AUTOINSTALL", "false")
    for module, requirement in BESIDE.items():
        require(module, requirement)
    require_apart(MODULE, REQUIREMENT)


def make(name, wanted):
    install()
    torch.manual_seed(SEED)
    yolo = _load(name, wanted)
    side = _side(yolo)
    shape = (3, *side)
    head = yolo.model.model[-1]
    yolo.model.eval()
    if hasattr(head, "anchors"):
        with torch.no_grad():
            yolo.model(torch.zeros(1, *shape))
        head.shape = AnyBatch(head.shape)
    classifies = yolo.task == "classify"
    letterbox = {"resize": {"longer": max(side)}, "pad": {"to": list(side), "value": GREY}, "crop": "none", "resampler": "opencv",
                 "orient": True}
    # Its own rule for classes is torchvision's, on PIL images.
    settings = UNIT | ({"resize": side[0], "crop": side[0], "orient": True} if classifies else letterbox)
    file_name = f"ultralytics_{Path(name).stem}".replace("-", "_")
    transforms = None if classifies else lambda image: _letterboxed(image, side)
    return finished(Source(file_name, yolo.model, wanted.says("its own"), settings, [], shape, transforms), wanted)


def _load(name, wanted):
    """Of a file, of weights that are fetched and kept beside PyTorch Hub's, or of a configuration."""
    from ultralytics import YOLO
    from ultralytics.utils.downloads import attempt_download_asset
    if name.startswith((".", "/")):
        if not Path(name).is_file():
            raise Failure(f"'{name}' is no file; expected a checkpoint that ultralytics wrote, such as runs/detect/train/weights/best.pt")
        return fetched(name, lambda: YOLO(name))
    if not re.fullmatch(r"[\w-]+", name):
        raise Failure(f"'{name}' is no name of a model of ultralytics; expected one such as yolov8n, or a checkpoint of your own: "
                      f"ultralytics/./best.pt")
    if not wanted.download():
        try:
            return YOLO(f"{name}.yaml")
        except FileNotFoundError:
            raise Failure(f"ultralytics has no model '{name}'; expected one such as yolov8n, yolo11s-seg or yolo11n-cls") from None
    kept = Path(torch.hub.get_dir(), "checkpoints", f"{name}.pt")
    kept.parent.mkdir(parents=True, exist_ok=True)
    return fetched(f"ultralytics/{name}", lambda: YOLO(attempt_download_asset(kept)))


def _side(yolo):
    """Height and width, in whole steps of the network."""
    asked = yolo.overrides.get("imgsz") or SIDE.get(yolo.task, 640)
    step = max(int(yolo.model.stride.max()), 32)
    sides = asked if isinstance(asked, (list, tuple)) else [asked]
    return [(side + step - 1) // step * step for side in (sides[0], sides[-1])]  # of one number, a square


def _letterboxed(image, side):
    """The library's own way, from a PIL image to what the model is given."""
    import numpy
    from ultralytics.data.augment import LetterBox
    pixels = numpy.array(ImageOps.exif_transpose(image).convert("RGB"))
    return torch.from_numpy(LetterBox(tuple(side))(image=pixels)).permute(2, 0, 1).float().div(255)
