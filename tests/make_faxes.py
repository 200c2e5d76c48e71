"""Bilevel TIFFs as faxes and their programs write them, old-style LZW, and BMPs that no one reads: what they show.

usage: make_faxes.py OUT

Writes OUT/images, and OUT/whole.tsv: a name, and the array of what it shows, or `error` where Pillow refuses it. The rows
are libtiff's own codes, put together as other writers do: with and without marks at the ends of lines, with fill bits,
with marks before or after a row.
"""

import io
import struct
import sys
from pathlib import Path

import numpy as np
from make_pixels import bmp, tiff
from PIL import Image

EOL = "000000000001"


def strip_of(pixels, options):
    """libtiff's own group 3 strip of (height, width) pixels, 1 being black."""
    file = io.BytesIO()
    image = Image.fromarray(pixels == 0)
    image.save(file, "TIFF", compression="group3", tiffinfo={292: options, 278: len(pixels), 262: 0})
    file.seek(0)
    tags = Image.open(file).tag_v2
    (start,), (length,) = tags[273], tags[279]
    data = file.getvalue()[start : start + length]
    return "".join(f"{byte:08b}" for byte in data)


def codes(row):
    """The codes of a row alone."""
    bits = strip_of(np.stack([row, row]), 0)
    start = bits.index(EOL) + len(EOL)
    return bits[start : bits.index(EOL, start)]


def packed(bits):
    bits += "0" * (-len(bits) % 8)
    return bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits), 8))


def fax(pixels, data, options=None, rows=None, compression=3, **more):
    """A TIFF of one strip, `data`, that shows `pixels`."""
    tags = [] if options is None else [(292, (4, [options]))]
    return tiff(pixels[:, :, None], 1, 0, rows=rows or len(pixels), encode=(compression, lambda _: data), tags=tags, **more)


def pictures():
    rng = np.random.default_rng(3)
    text = (rng.random((40, 97)) < 0.1).repeat(3, axis=1).astype(np.uint8)
    yield "text", text
    yield "wide", (rng.random((9, 2600)) < 0.002).cumsum(axis=1).astype(np.uint8) & 1
    yield "white", np.zeros((7, 64), np.uint8)
    yield "black", np.ones((7, 65), np.uint8)
    yield "black_left", np.pad(np.ones((9, 5), np.uint8), ((0, 0), (0, 20)))
    yield "white_top", np.concatenate([np.zeros((4, 97), np.uint8), text[:5, :97]])
    yield "white_bottom", np.concatenate([text[:5, :97], np.zeros((4, 97), np.uint8)])
    yield "one_row", text[:1]
    yield "one_column", text[:, 5:6]


def faxes():
    for name, pixels in pictures():
        image = Image.fromarray(pixels == 0)
        for options in (0, 1, 4, 5):
            for rows in (len(pixels), 3):
                for photometric in (0, 1):
                    file = io.BytesIO()
                    info = {292: options, 278: rows, 262: photometric}
                    image.save(file, "TIFF", compression="group3", tiffinfo=info)
                    yield f"{name}_libtiff_{options}_{rows}_{photometric}", file.getvalue(), pixels
        file = io.BytesIO()
        image.save(file, "TIFF", compression="group4")
        yield f"{name}_group4", file.getvalue(), pixels
        rows = [codes(row) for row in pixels]
        aligned = lambda bits: "0" * ((-len(bits) - len(EOL)) % 8) + EOL  # noqa: E731 - an end of line that ends a byte
        filled = ""
        for row in rows:
            filled += aligned(filled) + row
        streams = {
            "before": "".join(EOL + row for row in rows),
            "before_rtc": "".join(EOL + row for row in rows) + EOL * 6,
            "after": "".join(row + EOL for row in rows),
            "after_rtc": "".join(row + EOL for row in rows) + EOL * 5,
            "none": "".join(rows),
            "bytes": "".join(row + "0" * (-len(row) % 8) for row in rows),
            "filled": filled,
            "filled_rtc": filled + EOL * 6,
            "long_fill": "".join("0" * 23 + EOL + row for row in rows),
            "two_marks": EOL + "".join(EOL + row for row in rows),
        }
        for kind, bits in streams.items():
            yield f"{name}_{kind}", fax(pixels, packed(bits), 4 if "filled" in kind else None), pixels
        yield f"{name}_huffman", fax(pixels, packed(streams["bytes"]), compression=2), pixels
        short = "".join(EOL + row for row in rows[:-1])
        yield f"{name}_row_missing", fax(pixels, packed(short)), None
        half = packed(streams["before"])
        yield f"{name}_cut", fax(pixels, half[: len(half) // 2 + 1]), None


def old_lzw(data):
    """As programs wrote it before TIFF 6.0: the lowest bit first, codes that grow one entry later."""
    table = {bytes([value]): value for value in range(256)}
    bits, count, out = 0, 0, bytearray()

    def put(code, length):
        nonlocal bits, count
        bits |= code << count
        count += length
        while count >= 8:
            out.append(bits & 255)
            bits, count = bits >> 8, count - 8

    length, following = 9, 258
    put(256, length)
    string = b""
    for value in data:
        longer = string + bytes([value])
        if longer in table:
            string = longer
            continue
        put(table[string], length)
        table[longer] = following
        following += 1
        if following > 1 << length:
            length += 1
        string = bytes([value])
        if following == 4095:
            put(table[string], length)
            put(256, length)
            table = {bytes([value]): value for value in range(256)}
            length, following, string = 9, 258, b""
    if string:
        put(table[string], length)
        following += 1
        length += following > 1 << length
    put(257, length)
    put(0, 7)
    return bytes(out)


def others():
    rng = np.random.default_rng(4)
    for name, size, channels in (("small", (11, 13), 3), ("large", (120, 170), 3), ("grey", (90, 77), 1)):
        noise = rng.integers(0, 256, (*size, channels), dtype=np.uint8) // 20 * 20
        yield f"{name}_old_lzw", tiff(noise, 8, 2 if channels == 3 else 1, rows=50, encode=(5, old_lzw)), noise
    for bits in (1, 4, 8):
        for compression in (3, 4, 5, 6):
            for size in (40, 64):
                data = rng.integers(0, 256, 400, dtype=np.uint8).tobytes()
                palette = rng.integers(0, 256, (1 << bits) * 4, dtype=np.uint8).tobytes()
                masks = struct.pack("<III", 0xFF0000, 0xFF00, 0xFF) if size == 40 and compression == 3 else b""
                name = f"bmp{bits}_compression{compression}_{size}"
                yield name, bmp(bits, data, 32, 24, compression, palette=palette, masks=masks, size=size), None


def shown(data):
    try:
        return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    except Exception:  # noqa: BLE001 - whatever Pillow raises is its verdict
        return None


def rgb(pixels):
    if pixels.ndim == 2:
        pixels = (1 - pixels[:, :, None]) * np.uint8(255)
    return np.ascontiguousarray(np.broadcast_to(pixels, (*pixels.shape[:2], 3)))


def main():
    out = Path(sys.argv[1])
    (out / "images").mkdir(parents=True)
    with open(out / "whole.tsv", "w") as table:
        for kind, files in (("tif", faxes()), ("", others())):
            for name, data, pixels in files:
                name = f"{name}.{kind or ('bmp' if name.startswith('bmp') else 'tif')}"
                (out / "images" / name).write_bytes(data)
                by_pillow = shown(data)
                truth = None if pixels is None else rgb(pixels)
                agrees = truth is None or by_pillow is not None and np.array_equal(by_pillow, truth)
                if truth is not None:
                    np.save(out / f"{name}.npy", truth)
                array = "error" if truth is None else f"{name}.npy"
                verdict = "refused" if by_pillow is None else "read" if agrees else "wrong"
                print(name, array, verdict, sep="\t", file=table)


if __name__ == "__main__":
    main()
