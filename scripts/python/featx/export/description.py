"""What featx's TOML says of a model besides its preprocessing: `[tokens]`, `[outputs]`."""

import json
from dataclasses import dataclass, field

# Classes of timm and torchvision that have no class token, nor another before the patches.
WITHOUT_PREFIX = {
    "EfficientFormerV2", "FocalNet", "GlobalContextVit", "Hiera", "HieraDet", "Levit", "MlpMixer", "Nest",
    "PyramidVisionTransformerV2", "SwinTransformer", "SwinTransformerV2", "SwinTransformerV2Cr", "TinyVit", "Twins",
    "VisionTransformerSAM",
}
# Tokens before the patches, and before registers, by transformers' `model_type`.
HF_PREFIX = {"beit": 1, "clip_vision_model": 1, "deit": 2, "dinov2": 1, "dinov2_with_registers": 1, "dinov3_vit": 1,
             "siglip_vision_model": 0, "vit": 1, "vit_mae": 1}
# Their class token joins the patches in one of the last blocks: no number is true of all layers.
JOINS_LATE = {"Cait", "ConVit", "Xcit"}


@dataclass
class Description:
    """`prefix`: tokens before the patches; None where the model is no transformer, or it is not known. `grid`: patches,
    (down, across). `outputs`: see traced.first_tensors."""

    prefix: int | None = None
    grid: tuple | None = None
    outputs: dict = field(default_factory=dict)

    def to_toml(self):
        lines = []
        if self.prefix is not None:
            lines += ["", "[tokens]", f"prefix = {self.prefix}"]
            lines += [f"grid = {list(self.grid)}"] if self.grid else []
        if self.outputs:
            lines += ["", "# The tensor of a layer that a forward hook sees first; false: the trace does not have it.",
                      "[outputs]"]
        # A JSON string is one of TOML, a JSON number or bool too.
        lines += [f"{json.dumps(layer)} = {json.dumps(number)}" for layer, number in self.outputs.items()]
        return "".join(f"{line}\n" for line in lines)


def tokens_of(module):
    """A description with `prefix` and `grid`, where they are known."""
    prefix = _prefix(module)
    grid = None if prefix is None else _grid(module)
    return Description(prefix, grid)


def _prefix(module):
    if type(module).__name__ in JOINS_LATE:
        return None
    module = _tower(module)
    prefix = getattr(module, "num_prefix_tokens", None)  # timm
    if _is_count(prefix):
        return prefix
    config = getattr(module, "config", None)
    if getattr(config, "model_type", None) in HF_PREFIX:  # transformers
        return HF_PREFIX[config.model_type] + (getattr(config, "num_register_tokens", None) or 0)
    if hasattr(module, "class_embedding") and hasattr(module, "grid_size"):  # OpenCLIP
        return 1
    registers = getattr(module, "num_register_tokens", None)  # DINOv2's own code
    if _is_count(registers) and getattr(module, "cls_token", None) is not None:
        return 1 + registers
    if getattr(module, "class_token", None) is not None and hasattr(module, "conv_proj"):  # torchvision
        return 1
    return 0 if type(module).__name__ in WITHOUT_PREFIX else None


def _tower(module):
    """Of a model that is wrapped: what images go through."""
    return getattr(module, "visual", None) or getattr(module, "vision_model", None) or module


def _is_count(value):
    return isinstance(value, int) and not isinstance(value, bool)


def _grid(module):
    """Of models whose tokens all lie in one grid, from the first block to the last."""
    module = _tower(module)
    config = getattr(module, "config", None)
    if getattr(config, "model_type", None) in HF_PREFIX:
        side = config.image_size // config.patch_size if _is_count(config.image_size) and _is_count(config.patch_size) else 0
        return (side, side) if side else None
    if hasattr(module, "class_embedding") and hasattr(module, "grid_size"):
        return tuple(module.grid_size)
    if hasattr(module, "conv_proj") and _is_count(getattr(module, "patch_size", None)):
        side = module.image_size // module.patch_size
        return side, side
    patches = getattr(module, "patch_embed", None) or getattr(module, "stem", None)
    sides = getattr(patches, "grid_size", None)
    one_grid = hasattr(module, "num_prefix_tokens") and type(module).__name__ != "MultiScaleVit" or type(module).__name__ == "MlpMixer"
    fixed = isinstance(sides, (tuple, list)) and len(sides) == 2 and all(_is_count(side) for side in sides)
    return tuple(sides) if one_grid and fixed else None
