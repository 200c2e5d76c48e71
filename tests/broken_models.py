"""Files that somebody may take for a model: each is refused by featx with a line that says why."""

import json
import random
import shutil
import struct
import zipfile
from collections import OrderedDict
from typing import Dict

import torch
from torch import Tensor, nn
from featx.export import torchscript


class Plain(nn.Module):
    def __init__(self, channels: int = 3):
        super().__init__()
        self.stem = nn.Conv2d(channels, 4, 3, stride=2, padding=1)
        self.last = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.stem(x))


class Video(nn.Module):
    """Wants (batch, channels, frames, height, width)."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv3d(3, 4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.stem(x)


class FromDict(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = Plain()

    def forward(self, x: Dict[str, Tensor]) -> Tensor:
        return self.stem(x["image"])


class TwoInputs(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = Plain()

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        return self.stem(x) * mask


class NoInput(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = Plain()

    def forward(self) -> Tensor:
        return self.stem(torch.zeros(1, 3, 64, 64))


class FixedSize(nn.Module):
    """Takes 48x48 pixels only."""

    def __init__(self):
        super().__init__()
        self.stem = Plain()
        self.head = nn.Linear(4 * 24 * 24, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.stem(x).flatten(1))


class FixedBatch(nn.Module):
    """Traced with a batch of 2, which it keeps."""

    def __init__(self):
        super().__init__()
        self.stem = Plain()

    def forward(self, x):
        return self.stem(x).reshape(int(x.shape[0]), -1)


def make(folder, good):
    """Fill `folder`; `good` is a proper TorchScript file to be damaged."""
    folder.mkdir()
    torch.manual_seed(0)
    says = {}
    for maker in (not_torchscript, damaged, other_inputs, odd_layers):
        says |= maker(folder, good)
    (folder / "files.json").write_text(json.dumps(says, indent=1) + "\n")


def not_torchscript(folder, good):
    plain = Plain().eval()
    torch.save(plain.state_dict(), folder / "state_dict.pt")
    torch.save({"epoch": 3, "model": plain.state_dict()}, folder / "checkpoint.pt")
    torch.save(plain, folder / "pickled_module.pt")
    torch.save(plain.state_dict(), folder / "legacy.pt", _use_new_zipfile_serialization=False)
    write_safetensors(folder / "weights.safetensors", plain)
    shutil.copy(folder / "weights.safetensors", folder / "safetensors.pt")
    (folder / "random.pt").write_bytes(random.Random(0).randbytes(4096))
    (folder / "empty.pt").touch()
    (folder / "text.pt").write_text("<!DOCTYPE html>\n<title>404 Not Found</title>\n")
    (folder / "folder.pt").mkdir()
    with zipfile.ZipFile(folder / "zip.pt", "w") as archive:
        archive.writestr("readme.txt", "no model here")
    return {
        "state_dict.pt": "weights without a network: torch.save(model.state_dict())",
        "checkpoint.pt": "weights in a dict, beside an epoch: torch.save({...})",
        "pickled_module.pt": "a pickled Python module: torch.save(model)",
        "legacy.pt": "weights, torch.save as it was before archives",
        "weights.safetensors": "a safetensors file",
        "safetensors.pt": "the same under a .pt name",
        "random.pt": "4096 random bytes",
        "empty.pt": "an empty file",
        "text.pt": "a web page",
        "folder.pt": "a folder",
        "zip.pt": "a zip archive with no model in it",
    }


def write_safetensors(path, module):
    """Length of the header (u64, little endian), the header (JSON), the tensors."""
    header, data = {}, b""
    for name, tensor in module.state_dict().items():
        raw = tensor.numpy().tobytes()
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def damaged(folder, good):
    data = good.read_bytes()
    (folder / "truncated_half.pt").write_bytes(data[: len(data) // 2])
    (folder / "truncated_end.pt").write_bytes(data[:-100])
    for name, layer in (("bit_flipped_first.pt", "conv1"), ("bit_flipped_late.pt", "fc")):
        flipped = bytearray(data)
        flipped[weight_offset(good, layer) + 5] ^= 0x10
        (folder / name).write_bytes(flipped)
    return {
        "truncated_half.pt": "resnet_scripted.pt, its second half missing",
        "truncated_end.pt": "resnet_scripted.pt, its last 100 bytes missing",
        "bit_flipped_first.pt": "resnet_scripted.pt, one bit of conv1.weight flipped",
        "bit_flipped_late.pt": "resnet_scripted.pt, one bit of fc.weight flipped: a cut before fc does not use it",
    }


def weight_offset(path, layer):
    """Where the bytes of a layer's weight begin in a TorchScript file."""
    weight = dict(torch.jit.load(path).named_parameters())[f"{layer}.weight"]
    raw = weight.detach().numpy().tobytes()
    offset = path.read_bytes().find(raw)
    assert offset > 0, f"{layer}.weight is not stored in one piece"
    return offset


def other_inputs(folder, _good):
    for name, module in (("one_channel", Plain(1)), ("five_dimensions", Video()), ("dict_input", FromDict()),
                         ("two_inputs", TwoInputs()), ("no_input", NoInput()), ("fixed_size", FixedSize())):
        torch.jit.script(module.eval()).save(folder / f"{name}.pt")
    torch.jit.script(Plain().eval().half()).save(folder / "half_weights.pt")
    torchscript.trace(FixedBatch().eval(), (3, 64, 64))[0].save(folder / "fixed_batch.pt")
    return {
        "one_channel.pt": "takes images of one channel",
        "five_dimensions.pt": "takes (batch, 3, frames, height, width)",
        "dict_input.pt": "takes a dict of tensors",
        "two_inputs.pt": "takes two tensors",
        "no_input.pt": "takes nothing",
        "fixed_size.pt": "takes 48x48 pixels only",
        "half_weights.pt": "has f16 weights, which f32 images do not fit",
        "fixed_batch.pt": "traced with a batch of 2, and gives two rows whatever it is given",
    }


def odd_layers(folder, _good):
    """Good for all but the layers that it has not, or should not have."""
    frozen = torch.jit.freeze(torch.jit.script(Plain().eval()))
    frozen.save(folder / "frozen.pt")
    torch.jit.script(nn.ReLU().eval()).save(folder / "no_layers.pt")
    names = ("a/b", "/tmp/featx-was-here")
    paths = nn.Sequential(OrderedDict({"stem": Plain()} | {name: nn.ReLU() for name in names}))
    torch.jit.script(paths.eval()).save(folder / "names_are_paths.pt")
    return {
        "frozen.pt": "a frozen module: it runs, but its layers are gone",
        "no_layers.pt": "a single module without children",
        "names_are_paths.pt": f"layers that must not become paths as they are: {', '.join(map(repr, names))}",
    }
