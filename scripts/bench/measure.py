"""Runs whole processes and measures them. Standard library alone: a process starts with the peak of who starts it."""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

SAMPLE_SECONDS = 0.5
BLOCK = 8 << 20


class Failed(Exception):
    """A side that did not do its work."""


@dataclass
class Measured:
    seconds: float  # from the start of the process to its end
    peak: int  # ru_maxrss of the process, bytes: the kernel's figure
    peak_with_workers: int
    said: str  # on stdout
    cpu: float  # seconds of all its threads


def run(command):
    """Waits for what the last run left to be written, then runs a command."""
    os.sync()
    with tempfile.TemporaryFile("w+") as stdout, tempfile.TemporaryFile("w+") as stderr:
        start = time.perf_counter()
        child = subprocess.Popen([str(word) for word in command], stdout=stdout, stderr=stderr)
        workers = Workers(child.pid)
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - start
        peak = usage.ru_maxrss * 1024
        child.returncode = os.waitstatus_to_exitcode(status)
        for file in (stdout, stderr):
            file.seek(0)
        if child.returncode != 0:
            raise Failed(f"{' '.join(map(str, command))}\n{stderr.read()[-2000:]}")
        cpu = usage.ru_utime + usage.ru_stime
        return Measured(seconds, peak, peak + workers.end(), stdout.read(), cpu)


class Staying:
    """A process that stays, and answers with a JSON object a line: one as it is ready, then one for each line."""

    def __init__(self, command):
        self.command = [str(word) for word in command]
        self.stderr = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.stderr,
                                        text=True, bufsize=1)

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            self.stderr.seek(0)
            raise Failed(f"{' '.join(self.command)}\n{self.stderr.read()[-2000:]}")
        return json.loads(line)

    def ask(self):
        self.process.stdin.write("\n")
        return self.answer()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with self.stderr, self.process:  # its end of input is its end
            pass


class Workers:
    """Memory that the children of a process have for themselves, beside what they share with it.

    `ru_maxrss` is that of the largest process alone. What a loader worker was forked with is in it already; so what
    counts is each worker's largest Private_Clean + Private_Dirty (smaps_rollup), looked up every half second.
    """

    def __init__(self, parent):
        self.parent, self.most, self.over = parent, {}, threading.Event()
        self.thread = threading.Thread(target=self.watch)
        self.thread.start()

    def watch(self):
        while not self.over.wait(SAMPLE_SECONDS):
            for worker in children(self.parent):
                self.most[worker] = max(self.most.get(worker, 0), private_bytes(worker))

    def end(self):
        self.over.set()
        self.thread.join()
        return sum(self.most.values())


def children(parent):
    """A process's children, whichever of its threads made them."""
    found = []
    try:
        for task in Path(f"/proc/{parent}/task").glob("*/children"):
            found += [int(word) for word in task.read_text().split()]
    except OSError:
        pass  # it has ended, or one of its threads
    return found


def private_bytes(process):
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(("Private_Clean", "Private_Dirty")))


def seconds_until(is_there, command):
    """Seconds from a command's start until something is there; the command then comes to its end."""
    start = time.perf_counter()
    child = subprocess.Popen([str(word) for word in command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while True:
            has_ended = child.poll() is not None
            if is_there():
                return time.perf_counter() - start
            if has_ended:
                raise Failed(f"{' '.join(map(str, command))}: ended with {child.returncode}, nothing was seen")
            time.sleep(0.002)
    finally:
        child.wait()


def has_row(folder):
    """Whether the first row is in a file of the folder, under whatever name.

    A file is allocated before its rows are there, all zero.
    """
    for path in Path(folder).glob("features_*"):
        try:
            with open(path, "rb") as file:
                data = 10 + int.from_bytes(file.read(10)[8:], "little")
                file.seek(data)
                if any(file.read(4096)):
                    return True
        except OSError:
            pass  # it has just taken its name
    return False


def has_part(folder):
    """Whether a part has its name: its bytes are then safe on disk."""
    return any(Path(folder).glob("features_*.npy"))


def disk_seconds(path, size):
    """Seconds to write so many bytes to a new file and have them on disk."""
    os.sync()
    block = os.urandom(BLOCK)
    start = time.perf_counter()
    with open(path, "wb", buffering=0) as file:
        for at in range(0, size, BLOCK):
            file.write(block[:min(BLOCK, size - at)])
        os.fsync(file.fileno())
    seconds = time.perf_counter() - start
    path.unlink()
    return seconds


def say(text):
    print(text, file=sys.stderr, flush=True)
