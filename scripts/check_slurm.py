#!/usr/bin/env python3
"""Shards on a real Slurm: arrays, srun, cancelled and requeued tasks, each against the rows of a single process.

usage: scripts/check_slurm.py [--featx FILE] [--only NAME]...

Starts a Slurm of one machine of its own (scripts/slurm/local_cluster.sh), and stops it again. Needs root; without it, or
where Slurm cannot be installed, says so and exits with 0.

array       an array of 4 by scripts/slurm/array.sh, one task cancelled in the middle, the missing one submitted again
            through exactly what `featx inspect` printed, merged
tars        an array of 4 over the same images in 5 tar shards; one task is killed without a warning and submitted again
srun        scripts/slurm/srun.sh with two tasks, which share the job's memory
begin       ten tasks that start at once on one new directory
requeue     a task that SIGUSR1 of `scancel --signal` stops, and that array.sh requeues; another under `scontrol requeue`
"""

import argparse
import csv
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tarfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from zoo.small import small_model
from zoo.venv import ROOT, built_featx, find_featx, use_project_python

IMAGES = 240
WHERE = ROOT / "target/slurm"  # images, runs and the tasks' logs
OPTIONS = ["--batch-size", "2", "--step-size", "1", "--threads", "1", "--workers", "1"]
LAYER = "fc"
LONGEST = 60  # seconds that anything may take


class Fault(Exception):
    """What should hold does not."""


def require(condition, text):
    if not condition:
        raise Fault(text)


def run(kind, cases, about):
    """The cases on a cluster of its own, by a bench of this kind; the exit code."""
    use_project_python()
    typed = arguments(cases, about)
    if os.geteuid() != 0:
        print(f"skipped: a local {kind.SYSTEM} needs root")
        return 0
    # Of a job that this script may itself run in, nothing may reach the jobs that it submits.
    for name in [name for name in os.environ if name.startswith((*kind.VARIABLES, "FEATX_"))]:
        del os.environ[name]
    os.environ[f"FEATX_{kind.SHORT}_DIR"] = f"/run/featx-{kind.SHORT.lower()}-{os.getpid()}"
    os.environ[f"FEATX_{kind.SHORT}_PORT"] = str(free_port())
    cluster = ROOT / "scripts" / kind.FOLDER / "local_cluster.sh"
    try:
        started = subprocess.run([cluster, "start"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        if started.returncode != 0:
            print(f"skipped: no local {kind.SYSTEM} here: {started.stderr.strip().splitlines()[-1:]}")
            return 0
        settings = subprocess.run([cluster, "env"], stdout=subprocess.PIPE, text=True, check=True).stdout
        os.environ.update(word.split("=", 1) for word in settings.split()[1:])
        bench = kind(typed.featx)
        for case in cases:
            if not typed.only or case.__name__ in typed.only:
                began = time.monotonic()
                print(f"{case.__name__}: {case(bench)} ({time.monotonic() - began:.0f} s)", flush=True)
    except Fault as fault:
        print(f"error: {fault}", file=sys.stderr)
        tell_state(kind)
        return 1
    finally:
        subprocess.run([cluster, "stop"], check=True)
    return 0


def tell_state(kind):
    """What the logs end with, and what the system knows of its jobs."""
    for log in sorted(WHERE.glob("*.log")):
        print(f"{log.name}: {log.read_text()[-1000:]}", file=sys.stderr)
    subprocess.run(kind.STATE, stdout=sys.stderr, check=False)


def free_port():
    """The first of two ports that follow each other."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return min(probe.getsockname()[1], 65534)


class Bench:
    """Images, a model, and what a single process makes of them in `single`. Jobs go to Slurm."""

    SYSTEM, SHORT, FOLDER = "Slurm", "SLURM", "slurm"
    VARIABLES = ("SLURM_", "SBATCH_")
    STATE = ["squeue", "--states=all", "--array", "--format=%i %T %r %M %S"]

    def __init__(self, featx):
        self.featx, self.where = Path(featx).resolve(), WHERE
        shutil.rmtree(self.where, ignore_errors=True)
        self.where.mkdir(parents=True)
        self.model = small_model()
        self.images = self.where / "images"
        make_images(self.images)
        self.run([self.featx, *self.extract("single")])
        self.run([self.featx, "merge", "single", "--quiet"])

    def extract(self, out, *more):
        return ["extract", "--model", self.model, "--layer", LAYER, *OPTIONS, "--out", out, "--quiet", *more, self.images]

    def run(self, command, code=0):
        """What it said; stdout and stderr."""
        try:
            ended = subprocess.run([str(word) for word in command], cwd=self.where, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, text=True, timeout=LONGEST)
        except subprocess.TimeoutExpired:
            raise Fault(f"{command[0]} {command[1]} takes more than {LONGEST} s") from None
        require(ended.returncode == code, f"{command[0]} gave {ended.returncode}: {ended.stdout}")
        return ended.stdout

    def submit(self, out, *words, template="array.sh", **variables):
        """sbatch of a template of scripts/slurm; the job's id."""
        here = {"FEATX": self.featx, "MODEL": self.model, "LAYERS": LAYER, "IMAGES": self.images, "OUT": out, **variables}
        exports = "--export=ALL," + ",".join(f"{name}={value}" for name, value in here.items())
        return self.sbatch(out, exports, *words, ROOT / "scripts/slurm" / template, *OPTIONS)

    def submit_plain(self, out, *words):
        """sbatch of featx alone, which takes what Slurm says; the job's id."""
        command = " ".join(str(word) for word in [self.featx, *self.extract(out)])
        return self.sbatch(out, "--ntasks=1", "--mem=1G", *words, f"--wrap=exec {command}")

    def sbatch(self, out, *words):
        few = ["--cpus-per-task=1", "--time=5", "--open-mode=append", "--parsable", f"--output={out}_%a.log"]
        return self.run(["sbatch", *few, *words]).strip()

    def wait_for_parts(self, out, rows, count=2):
        """Waits until so many parts of some rows are there."""
        return wait(lambda: len(self.parts(out, rows)) >= count, f"no {count} parts of rows {rows} in {out}")

    def parts(self, out, rows):
        names = [path.name for path in (self.where / out / LAYER).glob("features_*-*.npy")]
        return sorted(name for name in names if int(name[9:19]) in rows)

    def wait_for_job(self, job):
        requeued = {}

        def is_over():
            time.sleep(0.1)
            states = self.run(["squeue", "--noheader", "--array", "--format=%i %T %r", "--jobs", job]).splitlines()
            for state in states:
                # Slurm starts a requeued task two minutes later. At once would be too soon: the old one still ends.
                task, waits = state.split()[0], state.endswith("BeginTime")
                if waits and time.monotonic() - requeued.setdefault(task, time.monotonic()) > 2:
                    subprocess.run(["scontrol", "update", f"jobid={task}", "StartTime=now"], check=False)
            return not states

        wait(is_over, f"job {job} does not end")

    def log(self, out):
        return "".join(path.read_text() for path in sorted(self.where.glob(f"{out}_*.log")))

    def check(self, out, *names):
        """Merges the run: the files are those of the single process, and nothing is left."""
        self.run([self.featx, "merge", out, "--quiet"])
        for name in names or ("file_names.txt", f"{LAYER}/features.npy"):
            same = (self.where / out / name).read_bytes() == (self.where / "single" / name).read_bytes()
            require(same, f"{out}/{name} differs from the single process's: {self.log(out)}")
        left = [name for _, _, names in os.walk(self.where / out) for name in names]
        odd = [name for name in left if name.endswith((".partial", ".lock")) or ".lock." in name]
        require(not odd, f"left behind in {out}: {odd}")


def wait(condition, text):
    since = time.monotonic()
    while not condition():
        require(time.monotonic() - since < LONGEST, text)
        time.sleep(0.02)


def shard_rows(index, count):
    """The rows of a shard; IMAGES and the batch of two divide by the counts that are tried here."""
    return range(IMAGES * index // count, IMAGES * (index + 1) // count)


def array(bench):
    out = "array"
    job = bench.submit(out, "--array=0-3", "--mem=1G", SHARDS=4)
    bench.wait_for_parts(out, shard_rows(2, 4), 1)
    running = json.loads(bench.run([bench.featx, "inspect", out, "--json"]))["shards"]["running"]
    bench.run(["scancel", f"{job}_2"])
    bench.wait_for_job(job)
    require(2 in running, f"inspect did not see shard 2 run, but {running}")
    kept = bench.parts(out, shard_rows(2, 4))
    require(0 < len(kept) < 30, f"the cancelled task had {len(kept)} of 30 parts")
    require("stopped by SIGTERM" in bench.log(out), bench.log(out))
    missing = re.search(r"^shards: 3 of 4 done\nmissing: (--array=\S+)$", bench.run([bench.featx, "inspect", out]), re.M)
    require(missing, bench.run([bench.featx, "inspect", out]))
    refused = bench.run([bench.featx, "merge", out], code=1)
    require(missing[1] in refused, f"merge said: {refused}")
    # Without --shard: the index is Slurm's, the number of shards the run's.
    bench.wait_for_job(bench.submit_plain(out, missing[1]))
    require("shard 2/4: 2 from SLURM_ARRAY_TASK_ID, 4 from 'array/run.toml'" in bench.log(out), bench.log(out))
    require(set(kept) <= set(bench.parts(out, shard_rows(2, 4))), "parts of the cancelled task were computed again")
    bench.check(out)
    return f"cancelled after {len(kept)} of 30 parts, then {missing[1]}: equal"


def tars(bench):
    out, where = "tars", bench.where / "shards"
    where.mkdir()
    paths = sorted(bench.images.iterdir())
    for number in range(5):
        with tarfile.open(where / f"{number:05}.tar", "w") as archive:
            for path in paths[number * 48:(number + 1) * 48]:
                archive.add(path, path.name)
    submit = lambda array: bench.submit(out, array, "--mem=1G", SHARDS=4, IMAGES="shards/{00000..00004}.tar")
    job = submit("--array=0-3")
    bench.wait_for_parts(out, shard_rows(2, 4), 1)
    bench.run(["scancel", "--full", "--signal=KILL", f"{job}_2"])
    bench.wait_for_job(job)
    kept = bench.parts(out, shard_rows(2, 4))
    require(0 < len(kept) < 30, f"the killed task had {len(kept)} of 30 parts")
    missing = re.search(r"^missing: (--array=\S+)$", bench.run([bench.featx, "inspect", out]), re.M)
    require(missing, bench.run([bench.featx, "inspect", out]))
    bench.wait_for_job(submit(missing[1]))
    require(set(kept) <= set(bench.parts(out, shard_rows(2, 4))), "parts of the killed task were computed again")
    bench.check(out, f"{LAYER}/features.npy")
    names = (bench.where / out / "file_names.txt").read_text().splitlines()
    require(names[47:49] == ["00000.tar/0047.jpg", "00001.tar/0048.jpg"], f"names: {names[47:49]}")
    return f"killed after {len(kept)} of 30 parts, then {missing[1]}: equal"


def srun(bench):
    out = "srun"
    bench.wait_for_job(bench.submit(out, "--nodes=1", "--ntasks-per-node=2", "--mem=1000M", template="srun.sh"))
    bench.check(out)
    for shard in range(2):
        with open(bench.where / out / f"memory_{shard:04}.csv") as lines:
            budget = int(next(csv.DictReader(lines))["budget_bytes"])
        # 80 % of half of the job's memory.
        require(budget == (500 << 20) // 10 * 8, f"the budget of task {shard} is {budget}")
    return "equal; each task took half of the job's memory for its budget"


def begin(bench):
    out = "begin"
    bench.wait_for_job(bench.submit_plain(out, "--array=0-9"))
    log = bench.log(out)
    require(log.count("10 from the whole array") + log.count("10 from 'begin/run.toml'") == 10, log)
    bench.check(out)
    return "equal"


def requeue(bench):
    out = "requeue"
    job = bench.submit(out, "--array=0-1", "--mem=1G", SHARDS=2)
    bench.wait_for_parts(out, shard_rows(0, 2))
    bench.run(["scontrol", "requeue", f"{job}_0"])
    bench.wait_for_parts(out, shard_rows(1, 2))
    bench.run(["scancel", "--batch", "--signal=USR1", f"{job}_1"])
    wait(lambda: "stopped by SIGUSR1" in bench.log(out), f"no sign of SIGUSR1: {bench.log(out)}")
    wait(lambda: "stopped by SIGTERM" in bench.log(out), f"no sign of SIGTERM: {bench.log(out)}")
    kept = bench.parts(out, range(IMAGES))
    bench.wait_for_job(job)
    require(set(kept) <= set(bench.parts(out, range(IMAGES))), "parts were computed again")
    bench.check(out)
    return f"both went on by themselves after {len(kept)} of 120 parts: equal"


CASES = [array, tars, srun, begin, requeue]


def make_images(folder):
    """Pictures that take tens of milliseconds to decode, so that there is a middle to cancel in. Few of them, in an order
    in which no shift goes unseen."""
    import numpy as np
    from PIL import Image

    folder.mkdir()
    random = np.random.default_rng(8)
    kinds = []
    for kind in range(12):
        few = random.integers(0, 256, (15, 20, 3), dtype=np.uint8)
        kinds.append(folder.parent / f"kind{kind}.jpg")
        Image.fromarray(few).resize((2400, 1800), Image.BILINEAR).save(kinds[-1], quality=95)
    for index, kind in enumerate(random.integers(0, len(kinds), IMAGES)):
        os.link(kinds[kind], folder / f"{index:04}.jpg")


def arguments(cases, about):
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--featx", help="the program [as it was built last]")
    parser.add_argument("--only", metavar="NAME", action="append", choices=[case.__name__ for case in cases])
    typed = parser.parse_args()
    typed.featx = typed.featx or find_featx() or built_featx()
    return typed


if __name__ == "__main__":
    sys.exit(run(Bench, CASES, __doc__))
