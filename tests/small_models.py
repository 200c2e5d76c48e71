"""Small networks for the tests: narrow versions of torchvision's, and one module for each thing that is hard to catch.

`MODELS` maps a name to (constructor, ways): how the network is exported. Every network takes (3, 64, 64).
"""

from collections import OrderedDict
from functools import partial
from typing import Dict, List, NamedTuple, Optional, Tuple

import torch
import torch.ao.nn.quantized.dynamic as nnqd
import torch.nn.functional as F
import torchvision.models as tv
from torch import Tensor, nn
from torchvision.models.googlenet import BasicConv2d, GoogLeNet, Inception, InceptionAux
from torchvision.models.resnet import BasicBlock, ResNet

CLASSES = 10


# Narrow versions of torchvision's networks ---------------------------------------------------------------------------

class NarrowResNet(ResNet):
    """ResNet-18 with a quarter of its channels: one ReLU shared in each block, in place."""

    def __init__(self):
        super().__init__(BasicBlock, [2, 2, 2, 2])
        self.fc = nn.Linear(128, CLASSES)

    def _make_layer(self, block, planes, *args, **kwargs):
        return super()._make_layer(block, planes // 4, *args, **kwargs)


class NarrowConv(BasicConv2d):
    def __init__(self, inputs, outputs, **kwargs):
        super().__init__(inputs if inputs == 3 else inputs // 4, outputs // 4, **kwargs)


class NarrowAux(InceptionAux):
    def __init__(self, inputs, classes, conv_block, dropout):
        super().__init__(inputs, classes, conv_block, dropout)
        self.fc1 = nn.Linear(512, 64)
        self.fc2 = nn.Linear(64, classes)


class NarrowGoogLeNet(GoogLeNet):
    """A quarter of the channels. Its auxiliary heads are there but not called in eval mode; scripted, its output is a
    named tuple."""

    def __init__(self):
        blocks = [NarrowConv, partial(Inception, conv_block=NarrowConv), partial(NarrowAux, conv_block=NarrowConv)]
        super().__init__(CLASSES, aux_logits=True, transform_input=True, init_weights=False, blocks=blocks)
        self.fc = nn.Linear(256, CLASSES)


def densenet():
    """Its layers have overloaded forwards: `forward__0`, `forward__1`."""
    return tv.DenseNet(growth_rate=8, block_config=(3, 3, 3, 3), num_init_features=16, bn_size=2, num_classes=CLASSES)


def mobilenet():
    return tv.mobilenet_v3_small(width_mult=0.5, num_classes=CLASSES)


def swin():
    """Stochastic depth, which gives its input back in eval mode."""
    return tv.SwinTransformer(patch_size=[4, 4], embed_dim=16, depths=[2, 2], num_heads=[2, 4], window_size=[4, 4],
                              stochastic_depth_prob=0.1, num_classes=CLASSES)


def vit():
    """Tokens; `self_attention.out_proj` is never called, its parent uses the weights."""
    return tv.VisionTransformer(image_size=64, patch_size=16, num_layers=2, num_heads=2, hidden_dim=32, mlp_dim=64,
                                num_classes=CLASSES)


# One module for each thing that is hard to catch ---------------------------------------------------------------------

def conv(inputs=3, outputs=4):
    return nn.Conv2d(inputs, outputs, 3, stride=2, padding=1)


class Branch(nn.Module):
    """An `if` on data, another inside it, one on a shape; `both` is called in either branch."""

    def __init__(self):
        super().__init__()
        self.stem = conv()
        self.taken = conv(4)
        self.inner = conv(4)
        self.not_taken = conv(4)
        self.both = nn.Tanh()
        self.by_shape = nn.Sigmoid()
        self.training_only = nn.Linear(4, 4)
        self.head = nn.Linear(4, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        if x.abs().sum() > 0:
            x = self.both(self.taken(x))
            if x.abs().sum() > 0:
                x = self.inner(x)
        else:
            x = self.both(self.not_taken(x))
        if x.shape[-1] > 2:
            x = self.by_shape(x)
        x = x.mean((2, 3))
        if self.training:
            x = self.training_only(x)
        return self.head(x)


class Convolutions(nn.Module):
    """Convolutions of every kind, each with an activation after it, in place and not; one whose output is needed
    twice; one that is transposed, and one in one dimension."""

    def __init__(self):
        super().__init__()
        self.strided = nn.Sequential(nn.Conv2d(3, 16, (5, 3), stride=(2, 1), padding=(2, 1)), nn.ReLU(inplace=True))
        self.depthwise = nn.Sequential(
            nn.Conv2d(16, 16, 3, padding=1, groups=16, bias=False), nn.BatchNorm2d(16), nn.Hardswish(inplace=True))
        self.dilated = nn.Sequential(nn.Conv2d(16, 24, 3, padding=2, dilation=2, groups=4), nn.SiLU())
        self.pointwise = nn.Sequential(nn.Conv2d(24, 20, 1, bias=False), nn.Sigmoid())
        self.named_padding = nn.Sequential(nn.Conv2d(20, 20, 3, padding="same"), nn.ReLU())
        self.used_twice = nn.Conv2d(20, 20, 3, padding=1)
        self.clipped = nn.Sequential(
            nn.Conv2d(20, 20, 1), nn.ReLU6(inplace=True), nn.Conv2d(20, 20, 1), nn.Hardtanh(-0.5, 1.5), nn.Conv2d(20, 20, 1))
        self.leaky = nn.Sequential(
            nn.Conv2d(20, 20, 3), nn.LeakyReLU(0.1, inplace=True), nn.Conv2d(20, 20, 3, padding=1), nn.Tanh())
        self.gaussian = nn.Sequential(
            nn.Conv2d(20, 20, 3, padding=1), nn.GELU(), nn.Conv2d(20, 20, 1), nn.GELU(approximate="tanh"))
        self.not_joined = nn.Sequential(nn.Conv2d(20, 20, 3, padding=1), nn.Softplus())
        self.squeezed = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(20, 20, 1), nn.Hardsigmoid(inplace=True))
        self.transposed = nn.Sequential(nn.ConvTranspose2d(20, 8, 2, stride=2), nn.ReLU(inplace=True))
        self.flat = nn.Sequential(nn.Conv1d(8, 4, 3), nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        x = self.pointwise(self.dilated(self.depthwise(self.strided(x))))
        x = self.used_twice(self.named_padding(x))
        x = F.relu(x) + 0.1 * x
        x = self.gaussian(self.leaky(F.relu6(self.clipped(x))))
        x = self.not_joined(x)
        x = self.transposed(x * self.squeezed(x))
        return self.flat(x.flatten(2))


class Thick(nn.Module):
    """3 x 3 convolutions of many channels: on odd sizes and even ones, with each kind of padding, with and without what
    comes after; and some with a stride, a dilation or groups."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3, padding=1)
        self.plain = nn.Conv2d(16, 48, 3, padding=1)
        self.strided = nn.Sequential(nn.Conv2d(48, 32, 3, stride=2, padding=1), nn.ReLU())
        self.unpadded = nn.Sequential(nn.Conv2d(32, 64, 3, bias=False), nn.ReLU(inplace=True))
        self.dilated = nn.Sequential(nn.Conv2d(64, 32, 3, padding=2, dilation=2), nn.ReLU6())
        self.clipped = nn.Sequential(
            nn.Conv2d(32, 32, 3, padding=(2, 1)), nn.ReLU6(inplace=True),
            nn.Conv2d(32, 80, 3, padding=(0, 1)), nn.Hardtanh(-0.5, 1.5))
        self.grouped = nn.Conv2d(80, 80, 3, padding=1, groups=5)
        self.pooled = nn.AvgPool2d(3, stride=2)
        self.smooth = nn.Sequential(nn.Conv2d(80, 32, 3, padding=1), nn.BatchNorm2d(32), nn.SiLU())
        self.added = nn.Conv2d(32, 32, 3, padding=1)
        self.odd = nn.Conv2d(32, 40, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.unpadded(self.strided(self.plain(self.stem(x))))
        x = self.pooled(self.grouped(self.clipped(self.dilated(x))))
        x = self.smooth(x)
        return self.odd(F.relu(self.added(x) + x))


class SameInputAgain(nn.Module):
    """A module called in a loop on what it was called on before: its results are one to libtorch, and so are the
    copies of them that are kept."""

    def __init__(self):
        super().__init__()
        self.stem = conv()
        self.again = nn.Sequential(nn.BatchNorm2d(4), nn.Conv2d(4, 4, 1))

    def forward(self, x: Tensor) -> Tensor:
        stem = self.stem(x)
        x = self.again(stem)
        for _ in range(2):
            if float(x.abs().sum()) < 0.0:
                x = self.again(x + stem)
            else:
                x = self.again(stem)
        return x + stem


class Folded(nn.Module):
    """Layers that libtorch folds what follows them into, each of which is a layer that may be wanted itself."""

    def __init__(self):
        super().__init__()
        self.norm_of_conv, self.conv = nn.BatchNorm2d(4), conv()
        self.scaled, self.added = nn.Conv2d(4, 4, 1), nn.Conv2d(4, 4, 1)
        self.register_buffer("factor", torch.rand(4, 1, 1) + 0.5)
        self.linear, self.norm = nn.Linear(4, 6), nn.BatchNorm1d(6)
        self.linear_without_bias, self.norm_without_bias = nn.Linear(6, 5, bias=False), nn.BatchNorm1d(5)
        self.linear_of_tokens, self.norm_of_tokens = nn.Linear(4, 7), nn.BatchNorm1d(196)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm_of_conv(self.conv(x))
        x = self.scaled(x) * self.factor
        x = (self.added(x) + self.factor) / 2.0
        tokens = F.adaptive_avg_pool2d(x, 14).flatten(2).transpose(1, 2)
        tokens = self.norm_of_tokens(self.linear_of_tokens(tokens))
        x = self.norm(self.linear(x.mean([2, 3])))
        return self.norm_without_bias(self.linear_without_bias(x)) + tokens.mean([1, 2]).unsqueeze(1)


class LastCallUnused(nn.Module):
    """A module whose last call's result nothing uses: a trace has not kept it, nor that of the call before for a hook's."""

    def __init__(self):
        super().__init__()
        self.stem = conv()
        self.act = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        x = self.act(self.stem(x))
        self.act(x)
        return x


class Loop(nn.Module):
    """A module called three times by a loop, one by a loop whose count depends on the input, one in a loop of no
    turns; a ModuleList and a ModuleDict."""

    def __init__(self):
        super().__init__()
        self.stem = conv()
        self.step = nn.Conv2d(4, 4, 3, padding=1)
        self.counted = nn.Conv2d(4, 4, 1)
        self.no_turn = nn.Conv2d(4, 4, 1)
        self.blocks = nn.ModuleList(nn.Sequential(nn.Conv2d(4, 4, 1), nn.ReLU(inplace=True)) for _ in range(3))
        self.named = nn.ModuleDict({"left": nn.Conv2d(4, 4, 1), "right": nn.Tanh()})

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for _ in range(3):
            x = self.step(x)
        for _ in range(x.shape[1] // 2):
            x = self.counted(x)
        for _ in range(x.shape[1] - 4):
            x = self.no_turn(x)
        for block in self.blocks:
            x = block(x)
        for module in self.named.values():
            x = module(x)
        return x.mean((2, 3))


class Shared(nn.Module):
    """One module under two names, called by both; one module called three times; two modules sharing a weight."""

    def __init__(self):
        super().__init__()
        self.stem = conv()
        self.first = nn.Conv2d(4, 4, 1)
        self.second = self.first
        self.act = nn.ReLU(inplace=True)
        self.one = nn.Linear(4, 4)
        self.two = nn.Linear(4, 4)
        self.two.weight = self.one.weight

    def forward(self, x: Tensor) -> Tensor:
        x = self.act(self.stem(x))
        x = self.act(self.first(x))
        x = self.act(self.second(x))
        x = x.mean((2, 3))
        return self.two(self.one(x))


class Pair(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Conv2d(4, 2, 1)
        self.b = nn.Conv2d(4, 3, 1)

    def forward(self, x: Tensor) -> Tuple[Tuple[Tensor, Tensor], Tensor]:
        return (self.a(x), self.b(x)), x


class NestedTuple(nn.Module):
    """`pair` gives ((a, b), x): its activation is a. So does the network."""

    def __init__(self):
        super().__init__()
        self.stem = conv()
        self.pair = Pair()
        self.last = nn.Conv2d(3, 2, 1)

    def forward(self, x: Tensor) -> Tuple[Tuple[Tensor, Tensor], Tensor]:
        (a, b), c = self.pair(self.stem(x))
        return (a, self.last(b)), c


class DictMaker(nn.Module):
    def __init__(self):
        super().__init__()
        self.z = nn.Conv2d(4, 2, 1)
        self.a = nn.Conv2d(4, 3, 1)

    def forward(self, x: Tensor) -> Dict[str, Tensor]:
        # Not in alphabetical order: the first is the one that was put in first.
        return {"z": self.z(x), "a": self.a(x)}


class DictOutput(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = conv()
        self.maker = DictMaker()
        self.last = nn.Conv2d(3, 2, 1)

    def forward(self, x: Tensor) -> Dict[str, Tensor]:
        found = self.maker(self.stem(x))
        return {"out": self.last(found["a"]), "z": found["z"]}


class Outputs(NamedTuple):
    logits: Tensor
    aux: Optional[Tensor]


class NamedMaker(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, CLASSES)

    def forward(self, x: Tensor) -> Outputs:
        return Outputs(self.fc(x), None)


class NamedTupleOutput(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = conv()
        self.maker = NamedMaker()
        self.after = nn.ReLU()

    def forward(self, x: Tensor) -> Outputs:
        found = self.maker(self.stem(x).mean((2, 3)))
        return Outputs(self.after(found.logits), found.aux)


class Maybe(nn.Module):
    def __init__(self, some: bool):
        super().__init__()
        self.some = some
        self.conv = nn.Conv2d(4, 4, 1)

    def forward(self, x: Tensor) -> Optional[Tensor]:
        y = self.conv(x)
        if self.some:
            return y
        return None


class OptionalOutput(nn.Module):
    """`some` gives a tensor, `none` gives None: it has no activation."""

    def __init__(self):
        super().__init__()
        self.stem = conv()
        self.some = Maybe(True)
        self.none = Maybe(False)
        self.last = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        y = self.some(x)
        z = self.none(x)
        if y is not None:
            x = x + y
        if z is not None:
            x = x + z
        return self.last(x)


class Pyramid(nn.Module):
    def __init__(self):
        super().__init__()
        self.levels = nn.ModuleList(conv(4) for _ in range(3))

    def forward(self, x: Tensor) -> List[Tensor]:
        found: List[Tensor] = []
        for level in self.levels:
            x = level(x)
            found.append(x)
        return found


class ListOutput(nn.Module):
    """`pyramid` gives a list; the in-place change of its first tensor afterwards must not show."""

    def __init__(self):
        super().__init__()
        self.stem = conv()
        self.pyramid = Pyramid()

    def forward(self, x: Tensor) -> Tensor:
        found = self.pyramid(self.stem(x))
        found[0].mul_(2)
        return found[0].mean((2, 3)) + found[2].mean((2, 3))


@torch.jit.interface
class Stage(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        pass


class Doubling(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x) * 2


class Interface(nn.Module):
    """`stage` is called through an interface: TorchScript learns which module it is only when it runs."""

    stage: Stage

    def __init__(self):
        super().__init__()
        self.stem = conv()
        self.stage = Doubling()
        self.last = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        x = self.stage(x)
        return self.last(x)


class Aliases(nn.Module):
    """Outputs that are their inputs, are changed in place afterwards, or are views that are not contiguous."""

    def __init__(self):
        super().__init__()
        self.input = nn.Identity()
        self.stem = conv()
        self.same = nn.Identity()
        self.dropout = nn.Dropout(0.5)
        self.relu = nn.ReLU(inplace=True)
        self.changed = nn.Conv2d(4, 4, 1)
        self.flat = nn.Flatten(2)
        self.last = nn.Dropout(0.5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.input(x)
        x = x.mul_(2)  # the input itself
        x = self.dropout(self.same(self.stem(x)))
        x = self.relu(x)
        x = self.changed(x)
        x.add_(1)
        x[:, 0].zero_()
        x = self.flat(x).transpose(1, 2)
        return self.last(x)


class Transposed(nn.Module):
    """Its only child gives a tensor that is not contiguous."""

    def __init__(self):
        super().__init__()
        self.stem = conv()
        self.turn = Turn()

    def forward(self, x: Tensor) -> Tensor:
        return self.turn(self.stem(x)).sum(1)


class Turn(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.permute(0, 2, 3, 1)[:, ::2]


class NeverCalled(nn.Module):
    """Layers that no hook sees: one not used at all, one whose weights its parent uses; and one called through
    another method than forward, whose inner layer is seen."""

    def __init__(self):
        super().__init__()
        self.stem = conv()
        self.unused = nn.Sequential(nn.Conv2d(4, 4, 1), nn.ReLU())
        self.weights_only = nn.Linear(4, 4)
        self.encoder = Encoder()

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        x = self.encoder.encode(x).mean((2, 3))
        return F.linear(x, self.weights_only.weight, self.weights_only.bias)


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        return x

    @torch.jit.export
    def encode(self, x: Tensor) -> Tensor:
        return self.conv(x)


class OddRows(nn.Module):
    """Layers that have not one row an image: four rows, two of attention's heads whatever the batch, one row for all,
    no dimension at all, a batch that comes second; `head` is an ordinary one after them."""

    def __init__(self):
        super().__init__()
        self.stem = conv()
        self.four_rows = nn.Linear(4, 3)
        self.two_heads = nn.Sigmoid()
        self.bias = nn.Parameter(torch.randn(2, 4, 4))
        self.no_batch = nn.Linear(4, 3)
        self.scalar = Scalar()
        self.batch_second = nn.Linear(4, 3)
        self.head = nn.Linear(4, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        four = self.four_rows(x[:, :, :2, :2].permute(0, 2, 3, 1).reshape(-1, 4))
        row = x.mean((2, 3))
        one = self.no_batch(row.mean(0))
        scalar = self.scalar(row)
        second = self.batch_second(x[:, :, :, 0].permute(2, 0, 1))
        heads = self.two_heads(self.bias)
        return self.head(row) + (four.sum() + one.sum() + scalar + second.sum() + heads.sum()) * 0


class Scalar(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.sum()


class Dtypes(nn.Module):
    """Outputs that are not f32: i64, bool, f64, f16; one row of a single number; one of no numbers."""

    def __init__(self):
        super().__init__()
        self.stem = conv()
        self.i64 = Argmax()
        self.boolean = Positive()
        self.f64 = Cast(torch.float64)
        self.f16 = Cast(torch.float16)
        self.number = nn.Flatten(0)
        self.empty = Empty()

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x).mean((2, 3))
        y = self.i64(x).float() + self.boolean(x).float().sum(1)
        y = y + self.f64(x).float().sum(1) + self.f16(x).float().sum(1)
        return self.number(y.unsqueeze(1)) + self.empty(x).sum(1)


class Argmax(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.argmax(1)


class Positive(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x > 0


class Cast(nn.Module):
    def __init__(self, dtype: torch.dtype):
        super().__init__()
        self.dtype = dtype

    def forward(self, x: Tensor) -> Tensor:
        return x.to(self.dtype)


class Empty(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x[:, :0]


class DefaultArgument(nn.Module):
    """Its forward takes more than the image, but asks only for that."""

    def __init__(self):
        super().__init__()
        self.stem = conv()
        self.last = nn.ReLU()

    def forward(self, x: Tensor, scale: float = 2.0, bias: Optional[Tensor] = None) -> Tensor:
        x = self.stem(x) * scale
        if bias is not None:
            x = x + bias
        return self.last(x)


class OddNames(nn.Module):
    """Names that are no Python identifiers; torchvision's RegNets have some."""

    def __init__(self):
        super().__init__()
        names = ("block1-0", "a b", "0", "forward1", "features_0-4")
        self.stem = nn.Sequential(OrderedDict({"conv-1": conv(), "tanh:1": nn.Tanh()}))
        self.blocks = nn.Sequential(OrderedDict((name, nn.Conv2d(4, 4, 1)) for name in names))

    def forward(self, x: Tensor) -> Tensor:
        return self.blocks(self.stem(x))


class Packed(nn.Module):
    """`packed` keeps its weights in a form of its own, which is made when the file is loaded (`__setstate__`)."""

    def __init__(self):
        super().__init__()
        self.stem = conv()
        self.packed = nnqd.Linear(4, 8, dtype=torch.float16)
        self.packed.set_weight_bias(torch.randn(8, 4), torch.randn(8))
        self.last = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.packed(self.stem(x).mean((2, 3))))


class Resampled(nn.Module):
    """Up- and downsampling, whose scripts raise in branches that are not taken."""

    def __init__(self):
        super().__init__()
        self.stem = conv()
        self.up = nn.Upsample(scale_factor=2.0, mode="bilinear", align_corners=False)
        self.after = conv(4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.up(self.stem(x))
        return self.after(F.interpolate(x, size=[40, 40], mode="nearest"))


class Guarded(nn.Module):
    """Layers inside and after `with`."""

    def __init__(self):
        super().__init__()
        self.frozen = conv()
        self.recorded = conv(4)
        self.exact = conv(4)
        self.after = nn.Tanh()

    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            x = self.frozen(x)
        with torch.autograd.profiler.record_function("recorded"):
            x = self.recorded(x)
        with torch.autocast("cpu", enabled=False):
            x = self.exact(x)
        return self.after(x)


class Forked(nn.Module):
    """Layers that other threads compute: one whose result is awaited at once, and some that go through a list."""

    def __init__(self):
        super().__init__()
        self.stem = conv()
        self.beside = conv(4)
        self.here = conv(4)
        self.many = nn.Sequential(conv(4), nn.ReLU())
        self.after = nn.Tanh()

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        beside = torch.jit.fork(self.beside, x)
        futures: List[torch.jit.Future[Tensor]] = []
        for i in range(2):
            futures.append(torch.jit.fork(self.many, x * float(i + 1)))
        y = self.here(x) + torch.jit.wait(beside)
        for future in futures:
            y = y + torch.jit.wait(future)
        return self.after(y)


class Early(nn.Module):
    """Returns early, raises, breaks and continues."""

    def __init__(self):
        super().__init__()
        self.stem = conv()
        self.never = conv(4)
        self.often = nn.Conv2d(4, 4, 1)
        self.after = nn.Tanh()

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        if x.dim() != 4:
            raise ValueError("expected a batch of images")
        if x.shape[1] > 100:
            return self.never(x)
        for i in range(6):
            if i == 2:
                continue
            if i == 4:
                break
            x = self.often(x) * 0.5
        return self.after(x)


BOTH = ("scripted", "traced")

MODELS = {
    "resnet": (NarrowResNet, BOTH),
    "densenet": (densenet, BOTH),
    "mobilenet": (mobilenet, BOTH),
    "googlenet": (NarrowGoogLeNet, BOTH),
    "swin": (swin, BOTH),
    "vit": (vit, BOTH),
    "branch": (Branch, ("scripted",)),
    "convolutions": (Convolutions, BOTH),
    "thick": (Thick, BOTH),
    "same_input_again": (SameInputAgain, ("scripted",)),
    "folded": (Folded, BOTH),
    "last_call_unused": (LastCallUnused, BOTH),
    "loop": (Loop, BOTH),
    "shared": (Shared, BOTH),
    "nested_tuple": (NestedTuple, BOTH),
    "dict_output": (DictOutput, BOTH),
    "named_tuple": (NamedTupleOutput, ("scripted",)),
    "optional_output": (OptionalOutput, ("scripted",)),
    "list_output": (ListOutput, BOTH),
    "interface": (Interface, ("scripted",)),
    "aliases": (Aliases, BOTH),
    "transposed": (Transposed, BOTH),
    "never_called": (NeverCalled, BOTH),
    "odd_rows": (OddRows, BOTH),
    "dtypes": (Dtypes, BOTH),
    "default_argument": (DefaultArgument, BOTH),
    "odd_names": (OddNames, BOTH),
    "packed": (Packed, ("scripted",)),
    "resampled": (Resampled, BOTH),
    "guarded": (Guarded, ("scripted",)),
    "forked": (Forked, ("scripted",)),
    "early": (Early, ("scripted",)),
}
