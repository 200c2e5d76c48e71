"""Faces: `facenet/vggface2`, `facenet/casia-webface`, InceptionResnetV1 of facenet-pytorch, for faces that were cut out."""

import torch

from .. import Failure
from .installed import require_apart
from .source import SEED, Source, fetched, finished, nearest

MODULE, REQUIREMENT = "facenet_pytorch", "facenet-pytorch==2.6.0"
# Its `fixed_image_standardization`, of images as its MTCNN gives them.
PIXELS = {"resize": [160, 160], "crop": "none", "interpolation": "bilinear", "scale": 1.0, "mean": (127.5,) * 3,
          "std": (128.0,) * 3}


def names():
    return ["vggface2", "casia-webface"]


def make(name, wanted):
    if name not in names():
        raise Failure(f"facenet-pytorch has no weights '{name}'{nearest(name, names())}; expected one of {', '.join(names())}")
    require_apart(MODULE, REQUIREMENT, "requests")
    from facenet_pytorch import InceptionResnetV1
    torch.manual_seed(SEED)
    weights = name if wanted.download() else None
    module = fetched(f"facenet/{name}", lambda: InceptionResnetV1(pretrained=weights))
    file_name = f"facenet_{name}".replace("-", "_")
    return finished(Source(file_name, module, wanted.says(name), PIXELS, input_shape=(3, 160, 160)), wanted)
