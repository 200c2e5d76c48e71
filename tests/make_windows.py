"""Makes JPEGs that are larger than what a crop of them needs, in every way that libjpeg lays one out, for
tests/it/windows.rs.

    make_windows.py OUT

OUT/images/*.jpg     the files
"""

import sys
from pathlib import Path

from make_pixels import photo, saved
from PIL import Image

EOI = b"\xff\xd9"


def without_last_scans(data, scans):
    """A progressive file whose last scans never came: libjpeg smooths what it has."""
    starts = [at for at in range(len(data) - 1) if data[at:at + 2] == b"\xff\xda"]
    return data[: starts[-scans]] + EOI


def main():
    images = Path(sys.argv[1]) / "images"
    images.mkdir(parents=True)
    for width, height in ((151, 117), (96, 160), (640, 480)):
        picture = Image.fromarray(photo(width, height))
        size = f"{width}x{height}"
        for subsampling in ("4:4:4", "4:2:2", "4:2:0"):
            name, how = f"{size}_{subsampling.replace(':', '')}", {"subsampling": subsampling, "quality": 90}
            (images / f"{name}.jpg").write_bytes(saved(picture, "JPEG", **how))
            (images / f"{name}_restart.jpg").write_bytes(saved(picture, "JPEG", restart_marker_rows=1, **how))
            progressive = saved(picture, "JPEG", progressive=True, **how)
            (images / f"{name}_p.jpg").write_bytes(progressive)
            for scans in (1, 5, 8):
                (images / f"{name}_p_less{scans}.jpg").write_bytes(without_last_scans(progressive, scans))
        (images / f"{size}_grey.jpg").write_bytes(saved(picture.convert("L"), "JPEG"))
        (images / f"{size}_greyp.jpg").write_bytes(saved(picture.convert("L"), "JPEG", progressive=True))
        (images / f"{size}_cmyk.jpg").write_bytes(saved(picture.convert("CMYK"), "JPEG"))


if __name__ == "__main__":
    main()
