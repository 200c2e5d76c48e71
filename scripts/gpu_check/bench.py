"""What all parts of the check share: the machine, the temporary folder, featx as its users run it, what held."""
import json
import os
import re
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torchvision

import material


@dataclass
class Ended:
    """How a run of featx ended."""

    code: int
    said: str
    summary: dict

    @property
    def error(self):
        lines = [line for line in self.said.splitlines() if line.startswith("error: ")]
        return (lines or self.said.strip().splitlines() or ["it said nothing"])[-1]


class Bench:
    def __init__(self, args, folder, started):
        self.folder, self.device, self.quick = folder, args.device, args.quick
        self.featx_program = args.featx.resolve()
        self.deadline = started + 60 * args.minutes
        self.cores = len(os.sched_getaffinity(0))
        self.gpus = torch.cuda.device_count() if args.device == "cuda" else 0
        self.torch_device = torch.device("cuda:0" if self.gpus else "cpu")
        self.images = args.images or (64 if not self.gpus else 10000 if self.quick else 40000)
        self.distinct = folder / "distinct"
        material.make_photos(self.distinct)  # forks, which a process that uses a GPU had better not
        self.machine = self.describe_machine()
        self.environment = self.find_libtorch()
        self.part, self.held, self.broken, self.table = "", 0, [], []
        self.networks = {}
        full_precision()

    def describe_machine(self):
        gpu = "no GPU: a rehearsal"
        if self.gpus:
            gpu = f"{self.gpus} × {torch.cuda.get_device_name(0)}, driver of CUDA {driver_version()}"
        return f"{gpu}; {self.cores} cores; torch {torch.__version__}, torchvision {torchvision.__version__}"

    def find_libtorch(self):
        """featx needs the libtorch of this Python, wherever it was built."""
        quiet = {name: value for name, value in os.environ.items() if not name.startswith("SLURM_")}
        return {**quiet, "FEATX_LIBTORCH": str(Path(torch.__file__).parent)}

    def say(self, line):
        print(line, flush=True)

    def expect(self, holds, line):
        """Counts what held; says at once what did not."""
        if holds:
            self.held += 1
        else:
            self.broken.append(f"{self.part}: {line}")
            self.say(f"  BROKEN: {line}")
        return holds

    def network(self, name):
        """The network, on the CPU, and its TorchScript file, made when first asked for."""
        if name not in self.networks:
            images = material.pixels(self.distinct, 16).to(self.torch_device)
            self.networks[name] = material.make_network(name, images)
            material.export(name, self.networks[name], self.folder / f"{name}.pt")
        return self.networks[name]

    def photos(self, count):
        folder = self.folder / f"photos-{count}"
        return folder if folder.exists() else material.link(self.distinct, folder, count)

    def command(self, model, layers, out, images, *options):
        self.network(model)
        command = [self.featx_program, "extract", "--model", self.folder / f"{model}.pt", "--out", self.folder / out]
        command += ["--layer", ",".join(layers), "--json", "--quiet", *options, images]
        return [str(word) for word in command]

    def featx(self, model, layers, out, images, *options):
        """Runs extract. `--device` is the check's own unless the options name one."""
        if "--device" not in options:
            options = ("--device", self.device, *options)
        shutil.rmtree(self.folder / out, ignore_errors=True)
        return self.run(self.command(model, layers, out, images, *options))

    def run(self, command):
        ended = subprocess.run(command, env=self.environment, capture_output=True, text=True)
        summary = json.loads(ended.stdout) if ended.returncode == 0 else {}
        return Ended(ended.returncode, ended.stderr, summary)

    def rows(self, out, layer):
        """All rows of a layer, from its parts."""
        parts = sorted((self.folder / out / layer).glob("features_*-*.npy"))
        return torch.from_numpy(np.concatenate([np.load(part) for part in parts]))

    def remove(self, *outs):
        for out in outs:
            shutil.rmtree(self.folder / out, ignore_errors=True)

    def time_is_up(self):
        return time.monotonic() > self.deadline


def full_precision():
    """PyTorch's own results are the reference: no TF32."""
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False


def driver_version():
    try:
        said = subprocess.run(["nvidia-smi"], capture_output=True, text=True).stdout
    except OSError:
        return "?"
    found = re.search(r"CUDA Version: *([\d.]+)", said)
    return found[1] if found else "?"


def distance(found, expected):
    """Relative L2; both on any device, shapes equal."""
    if found.shape != expected.shape:
        return float("inf")
    expected = expected.double()
    apart = torch.linalg.vector_norm(found.to(expected.device).double() - expected)
    return (apart / torch.linalg.vector_norm(expected).clamp_min(1e-300)).item()
