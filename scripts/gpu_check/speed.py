"""How fast: what bounds a run, each measured alone, then featx, then a PyTorch peer. Fills the table."""
import json
import os
import subprocess
import sys
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn
from torchvision.models.feature_extraction import create_feature_extractor

from rows import PRECISIONS

PEER = Path(__file__).with_name("peer.py")
# Bounded by decoding, by the GPU, and by the disk.
CASES = [
    ("resnet50", "avgpool", "bf16"),
    ("vgg16", "features.30", "f32"),
    ("resnet50", "layer1", "bf16"),
    ("resnet50", "avgpool", "f32"),
    ("mobilenet_v3_large", "avgpool", "f32"),
    ("vit_b_16", "encoder.ln", "bf16"),
    ("vgg16", "features.30", "bf16"),
]
QUICK = CASES[:3]
MOST_BYTES = 6e9  # that a run writes
SECONDS = 8  # that a run should take, from its first image on
HEAD = ["model, layer", "precision", "images", "batch", "forward alone", "decode alone", "disk alone", "featx",
        "of the slowest", "PyTorch peer", "times the peer", "start, s", "peak RSS, GB"]


@dataclass
class Forward:
    """The fastest way in which PyTorch computes the cut network on tensors that lie on the device."""

    rate: float
    layout: str
    way: str
    row_bytes: int  # as f32


def check(bench):
    decode = decode_alone(bench)
    lines = []
    for case in QUICK if bench.quick or not bench.gpus else CASES:
        if bench.time_is_up():
            lines.append([f"{case[0]} {case[1]}", case[2], "left out: the time was up"])
            continue
        lines.append(measure(bench, case, decode))
    if bench.gpus > 1 and not bench.time_is_up():
        lines.append(measure(bench, CASES[0], decode, "cuda:all"))
    table(bench, lines)


def table(bench, lines):
    bench.table.append(f"\nImages per second; {bench.machine}.\n")
    bench.table.append(f"| {' | '.join(HEAD)} |")
    bench.table.append("|" + "---|" * len(HEAD))
    for line in lines:
        bench.table.append(f"| {' | '.join(line + [''] * (len(HEAD) - len(line)))} |")
    bench.table.append("\nMarked !: below 0.9 of the slowest of the three alone, or, where decoding is the slowest, below "
                       "2 times the peer. The forward pass alone is the fastest of eager and frozen, contiguous and "
                       "channels last; the peer has that memory order, and a loader worker for each core.")


def measure(bench, case, decode, device=None):
    """One line of the table."""
    model, layer, precision = case
    batch = 128 if bench.gpus else 4
    forward = forward_alone(bench, model, layer, PRECISIONS[precision][0], batch)
    if device:
        forward.rate *= bench.gpus
    count = images_of(bench, min(forward.rate, decode), forward.row_bytes)
    photos = bench.photos(count)
    options = ("--precision", precision, "--device", device or bench.device)
    ended = bench.featx(model, [layer], "timed", photos, *options, *(() if bench.gpus else ("--batch-size", batch)))
    name = f"{model} {layer}" + (f", {device}" if device else "")
    if not bench.expect(ended.code == 0, f"{name} {precision}: {ended.error}"):
        return [name, precision, str(count), "", "", "", "", ended.error]
    run = tomllib.loads((bench.folder / "timed" / "run.toml").read_text())
    bench.remove("timed")
    disk = disk_alone(bench, ended.summary, count)
    peer = peer_rate(bench, case, forward, batch, max(count // 4, min(count, 2000)))
    line = figures(name, precision, count, run["batch_size"], (forward.rate, decode, disk), ended.summary, peer)
    bench.say(f"{name} {precision}: {line[7]} images/s; alone {', '.join(line[4:7])}; peer {line[9]} "
              f"({forward.way}, {forward.layout})")
    return line


def figures(name, precision, count, batch, alone, summary, peer):
    featx, slowest = summary["images_per_second"], min(alone)
    share, times = featx / slowest, featx / peer if peer else 0
    decode_bounds = alone[1] == slowest
    start = summary["seconds"] - count / featx
    rss, budget = summary["peak_rss_bytes"] / 1e9, summary["ram_budget_bytes"] / 1e9
    return [name, precision, f"{count:,}", str(batch), *(f"{rate:,.0f}" for rate in alone), f"**{featx:,.0f}**",
            f"{share:.2f}" + (" !" if share < 0.9 else ""), f"{peer:,.0f}" if peer else "failed",
            f"{times:.1f}" + (" !" if decode_bounds and times < 2 else ""), f"{start:.1f}",
            f"{rss:.1f} of {budget:.1f}" + (" !" if rss > budget else "")]


def images_of(bench, rate, row_bytes):
    """As many as take some seconds and fit on the disk."""
    wanted = rate * (SECONDS / 2 if bench.quick else SECONDS)
    count = int(min(wanted, bench.images, MOST_BYTES / row_bytes))
    if not bench.gpus:
        return min(count, bench.images) or 1
    return max(count // 1000, 1) * 1000


def decode_alone(bench):
    """featx with a model that does nothing, the best of: one process on each device; a process for each core."""
    photos = bench.photos(bench.images)
    rates = {}
    for device in ("cpu", "cuda")[: 1 + (bench.gpus > 0)]:
        ended = bench.featx("pixels", ["corner"], "decoded", photos, "--device", device)
        if bench.expect(ended.code == 0, f"decoding, {device}: {ended.error}"):
            rates[f"one process, {device}"] = ended.summary["images_per_second"]
    rates[f"{bench.cores} processes"] = decode_in_processes(bench)
    bench.remove("decoded")
    bench.say("decode alone: " + ", ".join(f"{rate:,.0f} images/s ({how})" for how, rate in rates.items()))
    return max(rates.values())


def decode_in_processes(bench):
    """A featx of one worker for each core, all at once, each with its share of the photos."""
    each = max(bench.images // bench.cores, 1)
    photos = bench.photos(each)
    options = ("--device", "cpu", "--workers", 1, "--threads", 1, "--ram-budget", "1GB")
    commands = [bench.command("pixels", ["corner"], f"decoded-{i}", photos, *options) for i in range(bench.cores)]
    children = [subprocess.Popen(command, env=bench.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                for command in commands]
    slowest = 0.0
    for number, child in enumerate(children):
        out, said = child.communicate()
        if not bench.expect(child.returncode == 0, f"decoding, process {number}: {said.decode().strip()}"):
            return 0.0
        slowest = max(slowest, each / json.loads(out)["images_per_second"])
        bench.remove(f"decoded-{number}")
    return each * bench.cores / slowest


def forward_alone(bench, model, layer, kind, batch):
    """Both memory orders, eager and frozen, on random images that lie on the device."""
    torch.backends.cudnn.benchmark = True
    network = create_feature_extractor(bench.network(model), {layer: "rows"}).eval()
    cut = Cut(network).eval().to(bench.torch_device, kind)
    best = Forward(0.0, "", "", 0)
    for layout in ("contiguous_format", "channels_last"):
        laid = cut.to(memory_format=getattr(torch, layout))
        images = torch.rand(batch, 3, 224, 224, device=bench.torch_device).to(
            kind, memory_format=getattr(torch, layout))
        with torch.inference_mode():
            frozen = torch.jit.freeze(torch.jit.trace(laid, images, check_trace=False))
            for way, forward in (("eager", laid), ("frozen", frozen)):
                rate, rows = timed(bench, forward, images)
                if rate > best.rate:
                    best = Forward(rate, layout, way, rows[0].numel() * 4)
    cut.float().cpu()
    del cut, laid, frozen, images, rows
    if bench.gpus:
        torch.cuda.empty_cache()
    return best


class Cut(nn.Module):
    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, x):
        return self.network(x)["rows"]


def timed(bench, forward, images):
    """Images per second, and the rows of one batch."""
    wait = torch.cuda.synchronize if bench.gpus else (lambda: None)
    for _ in range(4 if bench.gpus else 1):
        rows = forward(images)
    wait()
    since, batches = time.perf_counter(), 0
    while time.perf_counter() - since < (1.0 if bench.gpus else 0.2):
        for _ in range(5 if bench.gpus else 1):
            rows = forward(images)
            batches += 1
        wait()
    return batches * len(images) / (time.perf_counter() - since), rows


def disk_alone(bench, summary, count):
    """Writes and syncs as many bytes as featx wrote, in as many files; at least 256 MB, for a rate. Images/s."""
    parts = summary["parts"]
    size = max(summary["bytes_written"], 256 << 20 if bench.gpus else 16 << 20)
    block = memoryview(os.urandom(8 << 20))
    folder = bench.folder / "disk"
    folder.mkdir()
    since = time.perf_counter()
    for part in range(parts):
        with open(folder / str(part), "wb", buffering=0) as file:
            left = size // parts
            while left > 0:
                left -= file.write(block[: min(left, len(block))])
            os.fsync(file.fileno())
    seconds = time.perf_counter() - since
    bench.remove("disk")
    return count * size / summary["bytes_written"] / seconds


def peer_rate(bench, case, forward, batch, count):
    """Images per second of peer.py, 0 where it failed."""
    model, layer, precision = case
    weights = bench.folder / f"{model}.pth"
    torch.save(bench.network(model).state_dict(), weights)
    task = {"model": model, "layer": layer, "weights": str(weights), "images": str(bench.photos(count)),
            "out": str(bench.folder / "peer.npy"), "batch": batch, "workers": bench.cores, "precision": precision,
            "layout": forward.layout, "device": str(bench.torch_device)}
    ended = subprocess.run([sys.executable, "-W", "ignore", PEER, json.dumps(task)], capture_output=True, text=True)
    (bench.folder / "peer.npy").unlink(missing_ok=True)
    if not bench.expect(ended.returncode == 0, f"the peer: {ended.stderr.strip()[-400:]}"):
        return 0.0
    answer = json.loads(ended.stdout.splitlines()[-1])
    return answer["images"] / answer["seconds"]
