#!/usr/bin/env python3
"""A careful PyTorch user's extraction: the cut network, a DataLoader, one .npy at the end. JSON on the last line.

usage: peer_torch.py MODEL LAYER IMAGES OUT BATCH WORKERS eager|channels_last|bf16 STATE_DICT
"""
import json
import sys
import time
from pathlib import Path

started = time.perf_counter()
import numpy as np
import torch
import torchvision
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms as T
from torchvision.models.feature_extraction import create_feature_extractor


class Photos(Dataset):
    def __init__(self, folder):
        self.files = sorted(path for path in Path(folder).rglob("*") if path.is_file())
        mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
        self.steps = T.Compose([T.Resize(256), T.CenterCrop(224), T.ToTensor(), T.Normalize(mean, std)])

    def __len__(self):
        return len(self.files)

    def __getitem__(self, index):
        return self.steps(Image.open(self.files[index]).convert("RGB"))


def cut_network(name, layer, weights):
    network = torchvision.models.get_model(name, weights=None)
    network.load_state_dict(torch.load(weights))
    return create_feature_extractor(network.eval(), return_nodes={layer: "rows"}).eval()


def main(name, layer, folder, out, batch, workers, mode, weights):
    network = cut_network(name, layer, weights)
    layout = torch.contiguous_format if mode == "eager" else torch.channels_last
    dtype = torch.bfloat16 if mode == "bf16" else torch.float32
    network = network.to(memory_format=layout, dtype=dtype)
    photos = Photos(folder)
    loader = DataLoader(photos, batch_size=int(batch), num_workers=int(workers))
    rows = []
    ready = time.perf_counter()
    with torch.inference_mode():
        for images in loader:
            found = network(images.to(memory_format=layout, dtype=dtype))["rows"]
            rows.append(found.float().contiguous().numpy())
    Path(out).mkdir(parents=True)
    np.save(Path(out) / "features.npy", np.concatenate(rows))
    seconds = time.perf_counter() - ready
    print(json.dumps({"images": len(photos), "seconds": seconds, "start_seconds": ready - started}))


if __name__ == "__main__":
    main(*sys.argv[1:])
