"""What PyTorch itself says a layer's activation is: forward hooks on the original module."""

from dataclasses import dataclass, field

import torch

from .torchscript import tensors


@dataclass
class Layer:
    """A module by its first name in named_modules(), and what its last call gave."""

    called: int = 0
    activation: torch.Tensor | None = None  # the first tensor of the output
    aliases: list = field(default_factory=list)  # further names of the same module
    each: list = field(default_factory=list)  # with aliases: the activation of every call
    per_image: bool = True  # one row an image

    def why_not(self):
        """Why there is nothing to compare; None where there is."""
        if self.called == 0:
            return "never called"
        if self.activation is None:
            return "no tensor in its output"
        return None


def record(model, images):
    """Every layer of `model` with its activation for the batch `images`, in the order of named_modules().

    A module called several times keeps its last call. The model itself (the name '') is left out.
    """
    layers = _run(model, images)
    if len(images) > 1:
        _mark_rows(layers, _run(model, images[1:]), len(images))
    return layers


def _run(model, images):
    layers, names = {}, {}
    for name, module in model.named_modules(remove_duplicate=False):
        if not name:
            continue
        if module in names:
            layers[names[module]].aliases.append(name)
        else:
            names[module], layers[name] = name, Layer()
    handles = [module.register_forward_hook(_keeper(layers[name])) for module, name in names.items()]
    try:
        with torch.no_grad():
            model(images.clone())
    finally:
        for handle in handles:
            handle.remove()
    return layers


def _keeper(layer):
    def keep(_module, _inputs, output):
        layer.called += 1
        found = tensors(output)
        # Without the clone, an in-place operation after the layer would change what was kept.
        layer.activation = found[0].detach().clone() if found else None
        if layer.aliases:
            layer.each.append(layer.activation)
    return keep


def _mark_rows(layers, with_one_less, images):
    """A layer has one row an image if its first dimension follows the batch and nothing else does."""
    for name, layer in layers.items():
        fewer = with_one_less[name].activation
        if layer.activation is None or fewer is None:
            continue
        layer.per_image = (layer.activation.shape[:1] == (images,) and fewer.shape[:1] == (images - 1,)
                           and layer.activation.shape[1:] == fewer.shape[1:])
