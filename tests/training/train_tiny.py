"""Trains a tiny network on made-up streets in float64: torchrun train_tiny.py DATA RUN."""

import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts" / "support"))

from tiny_networks import TINY

from seaformer_edge.hub.class_list import ClassList
from seaformer_edge.nn import seaformer as network
from seaformer_edge.training import train
from seaformer_edge.training.distributed import make_fabric
from seaformer_edge.training.recipe import Recipe

network.VARIANTS["T"] = TINY
train.LOG_EVERY_STEPS = 1
torch.set_num_threads(1)
# AdamW steps by the learning rate whatever the gradient's size, so in float32 it blows rounding up.
torch.set_default_dtype(torch.float64)
train.make_fabric = lambda precision: make_fabric("64-true")
classes = ClassList(("sky", "road"), ((70, 130, 180), (128, 64, 128)), ignore_index=9)
recipe = Recipe(
    name="tiny",
    variant="T",
    classes="street",
    data="made up",
    licence="none",
    steps=10,
    batch_size=4,
    crop=(64, 64),
    eval_size=(96, 128),
    learning_rate=1e-3,
    head_learning_rate_factor=1.0,
    warmup_steps=1,
    class_weights=True,
    loss_stride=2,
    eval_every=10,
    sync_batch_norm=True,
    drop_path_rate=0.0,
    dropout=0.0,
)
train.Trainer(recipe, classes, Path(sys.argv[1]), Path(sys.argv[2]), workers=0).run()
