#!/usr/bin/env python3
"""Shards on a real Grid Engine: arrays, deleted and submitted again, each against the rows of a single process.

usage: scripts/check_grid_engine.py [--featx FILE] [--only NAME]...

Starts a Grid Engine of one machine of its own (scripts/grid_engine/local_cluster.sh), and stops it again. Needs root;
without it, or where Grid Engine cannot be installed, says so and exits with 0.

array       an array of 4 by scripts/grid_engine/array.sh, one task deleted in the middle (Grid Engine warns it with
            SIGUSR2), submitted again through exactly what `featx inspect` printed, merged
begin       ten tasks that start at once on one new directory and know of themselves only what Grid Engine tells
"""

import json
import re
import subprocess
import sys
import time

from check_slurm import LAYER, OPTIONS, ROOT, Bench, require, run, shard_rows, wait


class GridEngine(Bench):
    """The same images and rows; jobs go to Grid Engine."""

    SYSTEM, SHORT, FOLDER = "Grid Engine", "SGE", "grid_engine"
    VARIABLES = ("SGE_", "NSLOTS", "JOB_ID", "SLURM_")
    STATE = ["qstat", "-f", "-ne"]

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


if __name__ == "__main__":
    sys.exit(run(GridEngine, CASES, __doc__))
