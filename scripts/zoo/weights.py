"""Random weights under which every layer has something to say.

As libraries initialise them, EfficientNets fade to 1e-13 at their last layer, because their batch normalisations
know nothing yet of what they normalise, and the heads of vision transformers are blank.
"""

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.modules.batchnorm import _NormBase


def wake(model, input_shape):
    """Make the random weights of `model` usable; torch's seed decides how. Leaves the model in eval mode."""
    fill_blank(model)
    settle_norms(model, soft_noise(2, input_shape))


def fill_blank(model):
    """Redraw weights that are nothing but zeros: whatever follows them would be blank. Vectors (biases) stay."""
    for parameter in model.parameters():
        if parameter.dim() > 1 and not parameter.any():
            nn.init.normal_(parameter, std=0.02)


def settle_norms(model, images):
    """One pass in which batch normalisations, and nothing else, are in training mode: they take the mean and variance
    of what they see."""
    norms = [module for module in model.modules() if isinstance(module, _NormBase) and module.track_running_stats]
    model.eval()
    if not norms:
        return
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.train()
        norm.momentum = 1.0  # this pass alone counts
    with torch.no_grad():
        model(images)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.eval()
        norm.momentum = momentum


def vary_norms(model):
    """Give normalisations scales and offsets of their own, as training does: as initialised they change nothing, and a
    mistake in folding them into a convolution would not show."""
    for module in model.modules():
        if isinstance(module, (_NormBase, nn.LayerNorm, nn.GroupNorm)) and module.weight is not None:
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.1)


def soft_noise(batch, input_shape):
    """Noise that is smooth over some pixels, as photos are."""
    *channels, height, width = input_shape
    coarse = torch.randn(batch, *channels, max(1, height // 16), max(1, width // 16))
    return F.interpolate(coarse, (height, width), mode="bilinear") + 0.3 * torch.randn(batch, *channels, height, width)
