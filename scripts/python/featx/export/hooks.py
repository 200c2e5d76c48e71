"""What PyTorch itself says a layer's activation is: forward hooks on the original module."""

from dataclasses import dataclass, field

import torch

from .torchscript import tensors


@dataclass
class Layer:
    """A module by its first name in named_modules(), and what its last call gave."""

    called: int = 0
    tensors: int = 0  # in its output
    shape: tuple | None = None  # of the first tensor of its output, for the whole batch
    kept: object = None  # what `keep` made of that tensor
    aliases: list = field(default_factory=list)  # further names of the same module
    each: list = field(default_factory=list)  # with aliases: what was kept of every call
    per_image: bool = True  # one row an image

    def why_not(self):
        """Why there is nothing to compare; None where there is."""
        if self.called == 0:
            return "never called"
        if self.shape is None:
            return "no tensor in its output"
        return None


def copy(_name, tensor):
    """The plainest `keep`. It has to copy: an in-place operation after the layer changes the tensor itself."""
    return tensor.detach().clone()


def record(model, images, keep=copy):
    """Every layer of `model` for the batch `images`, in the order of named_modules(), without the model itself ('').

    `keep(name, tensor)` is called while the model runs, for every call; of a module called several times the last
    one stays. Memory: what `keep` returns, for all layers.
    """
    layers = _run(model, images, keep)
    if len(images) > 1:
        _mark_rows(layers, _run(model, images[1:], lambda _name, _tensor: None), len(images))
    return layers


def _run(model, images, keep):
    layers, names = {}, {}
    for name, module in model.named_modules(remove_duplicate=False):
        if not name:
            continue
        if module in names:
            layers[names[module]].aliases.append(name)
        else:
            names[module], layers[name] = name, Layer()
    handles = [module.register_forward_hook(_recorder(name, layers[name], keep)) for module, name in names.items()]
    try:
        with torch.no_grad():
            model(images.clone())
    finally:
        for handle in handles:
            handle.remove()
    return layers


def called_without_hooks(model, images):
    """Names of the modules that a pass calls when nothing watches: a hook keeps PyTorch from some of its fast paths, which
    leave modules out (nn.TransformerEncoder)."""
    called, modules = set(), [(name, module) for name, module in model.named_modules() if name]

    def watched(name, forward):
        def call(*args, **kwargs):
            called.add(name)
            return forward(*args, **kwargs)
        return call

    for name, module in modules:
        module.forward = watched(name, module.forward)
    try:
        with torch.no_grad():
            model(images.clone())
    finally:
        for _, module in modules:
            del module.forward
    return called


def _recorder(name, layer, keep):
    def hook(_module, _inputs, output):
        found = tensors(output)
        layer.called += 1
        layer.tensors = len(found)
        layer.shape = tuple(found[0].shape) if found else None
        layer.kept = keep(name, found[0]) if found else None
        if layer.aliases:
            layer.each.append(layer.kept)
    return hook


def _mark_rows(layers, with_one_less, images):
    """A layer has one row an image if its first dimension follows the batch and nothing else does."""
    for name, layer in layers.items():
        all_of_them, fewer = layer.shape, with_one_less[name].shape
        if all_of_them is not None and fewer is not None:
            layer.per_image = (all_of_them[:1] == (images,) and fewer[:1] == (images - 1,)
                               and all_of_them[1:] == fewer[1:])
