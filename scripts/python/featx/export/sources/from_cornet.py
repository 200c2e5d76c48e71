"""CORnet, models of the visual cortex: `cornet/S`, and Z, R, RT. Recurrent: a layer keeps its last call.

The code is fetched as PyTorch Hub fetches repositories, at one commit, and kept in `TORCH_HOME`.
"""

import sys

import torch

from .. import Failure, preprocess
from .source import SEED, Source, fetched, finished, nearest

REPOSITORY = "dicarlolab/CORnet:d0cc17d4b34ad44dedb01683b70eafd15515adad"
# As the repository validates its models (`run.py`).
PIXELS = {"resize": 256, "crop": 224, "interpolation": "bilinear"}


def names():
    return ["S", "Z", "R", "RT"]


def make(name, wanted):
    if name not in names():
        raise Failure(f"CORnet has no model '{name}'{nearest(name, names())}; expected one of {', '.join(names())}")
    cornet = _code()
    torch.manual_seed(SEED)
    parallel = fetched(f"cornet/{name}", lambda: cornet.get_model(name, pretrained=wanted.download(), map_location="cpu"))
    shape = preprocess.from_dict(PIXELS).shape
    return finished(Source(f"cornet_{name}", parallel.module, wanted.says("its own"), PIXELS, input_shape=shape), wanted)


def _code():
    """The package `cornet` of the repository; the package index has another one of this name."""
    folder = fetched("cornet", lambda: torch.hub._get_cache_or_reload(
        REPOSITORY, force_reload=False, trust_repo=True, verbose=False, skip_validation=True))
    sys.path.insert(0, str(folder))
    sys.modules.pop("cornet", None)
    try:
        import cornet.cornet_rt
    finally:
        sys.path.remove(str(folder))
    sys.modules["cornet.cornet_rt"].len = lambda images: images.shape[0]  # Python's own gives a number that fixes the batch
    return cornet
