"""Breaks good images in every format and asks Pillow for their sizes, for tests/it/broken.rs.

    make_broken.py OUT [PER_FILE]

OUT/images/*     the files: cuts at every kind of place and bits turned over, seeded; good.* are whole
OUT/broken.tsv   image, and the width and height that Pillow decodes it to, or `error` twice
"""

import os
import random
import sys
import zlib
from pathlib import Path

from make_pixels import files, whole

# Files whose structure differs; the others would only repeat them.
CHOSEN = """
jpg_444.jpg jpg_420.jpg jpg_420p.jpg jpg_grey.jpg jpg_restart.jpg jpg_cmyk.jpg jpg_mpo.jpg
jpg_arithmetic_progressive.jpg jpg_440.jpg
png_c2d8.png png_c3d4i.png png_c0d16.png png_photo.png png_stored.png png_apng.png png_text.png
webp_q60.webp webp_lossless.webp webp_alpha.webp webp_animated.webp
gif_p200.gif gif_interlaced.gif gif_animated.gif gif_offset_transparent.gif
bmp_rgb.bmp bmp_b4.bmp bmp_b8_v5.bmp bmp_fields16_0.bmp bmp_rle8.bmp bmp_rle4.bmp
tif_rgb_raw.tif tif_pages.tif tif_big.tif tif_rgb8_planar_le_tiled.tif tif_rgb_tiff_lzw.tif tif_p_packbits.tif
tif_l_tiff_adobe_deflate_p2.tif tif_rgb16_be_deflate_tiled.tif tif_turned6_deflate.tif
tif_rgb_jpeg.tif tif_ycbcr_jpeg.tif
""".split()


def broken(data, rng, count):
    """Cuts near both ends and anywhere, flips in the header and anywhere, a stretch lost, a stretch of zeros."""
    for cut in (0, 1, 2, 3, 4, 8, 12, 16, len(data) // 2):
        yield f"cut{cut}", data[:cut]
    for missing in (1, 2, 3, 4, 5, 8, 12, 13, 16, 20):
        yield f"short{missing}", data[: max(0, len(data) - missing)]
    for index in range(count):
        at = rng.randrange(len(data))
        yield f"cut_{index}", data[:at]
        for name, reach in (("head", min(len(data), 64)), ("any", len(data))):
            at = rng.randrange(reach)
            yield f"{name}_{index}", data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :]
        at, length = rng.randrange(len(data)), rng.randrange(1, 20)
        yield f"lost_{index}", data[:at] + data[at + length :]
        yield f"zero_{index}", (data[:at] + bytes(length) + data[at + length :])[: len(data)]


def silence_libtiff():
    """It writes what it dislikes to the error output, past Python, which keeps its own."""
    sys.stderr = os.fdopen(os.dup(2), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


def main():
    silence_libtiff()
    out = Path(sys.argv[1])
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 4
    images = out / "images"
    images.mkdir(parents=True)
    good = dict(files())
    with open(out / "broken.tsv", "w") as sizes:
        for name in CHOSEN:
            rng = random.Random(zlib.crc32(name.encode()))
            (images / f"good.{name}").write_bytes(good[name])
            for how, data in broken(good[name], rng, count):
                path = images / f"{how}.{name}"
                path.write_bytes(data)
                pixels = whole(path)
                height, width = ("error", "error") if pixels is None else pixels.shape[:2]
                print(path.name, width, height, sep="\t", file=sizes)


if __name__ == "__main__":
    main()
