"""Predictors over PyTorch networks, and accuracy on labelled pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image

from seaformer_edge.inference.preprocess import preprocess
from seaformer_edge.nn.checkpoint import Network
from seaformer_edge.training.datasets import read_pair
from seaformer_edge.training.layouts import Pair
from seaformer_edge.training.pictures import Colours

Predictor = Callable[[NDArray[np.uint8]], NDArray[np.uint8]]
"""(H, W, 3) uint8 RGB to an (H, W) uint8 label map."""

Normalisation = tuple[float, float, float]
"""The mean or the standard deviation of R, G and B, of pixels 0..255."""

InputSize = tuple[int, int] | Callable[[int, int], tuple[int, int]]
"""(height, width) of the network's input, or a function from those of the picture."""


def predictions(
    predict: Predictor,
    pairs: Iterable[Pair],
    ids: NDArray[np.uint8],
    num_classes: int,
    colours: Colours | None = None,
) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
    """The true and the predicted label map of every picture, both at the picture's size."""
    for pair in pairs:
        image, truth = read_pair(pair, ids, num_classes, colours)
        yield truth, predict(image)


def eager_predictor(
    network: Network,
    size: InputSize,
    mean: Normalisation,
    std: Normalisation,
) -> Predictor:
    """The PyTorch segmenter as a predictor; mean and std as on its card."""

    @torch.inference_mode()
    def predict(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        input_size = size(*image.shape[:2]) if callable(size) else size
        logits = _run(network, image, input_size, mean, std)
        full = F.interpolate(logits, image.shape[:2], mode="bilinear", align_corners=False)
        return full[0].argmax(0).to(torch.uint8).cpu().numpy()

    return predict


def eager_classifier(
    network: Network,
    size: tuple[int, int],
    mean: Normalisation,
    std: Normalisation,
) -> Callable[[NDArray[np.uint8]], NDArray[np.float32]]:
    """The PyTorch classifier as a function from (H, W, 3) uint8 RGB to (C,) probabilities.

    Args:
        size: (height, width) of the network's input.
        mean, std: as on the network's card.
    """

    @torch.inference_mode()
    def classify(image: NDArray[np.uint8]) -> NDArray[np.float32]:
        return _run(network, image, size, mean, std).softmax(1)[0].cpu().numpy()

    return classify


def centre_square(image: NDArray[np.uint8], share: float | None, side: int) -> NDArray[np.uint8]:
    """The centre square of `side` pixels, cut as ImageNet's published figures were measured.

    The short side is first scaled to side / share, bicubic with antialiasing. Camera frames are
    scaled otherwise when the program runs (`preprocess`).

    Args:
        share: None: no square, the whole picture is returned.
    """
    if share is None:
        return image
    height, width = image.shape[:2]
    short = int(side / share)
    size = width * short // min(height, width), height * short // min(height, width)
    scaled = np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BICUBIC))
    top, left = (round((length - side) / 2) for length in scaled.shape[:2])
    return np.ascontiguousarray(scaled[top : top + side, left : left + side])


def normalise(images: torch.Tensor, mean: Normalisation, std: Normalisation) -> torch.Tensor:
    """(B, 3, H, W) RGB 0..255 to the default float type, less `mean` and divided by `std`."""
    x = images.to(torch.get_default_dtype())
    center, deviation = (torch.tensor(v, device=x.device).view(3, 1, 1) for v in (mean, std))
    return (x - center) / deviation


def _run(
    network: Network,
    image: NDArray[np.uint8],
    size: tuple[int, int],
    mean: Normalisation,
    std: Normalisation,
) -> torch.Tensor:
    """Logits for one picture resized to (height, width)."""
    network.eval()
    height, width = size
    device = next(network.parameters()).device
    x = torch.from_numpy(preprocess(image, height, width)).to(device).permute(2, 0, 1)[None]
    logits: torch.Tensor = network(normalise(x, mean, std))
    return logits
