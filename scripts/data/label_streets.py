"""Label photographs of streets in CamVid's 11 classes, with a network trained on Cityscapes.

    python scripts/data/label_streets.py TEACHER FOLDER [--threads N] [--sure P]

Writes FOLDER/labels for FOLDER/images; pictures that have a label keep it. Pixels whose class has
a probability below --sure are ignored (id 11). make_street_data.py reads the result.

TEACHER is an ONNX or OpenVINO file that the user provides. Its input is (1, 3, H, W) float32 RGB,
normalised as for ImageNet, to which pictures are stretched; its output (1, 19 or more, H, W)
logits of Cityscapes' 19 train ids. An ESPNetv2 (Mehta et al., CVPR 2019) of 66 mIoU, at 640x480,
labelled the pictures of the shipped model. It runs with OpenVINO: pip install -e ".[distil]".
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
import torch
from label_with_teachers import write_label
from make_street_data import CITYSCAPES, VOID
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from seaformer_edge.errors import SourceError
from seaformer_edge.hub.class_list import read_class_list
from seaformer_edge.hub.paths import shipped_models_dir
from seaformer_edge.nn.network_input import IMAGENET_MEAN, IMAGENET_STD
from seaformer_edge.training.layouts import pictures_in
from seaformer_edge.training.pictures import read_picture

IDS = [
    (theirs, CITYSCAPES[name])
    for theirs, name in enumerate(
        read_class_list(shipped_models_dir() / "classes" / "cityscapes.json").names
    )
    if name in CITYSCAPES
]
"""(train id of Cityscapes, id of CamVid) pairs."""


def camvid_labels(logits: Tensor, sure: float) -> NDArray[np.uint8]:
    """(C, H, W) logits, the first 19 of Cityscapes' classes, to (H, W) uint8 ids of CamVid.

    Probabilities of classes that are one in CamVid are added. `VOID` where none reaches `sure`.
    """
    theirs_probabilities = logits.softmax(0)
    probabilities = torch.zeros(VOID, *logits.shape[1:])
    for theirs, ours in IDS:
        probabilities[ours] += theirs_probabilities[theirs]
    highest, labels = probabilities.max(0)
    labels[highest < sure] = VOID
    return np.asarray(labels.to(torch.uint8).numpy(), np.uint8)


class Teacher:
    """A network trained on Cityscapes, run by OpenVINO."""

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
    pictures = pictures_in(folder / "images")
    if not teacher.is_file():
        raise SourceError(f"{teacher}: no such file")
    network = Teacher(teacher, threads)
    (folder / "labels").mkdir(exist_ok=True)
    for picture in tqdm(pictures, unit="pictures"):
        target = folder / "labels" / f"{picture.stem}.png"
        if target.exists():
            continue
        image = read_picture(picture)
        size = (image.shape[1], image.shape[0])
        labels = camvid_labels(network(image), sure)
        labels = cv2.resize(labels, size, interpolation=cv2.INTER_NEAREST_EXACT)  # type: ignore[assignment]
        write_label(target, labels)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("teacher", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--sure", type=float, default=0.5, help="lowest probability (%(default)s)")
    try:
        main(**vars(parser.parse_args()))
    except SourceError as error:
        raise SystemExit(str(error)) from error
