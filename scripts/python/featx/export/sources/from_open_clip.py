"""The image towers of OpenCLIP: `open_clip/ViT-B-32`, `open_clip/ViT-B-32/laion2b_s34b_b79k`.

Layers are named as `named_modules()` of the whole model names them: `visual.transformer.resblocks.11`; `visual` is the
embedding of the image.
"""

from pathlib import Path

import torch
from torch import nn

from .. import Failure, preprocess
from .installed import require
from .source import SEED, Source, Wanted, fetched, finished, nearest
from .state_dict import load_state_dict

MODULE, REQUIREMENT = "open_clip", "open_clip_torch==3.3.0"
QUICK = "-quickgelu"


class ImageTower(nn.Module):
    """What of a CLIP model an image goes through."""

    def __init__(self, model):
        super().__init__()
        self.visual = model.visual

    def forward(self, images):
        return self.visual(images)


def install():
    require(MODULE, REQUIREMENT)


def names():
    import open_clip
    return open_clip.list_models()


def make(name, wanted):
    install()
    import open_clip
    architecture, _, tag = name.partition("/")
    if architecture not in names():
        raise Failure(f"OpenCLIP {open_clip.__version__} has no model '{architecture}'{nearest(architecture, names())}")
    weights = _weights(architecture, wanted.weights or tag) if wanted.download() else None
    torch.manual_seed(SEED)
    model, _, transforms = fetched(name, lambda: open_clip.create_model_and_transforms(architecture, pretrained=weights))
    if wanted.state_dict:
        load_state_dict(model, wanted.state_dict)
    settings, problems = preprocess.read_transforms(transforms)
    file_name = f"open_clip_{architecture}".replace("-", "_").replace("/", "_")
    shape = preprocess.from_dict(settings).shape
    source = Source(file_name, ImageTower(model), wanted.says(str(weights)), settings, problems, shape, transforms)
    return finished(source, Wanted(random=wanted.random, method=wanted.method))


def _weights(architecture, tag):
    """The tag of weights that were trained with this architecture's activation, or a file of weights."""
    import open_clip
    if Path(tag).is_file():
        return tag
    known = open_clip.list_pretrained_tags_by_model(architecture)
    if tag and tag not in known:
        raise Failure(f"'{architecture}' has no weights '{tag}' in OpenCLIP, expected one of {', '.join(known) or 'none'}, "
                      "or a file")
    fitting = [one for one in known if _has_its_activation(architecture, one)]
    if tag and tag not in fitting:
        other = architecture.removesuffix(QUICK) if architecture.endswith(QUICK) else architecture + QUICK
        raise Failure(f"the weights '{tag}' of '{architecture}' were trained with another activation; "
                      f"ask for 'open_clip/{other}/{tag}'")
    if not (tag or fitting):
        raise Failure(f"OpenCLIP has no weights of '{architecture}'; --random makes seeded random ones")
    return tag or fitting[0]


def _has_its_activation(architecture, tag):
    """Whether weights and network agree about QuickGELU. Where they do not, OpenCLIP warns, and gives other features."""
    import open_clip
    configs = open_clip.get_model_config(architecture) or {}, open_clip.pretrained.get_pretrained_cfg(architecture, tag)
    network, weights = (bool(config.get("quick_gelu")) for config in configs)
    return network == weights
