"""Runs a script in the project's .venv. Imports nothing that a bare Python lacks."""

import importlib.util
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def use_project_python():
    """Start the running script again in .venv when this Python has no PyTorch."""
    if importlib.util.find_spec("torch") and importlib.util.find_spec("torchvision"):
        return
    python = ROOT / ".venv" / "bin" / "python"
    # realpath() would not do: a venv's python is a link to the Python it was made from.
    if sys.prefix == str(python.parent.parent) or not python.exists():
        sys.exit(f"error: '{sys.executable}' has no torch and torchvision; "
                 "make the project's Python with: scripts/setup.sh")
    os.execv(python, [str(python), *sys.argv])
