"""Tensor names of the published networks, weights made from these names, and golden outputs."""

from __future__ import annotations

import json
import math
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

FOLDER = Path(__file__).parents[2] / "tests" / "data" / "published"
NETWORKS = [f"{task}_{variant}" for task in ("seg", "cls") for variant in "TSBL"]


def published_keys(network: str) -> dict[str, list[int]]:
    keys: dict[str, list[int]] = json.loads((FOLDER / f"{network}_keys.json").read_text())
    return keys


def published_weights(network: str) -> dict[str, Tensor]:
    return {
        key: torch.from_numpy(np.asarray(_weight(key, shape)))
        for key, shape in published_keys(network).items()
    }


def published_outputs(network: str) -> dict[str, tuple[Tensor, NDArray[np.float32]]]:
    """Input (1, 3, H, W) float32 and logits, by size."""
    with np.load(FOLDER / f"{network}_io.npz") as io:
        return {
            name[2:]: (torch.from_numpy(io[name].astype(np.float32)), io[f"y_{name[2:]}"])
            for name in io
            if name.startswith("x_")
        }


def _weight(key: str, shape: list[int]) -> NDArray[Any]:
    random = np.random.RandomState(zlib.crc32(key.encode()))
    if key.endswith("num_batches_tracked"):
        return np.zeros((), dtype=np.int64)
    if key.endswith("running_var"):
        values = random.uniform(0.75, 1.25, shape)
    elif key.endswith("running_mean"):
        values = random.randn(*shape) * 0.1
    elif key.endswith("pos_embed"):
        values = random.randn(*shape) * 0.5
    elif len(shape) == 4:
        values = random.randn(*shape) * math.sqrt(1.2 / math.prod(shape[1:]))
    elif len(shape) == 2:
        values = random.randn(*shape) * math.sqrt(1 / shape[1])
    elif key.endswith(".weight"):
        values = random.uniform(0.75, 1.25, shape)
    else:
        values = random.randn(*shape) * 0.1
    return values.astype(np.float16).astype(np.float32)
