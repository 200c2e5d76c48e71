"""Each kind of layer in torch.nn alone, fed from an image."""

import inspect

import torch
from torch import Tensor, nn

SIDE = 64

class Alone(nn.Module):
    """`layer`, given what `feed` makes of an image."""

    def __init__(self, feed, layer):
        super().__init__()
        self.feed, self.layer = feed, layer

    def forward(self, x):
        return self.layer(self.feed(x))


class AloneWithTwo(Alone):
    def forward(self, x):
        return self.layer(self.feed(x), self.feed(x.flip(3)))


class AloneWithLabels(Alone):
    """A loss whose target is a class."""

    def forward(self, x):
        given = self.feed(x)
        return self.layer(given, given.argmax(1))


class AloneWithSigns(Alone):
    """A loss whose target is -1 or 1."""

    def forward(self, x):
        given = self.feed(x)
        return self.layer(given, given.detach().sign())


class AloneWithThree(Alone):
    def forward(self, x):
        given = self.feed(x)
        return self.layer(given, self.feed(x.flip(3)), given.tanh())


class AlonePairSign(Alone):
    """A loss of two, and -1 or 1 for each image."""

    def forward(self, x):
        given = self.feed(x)
        return self.layer(given, self.feed(x.flip(3)), given[:, 0].sign())


class AloneUnpooled(nn.Module):
    def __init__(self, feed, pool, layer):
        super().__init__()
        self.feed, self.pool, self.layer = feed, pool, layer

    def forward(self, x):
        pooled, where = self.pool(self.feed(x))
        return self.layer(pooled, where)


class AloneCtc(Alone):
    def forward(self, x):
        given = self.feed(x).log_softmax(2)
        target = torch.ones(x.shape[0], 2, dtype=torch.long)
        lengths = torch.full([x.shape[0]], given.shape[0], dtype=torch.long)
        return self.layer(given, target, lengths, torch.full([x.shape[0]], 2, dtype=torch.long))


class AloneAttended(Alone):
    def forward(self, x):
        given = self.feed(x)
        return self.layer(given, given, given)


class Planes(nn.Module):
    """(4, 16, 16)."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 4, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)


class Line(Planes):
    """(4, 256)."""

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x).flatten(2)


class Volume(Planes):
    """(4, 4, 8, 8)."""

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x).reshape(-1, 4, 4, 8, 8)


class Tokens(Planes):
    """(16, 8)."""

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)[:, :, :4, :8].reshape(-1, 16, 8)


class TimeFirst(Tokens):
    """16 steps, then images: as recurrent layers have it without batch_first."""

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)[:, :, :4, :8].reshape(-1, 16, 8).transpose(0, 1)


class Vector(Planes):
    """(8)."""

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x).reshape(x.shape[0], 8, -1).mean(2)


class Positive(Vector):
    """(8), a probability each."""

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x).reshape(x.shape[0], 8, -1).mean(2).softmax(1)


class Words(Planes):
    """(16), whole numbers under 10."""

    def forward(self, x: Tensor) -> Tensor:
        return (self.conv(x)[:, 0, :4, :4].flatten(1).abs() * 7).long() % 10


def _all():
    """Name of the class: (what it is fed, its arguments, how it is called)."""
    found = {}
    for n, feed in ((1, Line), (2, Planes), (3, Volume)):
        window = {"kernel_size": 2}
        for kind in ("AvgPool", "MaxPool"):
            found[f"{kind}{n}d"] = feed, window
        for kind in ("AdaptiveAvgPool", "AdaptiveMaxPool"):
            found[f"{kind}{n}d"] = feed, {"output_size": 3}
        for kind in ("Conv", "ConvTranspose"):
            found[f"{kind}{n}d"] = feed, {"in_channels": 4, "out_channels": 6, "kernel_size": 3}
        for kind in ("LazyConv", "LazyConvTranspose"):
            found[f"{kind}{n}d"] = feed, {"out_channels": 6, "kernel_size": 3}
        for kind in ("BatchNorm", "InstanceNorm"):
            found[f"{kind}{n}d"] = feed, {"num_features": 4, "affine": True}
            found[f"Lazy{kind}{n}d"] = feed, {"affine": True}
        for kind in ("CircularPad", "ReflectionPad", "ReplicationPad", "ZeroPad"):
            found[f"{kind}{n}d"] = feed, {"padding": 1}
        found[f"ConstantPad{n}d"] = feed, {"padding": 1, "value": 0.5}
        found[f"Dropout{n}d"] = feed, {}
        found[f"LPPool{n}d"] = feed, {"norm_type": 2, **window}
        found[f"MaxUnpool{n}d"] = feed, {"kernel_size": (2,) * n}, AloneUnpooled
    found |= {f"FractionalMaxPool{n}d": (feed, {"kernel_size": 2, "output_ratio": 0.5})
              for n, feed in ((2, Planes), (3, Volume))}
    for kind in ("CELU", "Dropout", "ELU", "AlphaDropout", "FeatureAlphaDropout", "GELU", "Hardshrink", "Hardsigmoid",
                 "Hardswish", "Hardtanh", "Identity", "LeakyReLU", "LogSigmoid", "Mish", "PReLU", "RReLU", "ReLU", "ReLU6",
                 "SELU", "SiLU", "Sigmoid", "Softmax2d", "Softplus", "Softshrink", "Softsign", "Tanh", "Tanhshrink",
                 "Flatten"):
        found[kind] = Planes, {}
    found |= {
        "GLU": (Planes, {"dim": 1}), "Threshold": (Planes, {"threshold": 0.1, "value": 20.0}),
        "Softmax": (Planes, {"dim": 1}), "Softmin": (Planes, {"dim": 1}), "LogSoftmax": (Planes, {"dim": 1}),
        "ChannelShuffle": (Planes, {"groups": 2}), "PixelShuffle": (Planes, {"upscale_factor": 2}),
        "PixelUnshuffle": (Planes, {"downscale_factor": 2}), "CrossMapLRN2d": (Planes, {"size": 2}),
        "LocalResponseNorm": (Planes, {"size": 2}), "GroupNorm": (Planes, {"num_groups": 2, "num_channels": 4}),
        "LayerNorm": (Tokens, {"normalized_shape": 8}), "RMSNorm": (Tokens, {"normalized_shape": 8}),
        "Unfold": (Planes, {"kernel_size": 2}), "Fold": (Tokens, {"output_size": (3, 5), "kernel_size": (2, 2)}),
        "Unflatten": (Vector, {"dim": 1, "unflattened_size": (2, 4)}),
        "Upsample": (Planes, {"scale_factor": 2.0}), "UpsamplingBilinear2d": (Planes, {"scale_factor": 2}),
        "UpsamplingNearest2d": (Planes, {"scale_factor": 2}),
        "Linear": (Tokens, {"in_features": 8, "out_features": 5}), "LazyLinear": (Tokens, {"out_features": 5}),
        "NonDynamicallyQuantizableLinear": (Tokens, {"in_features": 8, "out_features": 5}),
        "Bilinear": (Tokens, {"in1_features": 8, "in2_features": 8, "out_features": 5}, AloneWithTwo),
        "CosineSimilarity": (Tokens, {}, AloneWithTwo), "PairwiseDistance": (Tokens, {}, AloneWithTwo),
        "Embedding": (Words, {"num_embeddings": 10, "embedding_dim": 8}),
        "EmbeddingBag": (Words, {"num_embeddings": 10, "embedding_dim": 8}),
        "MultiheadAttention": (Tokens, {"embed_dim": 8, "num_heads": 2, "batch_first": True}, AloneAttended),
        "TransformerEncoderLayer": (Tokens, {"d_model": 8, "nhead": 2, "batch_first": True}),
        "TransformerDecoderLayer": (Tokens, {"d_model": 8, "nhead": 2, "batch_first": True}, AloneWithTwo),
        "Transformer": (Tokens, {"d_model": 8, "nhead": 2, "num_encoder_layers": 1, "num_decoder_layers": 1,
                                 "batch_first": True}, AloneWithTwo),
        "TransformerEncoder": (Tokens, (nn.TransformerEncoderLayer(8, 2, batch_first=True), 2)),
        "TransformerDecoder": (Tokens, (nn.TransformerDecoderLayer(8, 2, batch_first=True), 2), AloneWithTwo),
        "Sequential": (Planes, (nn.ReLU(), nn.Tanh())), "SyncBatchNorm": (Planes, {"num_features": 4}),
        "AdaptiveLogSoftmaxWithLoss": (Vector, {"in_features": 8, "n_classes": 8, "cutoffs": [4]}, AloneWithLabels),
        "CTCLoss": (TimeFirst, {"reduction": "none"}, AloneCtc),
    }
    for kind in ("RNN", "LSTM", "GRU"):
        found[kind] = Tokens, {"input_size": 8, "hidden_size": 5, "batch_first": True}
        found[f"{kind}, time first"] = TimeFirst, {"input_size": 8, "hidden_size": 5}
        found[f"{kind}Cell"] = Vector, {"input_size": 8, "hidden_size": 5}
    return found | _losses()


def _losses():
    """As `_all`, of losses."""
    apart = {"reduction": "none"}  # a number an image
    found = {f"{kind}Loss": (Vector, apart, AloneWithTwo) for kind in ("L1", "MSE", "SmoothL1", "Huber", "PoissonNLL")}
    found |= {f"{kind}Loss": (Vector, apart, AloneWithSigns) for kind in ("SoftMargin", "HingeEmbedding")}
    found |= {f"{kind}Loss": (Vector, apart, AloneWithLabels) for kind in ("CrossEntropy", "NLL", "MultiMargin")}
    found |= {f"{kind}Loss": (Positive, apart, AloneWithTwo) for kind in ("KLDiv", "BCE", "BCEWithLogits",
                                                                        "MultiLabelSoftMargin")}
    found |= {
        "NLLLoss2d": (Planes, apart, AloneWithLabels), "MultiLabelMarginLoss": (Words, apart, AloneWithMarks),
        "GaussianNLLLoss": (Positive, apart, AloneWithThreePositive),
        "TripletMarginLoss": (Vector, apart, AloneWithThree),
        "TripletMarginWithDistanceLoss": (Vector, apart, AloneWithThree),
        "CosineEmbeddingLoss": (Vector, apart, AlonePairSign),
        "MarginRankingLoss": (Vector, apart, AloneWithThree),
    }
    return found


class AloneWithMarks(Alone):
    """A loss whose target are several classes."""

    def forward(self, x):
        words = self.feed(x)
        return self.layer(words.float(), words)


class AloneWithThreePositive(Alone):
    def forward(self, x):
        given = self.feed(x)
        return self.layer(given, self.feed(x.flip(3)), given + 0.1)


def names():
    return sorted(_all())


def make(name):
    """The model, for images of SIDE pixels."""
    feed, arguments, *call = _all()[name]
    kind = getattr(nn, name.partition(",")[0], None) or getattr(nn.modules.linear, name)
    layer = kind(*arguments) if isinstance(arguments, tuple) else kind(**arguments)
    if call == [AloneUnpooled]:
        pool = getattr(nn, name.replace("MaxUnpool", "MaxPool"))(**arguments, return_indices=True)
        model = AloneUnpooled(feed(), pool, layer)
    else:
        model = (call or [Alone])[0](feed(), layer)
    with torch.no_grad():
        model.eval()(torch.randn(2, 3, SIDE, SIDE))  # a lazy layer learns its shape
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    return model


def left_out():
    """Classes of torch.nn that are not tried."""
    classes = {name for name, value in vars(nn).items() if inspect.isclass(value) and issubclass(value, nn.Module)}
    return sorted(classes - _all().keys())
