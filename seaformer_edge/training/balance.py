"""Class imbalance: weights of the loss, and repetition of pictures with rare classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seaformer_edge.training.datasets import read_pair
from seaformer_edge.training.layouts import Pair
from seaformer_edge.training.pictures import Colours

Counts = NDArray[np.int64]


def class_counts(
    pairs: Sequence[Pair], ids: NDArray[Any], num_classes: int, colours: Colours | None = None
) -> Counts:
    """Pixels of every class in every label file: (len(pairs), num_classes) int64.

    Raises:
        SourceError: a pair cannot be read, or its sizes or class ids are wrong.
    """
    counts = np.zeros((len(pairs), num_classes), np.int64)
    for row, pair in zip(counts, pairs, strict=True):
        labels = read_pair(pair, ids, num_classes, colours)[1]
        row[:] = np.bincount(labels.ravel(), minlength=256)[:num_classes]
    return counts


def class_weights(counts: Counts) -> Tensor:
    """1 / ln(1.1 + share of pixels), scaled to a mean of 1: (num_classes,) float32.

    As in ENet (Paszke et al. 2016), section 5.2, with 1.1 in place of 1.02.
    """
    pixels = counts.sum(0)
    weights = 1 / np.log(1.1 + pixels / max(int(pixels.sum()), 1))
    return torch.from_numpy((weights / weights.mean()).astype(np.float32))


def repeats(counts: Counts, threshold: float, seed: int) -> NDArray[np.int64]:
    """How often each picture is in an epoch: (pictures,) int64, at least 1.

    The repeat factors of LVIS (Gupta et al., CVPR 2019, section 5): a class in a fraction f of the
    pictures, below `threshold`, has the factor sqrt(threshold / f), and a picture the largest
    factor of its classes. Factors are rounded up or down at random, once.
    """
    contains = counts > 0
    share = np.maximum(contains.mean(0), 1 / max(len(counts), 1))
    of_class = np.maximum(1.0, np.sqrt(threshold / share))
    factors = np.where(contains, of_class, 1.0).max(1, initial=1.0)
    chance = np.random.default_rng(seed).random(len(factors))
    return np.asarray(np.floor(factors + chance), np.int64)
