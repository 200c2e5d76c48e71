#!/usr/bin/env python3
"""The forward pass alone, on tensors that are in memory, in every way that libtorch has. A JSON object a line: images a
second of each way, or why it does not count; then, for each line on stdin, those of a second of each of the fastest.

usage: forward_alone.py MODEL LAYER f32|bf16 THREADS STATE_DICT [WAY@BATCH]...      ways to keep, however slow they are

Each way is warmed up first, as profiling executors need it, and then has to agree with eager f32 on images that it has
not seen: to a relative L2 of 1e-4, in bf16 to twice what plain bf16 differs by. It stays ready between its turns, so
that they can be taken in turn with those of other programs.
"""
import json
import sys
import time
from dataclasses import dataclass

import torch
from peer_torch import cut_network

BATCHES = (32, 16, 8)
WARM_UP, LEAST_PASSES = 3, 3
FIRST_SECONDS, TURN_SECONDS = 2, 1
NEAR = 0.9  # of the fastest way: may be the fastest in the end
TOLERANCE = 1e-4


def eager(network, images):
    return network, images


def channels_last(network, images):
    return network.to(memory_format=torch.channels_last), images.to(memory_format=torch.channels_last)


def frozen(network, images):
    network, images = channels_last(network, images)
    return torch.jit.freeze(torch.jit.trace(network, images, check_trace=False)), images


def optimised(network, images):
    network, images = frozen(network, images)
    return torch.jit.optimize_for_inference(network), images


def fused(network, images):
    return frozen(network, images)  # and oneDNN graph fusion, which is switched on for all that is compiled


WAYS = {way.__name__: way for way in (eager, channels_last, frozen, optimised, fused)}


class Rows(torch.nn.Module):
    """The one output of a cut network, as a tensor: TorchScript would rather not trace a dict."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, images):
        return self.network(images)["rows"]


@dataclass
class Ready:
    """A way of a network, warm, and the images that it computes."""
    way: str
    network: object
    images: torch.Tensor

    def images_per_second(self, least_seconds):
        """Of all passes together: what holds up a pass now and then holds up the other sides too."""
        torch.jit.enable_onednn_fusion(self.way == "fused")
        self.network(self.images)  # into the caches again
        passes = []
        while len(passes) < LEAST_PASSES or sum(passes) < least_seconds:
            start = time.perf_counter()
            self.network(self.images)
            passes.append(time.perf_counter() - start)
        return len(self.images) * len(passes) / sum(passes)


def make_ready(way, batch, plain, dtype):
    """A way, or RuntimeError with what is wrong."""
    noise = torch.Generator().manual_seed(batch)
    unseen, images = (torch.randn(batch, 3, 224, 224, generator=noise) for _ in range(2))
    wanted = plain()(unseen)
    unseen, images = unseen.to(dtype), images.to(dtype)
    tolerance = TOLERANCE if dtype == torch.float32 else 2 * relative_l2(plain().to(dtype)(unseen), wanted)
    torch.jit.enable_onednn_fusion(way == "fused")
    network, images = WAYS[way](plain().to(dtype), images)
    for _ in range(WARM_UP):
        network(images)
    error = relative_l2(network(torch.empty_like(images).copy_(unseen)), wanted)
    if not error <= tolerance:
        raise RuntimeError(f"wrong: relative L2 {error:.1e}")
    return Ready(way, network, images)


def relative_l2(found, wanted):
    return ((found.float() - wanted).norm() / wanted.norm()).item()


def is_promising(way, found):
    """At the first batch size every way; at the next those that were near the fastest."""
    first = f"{way}@{BATCHES[0]}"
    return first not in found or rates(found).get(first, 0) > 0.75 * max(rates(found).values(), default=0)


def rates(found):
    """The ways that count."""
    return {named: rate for named, rate in found.items() if isinstance(rate, float)}


def look(plain, dtype, kept):
    """Images a second of every way, or what is wrong with it; and the ways to take turns, ready."""
    found, ready = {}, {}
    for batch in BATCHES:
        for way in WAYS:
            named = f"{way}@{batch}"
            if named not in kept and not is_promising(way, found):
                continue
            try:
                ready[named] = make_ready(way, batch, plain, dtype)
                found[named] = ready[named].images_per_second(FIRST_SECONDS)
            except RuntimeError as error:
                found[named] = str(error).strip().splitlines()[-1]
            print(f"  {named}: {found[named]}", file=sys.stderr)
    near = NEAR * max(rates(found).values(), default=0)
    return found, {named: ready[named] for named, rate in rates(found).items() if rate > near or named in kept}


def main(name, layer, precision, threads, weights, *kept):
    torch.set_num_threads(int(threads))
    dtype = {"f32": torch.float32, "bf16": torch.bfloat16}[precision]
    with torch.inference_mode():
        found, ready = look(lambda: Rows(cut_network(name, layer, weights)).eval(), dtype, kept)
        print(json.dumps(found), flush=True)
        for _ in sys.stdin:
            print(json.dumps({named: way.images_per_second(TURN_SECONDS) for named, way in ready.items()}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
