"""What featx's TOML says of a model besides its preprocessing: `[tokens]`, `[outputs]`."""

import json
from dataclasses import dataclass, field

# Classes of timm and torchvision that have no class token, nor another before the patches.
WITHOUT_PREFIX = {
    "EfficientFormerV2", "FocalNet", "GlobalContextVit", "Hiera", "HieraDet", "Levit", "MlpMixer", "Nest",
    "PyramidVisionTransformerV2", "SwinTransformer", "SwinTransformerV2", "SwinTransformerV2Cr", "TinyVit", "Twins",
    "VisionTransformerSAM",
}
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
    prefix = getattr(module, "num_prefix_tokens", None)  # timm
    if _is_count(prefix):
        return prefix
    registers = getattr(module, "num_register_tokens", None)  # DINOv2's own code
    if _is_count(registers) and getattr(module, "cls_token", None) is not None:
        return 1 + registers
    if getattr(module, "class_token", None) is not None and hasattr(module, "conv_proj"):  # torchvision
        return 1
    return 0 if type(module).__name__ in WITHOUT_PREFIX else None


def _is_count(value):
    return isinstance(value, int) and not isinstance(value, bool)


def _grid(module):
    """Of models whose tokens all lie in one grid, from the first block to the last."""
    if hasattr(module, "conv_proj") and _is_count(getattr(module, "patch_size", None)):
        side = module.image_size // module.patch_size
        return side, side
    patches = getattr(module, "patch_embed", None) or getattr(module, "stem", None)
    sides = getattr(patches, "grid_size", None)
    one_grid = hasattr(module, "num_prefix_tokens") and type(module).__name__ != "MultiScaleVit" or type(module).__name__ == "MlpMixer"
    fixed = isinstance(sides, (tuple, list)) and len(sides) == 2 and all(_is_count(side) for side in sides)
    return tuple(sides) if one_grid and fixed else None
