#!/usr/bin/env python3
"""Write configs/NAME.toml, the presets that featx is built with, from torchvision's own transforms.

A preset follows the weights that torchvision calls DEFAULT, the ones that `scripts/export_model.py NAME` exports;
its first line names them. Other weights of the same network may want other pixels (ResNet-50: 232 for
IMAGENET1K_V2, 256 for IMAGENET1K_V1): export_model.py --weights writes theirs beside the model.

usage: scripts/make_configs.py [--check]     --check: write nothing, exit 1 where a preset differs
"""

import argparse
import sys

from zoo.venv import ROOT, use_project_python

CONFIGS = ROOT / "configs"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing, exit 1 where a preset differs")
    args = parser.parse_args()
    use_project_python()
    from featx.export import sources
    presets = {CONFIGS / f"{name}.toml": preset(name) for name in sources.from_torchvision.names()}
    return check(presets) if args.check else write(presets)


def preset(name):
    from featx.export import preprocess, sources
    weights = sources.from_torchvision.weights_of(name)
    settings, problems = preprocess.read_transforms(weights.transforms())
    if problems:
        sys.exit(f"error: the preprocessing of '{name}' cannot be written for featx: {problems}")
    return preprocess.from_dict(settings).to_toml(f"{name}: torchvision's {weights}")


def write(presets):
    CONFIGS.mkdir(exist_ok=True)
    for path, text in presets.items():
        path.write_text(text)
    print(f"{len(presets)} presets in '{CONFIGS}'")
    return 0


def check(presets):
    different = [path for path, text in presets.items() if not path.exists() or path.read_text() != text]
    for path in different:
        print(f"'{path}' is not what torchvision says; write it with: scripts/make_configs.py", file=sys.stderr)
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
