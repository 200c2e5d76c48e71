"""PNM files of every largest value, binary and plain, with comments: Pillow writes few of them, ImageMagick some."""

import numpy as np
from formats.picture import HEIGHT, WIDTH, samples

LARGEST = (1, 3, 15, 31, 100, 127, 200, 255, 256, 1023, 4095, 65534, 65535)


def files():
    for largest in LARGEST:
        for channels, plain, binary in ((1, 2, 5), (3, 3, 6)):
            values = samples(channels, 16).astype(np.int64) * largest // 65535
            head = f"{WIDTH} {HEIGHT}\n# a comment\n{largest}\n"
            wide = values.astype(">u2" if largest > 255 else np.uint8)
            yield f"netpbm_p{binary}_{largest}.pnm", f"P{binary}\n{head}".encode() + wide.tobytes()
            yield f"netpbm_p{plain}_{largest}.pnm", f"P{plain}\n{head}".encode() + text(values)
    bits = samples(1, 1)[..., 0]
    head = f"\n# a comment\n{WIDTH} {HEIGHT}\n".encode()
    yield "netpbm_p4.pnm", b"P4" + head + np.packbits(bits, axis=1).tobytes()
    yield "netpbm_p1.pnm", b"P1" + head + text(bits)
    yield "netpbm_p1_dense.pnm", b"P1" + head + "".join(map(str, bits.flatten())).encode()
    pam = f"P7\nWIDTH {WIDTH}\nHEIGHT {HEIGHT}\nDEPTH 3\nMAXVAL 255\nTUPLTYPE RGB\nENDHDR\n"
    yield "netpbm_p7.pam", pam.encode() + samples(3).tobytes()


def text(values):
    rows = values.reshape(len(values), -1)
    return "\n".join(" ".join(map(str, row)) for row in rows).encode() + b"\n"
