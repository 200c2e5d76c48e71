"""Weights that were saved by themselves."""

import argparse

import torch

from .. import Failure, shortened
from .installed import require

SAFETENSORS = "safetensors==0.8.0"
# Where training scripts keep the weights, beside their optimiser's.
INSIDE = ("state_dict", "model", "model_state_dict", "net")


def load_state_dict(module, path):
    state = read(path)
    try:
        fitting = _fitting(state, module)
        _check_fit(fitting, module.state_dict())
        module.load_state_dict(fitting)
    except (AttributeError, RuntimeError, TypeError) as error:
        raise Failure(f"'{path}' does not fit the model: {shortened(str(error))}") from None


def read(path):
    """What torch.save() or safetensors wrote."""
    if not path.is_file():
        raise Failure(f"'{path}' not found")
    try:
        if path.suffix == ".safetensors":
            require("safetensors", SAFETENSORS)
            import safetensors.torch
            return safetensors.torch.load_file(path)
        # Training scripts like to keep what was typed.
        with torch.serialization.safe_globals([argparse.Namespace]):
            return torch.load(path, map_location="cpu", weights_only=True)
    except Failure:
        raise
    except OSError as error:
        raise Failure(f"cannot read '{path}': {error.strerror or error}") from None
    except Exception:  # of unpickling there are many
        raise Failure(f"'{path}' is not a state dict that torch.load reads; save one with "
                      "torch.save(model.state_dict(), 'weights.pt')") from None


def classes_of(path, module):
    """How many classes the weights of a file are for, where they fit the module but for their number. Else None."""
    state = read(path)
    try:
        fitting, wanted = _fitting(state, module), module.state_dict()
        other = [(fitting[key].shape, weight.shape) for key, weight in wanted.items() if fitting[key].shape != weight.shape]
    except (AttributeError, KeyError, TypeError):
        return None
    counts = {found[0] for found, expected in other if found and found[1:] == expected[1:]}
    only_that = all(found and found[1:] == expected[1:] for found, expected in other)
    return counts.pop() if only_that and len(counts) == 1 else None


def _check_fit(state, wanted):
    """load_state_dict() names every weight that does not fit, over many lines; a few show what is wrong."""
    other = [f"{key} {tuple(state[key].shape)} instead of {tuple(weight.shape)}" for key, weight in wanted.items()
             if key in state and state[key].shape != weight.shape]
    kinds = {"missing": list(wanted.keys() - state.keys()), "unknown to it": list(state.keys() - wanted.keys()),
             "of another shape": other}
    said = [f"{len(keys)} weights {kind}: {_some(sorted(keys))}" for kind, keys in kinds.items() if keys]
    if said:
        raise TypeError(f"{'; '.join(said)}; it is of another network, or of other settings of this one")


def _some(names):
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")


def _fitting(state, module):
    """The weights in what training scripts save: under {"state_dict": ...} or the like; named module.* by DataParallel,
    model.* or otherwise by Lightning, beside those of a loss; with the auxiliary heads that a GoogLeNet has in training
    only."""
    if not isinstance(state, dict):
        raise TypeError(f"expected a dict of weights, found {type(state).__name__}")
    for key in INSIDE:
        if isinstance(state.get(key), dict):
            state = state[key]
            break
    has = module.state_dict().keys()
    prefix = _prefix(state, has)
    state = {key.removeprefix(prefix): weight for key, weight in state.items() if key.startswith(prefix)}
    return {key: weight for key, weight in state.items() if key in has or not key.startswith("aux")}


def _prefix(state, has):
    """That all weights of the model have before their names; '' where they have none."""
    first = next(iter(has), None)
    if first is None or first in state:
        return ""
    fronts = [key.removesuffix(first) for key in state if key.endswith(f".{first}")]
    return next((front for front in fronts if all(front + key in state for key in has)), "")
