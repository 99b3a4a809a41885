"""A training stage that takes seconds: the tiny network on the made-up data set `street`."""

from __future__ import annotations

from seaformer_edge.hub.class_list import ClassList
from seaformer_edge.training.recipe import Stage

CLASSES = ClassList(("sky", "road"), ((70, 130, 180), (128, 64, 128)), ignore_index=9)

STAGE = Stage(
    name="tiny",
    variant="T",
    classes="street",
    data="made up",
    licence="none",
    steps=24,
    batch_size=4,
    crop=(64, 64),
    eval_size=(96, 128),
    learning_rate=1e-2,
    head_learning_rate_factor=1.0,
    warmup_steps=2,
    class_weights=True,
    loss_stride=2,
    eval_every=12,
)
