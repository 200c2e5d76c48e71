"""Makes images and what torchvision and Pillow make of them, for tests/it/pixels.rs.

    make_pixels.py OUT

OUT/images/*      the files
OUT/cases.tsv     image, resize, crop, interpolation, and the stem of two arrays of shape (crop, crop, 3):
                  STEM.u8.npy after Resize and CenterCrop, STEM.f32.npy after ToTensor and Normalize
OUT/whole.tsv     image, and an array (height, width, 3) of uint8, or `error`, from Image.open(...).convert("RGB")
"""

import io
import random
import struct
import sys
import warnings
import zlib
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torchvision import transforms as T

warnings.simplefilter("ignore")
FILTERS = {
    "nearest": T.InterpolationMode.NEAREST,
    "bilinear": T.InterpolationMode.BILINEAR,
    "bicubic": T.InterpolationMode.BICUBIC,
    "lanczos": T.InterpolationMode.LANCZOS,
}
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


def photo(width, height, channels=3, seed=0):
    """Smooth colour, some edges, some noise."""
    rng = np.random.default_rng(seed * 7919 + width * 31 + height)
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    planes = []
    for c in range(channels):
        a, b, p = rng.uniform(0.01, 0.2, 3)
        plane = 128 + 80 * np.sin(a * x + p * 30) * np.cos(b * y + c) + 40 * ((x * a * 3 + y * b) % 2 > 1)
        planes.append(plane + rng.normal(0, 12, plane.shape))
    return np.clip(np.stack(planes, -1), 0, 255).astype(np.uint8).squeeze()


def saved(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def segments(jpeg):
    """The markers of a JPEG up to its first scan: (start, end, marker)."""
    at = 2
    while jpeg[at + 1] != 0xDA:
        end = at + 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big")
        yield at, end, jpeg[at + 1]
        at = end


def without_segment(jpeg, marker):
    for start, end, found in segments(jpeg):
        if found == marker:
            return jpeg[:start] + jpeg[end:]
    raise ValueError(marker)


def with_adobe_transform(jpeg, transform):
    for start, end, found in segments(jpeg):
        if found == 0xEE:
            return jpeg[: end - 1] + bytes([transform]) + jpeg[end:]
    raise ValueError("no Adobe marker")


def jpegs():
    rgb = Image.fromarray(photo(75, 53))
    for subsampling in ("4:4:4", "4:2:2", "4:2:0"):
        for progressive in (False, True):
            name = f"{subsampling.replace(':', '')}{'p' if progressive else ''}"
            yield name, saved(rgb, "JPEG", subsampling=subsampling, progressive=progressive, quality=83)
    yield "restart", saved(rgb, "JPEG", restart_marker_blocks=2)
    yield "q100", saved(rgb, "JPEG", quality=100)
    yield "q5", saved(rgb, "JPEG", quality=5)
    yield "rgb", saved(rgb, "JPEG", keep_rgb=True)
    yield "grey", saved(rgb.convert("L"), "JPEG")
    yield "greyp", saved(rgb.convert("L"), "JPEG", progressive=True)
    cmyk = saved(Image.fromarray(photo(61, 43, 4), "CMYK"), "JPEG")
    yield "cmyk", cmyk
    yield "cmyk_no_adobe", without_segment(cmyk, 0xEE)
    yield "ycck", with_adobe_transform(cmyk, 2)
    ycc = saved(rgb, "JPEG")
    yield "no_jfif", without_segment(ycc, 0xE0)
    exif = Image.Exif()
    exif[0x0112] = 6
    yield "rotated", saved(rgb, "JPEG", exif=exif)
    yield "trailing", ycc + b"\xff\xd8\xff" + bytes(999)
    yield "mpo", saved(rgb, "MPO", save_all=True, append_images=[rgb.rotate(180)])
    for path in sorted((Path(__file__).parent / "fixtures/jpeg").glob("*.jpg")):
        yield path.stem, path.read_bytes()
    for width, height in ((1, 1), (1, 40), (40, 1), (8, 8), (17, 16), (16, 17), (301, 5)):
        yield f"{width}x{height}", saved(Image.fromarray(photo(width, height).reshape(height, width, 3)), "JPEG")


def png_chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


PASSES = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]


def filtered(row, above, kind, bpp):
    """One PNG row filtered; kinds as in the standard."""
    row, above = row.astype(int), above.astype(int)
    left = np.concatenate([np.zeros(bpp, int), row])[: len(row)]
    corner = np.concatenate([np.zeros(bpp, int), above])[: len(row)]
    if kind == 1:
        guess = left
    elif kind == 2:
        guess = above
    elif kind == 3:
        guess = (left + above) // 2
    elif kind == 4:
        p = left + above - corner
        a, b, c = abs(p - left), abs(p - above), abs(p - corner)
        guess = np.where((a <= b) & (a <= c), left, np.where(b <= c, above, corner))
    else:
        guess = 0 * row
    return bytes([kind]) + ((row - guess) % 256).astype(np.uint8).tobytes()


def packed(samples, depth):
    """(height, width, channels) of samples to rows of bytes."""
    height = samples.shape[0]
    flat = samples.reshape(height, -1)
    if depth == 16:
        return flat.astype(">u2").view(np.uint8).reshape(height, -1)
    if depth == 8:
        return flat.astype(np.uint8)
    bits = (flat[:, :, None] >> np.arange(depth - 1, -1, -1)) & 1
    return np.packbits(bits.reshape(height, -1).astype(np.uint8), axis=1)


def png(samples, depth, colour, extra=b"", interlaced=False, level=6):
    height, width, channels = samples.shape
    bpp = max(1, depth * channels // 8)
    raw = b""
    for x, y, dx, dy in PASSES if interlaced else [(0, 0, 1, 1)]:
        part = samples[y::dy, x::dx]
        if part.size == 0:
            continue
        rows = packed(part, depth)
        above = np.zeros(rows.shape[1], np.uint8)
        for i, row in enumerate(rows):
            raw += filtered(row, above, i % 5, bpp)
            above = row
    data = zlib.compress(raw, level)
    half = len(data) // 2
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)
    return (
        b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + extra
        + png_chunk(b"IDAT", data[:half]) + png_chunk(b"IDAT", data[half:]) + png_chunk(b"IEND", b"")
    )


def pngs():
    rng = np.random.default_rng(5)
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
    depths = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
    for colour, each in depths.items():
        for depth in each:
            for interlaced in (False, True):
                samples = rng.integers(0, 2**depth, (23, 29, channels[colour]))
                extra = b""
                if colour == 0 and depth == 16:
                    samples = samples >> rng.integers(0, 12, samples.shape)
                if colour == 3:
                    entries = min(2**depth, 200)
                    extra = png_chunk(b"PLTE", rng.integers(0, 256, 3 * entries, dtype=np.uint8).tobytes())
                    extra += png_chunk(b"tRNS", bytes(range(min(entries, 40))))
                elif colour in (0, 2):
                    extra = png_chunk(b"tRNS", struct.pack(">HHH", 1, 2, 3)[: 2 * channels[colour]])
                yield f"c{colour}d{depth}{'i' if interlaced else ''}", png(samples, depth, colour, extra, interlaced)
    for width, height in ((1, 1), (1, 9), (9, 1), (2, 2), (3, 5)):
        samples = rng.integers(0, 256, (height, width, 3))
        yield f"{width}x{height}i", png(samples, 8, 2, interlaced=True)
    rgb = Image.fromarray(photo(70, 50))
    yield "photo", saved(rgb, "PNG")
    yield "stored", png(photo(300, 200).astype(int), 8, 2, level=0)
    frames = [rgb.rotate(angle) for angle in (90, 180)]
    yield "apng", saved(rgb, "PNG", save_all=True, append_images=frames)
    yield "apng_default", saved(rgb, "PNG", save_all=True, append_images=frames, default_image=True)
    yield "text", saved(rgb, "PNG", pnginfo=text())


def text():
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text("Comment", "plain")
    info.add_text("Long", "compressed " * 50, zip=True)
    info.add_itxt("Título", "tëxt", "es", "clave", zip=True)
    return info


def webps():
    rgb = Image.fromarray(photo(75, 53))
    rgba = Image.fromarray(photo(61, 44, 4), "RGBA")
    for quality in (5, 60, 100):
        yield f"q{quality}", saved(rgb, "WEBP", quality=quality)
    yield "lossless", saved(rgb, "WEBP", lossless=True)
    yield "alpha", saved(rgba, "WEBP", quality=70)
    yield "alpha_lossless", saved(rgba, "WEBP", lossless=True)
    yield "exact", saved(rgba, "WEBP", lossless=True, exact=True)
    frames = [rgba.rotate(angle) for angle in (90, 180)]
    yield "animated", saved(rgba, "WEBP", save_all=True, append_images=frames, quality=70)
    yield "animated_lossless", saved(rgb, "WEBP", save_all=True, append_images=[rgb.rotate(9)], lossless=True)
    exif = Image.Exif()
    exif[0x0112] = 6
    yield "rotated", saved(rgb, "WEBP", exif=exif)
    for width, height in ((1, 1), (1, 40), (40, 1), (17, 16)):
        yield f"{width}x{height}", saved(Image.fromarray(photo(width, height).reshape(height, width, 3)), "WEBP")


def with_frame(gif, frame, screen=None, transparent=None):
    """A GIF whose first frame has another extent, screen or transparent index; its pixels must still fill it."""
    at = 13 + (3 << (gif[10] & 7) + 1 if gif[10] & 128 else 0)
    while gif[at] != ord(","):
        at += 2
        while gif[at]:
            at += gif[at] + 1
        at += 1
    head = bytearray(gif[:at])
    if screen:
        head[6:10] = struct.pack("<HH", *screen)
    if transparent is not None:
        head += b"!\xf9\x04\x01\x00\x00" + bytes([transparent]) + b"\x00"
    return bytes(head) + b"," + struct.pack("<HHHH", *frame) + gif[at + 9 :]


def gifs():
    rgb = Image.fromarray(photo(75, 53))
    for colours in (2, 3, 16, 200, 256):
        yield f"p{colours}", saved(rgb.quantize(colours), "GIF")
    yield "interlaced", saved(rgb.quantize(64), "GIF", interlace=True)
    yield "straight", saved(rgb.quantize(64), "GIF", interlace=False)
    yield "grey", saved(rgb.convert("L"), "GIF")
    yield "bilevel", saved(rgb.convert("1"), "GIF")
    yield "transparent", saved(rgb.quantize(32), "GIF", transparency=5)
    yield "animated", saved(rgb.quantize(32), "GIF", save_all=True, append_images=[rgb.rotate(90)], comment=b"hello")
    small = saved(Image.fromarray(photo(20, 10)).quantize(16), "GIF")
    yield "offset", with_frame(small, (7, 9, 20, 10), (40, 30))
    yield "offset_transparent", with_frame(small, (7, 9, 20, 10), (40, 30), 3)
    yield "beyond", with_frame(small, (7, 9, 20, 10), (12, 12))
    for width, height in ((1, 1), (1, 40), (40, 1), (17, 3)):
        image = Image.fromarray(photo(width, height).reshape(height, width, 3)).quantize(8)
        yield f"{width}x{height}", saved(image, "GIF", interlace=True)
    yield "noise", saved(Image.fromarray(np.random.default_rng(3).integers(0, 256, (150, 160), np.uint8)), "GIF")


def bmp(bits, rows, width, height, compression=0, palette=b"", masks=b"", size=40, colours=0):
    """Rows as stored; a negative height is one that goes down."""
    info = struct.pack("<IiiHHIIiiII", size, width, height, 1, bits, compression, len(rows), 0, 0, colours, 0)
    info = info + masks if size == 40 else (info + masks).ljust(size, b"\0")
    offset = 14 + len(info) + len(palette)
    return b"BM" + struct.pack("<IHHI", offset + len(rows), 0, 0, offset) + info + palette + rows


def bmps():
    rng = np.random.default_rng(8)
    rgb = Image.fromarray(photo(37, 23))
    for mode in ("1", "L", "P", "RGB"):
        yield mode.lower(), saved(rgb.convert(mode), "BMP")
    yield "rgba", saved(Image.fromarray(photo(37, 23, 4), "RGBA"), "BMP")
    palette = rng.integers(0, 256, (256, 4), dtype=np.uint8)
    for bits in (1, 4, 8, 16, 24, 32):
        stride = (19 * bits + 31) // 32 * 4
        rows = rng.integers(0, 256, 11 * stride, dtype=np.uint8).tobytes()
        entries = palette[: 1 << bits].tobytes() if bits <= 8 else b""
        yield f"b{bits}", bmp(bits, rows, 19, 11, palette=entries)
        yield f"b{bits}_down", bmp(bits, rows, 19, -11, palette=entries)
        yield f"b{bits}_v5", bmp(bits, rows, 19, 11, palette=entries, size=124)
        if bits <= 8:
            core = struct.pack("<IHHHH", 12, 19, 11, 1, bits)
            entries = palette[: 1 << bits, :3].tobytes()
            head = b"BM" + struct.pack("<IHHI", 0, 0, 0, 26 + len(entries)) + core
            yield f"b{bits}_os2", head + entries + rows
    yield "short_palette", bmp(8, bytes(range(240)), 20, 12, palette=palette[:100].tobytes(), colours=100)
    masks = {
        16: [(0xF800, 0x7E0, 0x1F), (0x7C00, 0x3E0, 0x1F)],
        24: [(0xFF0000, 0xFF00, 0xFF)],
        32: [(0xFF0000, 0xFF00, 0xFF), (0xFF000000, 0xFF0000, 0xFF00), (0xFF000000, 0xFF00, 0xFF)],
    }
    for bits, each in masks.items():
        rows = rng.integers(0, 256, 11 * ((19 * bits + 31) // 32 * 4), dtype=np.uint8).tobytes()
        for i, mask in enumerate(each):
            yield f"fields{bits}_{i}", bmp(bits, rows, 19, 11, 3, masks=struct.pack("<III", *mask))
    for i, mask in enumerate([
        (0xFF000000, 0xFF0000, 0xFF00, 0xFF), (0xFF, 0xFF00, 0xFF0000, 0xFF000000),
        (0xFF0000, 0xFF00, 0xFF, 0xFF000000), (0xFF000000, 0xFF00, 0xFF, 0xFF0000), (0, 0, 0, 0),
    ]):
        rows = rng.integers(0, 256, 11 * 19 * 4, dtype=np.uint8).tobytes()
        yield f"fields32a_{i}", bmp(32, rows, 19, 11, 3, masks=struct.pack("<IIII", *mask), size=56)
    rle8 = b"\x05\x07\x00\x03\x01\x02\x03\x00\x02\x09\x00\x00" + b"\x00\x02\x03\x01" + b"\x07\x0b\x00\x00" * 3 + b"\x0a\x01\x00\x00" * 9
    yield "rle8", bmp(8, rle8, 10, 8, 1, palette=palette.tobytes())
    rle4 = b"\x05\x71\x00\x03\x12\x30\x02\x09\x00\x00" + b"\x00\x02\x03\x01" + b"\x07\x1b\x00\x00" * 3 + b"\x0a\x21\x00\x00" * 9
    yield "rle4", bmp(4, rle4, 10, 8, 2, palette=palette[:16].tobytes())
    yield "headless", saved(rgb, "BMP")[14:]


def entry(order, tag, kind, values, data_at):
    """A TIFF tag, and what of it does not fit in its entry."""
    letter = {1: "B", 3: "H", 4: "I", 7: "B"}[kind]
    data = struct.pack(f"{order}{len(values)}{letter}", *values)
    head = struct.pack(f"{order}HHI", tag, kind, len(values))
    if len(data) <= 4:
        return head + data.ljust(4, b"\0"), b""
    return head + struct.pack(f"{order}I", data_at), data + b"\0" * (len(data) % 2)


def tiff(samples, bits, photometric, order="<", planar=False, tile=None, rows=7, encode=None, tags=(), fill=1, kind=1):
    """(height, width, channels) of samples as a TIFF. `encode`: (compression, function of bytes)."""
    height, width, channels = samples.shape
    compression, encoder = encode or (1, lambda data: data)
    step_x, step_y = tile or (width, rows)
    parts = []
    for plane in np.moveaxis(samples[None], -1, 0)[..., None] if planar else samples[None, None]:
        plane = plane[0]
        for y in range(0, height, step_y):
            for x in range(0, width, step_x):
                part = plane[y : y + step_y, x : x + step_x]
                if tile:
                    part = np.pad(part, ((0, step_y - part.shape[0]), (0, step_x - part.shape[1]), (0, 0)))
                flat = part.reshape(part.shape[0], -1)
                if bits < 8 or bits == 12:
                    wide = (flat[:, :, None].astype(int) >> np.arange(bits - 1, -1, -1)) & 1
                    data = np.packbits(wide.reshape(len(flat), -1).astype(np.uint8), axis=1).tobytes()
                else:
                    data = flat.astype(flat.dtype.newbyteorder(order)).tobytes()
                data = encoder(data)
                parts.append(bytes(int(f"{b:08b}"[::-1], 2) for b in data) if fill == 2 else data)
    count = len(parts)
    fields = {
        256: (4, [width]), 257: (4, [height]), 258: (3, [bits] * channels), 259: (3, [compression]),
        262: (3, [photometric]), 266: (3, [fill]), 277: (3, [channels]), 284: (3, [2 if planar else 1]),
        339: (3, [kind] * channels),
    }
    fields.update(dict(tags))
    offsets, lengths = (324, 325) if tile else (273, 279)
    fields.update({322: (3, [step_x]), 323: (3, [step_y])} if tile else {278: (3, [rows])})
    fields.update({offsets: (4, [0] * count), lengths: (4, [len(p) for p in parts])})
    body_at = 8 + 2 + 12 * len(fields) + 4
    sizes = [len(values) * {1: 1, 3: 2, 4: 4, 7: 1}[k] for k, values in fields.values()]
    at = body_at + sum(s + s % 2 for s in sizes if s > 4)
    starts = [at + sum(map(len, parts[:i])) for i in range(count)]
    fields[offsets] = (4, starts)
    entries, body = b"", b""
    for tag in sorted(fields):
        head, data = entry(order, tag, *fields[tag], body_at + len(body))
        entries, body = entries + head, body + data
    magic = b"II*\0" if order == "<" else b"MM\0*"
    head = magic + struct.pack(order + "I", 8) + struct.pack(order + "H", len(fields))
    return head + entries + b"\0" * 4 + body + b"".join(parts)


def pack_bits(data):
    out = b""
    while data:
        run = len(data[:128]) - len(data[:128].lstrip(data[:1]))
        size = run if run > 1 else min(len(data), 5)
        out += bytes([257 - run]) + data[:1] if run > 1 else bytes([size - 1]) + data[:size]
        data = data[size:]
    return out


DEFLATE, PACKBITS = (8, zlib.compress), (32773, pack_bits)


def tiffs():
    rng = np.random.default_rng(21)
    noise = rng.integers(0, 256, (44, 61, 6), dtype=np.uint8)
    wide = rng.integers(0, 65536, (44, 61, 4)).astype(np.uint16)
    yield from tiffs_of_pillow()
    yield from tiffs_of_other_layouts(noise, wide)
    yield from tiffs_of_few_bits(rng)
    yield "grey12", tiff(wide[:, :, :1] >> 7, 12, 1)
    yield "packbits_runs", tiff((noise[:, :, :3] // 200) * 200, 8, 2, encode=PACKBITS)
    yield from tiffs_with_more_channels(rng, noise)
    for orientation in range(1, 10):
        yield f"turned{orientation}", tiff(noise[:, :, :3], 8, 2, tags=[(274, (3, [orientation]))])
        if orientation < 9:
            yield f"turned{orientation}_deflate", tiff(noise[:, :, :3], 8, 2, encode=DEFLATE, tags=[(274, (3, [orientation]))])


def tiffs_of_pillow():
    rgb = Image.fromarray(photo(75, 53))
    by_mode = {"rgb": rgb, "l": rgb.convert("L"), "p": rgb.quantize(100), "1": rgb.convert("1")}
    by_mode["rgba"] = Image.fromarray(photo(61, 44, 4), "RGBA")
    by_mode["la"] = by_mode["rgba"].convert("LA")
    by_mode["cmyk"] = Image.fromarray(photo(61, 44, 4), "CMYK")
    by_mode["ycbcr"] = rgb.convert("YCbCr")
    by_mode["i16"] = Image.fromarray((photo(61, 44, 1).astype(np.uint16) * 5) >> 1)
    by_mode["f"] = Image.fromarray(photo(61, 44, 1).astype(np.float32) * 1.7 - 60)
    by_mode["i"] = Image.fromarray(photo(61, 44, 1).astype(np.int32) * 3 - 200)
    for mode, image in by_mode.items():
        for compression in ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits"):
            if mode == "ycbcr" and compression != "raw":
                continue
            yield f"{mode}_{compression}", saved(image, "TIFF", compression=compression)
    for mode in ("rgb", "l", "cmyk", "ycbcr"):
        yield f"{mode}_jpeg", saved(by_mode[mode], "TIFF", compression="jpeg", quality=80)
    yield "group4", saved(by_mode["1"], "TIFF", compression="group4")
    yield "group3", saved(by_mode["1"], "TIFF", compression="group3")
    for mode in ("rgb", "l", "i16", "rgba"):
        for compression in ("tiff_lzw", "tiff_adobe_deflate"):
            yield f"{mode}_{compression}_p2", saved(by_mode[mode], "TIFF", compression=compression, tiffinfo={317: 2})
    yield "pages", saved(rgb, "TIFF", save_all=True, append_images=[rgb.rotate(90)])
    yield "large", saved(Image.fromarray(photo(300, 200)), "TIFF", compression="tiff_lzw", strip_size=5000)
    yield "big", saved(rgb, "TIFF", big_tiff=True)
    yield "big_lzw", saved(rgb, "TIFF", big_tiff=True, compression="tiff_lzw")


def tiffs_of_other_layouts(noise, wide):
    """Both orders of bytes, tiles, planes, and numbers that Pillow does not write."""
    for order, name in (("<", "le"), (">", "be")):
        for encode in (None, DEFLATE):
            kind = f"{name}{'_deflate' if encode else ''}"
            for tile in (None, (16, 32)):
                where = f"{kind}{'_tiled' if tile else ''}"
                options = {"order": order, "tile": tile, "encode": encode}
                yield f"rgb8_{where}", tiff(noise[:, :, :3], 8, 2, **options)
                yield f"rgb8_planar_{where}", tiff(noise[:, :, :3], 8, 2, planar=True, **options)
                yield f"rgb16_{where}", tiff(wide[:, :, :3], 16, 2, **options)
                yield f"cmyk8_{where}", tiff(noise[:, :, :4], 8, 5, **options)
                yield f"cmyk8_planar_{where}", tiff(noise[:, :, :4], 8, 5, planar=True, **options)
                yield f"grey16_{where}", tiff(wide[:, :, :1] >> 7, 16, 1, **options)
            options = {"order": order, "encode": encode}
            yield f"rgb16_planar_{kind}", tiff(wide[:, :, :3], 16, 2, planar=True, **options)
            yield f"cmyk16_{kind}", tiff(wide, 16, 5, **options)
            yield f"rgba16_{kind}", tiff(wide, 16, 2, **options, tags=[(338, (3, [2]))])
            yield f"rgba16_premultiplied_{kind}", tiff(wide, 16, 2, **options, tags=[(338, (3, [1]))])
            yield f"int16_{kind}", tiff((wide[:, :, :1] >> 6).astype(np.int16) - 300, 16, 1, kind=2, **options)
            yield f"int32_{kind}", tiff(wide[:, :, :1].astype(np.int32) - 300, 32, 1, kind=2, **options)
            yield f"uint32_{kind}", tiff(wide[:, :, :1].astype(np.uint32), 32, 1, **options)
            yield f"float_{kind}", tiff(wide[:, :, :1].astype(np.float32) / 99 - 80, 32, 1, kind=3, **options)


def tiffs_of_few_bits(rng):
    for bits in (1, 2, 4, 8):
        small = rng.integers(0, 2**bits, (44, 61, 1), dtype=np.uint8)
        colours = [(320, (3, rng.integers(0, 65536, 3 << bits).tolist()))]
        for fill in (1, 2):
            for encode in (None, DEFLATE):
                name = f"{bits}_fill{fill}{'_deflate' if encode else ''}"
                yield f"white{name}", tiff(small, bits, 0, fill=fill, encode=encode)
                yield f"black{name}", tiff(small, bits, 1, fill=fill, encode=encode)
                yield f"index{name}", tiff(small, bits, 3, fill=fill, encode=encode, tags=colours)


def tiffs_with_more_channels(rng, noise):
    for extra in ([0], [1], [2], [999], [0, 0], [1, 0], [2, 0], [0, 0, 0], [2, 0, 0], []):
        channels = 3 + (len(extra) or 1)
        name = "_".join(map(str, extra)) or "none"
        tags = [(338, (3, extra))] if extra else []
        for planar in (False, True):
            for encode in (None, DEFLATE):
                kind = f"{name}{'_planar' if planar else ''}{'_deflate' if encode else ''}"
                yield f"extra{kind}", tiff(noise[:, :, :channels], 8, 2, planar=planar, encode=encode, tags=tags)
    for extra in (0, 1, 2):
        tags = [(338, (3, [extra]))]
        yield f"grey_extra{extra}", tiff(noise[:, :, :2], 8, 1, tags=tags)
        colours = [(320, (3, rng.integers(0, 65536, 768).tolist()))]
        yield f"index_extra{extra}", tiff(noise[:, :, :2], 8, 3, tags=tags + colours)
    yield "cmyk_extra", tiff(noise[:, :, :5], 8, 5, tags=[(338, (3, [0]))])


def files():
    kinds = (("jpg", jpegs()), ("png", pngs()), ("webp", webps()), ("gif", gifs()), ("bmp", bmps()), ("tif", tiffs()))
    for kind, made in kinds:
        for name, data in made:
            yield f"{kind}_{name}.{kind}", data


def sized():
    """Images and settings that try the resize, all as PNG so that nothing else can differ."""
    every = list(FILTERS)
    sizes = {
        (500, 375): [(256, 224)], (375, 500): [(232, 224), (224, 224)], (256, 256): [(256, 224)],
        (224, 224): [(224, 224), (256, 224)], (300, 256): [(256, 224)], (256, 300): [(256, 224)],
        (31, 17): [(256, 224), (64, 96), (17, 17)], (1, 1): [(32, 24)], (1, 60): [(20, 16)], (60, 1): [(20, 16)],
        (900, 10): [(12, 10), (8, 64)], (10, 900): [(12, 10), (8, 64)], (640, 90): [(64, 96)],
        (90, 640): [(64, 96)], (257, 400): [(256, 255)], (400, 257): [(255, 256)], (1000, 900): [(3, 2), (33, 29)],
        (64, 64): [(64, 64), (64, 63), (64, 96), (65, 96), (63, 63)], (200, 1000): [(200, 150), (190, 150)],
    }
    for (width, height), settings in sizes.items():
        data = saved(Image.fromarray(photo(width, height).reshape(height, width, 3)), "PNG")
        name = f"sized_{width}x{height}.png"
        yield name, data, [(resize, crop, f) for resize, crop in settings for f in every]
    rng = random.Random(11)
    for index in range(40):
        width, height = (int(2 ** rng.uniform(0, 9)) for _ in range(2))
        noise = np.random.default_rng(index).choice([0, 255, 128, 3], (height, width, 3)).astype(np.uint8)
        resize, crop = rng.randint(1, 120), rng.randint(1, 120)
        yield f"noise_{index}.png", saved(Image.fromarray(noise), "PNG"), [(resize, crop, rng.choice(every))]


def expected(path, resize, crop, interpolation):
    image = Image.open(path).convert("RGB")
    image = T.CenterCrop(crop)(T.Resize(resize, FILTERS[interpolation])(image))
    tensor = T.Normalize(MEAN, STD)(T.ToTensor()(image))
    return np.asarray(image), tensor.permute(1, 2, 0).contiguous().numpy()


def whole(path):
    try:
        return np.asarray(Image.open(path).convert("RGB"))
    except Exception:  # noqa: BLE001 - whatever Pillow raises is its verdict
        return None


def verdict(out, path):
    pixels = whole(path)
    if pixels is None:
        return "error"
    np.save(out / f"{path.name}.npy", pixels)
    return f"{path.name}.npy"


def main():
    out = Path(sys.argv[1])
    images = out / "images"
    images.mkdir(parents=True)
    torch.set_num_threads(1)
    with open(out / "cases.tsv", "w") as cases, open(out / "whole.tsv", "w") as wholes:
        settings = [(name, data, [(40, 32, "bilinear")]) for name, data in files()]
        for name, data, each in [*settings, *sized()]:
            path = images / name
            path.write_bytes(data)
            if whole(path) is None:
                continue
            for resize, crop, interpolation in each:
                stem = f"{name}.{resize}.{crop}.{interpolation}"
                pixels, tensor = expected(path, resize, crop, interpolation)
                np.save(out / f"{stem}.u8.npy", pixels)
                np.save(out / f"{stem}.f32.npy", tensor)
                print(name, resize, crop, interpolation, stem, sep="\t", file=cases)
        for name, _ in files():
            print(name, verdict(out, images / name), sep="\t", file=wholes)


if __name__ == "__main__":
    main()
