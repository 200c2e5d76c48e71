"""The disk whose power can be cut: it forgets what it should, and featx loses nothing by it. scripts/check_powercut.py does
the same at every call of every kind of write.
"""

import itertools
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

import numpy as np
from powercut import disk
from zoo.venv import find_featx

#: Kinds of write, of which some calls are cut.
KINDS = ("extract", "merge --remove-parts", "split --overwrite", "merge --out all.mat", "merge --out all.safetensors")


def synced(path):
    handle = os.open(path, os.O_RDONLY)
    os.fsync(handle)
    os.close(handle)


class PowerCut(unittest.TestCase):
    def setUp(self):
        reason = disk.why_not()
        if reason:
            print(f"skipped: {reason}", file=sys.stderr)
            self.skipTest(reason)

    def test_what_was_not_synced_is_forgotten(self):
        with tempfile.TemporaryDirectory() as folder, disk.Disk(disk.built(), folder) as mounted:
            here = mounted.path
            (here / "kept").mkdir()
            (here / "kept/whole").write_bytes(b"whole")
            synced(here / "kept/whole")
            (here / "kept/name alone").write_bytes(b"bytes")
            synced(here / "kept")
            synced(here)
            (here / "bytes alone").write_bytes(b"bytes")
            synced(here / "bytes alone")
            os.rename(here / "kept/whole", here / "kept/renamed")
            mounted.say("keep")
            mounted.say("crash", "nothing")
            self.assertEqual([path.name for path in here.iterdir()], ["kept"])
            left = {path.name: path.read_bytes() for path in (here / "kept").iterdir()}
            self.assertEqual(left, {"whole": b"whole", "name alone": b""})
            mounted.say("crash", "everything")
            self.assertEqual((here / "kept/renamed").read_bytes(), b"whole")
            self.assertEqual((here / "bytes alone").read_bytes(), b"bytes")
            self.assertEqual(len({mounted.say("crash", seed) for seed in range(64)}), 12)

    def test_from_a_call_on_every_call_fails(self):
        with tempfile.TemporaryDirectory() as folder, disk.Disk(disk.built(), folder) as mounted:
            mounted.say("cut", 2)
            (mounted.path / "first").touch()
            for call in (lambda: os.mkdir(mounted.path / "second"), lambda: os.listdir(mounted.path)):
                with self.assertRaisesRegex(OSError, "Input/output error"):
                    call()
            self.assertEqual(mounted.calls(), (2, True))

    def test_no_row_is_lost_unnoticed(self):
        command = [sys.executable, ROOT / "scripts/check_powercut.py", "--featx", find_featx(), "--sample", "5", "--seeds", "1"]
        with tempfile.TemporaryDirectory() as folder:
            command += ["--work", Path(folder) / "work", *(word for kind in KINDS for word in ("--only", kind))]
            ended = subprocess.run(command, capture_output=True, text=True)
        self.assertEqual(ended.returncode, 0, ended.stdout + ended.stderr)
        tried = [line.split(" | ")[0].removeprefix("| ") for line in ended.stdout.splitlines()[2:]]
        self.assertEqual(tried, list(KINDS))

    def test_no_row_is_lost_where_a_merge_was_killed_before_the_power_goes(self):
        rows = np.arange(24, dtype="<f4").reshape(12, 2)
        states = set()
        with tempfile.TemporaryDirectory() as folder, disk.Disk(disk.built(), folder) as mounted:
            parts = mounted.path / "parts"
            parts.mkdir()
            for start in range(0, 12, 3):
                np.save(parts / f"features_{start:010}-{start + 3:010}.npy", rows[start:start + 3])
            mounted.say("save", "parts")
            for killed, cut in itertools.product(range(1, 13), range(20, 44, 4)):
                mounted.say("load", "parts")
                self.merge_until(mounted, killed)
                mounted.say("revive")
                self.merge_until(mounted, cut)
                mounted.say("keep")
                for reached in ("nothing", "everything", *range(8)):
                    if (state := mounted.say("crash", reached)) not in states:
                        states.add(state)
                        self.merge(mounted).wait()
                        where = f"killed at call {killed}, power gone at {cut}, state {reached}"
                        self.assertTrue((mounted.path / "all.npy").exists(), where)
                        self.assertEqual(np.load(mounted.path / "all.npy").tolist(), rows.tolist(), where)
        self.assertGreater(len(states), 20)

    def merge(self, mounted):
        command = [find_featx(), "merge", "parts", "--out", "all.npy", "--remove-parts", "--quiet"]
        return subprocess.Popen(command, cwd=mounted.path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def merge_until(self, mounted, call):
        mounted.say("cut", call)
        process = self.merge(mounted)
        while process.poll() is None and not mounted.calls()[1]:
            pass
        process.kill()
        process.wait()


if __name__ == "__main__":
    unittest.main()
