"""The file system of tests/powercut, mounted: a disk whose power can be cut at any call."""

import os
import shutil
import subprocess
from pathlib import Path

from faults.bench import Fault
from zoo.venv import ROOT

CRATE = ROOT / "tests/powercut"


def why_not():
    """Why it cannot be mounted here; none where it can."""
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        return "no FUSE here (/dev/fuse)"
    return None if os.geteuid() == 0 else "needs root, to mount"


def ready():
    """The program; None where it cannot be mounted, after a line that says so."""
    reason = why_not()
    if reason:
        print(f"skipped: {reason}")
    return None if reason else built()


def built():
    """The program, built where it is not there or not of today's sources."""
    target = ROOT / "target/powercut-crate"
    subprocess.run(["cargo", "build", "--quiet", "--locked", "--target-dir", target], cwd=CRATE, check=True)
    return target / "debug/powercut"


def unmount(path):
    subprocess.run(["umount", "-l", path], stderr=subprocess.DEVNULL, check=False)


class Disk:
    """One state, seen in the folder `path`, and in those of further mounts."""

    def __init__(self, program, path, *weather):
        self.server = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True)
        self.path, self.paths = Path(path), []
        self.mount(path, *weather)

    def say(self, *words):
        self.server.stdin.write(" ".join(map(str, words)) + "\n")
        self.server.stdin.flush()
        answer = self.server.stdout.readline().strip()
        if answer.startswith("error: ") or self.server.poll() is not None:
            raise Fault(f"the file system, asked to {words[0]}: {answer or 'has ended'}")
        return answer

    def mount(self, path, *weather):
        """One more client of the same state; the weather is said as main.rs of the crate has it."""
        Path(path).mkdir(parents=True, exist_ok=True)
        self.say("mount", path, *weather)
        self.paths.append(path)

    def calls(self):
        """How many changing calls there were, and whether the power is gone."""
        count, is_cut = self.say("calls").split()
        return int(count), is_cut == "yes"

    def hold(self, name, folder):
        """Saves what a folder holds as a state of that name."""
        for old in self.path.iterdir():
            shutil.rmtree(old) if old.is_dir() else old.unlink()
        shutil.copytree(folder, self.path, dirs_exist_ok=True)
        self.say("save", name)

    def close(self):
        self.server.stdin.close()
        self.server.stdout.close()
        self.server.wait()
        for path in self.paths:
            unmount(path)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
