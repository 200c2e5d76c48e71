"""Models with seeded random weights, as TorchScript files, and photos."""
import os
import random
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import torch
import torchvision.models as tv
from PIL import Image, ImageOps
from torch import nn
from torchvision import transforms

SOURCES = Path(__file__).resolve().parents[2] / "tests" / "photos"
SIZES = [(500, 375), (375, 500), (500, 333), (640, 480), (500, 400)]
DISTINCT = 96
PIXELS = transforms.Compose([
    transforms.Resize(256), transforms.CenterCrop(224), transforms.ToTensor(),
    transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
])


class Constants(nn.Module):
    """Makes tensors while it computes; the trace on the CPU writes "on the CPU" into the file."""

    def forward(self, x):
        # Whole numbers: a precision that the trace wrote down would be another matter.
        stripes = torch.arange(x.shape[-1], device=x.device) % 2
        zeros = torch.zeros(x.shape[0], 1, 1, 1, device=x.device, dtype=torch.int64)
        scale = torch.tensor(0.5, device=x.device)
        return x * scale + stripes + zeros


class WithConstants(nn.Module):
    def __init__(self):
        super().__init__()
        self.constants = Constants()
        self.net = tv.resnet18(weights=None)

    def forward(self, x):
        return self.net(self.constants(x))


class Pixels(nn.Module):
    """Its layer `same` is the input; `corner` is all that decoding needs a model for."""

    def __init__(self):
        super().__init__()
        self.same = nn.Identity()
        self.corner = Corner()

    def forward(self, x):
        return self.corner(self.same(x))


class Corner(nn.Module):
    def forward(self, x):
        return x[:, :, 0, 0]


def vit():
    """torchvision's head begins with zeros, which would compare equal whatever is computed."""
    network = tv.vit_b_16(weights=None)
    nn.init.normal_(network.heads.head.weight, std=0.02)
    return network


# name: (network, layers to compare, traced)
MODELS = {
    "vgg16": (tv.vgg16, ["features.0", "features.4", "features.30", "classifier.3"], False),
    "resnet50": (tv.resnet50, ["conv1", "layer1", "layer3.2.conv2", "avgpool", "fc"], False),
    "vit_b_16": (vit, ["conv_proj", "encoder.layers.encoder_layer_0", "encoder.layers.encoder_layer_11.mlp",
                               "encoder.ln", "heads"], False),
    "mobilenet_v3_large": (tv.mobilenet_v3_large, ["features.0", "features.4.block.1", "avgpool", "classifier.0"],
                           False),
    "constants": (WithConstants, ["constants", "net.layer2", "net.avgpool"], True),
    "pixels": (Pixels, ["same"], False),
}
QUICK = ("resnet50", "constants", "pixels")


def make_network(name, images):
    """Seeded; batch normalisation has seen the images, so that values keep their size through the network. It scales
    only: centred as well, a random network amplifies its rounding from layer to layer, which a trained one does not."""
    torch.manual_seed(7)
    network = MODELS[name][0]().to(images.device)
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    if norms:
        for norm in norms:
            norm.momentum = None
        with torch.no_grad():
            network.train()(images)
        for norm in norms:
            norm.running_var += norm.running_mean**2
            norm.running_mean.zero_()
    return network.cpu().eval()


def export(name, network, path):
    """The TorchScript file, made on the CPU as scripts/export_model.py does."""
    traced = MODELS[name][2]
    with torch.no_grad():
        script = torch.jit.trace(network, torch.zeros(2, 3, 224, 224)) if traced else torch.jit.script(network)
    script.save(path)
    path.with_suffix(".toml").write_text("[preprocess]\nresize = 256\ncrop = 224\n")


def make_photos(folder):
    """Pieces of the repository's photos as JPEGs of about 500 x 375: few, for thousands of links to them."""
    folder.mkdir()
    with ProcessPoolExecutor() as pool:
        list(pool.map(make_photo, [(number, folder / f"{number:03}.jpg") for number in range(DISTINCT)]))


def make_photo(task):
    number, path = task
    chance = random.Random(number)
    sources = sorted(path for path in SOURCES.iterdir() if path.suffix in (".jpg", ".png", ".webp"))
    picture = Image.open(sources[number % len(sources)]).convert("RGB")
    width, height = SIZES[number % len(SIZES)]
    piece = min(picture.width / width, picture.height / height) * chance.uniform(0.7, 1.0)
    left = chance.uniform(0, picture.width - width * piece)
    top = chance.uniform(0, picture.height - height * piece)
    photo = picture.resize((width, height), Image.Resampling.BICUBIC,
                           box=(left, top, left + width * piece, top + height * piece))
    if chance.random() < 0.5:
        photo = ImageOps.mirror(photo)
    grain = Image.effect_noise((width, height), 40).convert("RGB")
    Image.blend(photo, grain, 0.06).save(path, quality=chance.choice([85, 90, 95]))


def link(distinct, folder, count):
    """A folder of so many photos, links to the distinct ones."""
    folder.mkdir()
    sources = sorted(distinct.iterdir())
    for number in range(count):
        os.link(sources[number % len(sources)], folder / f"{number:06}.jpg")
    return folder


def pixels(folder, count):
    """What PIL and torchvision make of the first photos: f32, (count, 3, 224, 224)."""
    photos = sorted(folder.iterdir())[:count]
    return torch.stack([PIXELS(Image.open(photo).convert("RGB")) for photo in photos])
