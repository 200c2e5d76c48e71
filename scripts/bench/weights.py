#!/usr/bin/env python3
"""Save the weights of a TorchScript file as the state dict that the peers load.

usage: weights.py MODEL.pt STATE_DICT
"""
import os
import sys

import torch

model, target = sys.argv[1:]
state = dict(torch.jit.load(model, map_location="cpu").state_dict())
torch.save(state, f"{target}.partial")
os.rename(f"{target}.partial", target)
