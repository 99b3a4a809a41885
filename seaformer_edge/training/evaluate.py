"""Predictors over PyTorch networks, and accuracy on labelled pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from seaformer_edge.nn.checkpoint import Network
from seaformer_edge.nn.network_input import IMAGENET_MEAN, IMAGENET_STD
from seaformer_edge.training.datasets import read_pair
from seaformer_edge.training.layouts import Pair

Predictor = Callable[[NDArray[np.uint8]], NDArray[np.uint8]]
"""(H, W, 3) uint8 RGB to an (H, W) uint8 label map."""

InputSize = tuple[int, int] | Callable[[int, int], tuple[int, int]]
"""(height, width) of the network's input, or what gives it for a picture's."""


def predictions(
    predict: Predictor, pairs: Iterable[Pair], ids: NDArray[np.uint8], num_classes: int
) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
    """The true and the predicted label map of every picture, at the picture's full size."""
    for pair in pairs:
        image, truth = read_pair(pair, ids, num_classes)
        yield truth, predict(image)


def eager_predictor(network: Network, size: InputSize) -> Predictor:
    """The PyTorch segmenter as a predictor."""

    @torch.inference_mode()
    def predict(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        fed_at = size(*image.shape[:2]) if callable(size) else size
        logits = _run(network, image, fed_at)
        full = F.interpolate(logits, image.shape[:2], mode="bilinear", align_corners=False)
        return full[0].argmax(0).to(torch.uint8).cpu().numpy()

    return predict


def eager_classifier(
    network: Network, size: tuple[int, int]
) -> Callable[[NDArray[np.uint8]], NDArray[np.float32]]:
    """The PyTorch classifier fed at (height, width): (H, W, 3) uint8 RGB to probabilities."""

    @torch.inference_mode()
    def classify(image: NDArray[np.uint8]) -> NDArray[np.float32]:
        return _run(network, image, size).softmax(1)[0].cpu().numpy()

    return classify


def centre_square(image: NDArray[np.uint8], share: float | None) -> NDArray[np.uint8]:
    """The centre square over `share` of the short side; None: the whole picture."""
    if share is None:
        return image
    height, width = image.shape[:2]
    side = round(share * min(height, width))
    top, left = (height - side) // 2, (width - side) // 2
    return np.ascontiguousarray(image[top : top + side, left : left + side])


def _run(network: Network, image: NDArray[np.uint8], size: tuple[int, int]) -> torch.Tensor:
    """Logits for one picture resized to (height, width)."""
    network.eval()
    device = next(network.parameters()).device
    height, width = size
    resized = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
    x = torch.from_numpy(resized).to(device).permute(2, 0, 1)[None].to(torch.get_default_dtype())
    mean = torch.tensor(IMAGENET_MEAN, device=device).view(3, 1, 1)
    std = torch.tensor(IMAGENET_STD, device=device).view(3, 1, 1)
    logits: torch.Tensor = network((x - mean) / std)
    return logits
