"""A careful PyTorch user's extraction on a GPU, a process of its own: the cut network, a DataLoader, one .npy.

usage: peer.py TASK    TASK is JSON, see speed.py; prints {"images": N, "seconds": S}, from the loader's start on
"""
import json
import sys
import time
from pathlib import Path

import numpy as np
import torch
import torchvision
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from torchvision.models.feature_extraction import create_feature_extractor

from material import PIXELS

KINDS = {"f32": torch.float32, "bf16": torch.bfloat16, "f16": torch.float16}


class Photos(Dataset):
    def __init__(self, folder):
        self.files = sorted(Path(folder).iterdir())

    def __len__(self):
        return len(self.files)

    def __getitem__(self, index):
        return PIXELS(Image.open(self.files[index]).convert("RGB"))


def main(task):
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = True
    device, kind = torch.device(task["device"]), KINDS[task["precision"]]
    layout = getattr(torch, task["layout"])
    network = torchvision.models.get_model(task["model"], weights=None)
    network.load_state_dict(torch.load(task["weights"]))
    network = create_feature_extractor(network.eval(), {task["layer"]: "rows"}).eval()
    network = network.to(device, kind, memory_format=layout)
    photos = Photos(task["images"])
    loader = DataLoader(photos, batch_size=task["batch"], num_workers=task["workers"], pin_memory=device.type == "cuda")
    with torch.inference_mode():
        blank = torch.zeros(task["batch"], 3, 224, 224, device=device).to(kind, memory_format=layout)
        shape = network(blank)["rows"].shape[1:]
        rows = np.lib.format.open_memmap(task["out"], "w+", np.float32, (len(photos), *shape))
        since, at = time.perf_counter(), 0
        for images in loader:
            images = images.to(device, non_blocking=True).to(kind, memory_format=layout)
            found = network(images)["rows"].float().cpu()
            rows[at : at + len(found)] = found.numpy()
            at += len(found)
        rows.flush()
    print(json.dumps({"images": at, "seconds": time.perf_counter() - since}))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
