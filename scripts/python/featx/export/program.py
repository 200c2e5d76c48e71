"""From a PyTorch module to a program of torch.export (.pt2) that is proved to compute the same."""

import io
import logging
import re
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path

import torch
from torch.utils import _pytree as pytree

from . import Failure, torchscript

EXPORTED_BATCH = 2  # with one, torch.export would bake the batch in


def export(module, input_shape):
    """A program whose batch is open, and whose modules of several tensors keep the order of these."""
    example = torchscript.example_input(input_shape, EXPORTED_BATCH)
    several = of_several_tensors(module, example)
    open_batch = torch.export.ShapesCollection()
    open_batch[example] = {0: torch.export.Dim.DYNAMIC}
    # Where it fails, torch.export prints the graph so far.
    with quiet(), torch.no_grad(), redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        return torch.export.export(module, (example,), dynamic_shapes=open_batch,
                                   preserve_module_call_signature=tuple(several))


def reason(error):
    """Why torch.export failed, in one line."""
    text = str(error)
    if text.startswith("Constraints violated"):
        return "its code fixes the batch size, which has to stay open"
    if "data-dependent" in text:
        call = re.search(r'call raised this error:\n *File "(.+)", line (\d+)', text)
        where = f", at {'/'.join(Path(call[1]).parts[-2:])}:{call[2]}" if call else ""
        return f"its code decides by the values of a tensor{where}"
    return torchscript.first_line(error)


def of_several_tensors(module, example):
    """Names of the modules that give more than one tensor, and of those that say that they give `one_tensor` where others of
    theirs are used outside too. Named tuples are made known to torch.export."""
    several = []

    def hook_for(name):
        def hook(inner, _inputs, output):
            register_named_tuples(output)
            if name and (len(torchscript.tensors(output)) > 1 or hasattr(inner, "one_tensor")) and name not in several:
                several.append(name)
        return hook

    handles = [inner.register_forward_hook(hook_for(name)) for name, inner in module.named_modules()]
    try:
        with torch.no_grad(), quiet():
            module(example.clone())
    finally:
        for handle in handles:
            handle.remove()
    return several


def without_operation(model, input_shape):
    """Layers that a program does not have: their last call gave back what it was given."""
    silent = {}

    def hook_for(name):
        def hook(_module, inputs, output):
            first = torchscript.tensors(output)[:1]
            silent[name] = any(given is first[0] for given in torchscript.tensors(inputs)) if first else False
        return hook

    handles = [inner.register_forward_hook(hook_for(name)) for name, inner in model.named_modules() if name]
    try:
        with torch.no_grad(), quiet():
            model(torchscript.example_input(input_shape, EXPORTED_BATCH))
    finally:
        for handle in handles:
            handle.remove()
    return [name for name, is_silent in silent.items() if is_silent]


def register_named_tuples(output):
    """torch.export saves a named tuple only if it has a name to save it under."""
    if isinstance(output, dict):
        children = output.values()
    elif isinstance(output, (tuple, list)):
        children = output
    else:
        return
    kind = type(output)
    if pytree.is_namedtuple_class(kind) and kind not in pytree.SUPPORTED_SERIALIZED_TYPES:
        pytree._register_namedtuple(kind, serialized_type_name=f"{kind.__module__}.{kind.__qualname__}")
    for child in children:
        register_named_tuples(child)


def save(program, path):
    try:
        with open(path, "wb") as file, quiet():
            torch.export.save(program, file)
    except OSError as error:
        raise Failure(f"cannot write '{path}': {error.strerror}") from None


def verify(original, path, input_shape):
    """The file computes what the original does, at several batch sizes. Returns the worst relative L2."""
    with quiet(), open(path, "rb") as file:
        loaded = torch.export.load(file).module()
    compared = (torchscript.example_input(input_shape, batch) for batch in torchscript.CHECKED_BATCHES)
    return max(torchscript.compare(original, loaded, images) for images in compared)


@contextmanager
def quiet():
    """Without torch.export's log, which is about its own doings."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with torchscript.quiet():
            yield
    finally:
        logging.disable(before)
