"""Where models come from: torchvision, timm, or a function of the user's own."""

import difflib
import importlib.util
import subprocess
import sys
import traceback
from dataclasses import dataclass, field
from pathlib import Path

import torch
import torchvision
from torch import nn

from . import Failure, naming, one_line, preprocess
from .weights import wake

TIMM = "timm==1.0.31"
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


@dataclass
class Wanted:
    """Which weights."""

    random: bool = False
    weights: str | None = None  # torchvision's name of them, or timm's tag
    state_dict: Path | None = None

    def says(self, pretrained):
        if self.state_dict:
            return f"of '{self.state_dict.name}'"
        return f"random, seed {SEED}" if self.random else pretrained

    def download(self):
        return not self.random and self.state_dict is None


# torchvision ---------------------------------------------------------------------------------------------------------

def torchvision_names():
    """Classification models."""
    return torchvision.models.list_models(module=torchvision.models)


def torchvision_weights(name, weights=None):
    """The weights that torchvision calls DEFAULT, or those of another name."""
    kinds = torchvision.models.get_model_weights(name)
    if weights is None:
        return kinds.DEFAULT
    if weights not in kinds.__members__:
        raise Failure(f"'{name}' has no weights '{weights}', expected one of {', '.join(kinds.__members__)}")
    return kinds[weights]


def from_torchvision(name, wanted):
    weights = torchvision_weights(name, wanted.weights)
    settings, problems = preprocess.read_transforms(weights.transforms())
    if wanted.download():
        module = _fetched(name, lambda: torchvision.models.get_model(name, weights=weights))
    else:
        torch.manual_seed(SEED)
        module = torchvision.models.get_model(name, weights=None, **as_pretrained(name), **_image_size(name, weights))
    shape = preprocess.from_dict(settings).shape
    return _finished(Source(name, module, wanted.says(weights.name), settings, problems, shape), wanted)


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


# timm ----------------------------------------------------------------------------------------------------------------

def has_timm():
    return importlib.util.find_spec("timm") is not None


def require_timm():
    if has_timm():
        return
    print(f"installing {TIMM} into '{sys.prefix}'", file=sys.stderr)
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", TIMM]
    pip = subprocess.run(command, capture_output=True, text=True, errors="replace")
    if pip.returncode != 0:
        why = [line for line in pip.stderr.splitlines() if line.startswith("ERROR")] or ["no reason given"]
        raise Failure(f"timm is not installed, and pip could not install it ({why[-1]}); where there is a network, "
                      f"try: {' '.join(command)}")
    importlib.invalidate_caches()


def from_timm(name, wanted):
    """`name` as timm has it, with or without the tag of its weights (`vit_tiny_patch16_224.augreg_in21k`)."""
    require_timm()
    import timm
    if not timm.is_model(name):
        raise Failure(f"timm {timm.__version__} has no model '{name}'{nearest(name, timm.list_models())} "
                      f"(see: {naming.COMMAND} --list 'timm/*')")
    full = _with_tag(name, wanted.weights)
    torch.manual_seed(SEED)
    if wanted.download():
        module = _fetched(full, lambda: timm.create_model(full, pretrained=True, scriptable=True))
    else:
        module = timm.create_model(full, pretrained=False, scriptable=True)
    config = timm.data.resolve_model_data_config(module)
    settings, problems = preprocess.read_transforms(timm.data.create_transform(**config, is_training=False))
    tag = module.pretrained_cfg.get("tag") or "timm's default"
    source = Source(f"timm_{name}", module, wanted.says(tag), settings, problems, tuple(config["input_size"]))
    return _finished(source, wanted)


def _with_tag(name, tag):
    import timm
    architecture, _, named = name.partition(".")
    tag = tag or named
    if not tag:
        return architecture
    known = [full.partition(".")[2] for full in timm.list_pretrained(f"{architecture}.*")]
    if tag not in known:
        raise Failure(f"'{architecture}' has no weights '{tag}' in timm, expected one of {', '.join(known) or 'none'}")
    return f"{architecture}.{tag}"


# The user's own ------------------------------------------------------------------------------------------------------

def from_file(reference, wanted):
    """`file.py:function`, which returns a module, or a module and its preprocessing (a dict as in the TOML,
    or torchvision transforms)."""
    path, _, function = reference.rpartition(":")
    if not path or not function.isidentifier():
        raise Failure(f"--from '{reference}': expected file.py:function")
    torch.manual_seed(SEED)
    make = _load_function(Path(path), function)
    made = _run_of_user(make, f"'{reference}'", path)
    module, settings = made if isinstance(made, tuple) and len(made) == 2 else (made, {})
    if not isinstance(module, nn.Module):
        raise Failure(f"'{reference}' returned {type(module).__name__}, expected a torch.nn.Module, "
                      "or (module, preprocessing)")
    problems = []
    if not isinstance(settings, dict):
        settings, problems = preprocess.read_transforms(settings)
    wanted = Wanted(state_dict=wanted.state_dict)
    return _finished(Source(function, module, wanted.says("its own"), settings, problems), wanted)


def _run_of_user(run, what, path):
    """The user's code may raise whatever it likes; said is what, and the last line of theirs on the way there."""
    try:
        return run()
    except SyntaxError as error:
        raise Failure(f"{what} is no Python: {error.msg} at {error.filename}:{error.lineno}") from None
    except (Exception, SystemExit) as error:
        here = str(Path(path).resolve())
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == here]
        where = f" at {path}:{lines[-1]}" if lines else ""
        cure = "; install it with pip" if isinstance(error, ModuleNotFoundError) else ""
        if isinstance(error, TypeError) and "positional argument" in str(error) and not lines:
            cure = "; featx calls it without arguments: give them defaults"
        raise Failure(f"{what} fails{where}: {type(error).__name__}: {shortened(str(error))}{cure}") from None


def shortened(text, most=300):
    """One line that is still read."""
    text = one_line(text)
    return text if len(text) <= most else f"{text[:most]} ..."


def _load_function(path, function):
    if not path.is_file():
        raise Failure(f"'{path}' not found")
    # Its neighbours are importable, as if the file were run.
    sys.path.insert(0, str(path.resolve().parent))
    spec = importlib.util.spec_from_file_location(f"user_{path.stem}", path)
    code = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = code  # scripting looks a class's module up by name
    _run_of_user(lambda: spec.loader.exec_module(code), f"'{path}'", path)
    if not callable(getattr(code, function, None)):
        functions = [name for name, value in vars(code).items() if callable(value)]
        raise Failure(f"'{path}' has no function '{function}'{nearest(function, functions)}")
    return getattr(code, function)


# Shared --------------------------------------------------------------------------------------------------------------

def find(name, wanted):
    """The model that `name` stands for: torchvision's, or timm's when it begins with `timm/`."""
    if name.startswith("timm/"):
        return from_timm(name.removeprefix("timm/"), wanted)
    if name in torchvision_names():
        return from_torchvision(name, wanted)
    if has_timm():
        import timm
        if timm.is_model(name):
            raise Failure(f"'{name}' is a model of timm's, not of torchvision's; ask for 'timm/{name}'")
    raise Failure(f"no model '{name}' in torchvision{nearest(name, torchvision_names())}; "
                  f"timm's models are called timm/NAME (see: {naming.COMMAND} --list)")


def nearest(name, names):
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    return f"; nearest: {', '.join(repr(c) for c in close)}" if close else ""


def _fetched(name, make):
    try:
        return make()
    except Exception as error:  # each library and each network fails in its own way
        why = shortened(str(error)) or "no reason given"
        raise Failure(f"cannot fetch the pretrained weights of '{name}' ({type(error).__name__}: {why}); "
                      f"{WITHOUT_DOWNLOAD}") from error


def _finished(source, wanted):
    if wanted.state_dict:
        _load_state_dict(source.module, wanted.state_dict)
    if wanted.random:
        wake(source.module, source.input_shape)
    source.module.cpu().eval()
    for parameter in source.module.parameters():
        parameter.requires_grad_(False)
    return source


def _load_state_dict(module, path):
    if not path.is_file():
        raise Failure(f"'{path}' not found")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise Failure(f"cannot read '{path}': {error.strerror or error}") from None
    except Exception:  # of unpickling there are many
        raise Failure(f"'{path}' is not a state dict that torch.load reads; save one with "
                      "torch.save(model.state_dict(), 'weights.pt')") from None
    try:
        fitting = _fitting(state, module)
        _check_fit(fitting, module.state_dict())
        module.load_state_dict(fitting)
    except (AttributeError, RuntimeError, TypeError) as error:
        raise Failure(f"'{path}' does not fit the model: {shortened(str(error))}") from None


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
    """The weights in what training scripts save: under {"state_dict": ...} or {"model": ...}, beside the optimiser's;
    named module.* by DataParallel; with the auxiliary heads that a GoogLeNet has in training only."""
    if not isinstance(state, dict):
        raise TypeError(f"expected a dict of weights, found {type(state).__name__}")
    for key in ("state_dict", "model"):
        if isinstance(state.get(key), dict):
            state = state[key]
    if all(key.startswith("module.") for key in state):
        state = {key.removeprefix("module."): weight for key, weight in state.items()}
    has = module.state_dict().keys()
    return {key: weight for key, weight in state.items() if key in has or not key.startswith("aux")}
