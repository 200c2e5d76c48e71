"""The small model that the checks run, as the tests make it."""

import subprocess

from zoo.venv import ROOT


def small_model():
    """The path of a small scripted ResNet with seeded random weights; made where it is not there."""
    models = ROOT / "target/tmp/models"
    subprocess.run([ROOT / "tests/make_models.py", models], check=True)
    return models / "resnet_scripted.pt"
