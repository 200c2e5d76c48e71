"""What is measured: the rows of the table, the sides of each row, and the command of each side."""

import json
import os
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
WORK = ROOT / "target" / "bench"
MODELS, OUT = WORK / "models", WORK / "out"
FEATX = ROOT / "target" / "release" / "featx"
DECODE = ROOT / "target" / "release" / "examples" / "decode_folder"
PYTHON = ROOT / ".venv" / "bin" / "python"
THINGSVISION = ROOT / ".venv-thingsvision" / "bin" / "python"
CORES = len(os.sched_getaffinity(0))
BATCH = 32
PEER_FORWARD = f"channels_last@{BATCH}"  # what the PyTorch bf16 peer computes with, as forward_alone.py calls it


@dataclass(frozen=True)
class Row:
    model: str
    layer: str
    precision: str = "f32"
    program: bool = False  # of torch.export too, beside TorchScript

    @property
    def name(self):
        return f"{self.model} {self.layer}" + (f" {self.precision}" if self.precision != "f32" else "")

    @property
    def sides(self):
        return SIDES if self.precision == "f32" else [side for side in SIDES if side not in ("eager", "workers")]


ROWS = [
    Row("vgg16", "features.30", program=True),
    Row("vgg16", "features.4"),
    Row("resnet50", "avgpool"),
    Row("alexnet", "features.10"),
    Row("mobilenet_v3_large", "avgpool"),
    Row("vgg16", "features.30", "bf16"),
    Row("vgg16", "features.0"),
    Row("vit_b_16", "encoder.layers.encoder_layer_11", program=True),
]

# In the order in which they take their turns.
SIDES = {
    "thingsvision": "thingsvision 2.7.3",
    "eager": "PyTorch eager, one process",
    "workers": "PyTorch channels last, two loader workers",
    "bf16": "PyTorch bf16, channels last, two loader workers",
    "featx_same_batch": f"featx, batch {BATCH}",
    "featx_pt2": "featx, .pt2",
    "featx": "featx",
}
OWN = ("featx_same_batch", "featx_pt2", "featx")
# Computes in f32 whatever the row says, so that a row of another precision has it to be compared with.
REFERENCE = {"f32": "eager", "bf16": "thingsvision"}


def sides_of(row, wanted):
    """The sides of a row that were asked for and can do it."""
    can = {"bf16": row.precision == "bf16", "featx_pt2": row.program}
    return [side for side in row.sides if side in wanted and can.get(side, True)]


def command(side, row, photos):
    """The whole command of one side. It leaves its rows in OUT/side, and JSON in its last line on stdout."""
    out = OUT / side
    weights = MODELS / f"{row.model}.state.pt"
    if side == "thingsvision":
        return [THINGSVISION, HERE / "peer_thingsvision.py", row.model, row.layer, photos, out, BATCH, weights]
    if side in OWN:
        more = ["--batch-size", BATCH] if side == "featx_same_batch" else []
        return featx_command(row, photos, out, *more, kind="pt2" if side == "featx_pt2" else "pt")
    workers = 0 if side == "eager" else 2
    mode = {"eager": "eager", "workers": "channels_last", "bf16": "bf16"}[side]
    return [PYTHON, HERE / "peer_torch.py", row.model, row.layer, photos, out, BATCH, workers, mode, weights]


def featx_command(row, photos, out, *more, kind="pt"):
    """As it comes: featx picks its batch itself."""
    model = MODELS / f"{row.model}.{kind}"
    options = ["--device", "cpu", "--precision", row.precision, "--json", "--quiet", *more]
    return [FEATX, "extract", "--model", model, "--layer", row.layer, "--out", out, *options, photos]


def forward_command(row):
    """Forward alone; in bf16 with what the PyTorch bf16 peer computes with."""
    kept = [PEER_FORWARD] if row.precision == "bf16" else []
    return [PYTHON, HERE / "forward_alone.py", row.model, row.layer, row.precision, CORES,
            MODELS / f"{row.model}.state.pt", *kept]


def last_json(text):
    return json.loads(text.strip().splitlines()[-1])
