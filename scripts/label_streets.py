"""Label photographs of streets with a network trained on Cityscapes, in CamVid's 11 classes.

    python scripts/label_streets.py TEACHER FOLDER [--threads N]

Writes FOLDER/labels for FOLDER/images; pictures that have a label keep it. A pixel is ignored (11)
where the teacher is less sure than --sure. scripts/make_street_data.py reads the result.

TEACHER, an ONNX or OpenVINO file, takes (1, 3, H, W) float32 RGB, normalised as ImageNet's,
and gives (1, 19 or more, H, W) logits of the 19 train ids; pictures are stretched to H x W. An
ESPNetv2 (Mehta et al., CVPR 2019) of 66 mIoU labelled the shipped model's, Cityscapes' own pictures
at 512x1024 and all others at 480x640. It runs with OpenVINO: pip install -e ".[distil]".
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from seaformer_edge.checkpoint import IMAGENET_MEAN, IMAGENET_STD
from seaformer_edge.class_list import read_class_list
from seaformer_edge.paths import shipped_models_dir
from seaformer_edge.training.layouts import pictures_in

VOID = 11
# Cityscapes' classes to CamVid's ids: its walls are buildings, grass is tree, traffic lights are
# signs, a bicycle or motorcycle and its rider are one bicyclist. A train is nothing there.
CITYSCAPES = {
    "road": 3,
    "sidewalk": 4,
    "building": 1,
    "wall": 1,
    "fence": 7,
    "pole": 2,
    "traffic light": 6,
    "traffic sign": 6,
    "vegetation": 5,
    "terrain": 5,
    "sky": 0,
    "person": 9,
    "rider": 10,
    "car": 8,
    "truck": 8,
    "bus": 8,
    "motorcycle": 10,
    "bicycle": 10,
}


class Teacher:
    """A network trained on Cityscapes, as OpenVINO reads it."""

    def __init__(self, path: Path, threads: int):
        import openvino

        hints = {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": "f32"}
        self.network = openvino.compile_model(path, "CPU", hints)
        names = read_class_list(shipped_models_dir() / "classes" / "cityscapes.json").names
        self.ids = [(names.index(name), ours) for name, ours in CITYSCAPES.items()]

    def __call__(self, image: NDArray[np.uint8], sure: float) -> NDArray[np.uint8]:
        """(H, W, 3) uint8 RGB to (H, W) uint8 ids of CamVid, `VOID` where it is less than sure."""
        height, width = self.network.input().shape[2:]
        x = (cv2.resize(image, (width, height)).astype(np.float32) - IMAGENET_MEAN) / IMAGENET_STD
        logits = self.network(x.astype(np.float32).transpose(2, 0, 1)[None])[0][0]
        seen = torch.from_numpy(logits).softmax(0)
        probabilities = torch.zeros(VOID, height, width)
        for theirs, ours in self.ids:
            probabilities[ours] += seen[theirs]
        highest, labels = probabilities.max(0)
        labels[highest < sure] = VOID
        size = (image.shape[1], image.shape[0])
        return np.asarray(
            cv2.resize(labels.to(torch.uint8).numpy(), size, interpolation=cv2.INTER_NEAREST_EXACT),
            np.uint8,
        )


def main(teacher: Path, folder: Path, threads: int, sure: float) -> None:
    network = Teacher(teacher, threads)
    labels = folder / "labels"
    labels.mkdir(exist_ok=True)
    for picture in tqdm(pictures_in(folder / "images"), unit="pictures"):
        target = labels / f"{picture.stem}.png"
        if not target.exists():
            image = np.asarray(cv2.imread(str(picture), cv2.IMREAD_COLOR_RGB), np.uint8)
            cv2.imwrite(str(target), network(image, sure))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("teacher", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--sure", type=float, default=0.5, help="least probability (0.5)")
    main(**vars(parser.parse_args()))
