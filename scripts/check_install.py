#!/usr/bin/env python3
"""Does the wheel go into Pythons as people have them? In a fresh Debian that has nothing but Python: a venv,
`pip install --user`, `uv tool install`, and a prefix as conda lays one out, each with PyTorch from the package index. In each
a model is exported, photos are extracted, rows merged and read in Python. Prints every command with its seconds.

Root gets debootstrap installed; where it cannot be, this says so and exits with 0. It takes 12 GB below target/install, which
go again, and a quarter of an hour.

usage: check_install.py [--suite NAME] [--only KIND]… [WHEEL]      builds a wheel where none is given

FEATX_TORCH_INDEX   a package index with PyTorch's CPU wheels: they save 4 GB
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from zoo.venv import ROOT, debian_program

TORCH = ["torch==2.11.0", "torchvision==0.26.0"]
# One process sees these mounts, and they go with it.
ENTER = 'mount --rbind /dev "$0/dev" && mount -t proc proc "$0/proc" && exec chroot --userspec="$1" "$0" env -i "${@:2}"'
READ = ("import featx; rows = featx.open('out')['features.12']; assert rows.shape[1:] == (512, 13, 13); "
        "print(f'{len(rows)} rows of {rows.shape[1:]}')")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wheel", nargs="?", type=Path, metavar="WHEEL")
    parser.add_argument("--suite", default="bookworm", help="of Debian [bookworm, which has CPython 3.11]; trixie has 3.13")
    parser.add_argument("--only", action="append", choices=KINDS, metavar="KIND",
                        help=f"{', '.join(KINDS)}; may be given again")
    args = parser.parse_args()
    if os.geteuid() or not debian_program("debootstrap", "debootstrap"):
        print("skipped: a fresh Debian wants root and debootstrap")
        return
    wheel = args.wheel or Path(subprocess.run([ROOT / "scripts/build_wheel.sh"], check=True, text=True, stdout=subprocess.PIPE)
                               .stdout.splitlines()[-1])
    debian = Debian(ROOT / "target/install", args.suite)
    try:
        debian.make((ROOT / wheel).resolve())
        for kind in args.only or KINDS:
            KINDS[kind](debian)
    finally:
        shutil.rmtree(debian.folder, ignore_errors=True)


class Debian:
    """A Debian in a folder, with a user beside root."""

    def __init__(self, folder, suite):
        self.folder, self.suite = folder, suite

    def make(self, wheel):
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        asked = subprocess.run(["bash", "-c", ". scripts/debian.sh; mirror"], cwd=ROOT, text=True, stdout=subprocess.PIPE)
        began = time.monotonic()
        made = subprocess.run(["debootstrap", "--variant=minbase", "--include=python3,python3-venv,python3-pip", self.suite,
                               self.folder, *asked.stdout.split()], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if made.returncode:
            sys.exit(f"error: debootstrap failed: {made.stdout.splitlines()[-1]}")
        # What this system knows about the network.
        for file in map(Path, ("/etc/resolv.conf", "/etc/hosts", "/etc/pip.conf", "/etc/ssl/certs/ca-certificates.crt")):
            if file.exists():
                self.path(file.parent).mkdir(parents=True, exist_ok=True)
                shutil.copy(file, self.path(file))
        self.wheel = f"/srv/{wheel.name}"
        shutil.copy(wheel, self.path("/srv"))
        shutil.copytree(ROOT / "tests/photos", self.path("/srv/photos"))
        self.run("root", "useradd --create-home someone")
        python = self.run("root", "python3 --version").strip()
        glibc = self.run("root", "getconf GNU_LIBC_VERSION").strip()
        print(f"Debian {self.suite}, {python}, {glibc}, made in {time.monotonic() - began:.0f} s\n{wheel.name}", flush=True)

    def path(self, inside):
        return self.folder / str(inside).lstrip("/")

    def step(self, user, command, path=""):
        """Runs a command and says how long it took: seconds, and what it printed."""
        began = time.monotonic()
        said = self.run(user, command, path)
        seconds = time.monotonic() - began
        print(f"{seconds:7.1f} s  {'#' if user == 'root' else '$'} {command}", flush=True)
        return seconds, said

    def run(self, user, command, path=""):
        home = "/root" if user == "root" else f"/home/{user}"
        known = {name: value for name, value in os.environ.items()
                 if name.startswith("PIP_") and name != "PIP_FIND_LINKS" or name.lower().endswith("_proxy")}
        known |= {"HOME": home, "PATH": f"{path}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin".lstrip(":"), "LANG": "C.UTF-8",
                  "PIP_ROOT_USER_ACTION": "ignore", "SSL_CERT_FILE": "/etc/ssl/certs/ca-certificates.crt"}
        words = [f"{name}={value}" for name, value in known.items()] + ["bash", "-euc", f"cd; {command}"]
        done = subprocess.run(["unshare", "--mount", "bash", "-c", ENTER, self.folder, f"{user}:{user}", *words], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode:
            sys.exit(f"{done.stdout}error: failed ({done.returncode}): {command}")
        return done.stdout


def torch():
    index = os.environ.get("FEATX_TORCH_INDEX")
    return " ".join([f"--extra-index-url {index}"] * bool(index) + TORCH)


def in_a_venv(debian):
    print("\nvenv")
    debian.step("someone", "python3 -m venv env")
    pip = "pip install --quiet"
    use(debian, "someone", "/home/someone/env/bin", f"{pip} {torch()}", f"{pip} '{debian.wheel}[export]'")
    debian.run("someone", "rm -r env")


def of_a_user(debian):
    print("\npip install --user")
    pip = "pip install --quiet --user --break-system-packages"
    use(debian, "someone", "/home/someone/.local/bin", f"{pip} {torch()}", f"{pip} '{debian.wheel}[export]'")
    debian.run("someone", "rm -r .local")


def as_a_tool_of_uv(debian):
    print("\nuv tool install")
    debian.step("someone", "python3 -m venv uv && uv/bin/pip install --quiet uv")
    index = f" --index {os.environ['FEATX_TORCH_INDEX']}" if "FEATX_TORCH_INDEX" in os.environ else ""
    use(debian, "someone", "/home/someone/.local/bin:/home/someone/uv/bin", "uv --version",
        f"uv tool install --quiet --no-python-downloads --with {TORCH[1]}{index} '{debian.wheel}[export]'",
        python="/home/someone/.local/share/uv/tools/featx/bin/python")
    debian.run("someone", "rm -r .local .cache uv")


def in_a_prefix(debian):
    """Conda's layout: bin, lib/python3.11/site-packages, and no pyvenv.cfg. It is a copy of the Python that runs this, in a
    folder of the same name, for it may have its libraries by that."""
    print("\na prefix as conda lays one out")
    name, base = f"python3.{sys.version_info[1]}", Path(sys.base_prefix)
    if not (base / "lib" / name / "site-packages").is_dir():
        print(f"skipped: the Python in {base} is not laid out so")
        return
    prefix = debian.path(base)
    left_out = shutil.ignore_patterns("site-packages", "__pycache__", "test", "share")
    shutil.copytree(base, prefix, symlinks=True, ignore=left_out)
    (prefix / "conda-meta").mkdir()
    debian.step("root", f"{base}/bin/{name} -m ensurepip")
    pip = f"{name} -m pip install --quiet"
    use(debian, "root", f"{base}/bin", f"{pip} {torch()}", f"{pip} '{debian.wheel}[export]'", name)
    shutil.rmtree(prefix)


def use(debian, user, path, torch, featx, python="python3"):
    """Installs PyTorch and featx, and goes from a model to rows in Python."""
    debian.step(user, torch, path)
    installing, _ = debian.step(user, featx, path)
    debian.step(user, "featx --version", path)
    _, said = debian.step(user, "featx-export --random squeezenet1_1", path)
    if "featx agrees with the original" not in said:
        sys.exit(f"{said}error: the exporter did not compare featx with the original")
    extracting, _ = debian.step(user, "featx extract --model squeezenet1_1 --layer features.12 --out out /srv/photos", path)
    print(f"{installing + extracting:7.1f} s  (from the wheel to rows on disk)")
    debian.step(user, "featx merge out", path)
    _, said = debian.step(user, f'{python} -c "{READ}"', path)
    print(f"           {said.strip()}", flush=True)
    debian.run(user, "rm -r out models")


KINDS = {"venv": in_a_venv, "user": of_a_user, "uv": as_a_tool_of_uv, "conda": in_a_prefix}

if __name__ == "__main__":
    main()
