"""From a PyTorch module to a TorchScript file that is proved to compute the same."""

import os
import warnings
from contextlib import contextmanager
from pathlib import Path

import torch
from torch.utils import _pytree as pytree

from . import Failure

TOLERANCE = 1e-5  # relative L2 of an output, f32
TRACED_BATCH = 2  # one would let the tracer bake the batch in unseen
CHECKED_BATCHES = (1, 3)


def script(module):
    with quiet():
        return torch.jit.script(module)


def trace(module, input_shape):
    """The traced module and the tracer's warnings that mean it may be wrong for other inputs."""
    example = example_input(input_shape, TRACED_BATCH)
    with warnings.catch_warnings(record=True) as caught, torch.no_grad():
        warnings.simplefilter("always")
        # check_trace would run the module again on the same input; `verify` does better, on others.
        traced = torch.jit.trace(module, example, check_trace=False, strict=False)
    # torch/__init__.py is torch._assert(): libraries check their input's shape with it.
    doubts = [w for w in caught if issubclass(w.category, torch.jit.TracerWarning) and w.filename != torch.__file__]
    return traced, doubts


def left_no_trace(traced):
    """Layers of which the trace does not know what they gave at some call: they gave back their input, or nothing used
    what they computed."""
    def is_silent(module):
        calls = [module._c._get_method(name) for name in module._c._method_names() if name.startswith("forward")]
        return any(str(next(call.graph.outputs()).type()) == "NoneType" for call in calls)
    return [name for name, module in traced.named_modules() if name and is_silent(module)]


def example_input(input_shape, batch):
    """Noise as an image looks after its normalisation; seeded."""
    generator = torch.Generator().manual_seed(batch)
    return torch.randn(batch, *input_shape, generator=generator)


def check_runs(original, input_shape):
    """The model itself takes such images, and gives something."""
    if not _outputs("the model itself", original, example_input(input_shape, 1)):
        raise Failure("the model gives no tensor: its forward has to return one, or a tuple, list or dict of them")


def verify(original, path, input_shape):
    """The file computes what the original does, at several batch sizes. Returns the worst relative L2."""
    with quiet():
        loaded = torch.jit.load(path, map_location="cpu")
    worst = 0.0
    for batch in CHECKED_BATCHES:
        worst = max(worst, compare(original, loaded, example_input(input_shape, batch)))
    return worst


def compare(original, loaded, images):
    wanted, found = _outputs("the model itself", original, images), _outputs("the file", loaded, images)
    if [t.shape for t in wanted] != [t.shape for t in found]:
        raise Failure(f"the file gives other shapes on a batch of {len(images)}: "
                      f"expected {_shapes(wanted)}, found {_shapes(found)}")
    worst = max(relative_l2(f, w) for f, w in zip(found, wanted, strict=True))
    # Written so that NaN fails.
    if not worst <= TOLERANCE:
        raise Failure(f"the file differs from the original on a batch of {len(images)}: relative L2 {worst:.1e}, "
                      f"expected at most {TOLERANCE:.0e}")
    return worst


def _outputs(who, module, images):
    try:
        with torch.no_grad(), quiet():
            return tensors(module(images.clone()))  # it may change its input
    except Exception as error:
        cure = "; images of another size: --crop and --resize, --input" if who == "the model itself" else ""
        raise Failure(f"{who} fails on {tuple(images.shape)}: {last_line(error)}{cure}") from None


def relative_l2(found, wanted):
    """‖found - wanted‖ / ‖wanted‖; 0 for two zeros. NaN at the same places is equal."""
    found, wanted = found.double().flatten(), wanted.double().flatten()
    both_nan = found.isnan() & wanted.isnan()
    found, wanted = found[~both_nan], wanted[~both_nan]
    difference, norm = (found - wanted).norm().item(), wanted.norm().item()
    return 0.0 if difference == 0 else difference / norm if norm else float("inf")


def tensors(output):
    """All tensors of an output, in order. Scripted networks add None for auxiliary heads that eval mode leaves out."""
    return [leaf for leaf in pytree.tree_leaves(output) if isinstance(leaf, torch.Tensor)]


def save(module, path):
    try:
        torch.jit.save(module, path)
    except (OSError, RuntimeError) as error:
        raise Failure(f"cannot write in '{Path(path).parent}': {first_line(error)}") from None


@contextmanager
def beside(path):
    """A temporary file in the folder of `path`, which takes that name if nothing is raised."""
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def last_line(error):
    """Of a TorchScript error only the last line says what is wrong; the rest is the way there."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__


def first_line(error):
    """With what follows where the line announces it, without where in the source it is."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if not lines:
        return type(error).__name__
    first = lines[0]
    if first.endswith(":") and len(lines) > 1 and not lines[1].startswith("File "):
        first += f" {lines[1]}"
    return first.removesuffix(":")


def _shapes(outputs):
    return ", ".join(str(tuple(t.shape)) for t in outputs) or "no tensor"


@contextmanager
def quiet():
    """Without the libraries' warnings, which are about their own code."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
