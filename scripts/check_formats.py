#!/usr/bin/env python3
"""Are featx's pixels Pillow's, in every kind of file? Pillow, ImageMagick and tifffile write valid files of every mode,
depth, compression, interlacing and byte order; of each featx has to give Pillow's pixels bit for bit, or refuse it in words.

usage: scripts/check_formats.py [--program FILE] [--docs]

Prints the tables of docs/formats.md; with --docs puts them there. Works in target/formats. Installs what is not here:
tifffile and imagecodecs into .venv, ImageMagick as root (apt install imagemagick). Files of a program that cannot be
installed are left out, with a line. Exit code 1 where a file's pixels differ, or featx reads what Pillow does not.

--program  the built example decode_files
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import warnings
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from zoo.venv import ROOT, debian_program, use_project_python

sys.path.insert(0, str(ROOT / "scripts/python"))

WORK, DOCS = ROOT / "target/formats", ROOT / "docs/formats.md"
BUILD = ["cargo", "build", "--quiet", "--no-default-features", "--features", "images", "--example", "decode_files"]
FORMATS = {
    "JPEG": "jpg", "PNG": "png", "WebP": "webp", "GIF": "gif", "BMP": "bmp dib", "TIFF": "tif", "PNM": "pnm", "TGA": "tga",
    "ICO": "ico", "CUR": "cur", "QOI": "qoi", "other": "avif dds jp2 pam pfm xpm pcx sgi psd miff exr hdr",
}


def main():
    typed = arguments()
    use_project_python()
    install_writers()
    warnings.simplefilter("ignore")
    shutil.rmtree(WORK, ignore_errors=True)
    (WORK / "pixels").mkdir(parents=True)
    program = typed.program or built()
    with libraries_silent():
        files = dict(all_files())
        write(files, WORK / "images")
        found = decoded(program)
        verdicts = {name: verdict(name, found[name]) for name in sorted(files)}
    for writer in sorted({"pillow", "netpbm", "magick", "tifffile"} - {name.split("_")[0] for name in files}):
        print(f"left out: {writer}, which is not here", file=sys.stderr)
    tables = "\n".join([*table(verdicts), "", *refusals(verdicts)])
    print(tables)
    if typed.docs:
        put_into_docs(tables)
    wrong = [f"{name}: {words}" for name, (kind, words) in verdicts.items() if kind == "wrong"]
    print("\n".join(["", *wrong]) if wrong else f"\n{len(files)} files, none with other pixels", file=sys.stderr)
    shutil.rmtree(WORK)
    return 1 if wrong else 0


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=Path)
    parser.add_argument("--docs", action="store_true")
    return parser.parse_args()


def install_writers():
    from featx.export import Failure
    from featx.export.sources.installed import require
    from formats import by_magick

    if not by_magick.find_program():
        debian_program("convert-im6.q16", "imagemagick")
    for library in ("tifffile", "imagecodecs"):
        try:
            require(library, library)
        except Failure as failure:
            print(failure, file=sys.stderr)


def all_files():
    from formats import by_magick, by_pillow, by_tifffile, netpbm

    for writer in (by_pillow, netpbm, by_magick, by_tifffile):
        yield from writer.files()


@contextmanager
def libraries_silent():
    """What libtiff says of what it cannot write, it says to the process's stderr."""
    kept = os.dup(2)
    with open(os.devnull, "w") as nothing:
        os.dup2(nothing.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def write(files, folder):
    folder.mkdir(parents=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)


def built():
    subprocess.run(BUILD, cwd=ROOT, check=True)
    return ROOT / "target/debug/examples/decode_files"


def decoded(program):
    """What featx says of each file: width and height, or one refusal."""
    said = subprocess.run([program, WORK / "images", WORK / "pixels"], check=True, stdout=subprocess.PIPE, text=True).stdout
    return {name: words for name, *words in (line.split("\t") for line in said.splitlines())}


def verdict(name, said):
    """One of equal, refused, wrong; and words."""
    import numpy as np
    from formats.picture import pixels_of

    expected = pixels_of(WORK / "images" / name)
    if len(said) == 1:
        in_words = not re.search("please report", said[0])
        return ("refused" if in_words else "wrong"), said[0] + ("" if expected is not None else " (nor does Pillow)")
    if expected is None:
        return "wrong", "featx reads it, Pillow does not"
    width, height = map(int, said)
    found = np.fromfile(WORK / "pixels" / f"{name}.rgb", np.uint8).reshape(height, width, 3)
    if found.shape != expected.shape:
        return "wrong", f"{found.shape}, Pillow has {expected.shape}"
    differences = np.abs(found.astype(int) - expected)
    return ("wrong" if differences.any() else "equal"), f"{(differences > 0).mean():.1%} differ, by up to {differences.max()}"


def format_of(name):
    ending = name.rsplit(".", 1)[1]
    return next(title for title, endings in FORMATS.items() if ending in endings.split())


def table(verdicts):
    yield "| format | files | pixels are Pillow's | refused | of them by Pillow too | other pixels |\n|---|---|---|---|---|---|"
    for title in FORMATS:
        own = [v for name, v in verdicts.items() if format_of(name) == title]
        kinds = Counter(kind for kind, _ in own)
        too = sum(kind == "refused" and "nor does Pillow" in words for kind, words in own)
        yield f"| {title} | {len(own)} | {kinds['equal']} | {kinds['refused']} | {too} | {kinds['wrong']} |"


def refusals(verdicts):
    """Of what Pillow reads."""
    yield "| refused, though Pillow reads it | files |\n|---|---|"
    reasons = Counter(
        (format_of(name), words) for name, (kind, words) in verdicts.items() if kind == "refused" and "nor does" not in words
    )
    for (title, words), count in sorted(reasons.items()):
        yield f"| {title}: {words} | {count} |"


def put_into_docs(tables):
    before, _, rest = DOCS.read_text().partition("<!-- tables -->\n")
    after = rest.partition("<!-- end -->")[2]
    DOCS.write_text(f"{before}<!-- tables -->\n{tables}\n<!-- end -->{after}")


if __name__ == "__main__":
    sys.exit(main())
