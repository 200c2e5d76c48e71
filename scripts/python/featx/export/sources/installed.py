"""Libraries of models: each is installed when a model of it is first asked for. None may move PyTorch."""

import importlib.metadata
import importlib.util
import subprocess
import sys
from pathlib import Path

from .. import Failure

KEPT = ("torch", "torchvision")


def has(module):
    return importlib.util.find_spec(module) is not None


def require(module, *requirements):
    """Installs `requirements`, unless `module` can be imported."""
    if has(module):
        return
    print(f"installing {' '.join(requirements)} into '{sys.prefix}'", file=sys.stderr)
    # Named beside them, so that pip refuses what wants another PyTorch instead of replacing the one that is there.
    # 2.11.0 is what 2.11.0+cu130 satisfies.
    kept = [f"{name}=={importlib.metadata.version(name).partition('+')[0]}" for name in KEPT]
    _install(module, requirements, kept)


def require_apart(module, requirement, *others):
    """Of a library that asks for an older PyTorch and runs with this one: by itself, in a place of its own. `others` is what
    it needs besides."""
    place = Path(sys.prefix, "share/featx/libraries", module)
    if place.is_dir() and str(place) not in sys.path:
        sys.path.append(str(place))
    for other in others:
        require(other, other)
    if has(module):
        return
    print(f"installing {requirement} into '{place}'", file=sys.stderr)
    _install(module, [requirement], ["--no-deps", "--target", str(place)])
    sys.path.append(str(place))
    importlib.invalidate_caches()


def _install(module, requirements, more):
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", *requirements]
    pip = subprocess.run([*command, *more], capture_output=True, text=True, errors="replace")
    if pip.returncode != 0:
        why = [line for line in pip.stderr.splitlines() if line.startswith("ERROR")] or ["no reason given"]
        raise Failure(f"{module} is not installed, and pip could not install it ({why[-1]}); where there is a network, "
                      f"try: {' '.join(command)}")
    importlib.invalidate_caches()
