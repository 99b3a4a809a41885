"""Accuracy of a segmenter on labelled pictures, at the pictures' full size."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

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


def eager_predictor(
    network: nn.Module, size: tuple[int, int], mean: Tensor, std: Tensor
) -> Predictor:
    """The PyTorch network as a predictor; `size` is the (height, width) it is fed at."""
    network.eval()

    @torch.inference_mode()
    def predict(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        resized = cv2.resize(image, size[::-1], interpolation=cv2.INTER_LINEAR)
        x = torch.from_numpy(resized).permute(2, 0, 1)[None].float()
        logits = network((x - mean) / std)
        full = F.interpolate(logits, image.shape[:2], mode="bilinear", align_corners=False)
        return full[0].argmax(0).numpy().astype(np.uint8)

    return predict
