"""Models of unusual kinds: several tensors, weights of other types, branches on pixels, rows that chance makes.

Each is made by `make` as NAME.pt, with its NAME.toml; where PyTorch's rows can be told, as NAME/LAYER.npy.
"""

from pathlib import Path
from typing import Dict, List, Tuple, Union

import numpy
import torch
import torchvision  # its operators
from PIL import Image
from torch import Tensor, nn
from torchvision import transforms
from featx.export.preprocess import Preprocess

PIXELS = Preprocess(72, 64)


def conv(inputs=3, outputs=4):
    return nn.Conv2d(inputs, outputs, 3, stride=2, padding=1)


class Plain(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = conv()
        self.b = conv(4)

    def forward(self, x):
        return self.b(self.a(x).relu())


class Pair(nn.Module):
    def __init__(self):
        super().__init__()
        self.low = conv()
        self.high = conv(3, 5)

    def forward(self, x):
        return [self.low(x), self.high(x)]


class SecondFirst(nn.Module):
    """Goes on with the second tensor of its pair before the first: a trace holds them in that order."""

    def __init__(self):
        super().__init__()
        self.pair = Pair()

    def forward(self, x):
        pair = self.pair(x)
        return pair[1].mean((1, 2, 3)) * 2 + pair[0].mean((1, 2, 3))


class SecondOnly(SecondFirst):
    """Does not use the first tensor: a trace does not hold it."""

    def forward(self, x):
        return self.pair(x)[1].mean((1, 2, 3))


class ChangesItsInput(nn.Module):
    """Nothing uses what `head` gives, but it changes what it is given, which goes on."""

    class Head(nn.Module):
        def __init__(self):
            super().__init__()
            self.act = nn.ReLU(inplace=True)
            self.conv = nn.Conv2d(4, 4, 1)

        def forward(self, x):
            return self.conv(self.act(x))

    def __init__(self):
        super().__init__()
        self.stem, self.head, self.last = conv(), self.Head(), nn.Conv2d(4, 2, 1)

    def forward(self, x):
        x = self.stem(x)
        self.head(x)
        return self.last(x)


class Entries(nn.Module):
    def __init__(self):
        super().__init__()
        self.low = conv()
        self.high = conv(3, 5)

    def forward(self, x: Tensor) -> Dict[str, Tensor]:
        return {"low": self.low(x), "high": self.high(x)}


class Several(nn.Module):
    """A dict, and attention's pair of result and weights."""

    def __init__(self):
        super().__init__()
        self.entries = Entries()
        self.attention = nn.MultiheadAttention(4, 2, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        entries = self.entries(x)
        tokens = entries["low"].flatten(2).transpose(1, 2)[:, :16]
        tokens, weights = self.attention(tokens, tokens, tokens)
        return tokens.mean((1, 2)) + entries["high"].mean((1, 2, 3))


class Either(Pair):
    """A tensor or several, as its users want it."""

    def __init__(self, both):
        super().__init__()
        self.both = both

    def forward(self, x: Tensor) -> Union[Tensor, Tuple[Tensor, Tensor], Dict[str, Tensor]]:
        low = self.low(x)
        if x.dim() == 3:
            return {"low": low}
        if self.both:
            return low, self.high(x)
        return low


class Grey(Plain):
    def __init__(self):
        super().__init__()
        self.a = conv(1)


class Size(nn.Module):
    def forward(self, x: Tensor) -> List[int]:
        return x.shape


class Unions(nn.Module):
    def __init__(self):
        super().__init__()
        self.size = Size()
        self.pair = Either(both=True)
        self.one = Either(both=False)

    def forward(self, x: Tensor) -> Tensor:
        pair, one = self.pair(x), self.one(x)
        if isinstance(pair, Tensor) or not isinstance(one, Tensor):
            return x
        return one.mean((2, 3)) / self.size(x)[0]


class Bright(Plain):
    """Takes a branch on what it sees: no blank image does."""

    def forward(self, x: Tensor) -> Tensor:
        seen = self.a(x)
        if x.std() > 0.1:
            seen = self.b(seen)
        return seen


class Quantised(Plain):
    def __init__(self):
        super().__init__()
        self.q = torch.ao.nn.quantized.Quantize(0.1, 10, torch.quint8)
        self.d = torch.ao.nn.quantized.DeQuantize()

    def forward(self, x):
        return self.d(self.q(self.a(x)))


class OnGpu(Plain):
    """Makes a tensor on a GPU, as traces made there do."""

    def forward(self, x: Tensor) -> Tensor:
        return self.b(self.a(x) + torch.ones(1, device="cuda:0"))


class Boxes(Plain):
    """Ends in an operator of torchvision's."""

    def forward(self, x: Tensor) -> Tensor:
        x = self.a(x)
        boxes = torch.tensor([[0.0, 0.0, 9.0, 9.0], [0.0, 0.0, 9.0, 9.5]])
        return self.b(x) + torch.ops.torchvision.nms(boxes, torch.tensor([0.9, 0.8]), 0.5).sum()


class Talkative(Plain):
    def forward(self, x: Tensor) -> Tensor:
        print("shape", x.shape)
        return self.b(self.a(x))


class BatchStatistics(Plain):
    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm2d(4, track_running_stats=False)

    def forward(self, x):
        return self.b(self.norm(self.a(x)))


class Counting(Plain):
    def __init__(self):
        super().__init__()
        self.register_buffer("calls", torch.zeros(1))

    def forward(self, x):
        self.calls.add_(1.0)
        return self.b(self.a(x) * self.calls)


class Noisy(Plain):
    def forward(self, x: Tensor) -> Tensor:
        return self.b(self.a(x) + torch.rand([4, 1, 1]))


class Dropping(Plain):
    def __init__(self):
        super().__init__()
        self.drop = nn.Dropout(0.5)

    def forward(self, x):
        return self.b(self.drop(self.a(x)))


class Unused(Plain):
    """Computes what nothing uses: a trace has nothing of it."""

    def __init__(self):
        super().__init__()
        self.relu = nn.ReLU()
        self.flatten = nn.Flatten()
        self.twice = conv()

    def forward(self, x):
        self.relu(x)
        self.flatten(x)
        self.b(self.a(x))
        x = self.a(x) + self.twice(x)
        self.twice(x[:, :3])
        return x


class Registers(nn.Module):
    """A class token, two registers, four patches."""

    def __init__(self):
        super().__init__()
        self.patches = nn.Conv2d(3, 8, 32, stride=32)
        self.first = nn.Parameter(torch.randn(1, 3, 8))
        self.block = nn.Linear(8, 8)

    def forward(self, x):
        tokens = self.patches(x).flatten(2).transpose(1, 2)
        return self.block(torch.cat([self.first.expand(tokens.shape[0], -1, -1), tokens], 1))


class Positions(nn.Module):
    """Takes images of 64 pixels alone."""

    def __init__(self):
        super().__init__()
        self.a = conv()
        self.added = self.Added()

    class Added(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.randn(1, 4, 32, 32))
            self.b = conv(4)

        def forward(self, x):
            return self.b(x + self.weight)

    def forward(self, x):
        return self.added(self.a(x).relu())


def make(folder, photos):
    """`photos`: the folder that the rows are of."""
    torch.manual_seed(0)
    pixels = PIXELS.to_transforms()
    images = torch.stack([pixels(Image.open(path).convert("RGB")) for path in sorted(Path(photos).iterdir())])
    folder.mkdir()

    def save(name, script, layers=None, extra=""):
        script.save(folder / f"{name}.pt")
        (folder / f"{name}.toml").write_text(PIXELS.to_toml() + extra)
        (folder / name).mkdir()
        for layer, rows in (layers or {}).items():
            numpy.save(folder / name / f"{layer}.npy", rows.detach().float().contiguous().numpy())

    for dtype in ("half", "bfloat16", "double"):
        plain = getattr(Plain().eval(), dtype)()
        rows = plain(images.to(plain.a.weight.dtype))
        save(dtype, torch.jit.script(plain), {"b": rows, "output": rows})
    second = SecondFirst().eval()
    low, high = second.pair(images)
    trace = torch.jit.trace(second, images[:1])
    save("second_first_traced", trace, {"pair#0": high, "pair#1": low})
    save("second_first_known", trace, {"pair": low}, "\n[outputs]\npair = 1\n")
    save("second_first_scripted", torch.jit.script(second), {"pair": low, "pair#0": low, "pair#1": high})
    only = SecondOnly().eval()
    save("second_only_known", torch.jit.trace(only, images[:1]), {}, "\n[outputs]\npair = false\n")
    save("second_only_traced", torch.jit.trace(only, images[:1]))
    changes = ChangesItsInput().eval()
    stem = changes.stem(images)
    save("changes_its_input", torch.jit.trace(changes, images[:1]), {
        "stem": stem, "head.act": stem.relu(), "head#0": stem.relu(), "last": changes.last(stem.relu())})
    several = Several().eval()
    entries = several.entries(images)
    tokens = entries["low"].flatten(2).transpose(1, 2)[:, :16]
    attended, weights = several.attention(tokens, tokens, tokens)
    save("several", torch.jit.script(several), {
        "entries": entries["low"], "entries#high": entries["high"], "entries#1": entries["high"],
        "attention": attended, "attention#1": weights, "output": several(images)})
    grey = Grey().eval()
    steps = transforms.Compose([
        transforms.Resize((48, 80)), transforms.ToTensor(), transforms.Normalize([0.5], [0.25])])
    greys = torch.stack([steps(Image.open(path).convert("RGB").convert("L")) for path in sorted(Path(photos).iterdir())])
    save("grey", torch.jit.script(grey), {"b": grey(greys)})
    (folder / "grey.toml").write_text(
        '[preprocess]\nresize = [48, 80]\nchannels = "grey"\nmean = [0.5]\nstd = [0.25]\n')
    unions = Unions().eval()
    low, high = unions.pair(images)
    save("unions", torch.jit.script(unions), {
        "pair": low, "pair#1": high, "one": unions.one(images)})
    bright = Bright().eval()
    save("bright", torch.jit.script(bright), {"b": bright(images)})
    quantised = Quantised().eval()
    rows = quantised.q(quantised.a(images)).dequantize()
    save("quantised", torch.jit.script(quantised), {"q": rows, "d": rows})
    save("positions", torch.jit.script(Positions().eval()))
    gpu = OnGpu().eval()
    save("on_gpu", torch.jit.script(gpu), {"b": gpu.b(gpu.a(images) + 1)})
    boxes = Boxes().eval()
    save("boxes", torch.jit.script(boxes), {"b": boxes.b(boxes.a(images)), "output": boxes(images)})
    talkative = Talkative().eval()
    save("talkative", torch.jit.script(talkative), {"b": talkative.b(talkative.a(images))})
    save_varying(save, images)
    unused = Unused().eval()
    save("unused", torch.jit.trace(unused, images[:1]), {"a": unused.a(images)})
    save_registers(save, images)


def save_varying(save, images):
    """Models whose rows depend on more than their images."""
    for name, model in (("batch_statistics", BatchStatistics()), ("counting", Counting()), ("noisy", Noisy())):
        save(name, torch.jit.script(model.eval()), {"a": model.a(images)})
    dropping = Dropping().train()
    save("dropping", torch.jit.trace(dropping, images[:1], check_trace=False), {"a": dropping.a(images)})


def save_registers(save, images):
    registers = Registers().eval()
    rows = registers(images)
    save("registers", torch.jit.script(registers), {
        "cls": rows[:, 0], "mean": rows[:, 3:].mean(1), "patches": rows[:, 3:], "registers": rows[:, 1:3],
        "cls+mean": torch.cat([rows[:, 0], rows[:, 3:].mean(1)], 1)}, "\n[tokens]\nprefix = 3\n")
