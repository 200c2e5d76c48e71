"""TIFFs that tifffile writes: what neither Pillow nor ImageMagick does with planes, tiles, predictors and sample types."""

import io
from itertools import product

import numpy as np
from formats.picture import samples

COMPRESSIONS = (None, "lzw", "deflate", "adobe_deflate", "packbits", "jpeg", "lzma", "zstd", "webp", "lerc", "jpeg2000", "png")
TYPES = (np.uint8, np.uint16, np.uint32, np.int8, np.int16, np.int32, np.float16, np.float32, np.float64)


def files():
    try:
        import imagecodecs  # noqa: F401
        import tifffile
    except ImportError:
        return
    for options in every_option():
        data = saved(tifffile, **options)
        if data:
            yield named(options), data


def every_option():
    for compression, photometric, order, big in product(COMPRESSIONS, ("minisblack", "rgb"), "<>", (False, True)):
        yield {"compression": compression, "photometric": photometric, "byteorder": order, "bigtiff": big}
    for kind, photometric, order, compression in product(TYPES, ("minisblack", "rgb"), "<>", (None, "lzw")):
        yield {"kind": kind, "photometric": photometric, "byteorder": order, "compression": compression}
    for compression, tile, planar in product(COMPRESSIONS, (None, (16, 16), (16, 32)), ("contig", "separate")):
        yield {"compression": compression, "tile": tile, "planarconfig": planar, "photometric": "rgb"}
        yield {"compression": compression, "tile": tile, "planarconfig": planar, "photometric": "rgb", "kind": np.uint16}
    for kind, photometric, compression, order in product(TYPES[:3], ("minisblack", "rgb"), ("lzw", "deflate"), "<>"):
        yield {"kind": kind, "photometric": photometric, "compression": compression, "predictor": True, "byteorder": order}
    for extra, planar in product(("unassalpha", "assocalpha", "unspecified"), ("contig", "separate")):
        yield {"photometric": "rgb", "extrasamples": [extra], "planarconfig": planar}
        yield {"photometric": "minisblack", "extrasamples": [extra], "planarconfig": planar}
    for photometric in ("miniswhite", "palette", "separated", "cielab", "icclab", "ycbcr", "cfa"):
        for compression in (None, "lzw", "jpeg"):
            yield {"photometric": photometric, "compression": compression}
    for bits, photometric in product((1, 2, 4, 6, 10, 12, 14), ("minisblack", "miniswhite")):
        yield {"photometric": photometric, "bitspersample": bits}
    for subsampling in ((1, 1), (2, 1), (2, 2), (4, 1)):
        yield {"photometric": "ycbcr", "compression": "jpeg", "subsampling": subsampling}
    for rows in (1, 7):
        yield {"photometric": "rgb", "rowsperstrip": rows, "compression": "lzw"}


def saved(tifffile, kind=np.uint8, byteorder="<", bigtiff=False, **options):
    """None where tifffile does not write this."""
    data = pixels(kind, options)
    if options["photometric"] == "palette":
        options["colormap"] = samples(3, 16).reshape(-1, 3)[:256].T
    buffer = io.BytesIO()
    try:
        with tifffile.TiffWriter(buffer, byteorder=byteorder, bigtiff=bigtiff) as writer:
            writer.write(data, metadata=None, **options)
    except Exception:  # noqa: BLE001 - what tifffile says of what it cannot write is of no matter
        return None
    return buffer.getvalue()


def pixels(kind, options):
    colours = {"rgb": 3, "separated": 4, "cielab": 3, "icclab": 3, "ycbcr": 3}.get(options["photometric"], 1)
    channels = colours + len(options.get("extrasamples", ()))
    size = np.dtype(kind).itemsize
    values = samples(channels, options.get("bitspersample", 8 if size == 1 else 16))
    if np.dtype(kind).kind == "f":
        values = values / 300.0
    values = values.astype(kind)
    if options.get("planarconfig") == "separate":
        values = np.moveaxis(values, -1, 0)
    elif channels == 1:
        values = values[..., 0]
    return np.ascontiguousarray(values)


def named(options):
    words = (f"{key}={np.dtype(value).name if key == 'kind' else value}" for key, value in options.items())
    plain = "".join(c for c in "_".join(words) if c.isalnum() or c in "=_<>")
    return f"tifffile_tif_{plain.replace('<', 'le').replace('>', 'be')}.tif"
