"""Label photographs of streets with a network trained on Cityscapes, in CamVid's 11 classes.

    python scripts/data/label_streets.py TEACHER FOLDER [--threads N]

Writes FOLDER/labels for FOLDER/images; pictures that have a label keep it. A pixel is ignored (11)
where the teacher is less sure than --sure. scripts/data/make_street_data.py reads the result.

TEACHER, an ONNX or OpenVINO file, takes (1, 3, H, W) float32 RGB, normalised as ImageNet's, and
gives (1, 19 or more, H, W) logits of the 19 train ids; pictures are stretched to H x W. An ESPNetv2
(Mehta et al., CVPR 2019) of 66 mIoU labelled the shipped model's pictures at 480x640. It runs with
OpenVINO: pip install -e ".[distil]".
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
import torch
from make_street_data import CITYSCAPES, VOID
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from seaformer_edge.hub.class_list import read_class_list
from seaformer_edge.hub.paths import shipped_models_dir
from seaformer_edge.nn.network_input import IMAGENET_MEAN, IMAGENET_STD
from seaformer_edge.training.layouts import pictures_in

IDS = [
    (theirs, CITYSCAPES[name])
    for theirs, name in enumerate(
        read_class_list(shipped_models_dir() / "classes" / "cityscapes.json").names
    )
    if name in CITYSCAPES
]
"""Cityscapes' train ids and CamVid's."""


def camvid_labels(logits: Tensor, sure: float) -> NDArray[np.uint8]:
    """(C, H, W) logits of Cityscapes' classes, and of others behind them, to (H, W) ids of CamVid.

    `VOID` where all that are one class there have together less than `sure`.
    """
    seen = logits.softmax(0)
    probabilities = torch.zeros(VOID, *logits.shape[1:])
    for theirs, ours in IDS:
        probabilities[ours] += seen[theirs]
    highest, labels = probabilities.max(0)
    labels[highest < sure] = VOID
    return np.asarray(labels.to(torch.uint8).numpy(), np.uint8)


class Teacher:
    """A network trained on Cityscapes, as OpenVINO reads it."""

    def __init__(self, path: Path, threads: int):
        import openvino

        hints = {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": "f32"}
        self.network = openvino.compile_model(path, "CPU", hints)

    def __call__(self, image: NDArray[np.uint8]) -> Tensor:
        """(H, W, 3) uint8 RGB, stretched to the input's size, to (C, h, w) logits."""
        height, width = self.network.input().shape[2:]
        x = (cv2.resize(image, (width, height)).astype(np.float32) - IMAGENET_MEAN) / IMAGENET_STD
        logits = self.network(x.astype(np.float32).transpose(2, 0, 1)[None])[0]
        return torch.from_numpy(logits[0])


def main(teacher: Path, folder: Path, threads: int, sure: float) -> None:
    network = Teacher(teacher, threads)
    (folder / "labels").mkdir(exist_ok=True)
    for picture in tqdm(pictures_in(folder / "images"), unit="pictures"):
        target = folder / "labels" / f"{picture.stem}.png"
        if target.exists():
            continue
        image = np.asarray(cv2.imread(str(picture), cv2.IMREAD_COLOR_RGB), np.uint8)
        size = (image.shape[1], image.shape[0])
        labels = camvid_labels(network(image), sure)
        labels = cv2.resize(labels, size, interpolation=cv2.INTER_NEAREST_EXACT)  # type: ignore[assignment]
        cv2.imwrite(str(target), labels)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("teacher", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--sure", type=float, default=0.5, help="least probability (0.5)")
    main(**vars(parser.parse_args()))
