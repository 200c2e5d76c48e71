#!/usr/bin/env python3
"""Models of every library that the exporter knows: each exported, and every layer of it, from image files to rows, against
PyTorch's forward hooks after the library's own preprocessing. Prints a Markdown table.

usage: check_models.py [--only TEXT] [--out DIR] [--featx PROGRAM]

Weights are seeded random ones, but those that come with a package. The models of transformers are made from their own
configurations, small; nothing is fetched but packages. Libraries are installed into .venv when they are first needed.
"""
import argparse
import contextlib
import io
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "scripts/python"))

from zoo.venv import built_featx, use_project_python

SMALL = {"hidden_size": 48, "num_hidden_layers": 3, "num_attention_heads": 4, "intermediate_size": 96}
TOWERS = {"vision_config": SMALL | {"projection_dim": 32}, "text_config": SMALL | {"projection_dim": 32}}
# Of transformers: its name of the kind, its image processor, what makes it small, the processor's own settings.
TRANSFORMERS = [
    ("vit", "ViTImageProcessor", SMALL, {}),
    ("vit", "ViTImageProcessorPil", SMALL, {}),
    ("dinov2", "BitImageProcessor", SMALL | {"image_size": 224}, {"size": {"shortest_edge": 256}}),
    ("dinov2_with_registers", "BitImageProcessorPil", SMALL | {"image_size": 224}, {"size": {"shortest_edge": 256}}),
    ("clip", "CLIPImageProcessor", TOWERS, {}),
    ("siglip", "SiglipImageProcessor", TOWERS, {}),
    ("beit", "BeitImageProcessor", SMALL, {}),
    ("deit", "DeiTImageProcessor", SMALL, {}),
    ("convnext", "ConvNextImageProcessor", {"hidden_sizes": [16, 24, 32, 40], "depths": [1, 1, 2, 1]}, {"crop_pct": 0.875}),
    ("convnext", "ConvNextImageProcessorPil", {"hidden_sizes": [16, 24, 32, 40], "depths": [1, 1, 2, 1]},
     {"size": {"shortest_edge": 384}}),
    ("resnet", "ConvNextImageProcessor", {"embedding_size": 16, "hidden_sizes": [16, 24, 32, 40], "depths": [1, 1, 2, 1]}, {}),
    ("swin", "ViTImageProcessor", {"embed_dim": 24, "depths": [1, 1, 2, 1], "num_heads": [1, 2, 3, 3]}, {}),
    ("mobilevit", "MobileViTImageProcessor", {}, {}),
    ("regnet", "ConvNextImageProcessor", {"embedding_size": 16, "hidden_sizes": [16, 24, 32, 48], "depths": [1, 1, 2, 1],
                                          "groups_width": 8}, {}),
]
NAMES = [
    "alexnet", "resnet18", "vit_b_32", "efficientnet_b0", "swin_t", "densenet121",
    "timm/convnext_atto", "timm/vit_tiny_patch16_224", "timm/resnet10t", "timm/mixer_s32_224", "timm/efficientnet_lite0",
    "timm/vit_small_patch14_dinov2",
    "open_clip/RN50", "open_clip/ViT-B-32", "open_clip/ViT-B-16-SigLIP", "open_clip/convnext_base", "open_clip/coca_ViT-B-32",
    "open_clip/MobileCLIP-S1",
    "pypi/efficientnet_lite0",
    "cornet/Z", "cornet/R", "cornet/RT", "cornet/S", "facenet/vggface2", "smp/unet/resnet18", "smp/fpn/mobilenet_v2",
    "ultralytics/yolov8n", "ultralytics/yolo11n-seg", "ultralytics/yolo11n-cls",
    "keras/VGG16", "keras/ResNet50", "keras/MobileNetV2", "keras/EfficientNetB0", "keras/DenseNet121",
]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", metavar="TEXT", help="models whose name holds it")
    parser.add_argument("--out", type=Path, default=ROOT / "target/models", metavar="DIR")
    parser.add_argument("--featx", type=Path, metavar="PROGRAM", help="(default: target/release/featx, which is built)")
    args = parser.parse_args()
    featx = (args.featx or built_featx()).resolve()
    use_project_python()
    args.out = args.out.resolve()
    shutil.rmtree(args.out, ignore_errors=True)
    args.out.mkdir(parents=True)
    print("| model | kind of file | layers | worst relative L2 | |", "|---|---|---|---|---|", sep="\n")
    failed = 0
    for name, place in models(args):
        line, right = export(name, place, args.out, featx)
        print(line, flush=True)
        failed += not right
    if not args.only:
        failed += not as_keras_predicts(args.out, featx)
    sys.exit(f"{failed} failed" if failed else 0)


def models(args):
    """What is shown, and what the exporter is asked for."""
    for name in NAMES:
        if args.only in name:
            yield name, name
    for kind, processor, config, pixels in TRANSFORMERS:
        name = f"hf: {kind}, {processor}" + "".join(f", {key}" for key in pixels)
        if args.only in name:
            yield name, f"hf/{folder_of_transformers(args.out, kind, processor, config, pixels)}"


def folder_of_transformers(out, kind, processor, config, pixels):
    """As `save_pretrained()` writes it, but for the weights."""
    from featx.export import sources
    sources.library("hf").install()
    import transformers
    folder = out / f"{kind}_{processor}"
    transformers.AutoConfig.for_model(kind, **config).save_pretrained(folder)
    getattr(transformers, processor)(**pixels).save_pretrained(folder)
    return folder


def as_keras_predicts(out, featx):
    """VGG16's block5_pool, from the same photos, by Keras' own way: load_img, preprocess_input, predict."""
    import numpy
    from featx.export import sources
    from featx.export.command import main as exporter
    sources.library("keras").install()
    import keras
    exporter(["keras/VGG16", "--random", "--as", "keras", "--out", str(out / "made"), "--no-featx"])
    photos = sorted(path for path in (ROOT / "tests/photos").iterdir() if path.suffix in (".jpg", ".png"))
    listed, run = out / "photos.txt", out / "keras"
    listed.write_text("".join(f"{path.name}\n" for path in photos))
    file = next((out / "made").glob("keras.pt*"))
    subprocess.run([featx, "extract", "--model", file, "--layer", "block5_pool", "--out", run, "--list", listed, "--quiet",
                    ROOT / "tests/photos"], check=True)
    subprocess.run([featx, "merge", run, "--quiet"], check=True)
    found = numpy.load(run / "block5_pool/features.npy")
    keras.utils.set_random_seed(sources.SEED)
    model = keras.applications.VGG16(include_top=False, weights=None, input_shape=(224, 224, 3))
    images = numpy.stack([keras.utils.img_to_array(keras.utils.load_img(path, target_size=(224, 224))) for path in photos])
    wanted = model.predict(keras.applications.vgg16.preprocess_input(images), verbose=0)
    off = numpy.linalg.norm(found - wanted) / numpy.linalg.norm(wanted)
    print(f"\nkeras/VGG16 block5_pool of {len(photos)} photos {found.shape[1:]}, to Keras' own predict: relative L2 {off:.0e}")
    return off <= 1e-4


def export(name, place, out, featx):
    """A line of the table, and whether all is right. Each model begins with the seed's own numbers."""
    from featx.export.command import main as exporter
    said = io.StringIO()
    weights = [] if place.startswith("pypi/") else ["--random"]
    if place.startswith("smp/"):
        weights += ["--resize", "256", "--crop", "224"]  # the library does not say
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        code = exporter([place, *weights, "--as", "model", "--out", str(out / "made"), "--featx", str(featx)])
    said = said.getvalue()
    agrees = re.search(r"featx agrees with the original in (\d+) of (\d+) layers, to (\S+)", said)
    kind = re.search(r"(scripted|traced|exported), ", said)
    if code or not agrees:
        why = [line for line in said.splitlines() if "error: " in line] or said.splitlines()[-1:]
        return f"| {name} | | | | **{why[0].removeprefix('error: ')}** |", False
    left = " ".join(line.strip() for line in said.splitlines() if line.startswith("  without features"))
    return f"| {name} | {kind[1]} | {agrees[1]} of {agrees[2]} | {agrees[3]} | {left} |", True


if __name__ == "__main__":
    main()
