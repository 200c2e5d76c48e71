#!/usr/bin/env python3
"""Shards on a real Grid Engine: arrays, deleted and submitted again, each against the rows of a single process.

usage: scripts/check_grid_engine.py [--featx FILE] [--only NAME]...

Starts a Grid Engine of one machine of its own (scripts/grid_engine/local_cluster.sh), and stops it again. Needs root;
without it, or where Grid Engine cannot be installed, says so and exits with 0.

array       an array of 4 by scripts/grid_engine/array.sh, one task deleted in the middle (Grid Engine warns it with
            SIGUSR2), submitted again through exactly what `featx inspect` printed, merged
begin       ten tasks that start at once on one new directory and know of themselves only what Grid Engine tells
"""

import argparse
import json
import os
import re
import subprocess
import sys
import time

from check_slurm import LAYER, OPTIONS, ROOT, Bench, Fault, free_port, require, shard_rows, wait
from zoo.venv import use_project_python

CLUSTER = ROOT / "scripts/grid_engine/local_cluster.sh"
NAMES = ("SGE_", "NSLOTS", "JOB_ID", "FEATX_")


class GridEngine(Bench):
    """The same images and rows; jobs go to Grid Engine."""

    def submit(self, out, *words, **variables):
        """qsub of the template; the job's id."""
        here = {"FEATX": self.featx, "MODEL": self.model, "LAYERS": LAYER, "IMAGES": self.images, "OUT": out, **variables}
        exports = ",".join(f"{name}={value}" for name, value in here.items())
        return self.qsub(out, "-v", exports, *words, ROOT / "scripts/grid_engine/array.sh", *OPTIONS)

    def submit_plain(self, out, *words):
        """qsub of featx alone, which takes what Grid Engine says; the job's id."""
        return self.qsub(out, "-cwd", "-j", "y", *words, "-b", "y", self.featx, *self.extract(out))

    def qsub(self, out, *words):
        said = self.run(["qsub", "-terse", "-pe", "smp", "1", "-o", f"{out}_$TASK_ID.log", *words])
        return said.strip().splitlines()[-1].split(".")[0]

    def wait_for_job(self, job):
        def is_over():
            time.sleep(0.2)
            return subprocess.run(["qstat", "-j", job], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode

        wait(is_over, f"job {job} does not end")


def array(bench):
    out = "array"
    job = bench.submit(out, "-t", "1-4", SHARDS=4, RAM_BUDGET="800MB")
    bench.wait_for_parts(out, shard_rows(2, 4), 1)
    running = json.loads(bench.run([bench.featx, "inspect", out, "--json"]))["shards"]["running"]
    bench.run(["qdel", job, "-t", "3"])
    bench.wait_for_job(job)
    require(2 in running, f"inspect did not see shard 2 run, but {running}")
    kept = bench.parts(out, shard_rows(2, 4))
    require(0 < len(kept) < 30, f"the deleted task had {len(kept)} of 30 parts")
    missing = re.search(r"^shards: 3 of 4 done\nmissing: (-t \d+)$", bench.run([bench.featx, "inspect", out]), re.M)
    require(missing, bench.run([bench.featx, "inspect", out]))
    refused = bench.run([bench.featx, "merge", out], code=1)
    require(missing[1] in refused, f"merge said: {refused}")
    # Without --shard: the index is Grid Engine's, the number of shards the run's.
    bench.wait_for_job(bench.submit_plain(out, *missing[1].split()))
    require("shard 2/4: 2 from SGE_TASK_ID - 1, 4 from 'array/run.toml'" in bench.log(out), bench.log(out))
    require(set(kept) <= set(bench.parts(out, shard_rows(2, 4))), "parts of the deleted task were computed again")
    bench.check(out)
    return f"deleted after {len(kept)} of 30 parts, then {missing[1]}: equal"


def begin(bench):
    out = "begin"
    bench.wait_for_job(bench.submit_plain(out, "-t", "1-10"))
    log = bench.log(out)
    require(log.count("10 from the whole array") + log.count("10 from 'begin/run.toml'") == 10, log)
    bench.check(out)
    return "equal"


CASES = [array, begin]


def main():
    use_project_python()
    typed = arguments()
    if os.geteuid() != 0:
        print("skipped: a local Grid Engine needs root")
        return 0
    for name in [name for name in os.environ if name.startswith((*NAMES, "SLURM_"))]:
        del os.environ[name]
    os.environ["FEATX_SGE_DIR"] = f"/run/featx-sge-{os.getpid()}"
    os.environ["FEATX_SGE_PORT"] = str(free_port())
    try:
        started = subprocess.run([CLUSTER, "start"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        if started.returncode != 0:
            print(f"skipped: no local Grid Engine here: {started.stderr.strip().splitlines()[-1:]}")
            return 0
        settings = subprocess.run([CLUSTER, "env"], stdout=subprocess.PIPE, text=True, check=True).stdout
        os.environ.update(word.split("=", 1) for word in settings.split()[1:])
        bench = GridEngine(typed.featx)
        for case in CASES:
            if not typed.only or case.__name__ in typed.only:
                began = time.monotonic()
                print(f"{case.__name__}: {case(bench)} ({time.monotonic() - began:.0f} s)", flush=True)
    except Fault as fault:
        print(f"error: {fault}", file=sys.stderr)
        return 1
    finally:
        subprocess.run([CLUSTER, "stop"], check=True)
    return 0


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--featx", default=ROOT / "target/debug/featx", help="the program [target/debug/featx]")
    parser.add_argument("--only", metavar="NAME", action="append", choices=[case.__name__ for case in CASES])
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
