"""Trains a tiny network on made-up streets in float64: torchrun train_tiny.py DATA RUN STAGES."""

import sys
from pathlib import Path

import torch
from msgspec.structs import replace

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts" / "support"))

from tiny_networks import TINY
from tiny_training import CLASSES, STAGE

from seaformer_edge.nn import seaformer
from seaformer_edge.training import train
from seaformer_edge.training.distributed import make_fabric
from seaformer_edge.training.stages import train_stages

seaformer.VARIANTS["T"] = TINY
train.LOG_EVERY_STEPS = 1
torch.set_num_threads(1)
# AdamW's steps do not depend on the size of the gradient, so in float32 they enlarge rounding.
torch.set_default_dtype(torch.float64)
train.make_fabric = lambda precision: make_fabric("64-true")
stage = replace(
    STAGE,
    steps=10,
    learning_rate=1e-3,
    warmup_steps=1,
    eval_every=10,
    sync_batch_norm=True,
    drop_path_rate=0.0,
    dropout=0.0,
)
data, run, stages = sys.argv[1:]
train_stages([stage] * int(stages), CLASSES, Path(data), Path(run), workers=0)
