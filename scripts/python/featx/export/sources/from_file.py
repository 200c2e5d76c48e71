"""A function of the user's own: `file.py:function`."""

import importlib.util
import sys
import traceback
from pathlib import Path

import torch
from torch import nn

from .. import Failure, preprocess, shortened
from .source import SEED, Source, Wanted, finished, nearest


def make(reference, wanted):
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
    wanted = Wanted(state_dict=wanted.state_dict, method=wanted.method)
    return finished(Source(function, module, wanted.says("its own"), settings, problems), wanted)


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
