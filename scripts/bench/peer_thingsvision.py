#!/usr/bin/env python3
"""thingsvision's own extraction to disk, its low-memory path. JSON on the last line. Runs in its own environment.

usage: peer_thingsvision.py MODEL LAYER IMAGES OUT BATCH STATE_DICT
"""
import json
import sys
import time

started = time.perf_counter()
import torch
import torchvision
from thingsvision import get_extractor_from_model
from thingsvision.utils.data import DataLoader, ImageDataset


def main(name, layer, folder, out, batch, weights):
    network = getattr(torchvision.models, name)(weights=None)
    network.load_state_dict(torch.load(weights))
    extractor = get_extractor_from_model(model=network, device="cpu", backend="pt")
    steps = extractor.get_transformations()  # Resize(256), CenterCrop(224), ImageNet's normalisation
    photos = ImageDataset(root=folder, out_path=out, backend="pt", transforms=steps)
    batches = DataLoader(dataset=photos, batch_size=int(batch), backend="pt")
    ready = time.perf_counter()
    extractor.extract_features(batches=batches, module_name=layer, flatten_acts=False, output_dir=out)
    seconds = time.perf_counter() - ready
    print("\n" + json.dumps({"images": len(photos), "seconds": seconds, "start_seconds": ready - started}))


if __name__ == "__main__":
    main(*sys.argv[1:])
