"""Segmentation: `smp/unet/resnet34`, an architecture of segmentation_models_pytorch and its encoder."""

import torch

from .. import Failure
from .installed import require
from .source import SEED, Source, fetched, finished, nearest

MODULE, REQUIREMENT = "segmentation_models_pytorch", "segmentation-models-pytorch==0.6.0"
UNSAID = ["does not say to which size images are resized, which is a multiple of 32"]


def install():
    require(MODULE, REQUIREMENT)


def make(name, wanted):
    install()
    import segmentation_models_pytorch as smp
    architecture, _, encoder = name.partition("/")
    known = list(smp.MODEL_ARCHITECTURES_MAPPING)
    if architecture.lower() not in known:
        raise Failure(f"segmentation_models_pytorch has no architecture '{architecture}'{nearest(architecture, known)}; expected "
                      f"smp/ARCHITECTURE/ENCODER, such as smp/unet/resnet34")
    encoder = encoder or "resnet34"
    weights = (wanted.weights or "imagenet") if wanted.download() else None
    torch.manual_seed(SEED)
    module = fetched(f"smp/{name}", lambda: smp.create_model(architecture, encoder, encoder_weights=weights))
    settings = _pixels(smp, encoder, weights) if weights else {}
    file_name = f"smp_{architecture}_{encoder}".lower().replace("-", "_")
    return finished(Source(file_name, module, wanted.says(f"its encoder's, {weights}"), settings, list(UNSAID), (3, 224, 224)),
                    wanted)


def _pixels(smp, encoder, weights):
    says = fetched(encoder, lambda: smp.encoders.get_preprocessing_params(encoder, weights))
    settings = {"mean": tuple(says["mean"]), "std": tuple(says["std"])}
    if says.get("input_range") == [0, 255]:
        settings["scale"] = 1.0
    if says.get("input_space") == "BGR":
        settings["channels"] = "bgr"
    return settings
