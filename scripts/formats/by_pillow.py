"""Files that Pillow writes: each format in every mode that it has there, with its options."""

import io
from itertools import product

from formats.picture import by_mode, rgb

ENDINGS = {
    "JPEG": "jpg", "PNG": "png", "WEBP": "webp", "GIF": "gif", "BMP": "bmp", "DIB": "dib", "TIFF": "tif", "PPM": "pnm",
    "TGA": "tga", "ICO": "ico", "QOI": "qoi", "JPEG2000": "jp2", "AVIF": "avif", "DDS": "dds", "PCX": "pcx", "SGI": "sgi",
}
TIFF_COMPRESSIONS = (
    "raw", "tiff_lzw", "tiff_adobe_deflate", "tiff_deflate", "packbits", "jpeg", "group3", "group4", "lzma", "zstd", "webp",
    "tiff_ccitt", "tiff_raw_16", "tiff_thunderscan", "tiff_sgilog24",
)


def files(endings=("",)):
    """(name, bytes) of each that Pillow can write; of some endings."""
    for kind, options in every_option():
        if not f".{ENDINGS[kind]}".endswith(endings):
            continue
        for mode, image in by_mode().items():
            data = saved(image, kind, **options)
            if data:
                yield named(kind, mode, options), data
    yield from (file for file in (*animations(), *icons()) if file[0].endswith(endings))


def every_option():
    yield from (("JPEG", {"quality": q, "subsampling": s, "progressive": p})
                for q, s, p in product((5, 75, 100), ("4:4:4", "4:2:2", "4:2:0"), (False, True)))
    yield from (("JPEG", {"restart_marker_rows": rows}) for rows in (1, 3))
    yield from (("JPEG", {"keep_rgb": True}), ("JPEG", {"optimize": True}))
    yield from (("PNG", {"compress_level": level}) for level in (0, 9))
    yield from (("PNG", {"bits": bits}) for bits in (1, 2, 4))
    yield from (("WEBP", {"lossless": lossless, "quality": q, "method": m})
                for lossless, q, m in product((False, True), (10, 90), (0, 4)))
    yield from (("GIF", {"interlace": interlace}) for interlace in (0, 1))
    yield from (("BMP", {}), ("DIB", {}), ("QOI", {}), ("PPM", {}), ("DDS", {}), ("PCX", {}), ("SGI", {}))
    yield from (("JPEG2000", {"irreversible": lossy}) for lossy in (False, True))
    yield from (("AVIF", {"quality": q}) for q in (50, 100))
    yield from (("TIFF", {"compression": c, "big_tiff": big}) for c, big in product(TIFF_COMPRESSIONS, (False, True)))
    yield from (("TIFF", {"compression": c, "tiffinfo": {317: 2}}) for c in ("tiff_lzw", "tiff_adobe_deflate", "zstd"))
    yield from (("TIFF", {"compression": c, "strip_size": 1000}) for c in ("raw", "tiff_lzw", "jpeg"))
    yield from (("TGA", {"compression": c, "orientation": o}) for c, o in product((None, "tga_rle"), (-1, 1)))
    yield from (("ICO", {"bitmap_format": b, "sizes": s}) for b, s in product(("png", "bmp"), ([(24, 24)], [(16, 16), (24, 24)])))


def saved(image, kind, **options):
    """None where Pillow does not write this."""
    buffer = io.BytesIO()
    try:
        image.save(buffer, kind, **options)
    except Exception:  # noqa: BLE001 - what Pillow says of what it cannot write is of no matter
        return None
    return buffer.getvalue()


def named(kind, mode, options):
    words = [mode.replace(";", "_"), *(f"{key}={value}" for key, value in options.items())]
    plain = "".join(letter if letter.isalnum() or letter in "=_-." else "" for letter in "_".join(words))
    return f"pillow_{kind.lower()}_{plain}.{ENDINGS[kind]}"


def animations():
    frames = [rgb().rotate(angle) for angle in (90, 180)]
    for kind in ("GIF", "PNG", "WEBP", "TIFF"):
        data = saved(rgb(), kind, save_all=True, append_images=frames)
        yield named(kind, "RGB", {"frames": 3}), data


def icons():
    """Several pictures in one; and the same as cursors, which differ from icons in one number and the place of the tip."""
    for mode in ("1", "L", "P", "RGB", "RGBA"):
        for bitmap_format in ("png", "bmp"):
            options = {"bitmap_format": bitmap_format, "sizes": [(16, 16), (32, 32), (24, 24)]}
            icon = saved(by_mode()[mode].resize((32, 32)), "ICO", **options)
            yield named("ICO", mode, {"bitmap_format": bitmap_format, "pictures": 3}), icon
            yield f"pillow_cur_{mode}_{bitmap_format}.cur", cursor(icon)


def cursor(icon):
    data = bytearray(icon)
    data[2] = 2
    for entry in range(data[4]):
        data[6 + 16 * entry + 4 : 6 + 16 * entry + 8] = b"\x03\0\x05\0"
    return bytes(data)
