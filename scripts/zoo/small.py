"""What the checks run on: the small model that the tests make, and the repository's photos again and again."""

import subprocess

from zoo.venv import ROOT


def small_model():
    """The path of a small scripted ResNet with seeded random weights; made where it is not there."""
    models = ROOT / "target/tmp/models"
    subprocess.run([ROOT / "tests/make_models.py", models], check=True)
    return models / "resnet_scripted.pt"


def repeated_photos(folder, count):
    """A folder of links to the repository's photos, as many as asked for; made where it is not there."""
    if not folder.exists():
        folder.mkdir(parents=True)
        sources = sorted(path for path in (ROOT / "tests/photos").iterdir() if path.suffix != ".md")
        for i in range(count):
            source = sources[i % len(sources)]
            (folder / f"{i:06}{source.suffix}").symlink_to(source)
    return folder
