"""A model as it is exported, and which weights it is to have."""

import difflib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from torch import nn

from .. import Failure, shortened
from ..weights import wake
from .state_dict import load_state_dict

SEED = 0  # of --random
WITHOUT_DOWNLOAD = "--state-dict FILE takes weights that were fetched elsewhere, --random makes seeded random ones"


@dataclass
class Source:
    """A model ready to be exported, in eval mode, and what its library does to images before it."""

    name: str
    module: nn.Module
    weights: str  # for people: 'IMAGENET1K_V1', 'random, seed 0'
    settings: dict = field(default_factory=dict)  # preprocessing that featx can express
    problems: list = field(default_factory=list)  # and what it cannot
    input_shape: tuple | None = None  # that the library made it for, of one image
    transforms: Callable | None = None  # the library's own, from a PIL image to what the model is given


@dataclass
class Wanted:
    """Which weights."""

    random: bool = False
    weights: str | None = None  # torchvision's name of them, or timm's tag
    state_dict: Path | None = None
    method: str | None = None  # of the module, in place of its forward

    def says(self, pretrained):
        if self.state_dict:
            return f"of '{self.state_dict.name}'"
        return f"random, seed {SEED}" if self.random else pretrained

    def download(self):
        return not self.random and self.state_dict is None


def nearest(name, names):
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    return f"; nearest: {', '.join(repr(c) for c in close)}" if close else ""


def fetched(name, make):
    try:
        return make()
    except Exception as error:  # each library and each network fails in its own way
        why = shortened(str(error)) or "no reason given"
        raise Failure(f"cannot fetch the pretrained weights of '{name}' ({type(error).__name__}: {why}); "
                      f"{WITHOUT_DOWNLOAD}") from error


def take_as_forward(module, method):
    """The module computes by another of its methods; its layers keep their names, for scripts, programs and hooks alike."""
    kind = type(module)
    if not callable(getattr(kind, method, None)) or hasattr(nn.Module, method):
        own = [name for name, value in vars(kind).items() if callable(value) and not name.startswith("_")]
        raise Failure(f"--method {method}: {kind.__name__} has no such method of its own{nearest(method, own)}"
                      f"; it has {', '.join(sorted(own))}")
    names = {"forward": getattr(kind, method), "__module__": kind.__module__, "__qualname__": kind.__qualname__}
    module.__class__ = type(kind.__name__, (kind,), names)


def finished(source, wanted):
    if wanted.method:
        take_as_forward(source.module, wanted.method)
    if wanted.state_dict:
        load_state_dict(source.module, wanted.state_dict)
    if wanted.random:
        wake(source.module, source.input_shape)
    source.module.cpu().eval()
    for parameter in source.module.parameters():
        parameter.requires_grad_(False)
    return source

