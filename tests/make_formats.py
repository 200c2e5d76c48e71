"""Makes files of the rare formats, in all kinds that Pillow and Netpbm write, and Pillow's pixels, for tests/it/formats.rs.

    make_formats.py OUT

OUT/images/*      the files
OUT/whole.tsv     image, and an array (height, width, 3) of uint8, or `error`, from Image.open(...).convert("RGB")
"""

import sys
import warnings
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "scripts"))

from formats import by_pillow, netpbm
from formats.picture import pixels_of

RARE = (".pnm", ".pam", ".qoi", ".tga", ".ico", ".cur")


def main():
    out = Path(sys.argv[1])
    images = out / "images"
    images.mkdir(parents=True)
    warnings.simplefilter("ignore")
    with open(out / "whole.tsv", "w") as wholes:
        for name, data in (*by_pillow.files(RARE), *netpbm.files()):
            (images / name).write_bytes(data)
            pixels = pixels_of(images / name)
            if pixels is not None:
                np.save(out / f"{name}.npy", pixels)
            print(name, "error" if pixels is None else f"{name}.npy", sep="\t", file=wholes)


if __name__ == "__main__":
    main()
