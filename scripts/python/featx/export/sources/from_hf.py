"""Vision models of transformers: `hf/facebook/dinov2-small`, or a folder that `save_pretrained()` wrote, `hf/./mine`.

Whatever `HF_HOME` has is not fetched again. Layers are named as `named_modules()` of the model names them; of a model of
images and text (CLIP, SigLIP) it is the image's tower, `vision_model`.
"""

from pathlib import Path

import torch
from torch import nn

from .. import Failure, preprocess
from .hf_pixels import read_processor
from .installed import require
from .source import SEED, Source, fetched, finished

MODULE, REQUIREMENT = "transformers", "transformers==5.24.0"


class ImageTower(nn.Module):
    """What of a model of images and text an image goes through."""

    def __init__(self, model):
        super().__init__()
        self.vision_model = model.vision_model

    def forward(self, images):
        return self.vision_model(pixel_values=images, return_dict=False)


def install():
    require(MODULE, REQUIREMENT)


def make(name, wanted):
    install()
    from transformers import AutoConfig, AutoImageProcessor, AutoModel
    place = str(Path(name)) if _is_folder(name) else name
    config = fetched(name, lambda: AutoConfig.from_pretrained(place))
    torch.manual_seed(SEED)
    if wanted.download():
        model = fetched(name, lambda: AutoModel.from_pretrained(wanted.weights or place, config=config))
    else:
        model = AutoModel.from_config(config)
    processor = fetched(name, lambda: AutoImageProcessor.from_pretrained(place))
    settings, problems = read_processor(processor)
    module = _of_images(name, model)
    file_name = f"hf_{Path(name).name}".replace("-", "_")
    source = Source(file_name, module, wanted.says("its own"), settings, problems, preprocess.from_dict(settings).shape)
    source.transforms = lambda image: processor(images=image, return_tensors="pt").pixel_values[0]
    return finished(source, wanted)


def _is_folder(name):
    """`hf/./mine` and `hf//data/mine` are folders; `hf/facebook/dinov2-small` is a name of the hub's."""
    if not name.startswith((".", "/")):
        return False
    if not Path(name, "config.json").is_file():
        raise Failure(f"'{name}' is no folder with a config.json, as save_pretrained() writes it")
    return True


def _of_images(name, model):
    if hasattr(model, "vision_model") and hasattr(model, "text_model"):
        return ImageTower(model)
    if getattr(model, "main_input_name", None) != "pixel_values":
        takes = getattr(model, "main_input_name", "something else")
        raise Failure(f"'{name}' ({type(model).__name__}) takes {takes}, expected a model that takes pixel_values")
    return model
