"""Rows against PyTorch's forward hooks on the same device, and pixels bit for bit."""
import PIL
import torch

import material
from bench import distance

PRECISIONS = {"f32": (torch.float32, 1e-4), "bf16": (torch.bfloat16, 2e-2), "f16": (torch.float16, 2e-2)}


def check(bench):
    count, batch = (40, 16) if bench.gpus else (6, 4)  # the last batch is not full
    images = bench.photos(count)
    inputs = check_pixels(bench, images, count)
    names = material.QUICK if bench.quick else material.MODELS
    for name in names:
        if name != "pixels":
            check_model(bench, name, images, inputs, batch)
    if bench.gpus:
        torch.cuda.empty_cache()


def check_pixels(bench, images, count):
    """A model's input as its `same` layer gives it. Returns the pixels that the references are computed from."""
    expected = material.pixels(images, count)
    found = {}
    for device in ("cpu", "cuda")[: 1 + (bench.gpus > 0)]:
        ended = bench.featx("pixels", ["same"], f"pixels-{device}", images, "--device", device, "--batch-size", "16")
        if bench.expect(ended.code == 0, f"pixels on {device}: {ended.error}"):
            found[device] = bench.rows(f"pixels-{device}", "same")
            bench.remove(f"pixels-{device}")
    if len(found) == 2:
        same = torch.equal(found["cpu"], found["cuda"])
        bench.expect(same, "pixels on the GPU are not the CPU's, bit for bit")
        bench.say(f"pixels: the GPU's input {'equals' if same else 'DIFFERS from'} the CPU's, bit for bit")
    for device, pixels in found.items():
        differing = (pixels != expected).sum().item()
        bench.say(f"pixels on {device}: {differing} of {expected.numel()} differ from Pillow {PIL.__version__}")
        if int(PIL.__version__.split(".")[0]) >= 13:
            bench.expect(differing == 0, f"{differing} pixels on {device} differ from Pillow's")
        elif differing:
            # Older releases resize some shapes in another order; models are still compared on equal pixels.
            return found["cpu"]
    return expected


def check_model(bench, name, images, inputs, batch):
    layers = material.MODELS[name][1]
    network = bench.network(name).to(bench.torch_device)
    expected = hooked(network, layers, inputs, batch, torch.float32)
    for precision, (kind, tolerance) in PRECISIONS.items():
        options = ("--precision", precision, "--batch-size", batch)
        ended = bench.featx(name, layers, "compared", images, *options)
        if not bench.expect(ended.code == 0, f"{name} {precision}: {ended.error}"):
            continue
        bench.expect(ended.summary["precision"] == precision, f"{name}: the summary says {ended.summary['precision']}")
        peer = expected if kind == torch.float32 else hooked(network, layers, inputs, batch, kind)
        said = []
        for layer in layers:
            apart = distance(bench.rows("compared", layer), expected[layer])
            own = distance(peer[layer], expected[layer])
            said.append(f"{layer} {apart:.1e}" + (f" ({own:.1e})" if own else ""))
            # A network that amplifies rounding beyond the tolerance does it in PyTorch as well.
            holds = apart <= max(tolerance, 1.25 * own)
            bench.expect(holds, f"{name} {precision} {layer}: relative L2 {apart:.1e}, PyTorch's own {own:.1e}")
        bench.say(f"{name} {precision}: {', '.join(said)}")
    network.float().cpu()
    bench.remove("compared")


def hooked(network, layers, inputs, batch, kind):
    """What forward hooks see in a network that computes in this precision, as f32 on its device. Leaves it in f32."""
    seen = {layer: [] for layer in layers}

    def keep(layer):
        return lambda _module, _inputs, output: seen[layer].append(output.float().clone())

    modules = dict(network.named_modules())
    hooks = [modules[layer].register_forward_hook(keep(layer)) for layer in layers]
    device = next(network.parameters()).device
    weights = {name: value.clone() for name, value in network.state_dict().items()} if kind != torch.float32 else None
    network.to(kind)
    with torch.inference_mode():
        for images in inputs.split(batch):
            network(images.to(device, kind))
    network.float()
    if weights:
        network.load_state_dict(weights)
    for hook in hooks:
        hook.remove()
    return {layer: torch.cat(outputs) for layer, outputs in seen.items()}
