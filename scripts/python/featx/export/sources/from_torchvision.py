"""Classification models of torchvision: `vgg16`."""

import torch
import torchvision

from .. import Failure, preprocess
from .source import SEED, Source, fetched, finished
from .state_dict import classes_of


def names():
    """Classification models."""
    return torchvision.models.list_models(module=torchvision.models)


def weights_of(name, weights=None):
    """The weights that torchvision calls DEFAULT, or those of another name."""
    kinds = torchvision.models.get_model_weights(name)
    if weights is None:
        return kinds.DEFAULT
    if weights not in kinds.__members__:
        raise Failure(f"'{name}' has no weights '{weights}', expected one of {', '.join(kinds.__members__)}")
    return kinds[weights]


def make(name, wanted):
    weights = weights_of(name, wanted.weights)
    settings, problems = preprocess.read_transforms(weights.transforms())
    if wanted.download():
        module = fetched(name, lambda: torchvision.models.get_model(name, weights=weights))
    else:
        module = _untrained(name, weights)
        classes = classes_of(wanted.state_dict, module) if wanted.state_dict else None
        if classes:
            module = _untrained(name, weights, num_classes=classes)
    shape = preprocess.from_dict(settings).shape
    return finished(Source(name, module, wanted.says(weights.name), settings, problems, shape), wanted)


def _untrained(name, weights, **arguments):
    torch.manual_seed(SEED)
    arguments |= as_pretrained(name) | _image_size(name, weights)
    return torchvision.models.get_model(name, weights=None, **arguments)


def as_pretrained(name):
    """The arguments that give the network the shape it has with pretrained weights."""
    if name == "googlenet":
        return {"transform_input": True, "aux_logits": False, "init_weights": True}
    if name == "inception_v3":
        return {"transform_input": True, "init_weights": True}
    return {}


def _image_size(name, weights):
    """Vision transformers are made for one size, which depends on the weights."""
    return {"image_size": weights.meta["min_size"][0]} if name.startswith("vit_") else {}
