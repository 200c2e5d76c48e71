"""Networks that are exported with torch.export for the tests: what programs have that TorchScript has not."""

import torch
from torch import Tensor, nn


def conv(inputs=3, outputs=4):
    return nn.Conv2d(inputs, outputs, 3, stride=2, padding=1)


class Regions(nn.Module):
    """Parts without gradients and without autocast, which become subgraphs; constants, buffers, sizes that follow the
    batch, lists of tensors, types and devices that are baked in."""

    def __init__(self):
        super().__init__()
        self.stem = conv(3, 8)
        self.act = nn.ReLU(inplace=True)
        self.inner = nn.Conv2d(8, 8, 1)
        self.register_buffer("scale", torch.randn(8, 1, 1))
        self.register_buffer("unsaved", torch.randn(8, 1, 1), persistent=False)
        self.plain = torch.randn(8, 1, 1)
        self.halves = Halves()
        self.tokens = Tokens()
        self.mask = Mask()

    def forward(self, x: Tensor) -> Tensor:
        x = self.act(self.stem(x))
        with torch.no_grad():
            x = self.inner(x) * torch.tensor([2.0])
        with torch.autocast("cpu", enabled=False):
            x = self.halves(x) + self.scale
        x = x * self.unsaved + self.plain
        return self.mask(self.tokens(x)).sum(1)


class Halves(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        first, second = x.chunk(2, 1)
        a, b, c, d = second.unbind(1)
        return torch.cat([second, first], 1) + (a - b + c * d).unsqueeze(1)


class Tokens(nn.Module):
    """A class token for each image, and sizes computed from the batch."""

    def __init__(self):
        super().__init__()
        self.token = nn.Parameter(torch.randn(1, 1, 8))

    def forward(self, x: Tensor) -> Tensor:
        batch, channels = x.shape[:2]
        x = x.reshape(batch, channels, -1).transpose(1, 2)
        x = torch.cat([self.token.expand(batch, -1, -1), x], 1)
        pairs = x.reshape(batch * 2, -1, channels // 2) / (batch * 0 + 3)
        return pairs.reshape(batch, -1, channels)


class Mask(nn.Module):
    """Numbers where operators declare tensors, infinities, types, an index of tensors and of none."""

    def forward(self, x: Tensor) -> Tensor:
        largest, _ = x.max(-1, keepdim=True)
        x = x.masked_fill(x == largest, float("-inf")).softmax(-1).to(torch.float64)
        x = (x + 1 - 0.5) / 3 * torch.ones(1, dtype=torch.float64, device=x.device)
        return torch.where(x > 0.3, x, 0.0)[:, torch.tensor([2, 0, 1])].float()


class InPlace(nn.Module):
    """Layers whose outputs are changed afterwards, by another layer and by the network; `twice` changes its own output
    through a view before it returns it."""

    def __init__(self):
        super().__init__()
        self.stem = conv()
        self.relu = nn.ReLU(inplace=True)
        self.same = nn.Identity()
        self.drop = nn.Dropout(0.5)
        self.twice = Twice()
        self.last = nn.Conv2d(4, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.drop(self.same(self.relu(self.stem(x))))
        x = self.twice(x)
        x += 1
        x[:, 0].zero_()
        return self.last(x)


class Twice(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv(x)
        y[:, 1].mul_(2)
        return y


class Chooses(nn.Module):
    """`torch.cond`, a higher-order operator that cannot be run."""

    def __init__(self):
        super().__init__()
        self.stem = conv()
        self.choice = Choice()
        self.head = nn.Conv2d(4, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.choice(self.stem(x)))


class Choice(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.cond(x.sum() > 0, lambda x: x.cos(), lambda x: x.sin(), (x,))


@torch.library.custom_op("featx_tests::twist", mutates_args=())
def twist(x: Tensor) -> Tensor:
    return x.flip(-1).clone()


@twist.register_fake
def _(x):
    return torch.empty_like(x)


class Twists(nn.Module):
    """An operator that is not PyTorch's."""

    def __init__(self):
        super().__init__()
        self.stem = conv()
        self.twist = Twist()
        self.head = nn.Conv2d(4, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.twist(self.stem(x)))


class Twist(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return twist(x)


class Rounds(nn.Module):
    """A part as quantisation leaves it."""

    def __init__(self):
        super().__init__()
        import torch.ao.quantization.fx._decomposed  # noqa: F401; makes the operators
        self.stem = conv()
        self.rounded = Rounded()

    def forward(self, x: Tensor) -> Tensor:
        return self.rounded(self.stem(x))


class Rounded(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        scale = (0.1, 0, -128, 127, torch.int8)
        rounded = torch.ops.quantized_decomposed.quantize_per_tensor(x, *scale)
        return torch.ops.quantized_decomposed.dequantize_per_tensor(rounded, *scale)


class Pair(nn.Module):
    """Gives first what is used last."""

    def __init__(self):
        super().__init__()
        self.a = nn.Conv2d(4, 4, 1)
        self.b = nn.Conv2d(4, 6, 1)

    def forward(self, x: Tensor):
        b = self.b(x)
        return self.a(x), b


class Pairs(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = conv()
        self.pair = Pair()
        self.head = nn.Conv2d(6, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        a, b = self.pair(self.stem(x))
        return self.head(b) + a


class Plain(nn.Module):
    def __init__(self, channels=3):
        super().__init__()
        self.stem = nn.Conv2d(channels, 4, 3, stride=2, padding=1)
        self.head = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.stem(x))


class TwoInputs(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = Plain()

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        return self.stem(x) * mask


class HalfPrecision(nn.Module):
    """A part under autocast."""

    def __init__(self):
        super().__init__()
        self.stem = conv()
        self.head = nn.Conv2d(4, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            x = self.head(x)
        return x.float()
