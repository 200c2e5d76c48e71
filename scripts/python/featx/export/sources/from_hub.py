"""Models of PyTorch Hub: `hub/facebookresearch/dinov2:dinov2_vits14`, or of a folder with a hubconf.py, `hub/./mine:net`.

Whatever `TORCH_HOME` has is not fetched again. It runs the repository's code.
"""

from pathlib import Path

import torch
from torch import nn

from .. import Failure, shortened
from .source import SEED, Source, fetched, finished

UNSAID = ["does not say what is done to images"]


def make(name, wanted):
    place, _, entry = name.rpartition(":")
    if not place or not entry.isidentifier():
        raise Failure(f"'hub/{name}': expected hub/OWNER/REPOSITORY:ENTRY, such as hub/facebookresearch/dinov2:dinov2_vits14")
    local = place.startswith((".", "/"))
    if local and not Path(place, "hubconf.py").is_file():
        raise Failure(f"'{place}' is no folder with a hubconf.py")
    torch.manual_seed(SEED)
    where = {"source": "local"} if local else {"source": "github", "trust_repo": True}

    def load(**arguments):
        return torch.hub.load(place, entry, **where, **arguments, verbose=False)

    module = fetched(name, load if wanted.download() else lambda: _untrained(load, name))
    if not isinstance(module, nn.Module):
        raise Failure(f"'hub/{name}' is {type(module).__name__}, expected a torch.nn.Module")
    source = Source(f"hub_{entry}", module, wanted.says("its own"), problems=list(UNSAID), input_shape=(3, 224, 224))
    return finished(source, wanted)


def _untrained(load, name):
    """By the word that entries of a hub have for it."""
    try:
        return load(pretrained=False)
    except TypeError as error:
        raise Failure(f"'hub/{name}' takes no pretrained=False ({shortened(str(error))}), so its weights cannot be left out; "
                      "export it without --random and --state-dict") from None
