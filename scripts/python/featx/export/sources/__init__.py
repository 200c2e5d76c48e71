"""Where models come from. Each library is one file: `make(name, wanted)` gives a Source."""

import importlib

from .. import Failure, naming
from . import from_file, from_torchvision
from .installed import has
from .source import SEED, Source, Wanted, nearest

__all__ = ["LIBRARIES", "SEED", "Source", "Wanted", "find", "from_file", "from_torchvision", "has", "library"]

# What a name begins with; an example of each.
LIBRARIES = {
    "timm": "timm/vit_small_patch16_224",
    "open_clip": "open_clip/ViT-B-32/laion2b_s34b_b79k",
    "hf": "hf/facebook/dinov2-small",
    "keras": "keras/VGG16",
    "cornet": "cornet/S",
    "smp": "smp/unet/resnet34",
    "facenet": "facenet/vggface2",
    "ultralytics": "ultralytics/yolov8n",
    "hub": "hub/facebookresearch/dinov2:dinov2_vits14",
    "pypi": "pypi/efficientnet_lite0",
}


def library(prefix):
    """The module of a library; it does not load the library itself."""
    return importlib.import_module(f".from_{prefix}", __package__)


def find(name, wanted):
    """The model that `name` stands for: torchvision's, or that of the library which it begins with."""
    prefix, slash, rest = name.partition("/")
    if prefix in LIBRARIES and rest:
        return library(prefix).make(rest, wanted)
    if name in from_torchvision.names():
        return from_torchvision.make(name, wanted)
    examples = ", ".join(LIBRARIES.values())
    if slash:
        raise Failure(f"'{name}': no library '{prefix}' is known; expected a model of torchvision (vgg16), or of another "
                      f"library: {examples}")
    if has("timm"):
        import timm
        if timm.is_model(name):
            raise Failure(f"'{name}' is a model of timm's, not of torchvision's; ask for 'timm/{name}'")
    raise Failure(f"no model '{name}' in torchvision{nearest(name, from_torchvision.names())}; models of other libraries are "
                  f"asked for with their library: {examples} (see: {naming.COMMAND} --list)")
