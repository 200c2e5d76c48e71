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


def png(samples, depth, colour, extra=b"", interlaced=False, before=b"", level=6):
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
        b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + before + extra
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
    samples = rng.integers(0, 256, (20, 30, 3))
    frame = png_chunk(b"acTL", struct.pack(">II", 2, 0)) + png_chunk(
        b"fcTL", struct.pack(">IIIIIHHBB", 0, 30, 20, 5, 7, 1, 1, 0, 0)
    )
    small = png(samples, 8, 2, before=frame)
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", 40, 31, 8, 2, 0, 0, 0))
    yield "apng_offset", small[:8] + header + small[8 + len(header) :]


def text():
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text("Comment", "plain")
    info.add_text("Long", "compressed " * 50, zip=True)
    info.add_itxt("Título", "tëxt", "es", "clave", zip=True)
    return info


def files():
    for kind, made in (("jpg", jpegs()), ("png", pngs())):
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
            for resize, crop, interpolation in each:
                stem = f"{name}.{resize}.{crop}.{interpolation}"
                pixels, tensor = expected(path, resize, crop, interpolation)
                np.save(out / f"{stem}.u8.npy", pixels)
                np.save(out / f"{stem}.f32.npy", tensor)
                print(name, resize, crop, interpolation, stem, sep="\t", file=cases)
        for name, _ in files():
            np.save(out / f"{name}.npy", whole(images / name))
            print(name, f"{name}.npy", sep="\t", file=wholes)


if __name__ == "__main__":
    main()
