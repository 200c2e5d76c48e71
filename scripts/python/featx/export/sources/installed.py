"""Libraries of models: each is installed when a model of it is first asked for. None may move PyTorch."""

import importlib.metadata
import importlib.util
import subprocess
import sys

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
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", *requirements]
    pip = subprocess.run([*command, *kept], capture_output=True, text=True, errors="replace")
    if pip.returncode != 0:
        why = [line for line in pip.stderr.splitlines() if line.startswith("ERROR")] or ["no reason given"]
        raise Failure(f"{module} is not installed, and pip could not install it ({why[-1]}); where there is a network, "
                      f"try: {' '.join(command)}")
    importlib.invalidate_caches()
