"""Files that ImageMagick writes: depths, interlacing, byte orders and coders that Pillow does not write."""

import shutil
import subprocess
import tempfile
from itertools import product
from pathlib import Path

from formats.picture import by_mode

TYPES = ("Bilevel", "Grayscale", "GrayscaleMatte", "Palette", "PaletteMatte", "TrueColor", "TrueColorMatte")
TIFF_COMPRESSIONS = ("None", "LZW", "Zip", "RLE", "JPEG", "Group4", "Fax", "LZMA", "ZSTD", "WebP")


def find_program():
    """ImageMagick of some version; other programs are called convert too."""
    for program in filter(None, map(shutil.which, ("magick", "convert-im6.q16", "convert"))):
        told = subprocess.run([program, "-version"], capture_output=True, text=True, errors="replace")
        if told.stdout.startswith("Version: ImageMagick"):
            return program
    return None


def files():
    program = find_program()
    if not program:
        return
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        source = folder / "source.png"
        by_mode()["RGBA"].save(source)
        for number, (ending, coder, options) in enumerate(every_option()):
            made = folder / f"{number}.{ending}"
            command = [program, source, *options, f"{coder}{made}"]
            ended = subprocess.run(command, capture_output=True)
            # Of several images ImageMagick writes several files.
            if ended.returncode == 0 and made.exists():
                words = "".join(c for c in f"{coder}{'_'.join(options)}" if c.isalnum() or c in "=_.")
                yield f"magick_{ending}_{words}.{ending}", made.read_bytes()


def every_option():
    yield from pngs()
    yield from tiffs()
    yield from bmps()
    for kind, interlace in product(TYPES[:6], ("none", "GIF")):
        yield "gif", "", ["-type", kind, "-interlace", interlace]
        yield "gif", "GIF87:", ["-type", kind, "-interlace", interlace]
    for kind, compress in product(TYPES, ("None", "RLE")):
        yield "tga", "", ["-type", kind, "-compress", compress]
    for kind, depth, compress in product(("Bilevel", "Grayscale", "TrueColor"), (1, 4, 8, 16), ("none", "Undefined")):
        yield "pnm", "", ["-type", kind, "-depth", str(depth), "-compress", compress]
    for kind, coder in product(TYPES, ("ICO:", "CUR:")):
        yield coder[:3].lower(), coder, ["-type", kind]
    for colours, interlace in product(("sRGB", "Gray", "CMYK", "YCbCr"), ("none", "JPEG")):
        for factor in ("1x1", "2x1", "1x2", "2x2", "4x1"):
            yield "jpg", "", ["-colorspace", colours, "-interlace", interlace, "-sampling-factor", factor]
    for lossless, quality in product(("true", "false"), ("20", "95")):
        yield "webp", "", ["-define", f"webp:lossless={lossless}", "-quality", quality]
    for ending in ("jp2", "pam", "pfm", "dds", "xpm", "pcx", "sgi", "psd", "miff", "exr", "hdr"):
        yield ending, "", []


def pngs():
    for colour, depth, interlace in product((0, 2, 3, 4, 6), (1, 2, 4, 8, 16), ("none", "PNG")):
        define = ["-define", f"png:color-type={colour}", "-define", f"png:bit-depth={depth}"]
        few = ["-colors", str(min(2**depth, 256))] if colour == 3 else []
        yield "png", "", [*few, *define, "-interlace", interlace]


def tiffs():
    for kind, compress, endian in product((*TYPES, "ColorSeparation"), TIFF_COMPRESSIONS, ("LSB", "MSB")):
        yield "tif", "", ["-type", kind, "-compress", compress, "-endian", endian]
    for depth, endian, compress in product((1, 2, 4, 12, 16, 32), ("LSB", "MSB"), ("None", "LZW", "Zip")):
        for kind in ("Grayscale", "TrueColor"):
            yield "tif", "", ["-type", kind, "-depth", str(depth), "-endian", endian, "-compress", compress]
    for layout in (["-define", "tiff:tile-geometry=16x16"], ["-interlace", "plane"], ["-define", "tiff:fill-order=lsb"],
                   ["-define", "tiff:rows-per-strip=3"], ["-define", "quantum:format=floating-point", "-depth", "32"]):
        for kind, compress in product(("Grayscale", "TrueColor", "TrueColorMatte"), ("None", "LZW", "Zip", "JPEG")):
            yield "tif", "", ["-type", kind, "-compress", compress, *layout]
            yield "tif", "TIFF64:", ["-type", kind, "-compress", compress, *layout]


def bmps():
    for coder, kind, compress in product(("BMP:", "BMP2:", "BMP3:"), TYPES, ("None", "RLE")):
        yield "bmp", coder, ["-type", kind, "-compress", compress]
    for layout in ("RGB555", "RGB565", "ARGB4444", "ARGB1555"):
        yield "bmp", "BMP:", ["-define", f"bmp:subtype={layout}"]
    for colours in (2, 4, 16):
        yield "bmp", "BMP3:", ["-colors", str(colours), "-type", "Palette"]
