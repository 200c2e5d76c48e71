"""What a script needs before it begins: the project's .venv, the built program. Imports nothing that a bare Python lacks."""

import importlib.util
import os
import shutil
import subprocess
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


def find_featx():
    """The program where it is built or installed; builds nothing."""
    built = (ROOT / "target" / kind / "featx" for kind in ("release", "debug"))
    return next((program for program in built if os.access(program, os.X_OK)), shutil.which("featx"))


def built_featx():
    """The release build of featx, set up and built where it is not there or not of today's sources."""
    subprocess.run([ROOT / "scripts" / "setup.sh"], check=True)
    subprocess.run(["cargo", "build", "--release", "--quiet"], cwd=ROOT, check=True)
    return ROOT / "target" / "release" / "featx"


def debian_program(name, package):
    """The program on the PATH, installed first where root can; else None, after a line that says so."""
    if not shutil.which(name) and os.geteuid() == 0 and shutil.which("apt-get"):
        print(f"installing {package}", flush=True)
        apt = ["apt-get", "-qq", "-o", "DPkg::Lock::Timeout=300"]
        for words in (["update"], ["install", "-y", "--no-install-recommends", package]):
            subprocess.run([*apt, *words], check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                           env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})
    program = shutil.which(name)
    if not program:
        print(f"skipped: {name} is not installed (as root: apt-get install {package})")
    return program
