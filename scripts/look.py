#!/usr/bin/env python3
"""What a network sees in each image of a run, and whose features are nearest.

usage: look.py RUN LAYER

RUN has the features of LAYER, and those of layer `output`: what the network gives for ImageNet's 1,000 classes
(`featx extract --layer LAYER,.`). Nearest is the other image whose features have the largest cosine.
"""
import sys
from pathlib import Path

import numpy

sys.path.insert(0, str(Path(__file__).resolve().parent / "python"))
import featx


def main(run, layer):
    run = featx.open(run)
    found = look(run.file_names, run[layer], run["output"], classes())
    width = max(len(line[0]) for line in found)
    for name, label, chance, nearest, cosine in found:
        print(f"{name:{width}}  {label:20} {chance:4.0%}   nearest: {nearest:{width}} {cosine:.2f}")


def look(names, features, output, labels):
    """For each image: its name, its label and the chance of it, the nearest other image and the cosine between them."""
    chances = softmax(numpy.asarray(output, "float64").reshape(len(names), -1))
    cosines = cosine_matrix(numpy.asarray(features, "float64").reshape(len(names), -1))
    numpy.fill_diagonal(cosines, -numpy.inf)
    best, nearest = chances.argmax(1), cosines.argmax(1)
    return [(name, labels[best[row]], chances[row, best[row]], names[nearest[row]], cosines[row, nearest[row]])
            for row, name in enumerate(names)]


def softmax(values):
    weights = numpy.exp(values - values.max(1, keepdims=True))
    return weights / weights.sum(1, keepdims=True)


def cosine_matrix(rows):
    """Of what is left of each row without what all have in common."""
    rows = rows - rows.mean(0)
    rows /= numpy.linalg.norm(rows, axis=1, keepdims=True)
    return rows @ rows.T


def classes():
    """ImageNet's, in its order, as torchvision names them."""
    import torchvision
    return torchvision.models.VGG16_Weights.DEFAULT.meta["categories"]


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    main(*sys.argv[1:])
