"""What an image processor of transformers does, in featx's keys."""

# Pillow's numbers of its filters, which transformers writes.
FILTERS = {0: "nearest", 1: "lanczos", 2: "bilinear", 3: "bicubic", 4: "box", 5: "hamming"}
LANCZOS = 1
# What a processor may be told to do, and featx has no key for.
UNKNOWN = ("do_pad", "do_thumbnail", "do_align_long_axis", "do_resize_longest", "do_reduce_labels")


def read_processor(processor):
    """(settings, problems) as in the TOML."""
    says = processor.to_dict()
    settings, problems = {"resize": "none", "crop": "none"}, []
    # The processors of PIL images resize as Pillow does, those of tensors as torchvision's transforms.v2.
    if not _is_of_pil(processor):
        settings["resampler"] = "torch-antialias"
    if says.get("do_resize"):
        _read_resize(says, settings, problems)
    if says.get("do_center_crop"):
        settings["crop"] = _side(dict(says["crop_size"]))
        settings["crop_rounding"] = "down"
    settings["scale"] = float(says.get("rescale_factor", 1 / 255)) if says.get("do_rescale") else 1.0
    normalises = says.get("do_normalize")
    settings["mean"] = tuple(map(float, says["image_mean"])) if normalises else (0.0,) * 3
    settings["std"] = tuple(map(float, says["image_std"])) if normalises else (1.0,) * 3
    if says.get("do_flip_channel_order"):
        settings["channels"] = "bgr"
    if says.get("rescale_offset"):
        problems.append("shifts pixels (rescale_offset)")
    problems += [f"has {key}" for key in UNKNOWN if says.get(key)]
    return settings, problems


def _is_of_pil(processor):
    backend = getattr(processor, "backend", None)
    if backend is not None:
        return backend == "pil"
    return not type(processor).__name__.endswith("Fast")


def _read_resize(says, settings, problems):
    size = dict(says.get("size") or {})
    resample = says.get("resample")
    settings["interpolation"] = FILTERS.get(resample, "bilinear")
    if "resampler" in settings and resample == LANCZOS:
        settings["interpolation"] = "bicubic"  # as transformers itself does with torchvision before 0.27
    shortest, longest = size.get("shortest_edge"), size.get("longest_edge")
    crop_pct = says.get("crop_pct")
    if crop_pct and shortest and says.get("do_center_crop") is None:
        _read_convnext(shortest, crop_pct, settings)
    elif shortest and not longest:
        settings["resize"] = shortest
    elif longest and not shortest:
        settings["resize"] = {"longer": longest}
    elif "height" in size and "width" in size:
        settings["resize"] = [size["height"], size["width"]]
    else:
        problems.append(f"resizes to {size}")


def _read_convnext(side, crop_pct, settings):
    """ConvNeXT's: small images are cut from larger ones, large ones are warped."""
    if side < 384:
        settings |= {"resize": int(side / crop_pct), "crop": side, "crop_rounding": "down"}
    else:
        settings["resize"] = [side, side]


def _side(size):
    height, width = size["height"], size["width"]
    return height if height == width else [height, width]
