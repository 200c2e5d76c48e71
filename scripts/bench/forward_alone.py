#!/usr/bin/env python3
"""The forward pass alone, on tensors that are in memory, in every way that libtorch has. JSON on the last line: images
a second of each way, or why it does not count.

usage: forward_alone.py MODEL LAYER f32|bf16 THREADS STATE_DICT [WAY@BATCH]...      without one, all that can win

Each way is warmed up first, as profiling executors need it, and then has to agree with eager f32 on images that it has
not seen: to a relative L2 of 1e-4, in bf16 to twice what plain bf16 differs by.
"""
import json
import sys
import time

import torch
from peer_torch import cut_network

BATCHES = (32, 16, 8)
WARM_UP, LEAST_PASSES, LEAST_SECONDS = 3, 3, 4
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


def images_per_second(network, images):
    """Of all passes together: what holds up a pass now and then holds up the other sides too."""
    passes = []
    while len(passes) < LEAST_PASSES or sum(passes) < LEAST_SECONDS:
        start = time.perf_counter()
        network(images)
        passes.append(time.perf_counter() - start)
    return len(images) * len(passes) / sum(passes)


def measure(way, batch, plain, dtype):
    """Images a second, or what is wrong."""
    noise = torch.Generator().manual_seed(batch)
    unseen, images = (torch.randn(batch, 3, 224, 224, generator=noise) for _ in range(2))
    wanted = plain()(unseen)
    unseen, images = unseen.to(dtype), images.to(dtype)
    tolerance = TOLERANCE if dtype == torch.float32 else 2 * relative_l2(plain().to(dtype)(unseen), wanted)
    torch.jit.enable_onednn_fusion(way == "fused")
    try:
        network, images = WAYS[way](plain().to(dtype), images)
        for _ in range(WARM_UP):
            network(images)
        error = relative_l2(network(torch.empty_like(images).copy_(unseen)), wanted)
    except RuntimeError as error:
        return f"fails: {str(error).strip().splitlines()[-1]}"
    if not error <= tolerance:
        return f"wrong: relative L2 {error:.1e}"
    return images_per_second(network, images)


def relative_l2(found, wanted):
    return ((found.float() - wanted).norm() / wanted.norm()).item()


def is_promising(way, found):
    """At the first batch size every way; at the next those that were near the fastest."""
    rates = {named: rate for named, rate in found.items() if isinstance(rate, float)}
    first = f"{way}@{BATCHES[0]}"
    return first not in found or rates.get(first, 0) > 0.75 * max(rates.values(), default=0)


def main(name, layer, precision, threads, weights, *wanted):
    torch.set_num_threads(int(threads))
    dtype = {"f32": torch.float32, "bf16": torch.bfloat16}[precision]
    plain = lambda: Rows(cut_network(name, layer, weights)).eval()
    found = {}
    with torch.inference_mode():
        for named in wanted or [f"{way}@{batch}" for batch in BATCHES for way in WAYS]:
            way, batch = named.split("@")
            if wanted or is_promising(way, found):
                found[named] = measure(way, int(batch), plain, dtype)
                print(f"  {named}: {found[named]}", file=sys.stderr)
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
