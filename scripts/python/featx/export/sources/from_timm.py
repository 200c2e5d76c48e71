"""Models of timm: `timm/vit_small_patch16_224`, `timm/vit_small_patch16_224.augreg_in21k`."""

import torch

from .. import Failure, naming, preprocess
from .installed import require
from .source import SEED, Source, fetched, finished, nearest
from .state_dict import classes_of

MODULE, REQUIREMENT = "timm", "timm==1.0.31"


def make(name, wanted):
    """`name` as timm has it, with or without the tag of its weights (`vit_tiny_patch16_224.augreg_in21k`)."""
    install()
    import timm
    if not timm.is_model(name):
        raise Failure(f"timm {timm.__version__} has no model '{name}'{nearest(name, timm.list_models())} "
                      f"(see: {naming.COMMAND} --list 'timm/*')")
    full = _with_tag(name, wanted.weights)
    torch.manual_seed(SEED)
    if wanted.download():
        module = fetched(full, lambda: timm.create_model(full, pretrained=True, scriptable=True))
    else:
        module = timm.create_model(full, pretrained=False, scriptable=True)
        classes = classes_of(wanted.state_dict, module) if wanted.state_dict else None
        if classes:
            module = timm.create_model(full, pretrained=False, scriptable=True, num_classes=classes)
    config = timm.data.resolve_model_data_config(module)
    settings, problems = preprocess.read_transforms(timm.data.create_transform(**config, is_training=False))
    tag = module.pretrained_cfg.get("tag") or "timm's default"
    source = Source(f"timm_{name}", module, wanted.says(tag), settings, problems, tuple(config["input_size"]))
    return finished(source, wanted)


def install():
    require(MODULE, REQUIREMENT)


def names():
    import timm
    return timm.list_models()


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
