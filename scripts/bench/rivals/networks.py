"""The networks that `scripts/bench/engines` compares, and their input."""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "support"))

from published_weights import published_weights

from seaformer_edge.export.rewrite import Normalised, deploy_segmenter
from seaformer_edge.nn.network_input import IMAGENET_MEAN, IMAGENET_STD
from seaformer_edge.nn.seaformer import SeaFormerSegmenter

ROOT = Path(__file__).resolve().parents[3]
SAMPLE = ROOT / "seaformer_edge" / "data" / "sample"
SIZE = 512
CLASSES = 150
FRAME_SIZE = (640, 480)


def network(variant: str) -> SeaFormerSegmenter:
    """SeaFormer with weights made from the tensors' names, which do not change the speed."""
    segmenter = SeaFormerSegmenter(variant, CLASSES).eval()
    segmenter.load_state_dict(published_weights(f"seg_{variant}"))
    return segmenter


def graph(variant: str, kind: str) -> nn.Module:
    """RGB 0..255 (1, 3, 512, 512) to logits at 1/8: the "published" or the rewritten graph."""
    if kind == "published":
        return Normalised(network(variant), SIZE, IMAGENET_MEAN, IMAGENET_STD).eval()
    # Tiles of rows are for XNNPACK only.
    return deploy_segmenter(
        network(variant), SIZE, SIZE, IMAGENET_MEAN, IMAGENET_STD, tile_values=None
    )


def camera_frame() -> NDArray[np.uint8]:
    """(480, 640, 3) uint8 RGB."""
    picture = cv2.imread(str(SAMPLE / "city_parking_deck.jpg"))
    return cv2.cvtColor(cv2.resize(picture, FRAME_SIZE), cv2.COLOR_BGR2RGB)


def network_input() -> NDArray[np.float32]:
    """The camera frame as (512, 512, 3) float32 RGB 0..255."""
    return cv2.resize(camera_frame(), (SIZE, SIZE)).astype(np.float32)


def sample_inputs() -> list[NDArray[np.float32]]:
    """The sample pictures like `network_input`, for the ranges of int8."""
    pictures = [cv2.imread(str(path)) for path in sorted(SAMPLE.glob("*.jpg"))]
    return [
        cv2.cvtColor(cv2.resize(picture, (SIZE, SIZE)), cv2.COLOR_BGR2RGB).astype(np.float32)
        for picture in pictures
    ]
