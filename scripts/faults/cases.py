"""The faults, one function each: it does the harm, checks what is left, and returns a line on what was seen."""

import os
import random
import resource
import shutil
import signal
import socket
import subprocess
import time

import numpy as np

from .bench import IMAGES, LAYERS, Fault, parts, require

STOPS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)


def kills(bench, count):
    """SIGKILL at random instants"""
    runs, rows, early, out = 0, 0, 0, "kills"
    for killed in range(count):
        while True:
            if not (bench.where / out).exists():
                begin_as_another_run(bench, out)
            process = bench.start(out, *overwrite(bench, out))
            time.sleep(random.uniform(0, bench.seconds))
            process.kill()
            _, said = process.communicate()
            if process.returncode != 0:
                break
            runs += end_of_run(bench, out)
        require(process.returncode == -signal.SIGKILL, said)
        found = 0 if overwrite(bench, out) else bench.check(out)
        rows, early = rows + found, early + (found == 0)
        if 0 < found < IMAGES * len(LAYERS):
            bench.merge_refuses(out)
        if killed % 5 == 4:
            runs += end_of_run(bench, out)
    return f"{count} kills over {runs} runs, {early} before the first part; {rows:,} rows in parts, all right"


def overwrite(bench, out):
    """The option, while the directory still holds another run, for the command to remove."""
    return ["--overwrite"] if "conv1" in read(bench, out, "run.toml") else []


def end_of_run(bench, out):
    bench.finish(out, *overwrite(bench, out))
    shutil.rmtree(bench.where / out)
    return 1


def begin_as_another_run(bench, out):
    """A finished run of another layer, for --overwrite to remove."""
    command = [bench.featx, "extract", "--model", bench.model, "--layer", "conv1", "--on-error", "skip", "--quiet"]
    subprocess.run([*command, "--out", out, bench.images], cwd=bench.where, check=True, stderr=subprocess.DEVNULL)
    ended = bench.run(out)
    require(ended.returncode == 1 and "pass --overwrite" in ended.stderr, "another run was not refused")


def read(bench, out, name):
    path = bench.where / out / name
    return path.read_text() if path.exists() else ""


def stops(bench, count):
    """SIGTERM, SIGINT, SIGUSR1 at random instants"""
    runs, sealed, at_once, slowest, out = 0, 0, 0, 0.0, "stops"
    for stopped in range(count):
        stop = STOPS[stopped % 3]
        while True:
            before = len(parts(bench.where / out / LAYERS[0]))
            process = bench.start(out)
            if stopped % 5 == 0:
                time.sleep(random.uniform(0, bench.seconds / 2))
            else:
                computes(bench, process, out, before + random.randint(1, 8))
            began = time.monotonic()
            process.send_signal(stop)
            _, said = process.communicate(timeout=30)
            if process.returncode != 0:
                break
            runs += 1
            bench.finish(out)
            shutil.rmtree(bench.where / out)
        slowest = max(slowest, time.monotonic() - began)
        if process.returncode == 128 + stop:
            sealed += 1
            require(f"stopped by {stop.name}: " in said and "the same command goes on" in said, said)
            left = [name for _, _, names in os.walk(bench.where / out) for name in names]
            require(not any(name.endswith((".partial", ".lock")) for name in left), f"left behind: {left}")
        else:
            require(process.returncode == -stop, f"exit {process.returncode}: {said}")
            at_once += 1
        bench.check(out)
    bench.finish(out)
    return (
        f"{count} signals over {runs + 1} runs: {sealed} sealed and exited 128+signal, {at_once} came before there was "
        f"anything to seal; at most {slowest:.1f} s"
    )


def computes(bench, process, out, count):
    """Waits until so many parts are there, or the run has ended."""
    while process.poll() is None and len(parts(bench.where / out / LAYERS[0])) < count:
        time.sleep(random.uniform(0, 0.003))


def second_signal(bench):
    """A second signal"""
    process = bench.start("second", "--step-size", "1000")
    wait_for(process, bench.where / "second/fc", "features_0000000000.partial")
    os.kill(process.pid, signal.SIGTERM)
    os.kill(process.pid, signal.SIGINT)
    process.communicate(timeout=10)
    require(process.returncode in (143, 130), f"exit {process.returncode}")
    bench.check("second")
    bench.finish("second")
    return f"exit {process.returncode} at once"


def wait_for(process, folder, name):
    while process.poll() is None and not (folder / name).exists():
        time.sleep(0.002)
    require(process.poll() is None, f"ended before {name} was there")


class Disk:
    """A filesystem in memory of so many bytes; `None` in its place where this user may not mount."""

    def __init__(self, bench, size):
        self.path = bench.where / "disk"
        self.path.mkdir(exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "featx-faults", self.path], check=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        subprocess.run(["umount", "-l", self.path], check=True)

    def options(self, options):
        subprocess.run(["mount", "-o", f"remount,{options}", self.path], check=True)


def run_bytes(bench):
    return sum(path.stat().st_size for path in (bench.where / "reference").rglob("*.npy"))


def disk_full_at_start(bench):
    """Disk too small at the start"""
    with Disk(bench, run_bytes(bench) // 2) as disk:
        ended = bench.run("disk/out")
        require(ended.returncode == 1 and "needs " in ended.stderr and " free" in ended.stderr, ended.stderr)
        require(not list(disk.path.iterdir()), "something was written")
        disk.options("size=64m")
        bench.finish("disk/out")
    return last_line(ended)


def disk_full_at_open(bench):
    """Disk full when the first part is opened"""
    with Disk(bench, "64m") as disk:
        process = bench.start("disk/out")
        while process.poll() is None and not (disk.path / "out/run.toml").exists():
            time.sleep(0.0005)
        process.send_signal(signal.SIGSTOP)
        fill(disk.path / "filler")
        process.send_signal(signal.SIGCONT)
        ended = wait(process)
        require_full(bench, ended)
        (disk.path / "filler").unlink()
        bench.finish("disk/out")
    return last_line(ended)


def disk_full_in_the_middle(bench):
    """Disk filled by another program in the middle"""
    with Disk(bench, "64m") as disk:
        process = bench.start("disk/out")
        bench.wait_for_parts(process, "disk/out", 20)
        process.send_signal(signal.SIGSTOP)
        fill(disk.path / "filler")
        process.send_signal(signal.SIGCONT)
        ended = wait(process)
        require_full(bench, ended)
        (disk.path / "filler").unlink()
        bench.finish("disk/out")
    return last_line(ended)


def disk_full_at_the_end(bench):
    """Disk full at the last parts"""
    pages = sum(-(-path.stat().st_size // 4096) for path in (bench.where / "reference").rglob("*.npy"))
    with Disk(bench, (pages + 3) * 4096) as disk:
        ended = bench.run("disk/out")
        require_full(bench, ended)
        require(len(parts(disk.path / "out/fc")) > 50, "the disk was full early")
        disk.options("size=64m")
        bench.finish("disk/out")
    return last_line(ended)


def fill(path):
    with path.open("wb", buffering=0) as filler:
        try:
            while True:
                filler.write(bytes(4096))
        except OSError:
            pass


def require_full(bench, ended):
    said = "needs " in ended.stderr or "No space left on device" in ended.stderr
    require(ended.returncode == 1 and said, f"exit {ended.returncode}: {ended.stderr}")
    bench.check("disk/out")


def wait(process):
    _, said = process.communicate(timeout=60)
    return subprocess.CompletedProcess(process.args, process.returncode, "", said)


def last_line(ended):
    return "`" + ended.stderr.strip().splitlines()[-1].removeprefix("error: ") + "`"


def read_only_disk(bench):
    """Read-only disk"""
    with Disk(bench, "64m") as disk:
        process = bench.start("disk/out")
        bench.wait_for_parts(process, "disk/out", 5)
        process.send_signal(signal.SIGTERM)
        process.communicate()
        disk.options("ro")
        ended = bench.run("disk/out")
        require(ended.returncode == 1 and "Read-only file system" in ended.stderr, ended.stderr)
        disk.options("rw")
        bench.finish("disk/out")
    return last_line(ended)


def out_of_file_descriptors(bench):
    """Out of file descriptors, limits of 5 to 32"""
    lines = set()
    for limit in range(5, 33):
        limits = lambda limit=limit: resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
        ended = bench.run("descriptors", preexec_fn=limits)
        require(ended.returncode in (0, 1), f"limit {limit}: exit {ended.returncode}: {ended.stderr}")
        if ended.returncode == 1:
            require("Too many open files" in ended.stderr, f"limit {limit}: {ended.stderr}")
            lines.add(last_line(ended))
        if (bench.where / "descriptors").exists():
            bench.check("descriptors")
    bench.finish("descriptors")
    return f"an error or the right rows, never a NaN row; e.g. {max(lines, key=len)}"


def truncated_under_the_map(bench):
    """A part in the making is truncated by another program"""
    process = bench.start("sigbus", "--step-size", "1000")
    wait_for(process, bench.where / "sigbus/fc", "features_0000000000.partial")
    for layer in LAYERS:
        os.truncate(bench.where / "sigbus" / layer / "features_0000000000.partial", 0)
    ended = wait(process)
    require(ended.returncode == 1 and "SIGBUS" in ended.stderr, f"exit {ended.returncode}: {ended.stderr}")
    bench.check("sigbus")
    bench.finish("sigbus")
    return "exit 1: " + last_line(ended)


def removed_under_the_map(bench):
    """A part in the making is removed by another program"""
    process = bench.start("removed", "--step-size", "1000")
    name = "features_0000000000.partial"
    wait_for(process, bench.where / "removed/layer1", name)
    (bench.where / "removed/layer1" / name).unlink()
    ended = wait(process)
    require(ended.returncode == 1, f"exit {ended.returncode}: {ended.stderr}")
    bench.check("removed")
    bench.finish("removed")
    return "exit 1: " + last_line(ended)


def finished_parts_are_harmed(bench):
    """Finished parts truncated, emptied, deleted"""
    bench.finish("harmed")
    found = parts(bench.where / "harmed/fc")
    os.truncate(found[3][2], found[3][2].stat().st_size - 1)
    os.truncate(found[9][2], 0)
    found[20][2].unlink()
    shutil.rmtree(bench.where / "harmed/layer1")
    bench.merge_refuses("harmed")
    ended = bench.run("harmed")
    require(ended.returncode == 0 and ended.stderr.count("renamed to") == 2, ended.stderr)
    bench.finish("harmed")
    return "named, put aside, computed again"


def part_of_another_shape(bench):
    """A part of another shape in a layer's folder"""
    bench.finish("shape")
    victim = parts(bench.where / "shape/fc")[5][2]
    kept = victim.read_bytes()
    np.save(victim, np.zeros((4, 9), np.float32))
    ended = bench.run("shape")
    require(ended.returncode == 1 and "row shape" in ended.stderr, ended.stderr)
    victim.write_bytes(kept)
    bench.finish("shape")
    return "refused: " + last_line(ended).replace(str(bench.where), "")


def left_by_a_killed_start(bench):
    """What a process killed at its start or in the middle leaves: partial files, `file_names.txt` without `run.toml`"""
    folder = bench.where / "left/fc"
    folder.mkdir(parents=True)
    (bench.where / "left/file_names.txt").write_text("half a li")
    (bench.where / "left/run.toml.partial").write_text("featx = ")
    (folder / "features_0000000000.partial").write_bytes(b"\x93NUMPY")
    (folder / "features_0000000099.partial").write_bytes(b"")
    bench.run("left")
    bench.finish("left")
    return "taken over, cleaned up"


def image_vanishes(bench):
    """An image vanishes while the job runs"""
    images = bench.where / "vanishing"
    shutil.copytree(bench.images, images)
    last = images / "b/0239.webp"
    process = bench.start("vanishes", images=images)
    bench.wait_for_parts(process, "vanishes", 1)
    last.unlink()
    ended = wait(process)
    require(ended.returncode == 0, ended.stderr)
    require("239,b/0239.webp,cannot be read: No such file" in read(bench, "vanishes", "errors.csv"), "errors.csv")
    ended = bench.run("vanishes", images=images)
    require(ended.returncode == 1 and "gone: 'b/0239.webp'" in ended.stderr, ended.stderr)
    for layer in LAYERS:  # back again, its part removed
        parts(bench.where / "vanishes" / layer)[-1][2].unlink()
    bench.finish("vanishes")
    return "a NaN row and a line in `errors.csv`; resuming: " + last_line(ended)


def folder_vanishes(bench):
    """The whole image folder vanishes while the job runs, with `--on-error skip`"""
    images = bench.where / "mount"
    shutil.copytree(bench.images, images)
    process = bench.start("unmounted", images=images)
    bench.wait_for_parts(process, "unmounted", 5)
    images.rename(bench.where / "elsewhere")
    ended = wait(process)
    require(ended.returncode == 1 and "the image is not at fault" in ended.stderr, ended.stderr)
    bench.check("unmounted")
    bench.finish("unmounted")
    return last_line(ended)


def images_added(bench):
    """Images added to the folder between two runs"""
    process = bench.start("added")
    bench.wait_for_parts(process, "added", 5)
    process.send_signal(signal.SIGTERM)
    process.communicate()
    added = [bench.images / "a" / f"{name}.png" for name in "wxyz"]
    for path in added:
        shutil.copy(bench.images / "a/0001.png", path)
    ended = bench.run("added")
    require(ended.returncode == 1 and "'a/w.png', 'a/x.png', 'a/y.png' and 1 more" in ended.stderr, ended.stderr)
    bench.finish("added", "--list", "added/file_names.txt")
    for path in added:
        path.unlink()
    return last_line(ended)


HANG = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>
int open64(const char *path, int flags, ...) {
    static int (*next)(const char *, int, ...);
    va_list rest;
    va_start(rest, flags);
    int mode = va_arg(rest, int);
    va_end(rest);
    if (!next) next = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open64");
    while (strstr(path, "0030.") || strstr(path, "0201.")) pause();
    return next(path, flags, mode);
}
"""


def image_hangs(bench):
    """An image that never comes (`open` hangs, as on a dead mount), one decoder thread"""
    source, library = bench.where / "hang.c", bench.where / "hang.so"
    source.write_text(HANG)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    env = {**os.environ, "LD_PRELOAD": str(library)}
    began = time.monotonic()
    ended = bench.run("hangs", "--workers", "1", "--image-timeout", "3s", env=env)
    seconds = time.monotonic() - began
    require(ended.returncode == 0 and ended.stderr.count("has not been read for") == 2, ended.stderr)
    require(read(bench, "hangs", "errors.csv").count("took longer than 3.0s to read") == 2, "errors.csv")
    bench.check("hangs")
    shutil.rmtree(bench.where / "hangs")
    process = bench.start("hangs", env=env)
    bench.wait_for_parts(process, "hangs", 5)
    process.send_signal(signal.SIGTERM)
    stopped = wait(process)
    require(stopped.returncode == 143, f"exit {stopped.returncode}: {stopped.stderr}")
    bench.finish("hangs")
    return f"two of them: named, then NaN rows, the rest right, {seconds:.0f} s; SIGTERM ends a run that waits"


def pipes_for_images(bench):
    """A pipe named `.jpg`"""
    images = bench.where / "pipes"
    images.mkdir()
    shutil.copy(bench.images / "a/0001.png", images)
    (images / "list").write_text("0001.png\npipe.jpg\n")
    os.mkfifo(images / "pipe.jpg")
    ended = bench.run("piped", "--list", str(images / "list"), images=images, skip=False, timeout=20)
    require(ended.returncode == 1 and "is not a regular file" in ended.stderr, ended.stderr)
    return last_line(ended)


def two_processes(bench):
    """Two processes on one run directory"""
    first = bench.start("two")
    bench.wait_for_parts(first, "two", 3)
    first.send_signal(signal.SIGSTOP)
    second = bench.run("two")
    first.send_signal(signal.SIGCONT)
    require(second.returncode == 1 and f"process {first.pid}" in second.stderr, second.stderr)
    inspect = subprocess.run([bench.featx, "inspect", "two"], cwd=bench.where, capture_output=True)
    require(inspect.returncode == 0, "inspect was refused")
    require(wait(first).returncode == 0, "the first was disturbed")
    bench.finish("two")
    return "the second: " + last_line(second)


def many_at_once(bench):
    """Eight processes started at once on a new directory"""
    everyone = [bench.start("many") for _ in range(8)]
    codes = [wait(process).returncode for process in everyone]
    require(codes.count(0) >= 1 and set(codes) <= {0, 1}, f"exit codes {codes}")
    bench.finish("many")
    return f"{codes.count(0)} did it, {codes.count(1)} were refused"


def lock_of_another_machine(bench):
    """A lock of another machine, whose process is dead / alive"""
    (bench.where / "foreign").mkdir()
    lock = bench.where / "foreign/run.lock"
    lock.write_text('host = "node7"\npid = 1\nstarted = 1\nplace = "another boot"\n')
    began = time.monotonic()
    bench.finish("foreign")
    dead = time.monotonic() - began - bench.seconds
    lock.write_text('host = "node7"\npid = 1\nstarted = 1\nplace = "another boot"\n')
    process = bench.start("foreign")
    while process.poll() is None:
        lock.touch()
        time.sleep(0.5)
    ended = wait(process)
    require(ended.returncode == 1 and "process 1 on 'node7'" in ended.stderr, ended.stderr)
    lock.unlink()
    return f"taken over after {dead:.0f} s / {last_line(ended)}"


def lock_is_taken_away(bench):
    """The lock is taken by another process (of a machine that slept)"""
    process = bench.start("stolen", env={**os.environ})
    bench.wait_for_parts(process, "stolen", 2)
    process.send_signal(signal.SIGSTOP)
    (bench.where / "stolen/run.lock").write_text(f'host = "{socket.gethostname()}"\n')
    time.sleep(6)
    process.send_signal(signal.SIGCONT)
    ended = wait(process)
    # It may have been done before its next look at the lock.
    require(ended.returncode == 1 and "has taken" in ended.stderr or ended.returncode == 0, ended.stderr)
    bench.check("stolen")
    (bench.where / "stolen/run.lock").unlink()
    bench.finish("stolen")
    return f"exit {ended.returncode}, rows right"


CASES = [
    second_signal,
    disk_full_at_start,
    disk_full_at_open,
    disk_full_in_the_middle,
    disk_full_at_the_end,
    read_only_disk,
    out_of_file_descriptors,
    truncated_under_the_map,
    removed_under_the_map,
    finished_parts_are_harmed,
    part_of_another_shape,
    left_by_a_killed_start,
    image_vanishes,
    folder_vanishes,
    images_added,
    image_hangs,
    pipes_for_images,
    two_processes,
    many_at_once,
    lock_of_another_machine,
    lock_is_taken_away,
]
NEEDS_MOUNT = {disk_full_at_start, disk_full_at_open, disk_full_in_the_middle, disk_full_at_the_end, read_only_disk}
__all__ = ["CASES", "NEEDS_MOUNT", "Fault", "kills", "stops"]
