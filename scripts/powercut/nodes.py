"""Shards of one run on many machines that share a disk: each process has its own process ids, as in a container, and some
have one host name."""

import subprocess
import time
from pathlib import Path

import numpy as np
from faults.bench import Fault, parts, require

from .kinds import left_over, without_checksum

#: Names of hosts.
HOSTS = 16
#: What a process of another machine left when that died.
DEAD = 'host = "node{0}"\npid = 1\nstarted = 1\nplace = "another boot"\n'
#: Bring up the machine, then become featx.
NODE = 'hostname "$1"; shift; exec "$@"'


class Nodes:
    """`shards` machines, spread over the mounts of a disk."""

    def __init__(self, bench, disk, shards, longest):
        self.bench, self.disk, self.shards, self.longest = bench, disk, shards, longest

    def start(self, shard, out):
        folder = self.disk.paths[shard % len(self.disk.paths)]
        arguments = self.bench.extract("--shard", f"{shard}/{self.shards}", batch=1, out=out)
        node = ["unshare", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", NODE, "sh", f"node{shard % HOSTS}"]
        command = [str(word) for word in (*node, self.bench.featx, *arguments)]
        log = (self.bench.where / f"said{shard}.txt").open("w")
        return subprocess.Popen(command, cwd=folder, env=self.bench.env, stdout=subprocess.DEVNULL, stderr=log)

    def run_all(self, shards, out):
        """Starts these shards at once; those that failed, and the seconds that the last took."""
        began = time.monotonic()
        running = {shard: self.start(shard, out) for shard in shards}
        failed = []
        try:
            for shard, process in running.items():
                left = self.longest - (time.monotonic() - began)
                try:
                    if process.wait(timeout=max(0.1, left)) != 0:
                        failed.append(shard)
                except subprocess.TimeoutExpired:
                    raise Fault(f"shard {shard} still runs after {self.longest} s: {self.said(shard)}") from None
        finally:
            for process in running.values():
                process.kill()
        return failed, time.monotonic() - began

    def said(self, shard):
        return (self.bench.where / f"said{shard}.txt").read_text().strip()

    def leave_locks(self, out, shards):
        """As machines leave them that died while they began the run, and while they computed these shards."""
        folder = self.disk.path / out
        folder.mkdir()
        (folder / "run.lock").write_text(DEAD.format("x"))
        for shard in shards:
            (folder / f"shard_{shard:04}.lock").write_text(DEAD.format(shard))

    def check(self, out, expected):
        """The run is whole, and one run."""
        folder = self.disk.path / out
        for layer, rows in expected.items():
            found = parts(folder / layer)
            ends = [(start, end) for start, end, _ in found]
            require([start for start, _ in ends] == [0, *(end for _, end in ends[:-1])], f"{layer}: parts {ends}")
            made = np.concatenate([np.load(path) for _, _, path in found])
            require(made.tobytes() == rows.tobytes(), f"{layer}: other rows than an undisturbed run's")
        # Locks of other machines' dead processes may stay beside a lock that is gone; parts in the making may not.
        left = [name for name in left_over(folder) if not Path(name).name.startswith("run.lock.")]
        require(not left, f"left behind: {left}")
        bare = without_checksum(self.disk.path, out)
        require(not bare, f"files without their checksum: {bare}")
