"""A training run as one small TOML file."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from seaformer_edge.errors import ModelError


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a training run but the data itself.

    Attributes:
        name: of the resulting model, e.g. "seaformer-t-camvid".
        variant: "T", "S", "B" or "L".
        classes: name of a class list under models/classes/, e.g. "camvid".
        data: what the model is trained on, for its card.
        licence: terms of the resulting weights, for its card.
        steps: optimiser steps.
        batch_size: pictures a step.
        crop: (height, width) of the training crops, multiples of 32.
        scale: range of the random resizing.
        colour: strength of the photometric distortion.
        learning_rate: peak, of AdamW; linear warm-up, then polynomial decay of power
            `poly_power` to 0.
        head_learning_rate_factor: the head learns this many times faster.
        weight_decay: not applied to normalisation, biases and positional embeddings.
        ema_decay: of the average of the weights that is evaluated and kept.
        class_weights: weigh classes by 1 / ln(1.1 + share of pixels) (ENet, section 4.3's
            idea with a milder constant), for thin classes.
        loss_stride: the loss is computed at 1 / loss_stride of the crop's size.
        eval_size: (height, width) of the network's input in validation.
        eval_every: steps between validations.
        bf16: bfloat16 autocast in the forward pass.
        seed: of everything random.
    """

    name: str
    variant: str
    classes: str
    data: str
    licence: str
    steps: int
    batch_size: int
    crop: tuple[int, int]
    eval_size: tuple[int, int]
    scale: tuple[float, float] = (0.5, 2.0)
    colour: float = 1.0
    learning_rate: float = 5e-4
    head_learning_rate_factor: float = 10.0
    warmup_steps: int = 1500
    poly_power: float = 1.0
    weight_decay: float = 0.01
    ema_decay: float = 0.999
    class_weights: bool = False
    loss_stride: int = 1
    eval_every: int = 2000
    bf16: bool = False
    seed: int = 0


def read_recipe(path: Path) -> Recipe:
    """Read a recipe file.

    Raises:
        ModelError: the file is missing, is not TOML, or has unknown or missing entries.
    """
    try:
        entries: dict[str, Any] = tomllib.loads(path.read_text())
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror})") from error
    except tomllib.TOMLDecodeError as error:
        raise ModelError(f"{path}: not a TOML file ({error})") from error
    known = {f.name for f in fields(Recipe)}
    if unknown := sorted(entries.keys() - known):
        raise ModelError(f"{path}: unknown entries {', '.join(unknown)}")
    try:
        arguments: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in entries.items()
        }
        return Recipe(**arguments)
    except TypeError as error:
        raise ModelError(f"{path}: {error}") from error
