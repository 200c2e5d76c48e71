"""GPU memory that is not there, and a signal in the middle: nothing is lost."""
import re
import signal
import subprocess
import time

import torch

from bench import distance

GIB = 1 << 30
# What is left of the GPU's memory, and batches that take more: VGG16's first two convolutions alone 26 MB an image.
LEFT, BATCH, IMAGES = 3 * GIB, 256, 600


def check(bench):
    check_out_of_memory(bench)
    check_signal(bench)


def check_out_of_memory(bench):
    if not bench.gpus:
        bench.say("out of memory: left out, there is no GPU")
        return
    images, layers = bench.photos(IMAGES), ["features.9", "features.30"]
    free = bench.featx("vgg16", layers, "roomy", images, "--batch-size", "32")
    if not bench.expect(free.code == 0, f"vgg16: {free.error}"):
        return
    torch.cuda.empty_cache()
    held = torch.empty(torch.cuda.mem_get_info(0)[0] - LEFT, dtype=torch.uint8, device="cuda:0")
    tight = bench.featx("vgg16", layers, "tight", images, "--batch-size", BATCH)
    del held
    torch.cuda.empty_cache()
    notices = [line for line in tight.said.splitlines() if "out of memory" in line]
    for line in notices:
        bench.say(f"out of memory, with {LEFT / GIB:.0f} GiB left: {line}")
    if not bench.expect(tight.code == 0, f"out of memory: exit {tight.code}, {tight.error}"):
        return
    bench.expect(notices, "out of memory: it did not say that the batch was halved, or there was room enough")
    for layer in layers:
        apart = distance(bench.rows("tight", layer), bench.rows("roomy", layer))
        bench.expect(apart <= 1e-4, f"out of memory: {layer} has a relative L2 of {apart:.1e} from an easy run's")
        bench.say(f"out of memory: {layer} has a relative L2 of {apart:.1e} from an easy run's")
    bench.remove("roomy", "tight")


def check_signal(bench):
    """SIGTERM after the third part; the same command goes on to the rows of an undisturbed run."""
    count, batch = (4000, 16) if bench.gpus else (60, 2)
    images = bench.photos(count)
    options = ("--device", bench.device, "--batch-size", batch, "--step-size", "2")
    whole = bench.featx("resnet50", ["avgpool"], "whole", images, *options)
    if not bench.expect(whole.code == 0, f"resnet50: {whole.error}"):
        return
    command = bench.command("resnet50", ["avgpool"], "stopped", images, *options)
    said, code = stop(bench, command)
    done = re.search(r"(\d[\d,]*) of [\d,]+ rows are done", said)
    if not bench.expect(code == 128 + signal.SIGTERM and done, f"SIGTERM: exit {code}, {said.strip()}"):
        return
    bench.say(f"SIGTERM: {said.strip().splitlines()[-1]}")
    ended = bench.run(command)
    if bench.expect(ended.code == 0, f"resuming: {ended.error}"):
        resumed = ended.summary["images"]
        bench.expect(0 < resumed < count, f"resuming computed {resumed} of {count} rows")
        apart = distance(bench.rows("stopped", "avgpool"), bench.rows("whole", "avgpool"))
        bench.expect(apart <= 1e-4, f"resuming: relative L2 {apart:.1e} from an undisturbed run")
        bench.say(f"resuming: {resumed} of {count} rows, relative L2 {apart:.1e} from an undisturbed run")
    bench.remove("whole", "stopped")


def stop(bench, command):
    """Starts featx, sends SIGTERM after three parts. What it said on stderr, and its exit code."""
    folder = bench.folder / "stopped" / "avgpool"
    child = subprocess.Popen(command, env=bench.environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                             text=True)
    since = time.monotonic()
    while child.poll() is None and time.monotonic() - since < 120:
        if len(list(folder.glob("features_*-*.npy"))) >= 3:
            break
        time.sleep(0.002)
    child.send_signal(signal.SIGTERM)
    said = child.communicate()[1]
    return said, child.returncode
