"""Accuracy of a segmenter on labelled pictures, at the pictures' full size."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import nn

from seaformer_edge.checkpoint import IMAGENET_MEAN, IMAGENET_STD
from seaformer_edge.network import round_size
from seaformer_edge.training.datasets import read_pair
from seaformer_edge.training.metrics import ConfusionMatrix

Predictor = Callable[[NDArray[np.uint8]], NDArray[np.uint8]]
"""(H, W, 3) uint8 RGB to an (H, W) uint8 label map."""


def evaluate(
    predict: Predictor, pairs: Iterable[tuple[Path, Path]], num_classes: int, ignore_index: int
) -> ConfusionMatrix:
    """Run `predict` on every picture and compare with its labels."""
    matrix = ConfusionMatrix(num_classes)
    for picture, label in pairs:
        image, truth = read_pair(picture, label, ignore_index, num_classes)
        matrix.update(truth, predict(image))
    return matrix


def eager_predictor(network: nn.Module, size: tuple[int, int] | None) -> Predictor:
    """The PyTorch network as a predictor.

    It is fed at `size`, (height, width), or without one at each picture's own size rounded
    to what the network takes.
    """
    network.eval()
    device = next(network.parameters()).device
    mean = torch.tensor(IMAGENET_MEAN).view(3, 1, 1)
    std = torch.tensor(IMAGENET_STD).view(3, 1, 1)

    @torch.inference_mode()
    def predict(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        height, width = size or round_size(*image.shape[:2])
        resized = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
        x = torch.from_numpy(resized).permute(2, 0, 1)[None].float()
        logits = network(((x - mean) / std).to(device)).cpu()
        full = F.interpolate(logits, image.shape[:2], mode="bilinear", align_corners=False)
        return full[0].argmax(0).numpy().astype(np.uint8)

    return predict
