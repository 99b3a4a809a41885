"""Labelled pictures on disk.

Two layouts are read: `ROOT/{split}/{images,labels}` where the data set brings its splits,
and `ROOT/{images,labels}` where it does not; then every tenth picture, chosen by a hash of
its name, is the "val" split and the others are "train". A label is a one-channel PNG of
class ids with the stem of its picture.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from seaformer_edge.errors import SourceError
from seaformer_edge.training.augment import Augmentation

PICTURE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp"})


@dataclass(frozen=True)
class LabelledPictures:
    """The pictures of one split, in the order of their names.

    Args:
        root: folder of the data set, in one of the two layouts above.
        split: "train", "val" or "test".
        ignore_index: label id that is not counted.

    Raises:
        SourceError: a folder is missing, empty, or a picture has no label.
    """

    root: Path
    split: str
    ignore_index: int = 255

    def pairs(self) -> list[tuple[Path, Path]]:
        brought = (self.root / self.split).is_dir()
        folder = self.root / self.split if brought else self.root
        images, labels = folder / "images", folder / "labels"
        if not images.is_dir() or not labels.is_dir():
            raise SourceError(f"{folder}: expected the folders images/ and labels/ in it")
        pictures = sorted(p for p in images.iterdir() if p.suffix.lower() in PICTURE_SUFFIXES)
        if not brought:
            held_out = self.split != "train"
            pictures = [p for p in pictures if (zlib.crc32(p.stem.encode()) % 10 == 0) == held_out]
        if not pictures:
            raise SourceError(f"{images}: no pictures for the split {self.split!r}")
        found = [(p, labels / f"{p.stem}.png") for p in pictures]
        for picture, label in found:
            if not label.is_file():
                raise SourceError(f"{picture}: its label {label} is missing")
        return found


def read_pair(
    picture: Path, label: Path, ignore_index: int, num_classes: int
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """(H, W, 3) uint8 RGB and (H, W) uint8 labels, `ignore_index` and up mapped to 255."""
    image = cv2.imread(str(picture), cv2.IMREAD_COLOR)
    ids = cv2.imread(str(label), cv2.IMREAD_UNCHANGED)
    if image is None or ids is None:
        raise SourceError(f"{picture if image is None else label}: cannot be read as a picture")
    if image.shape[:2] != ids.shape:
        raise SourceError(f"{label}: size {ids.shape} differs from its picture {image.shape[:2]}")
    labels = np.where(ids == ignore_index, 255, ids).astype(np.uint8)
    if (wrong := labels[(labels >= num_classes) & (labels != 255)]).size:
        raise SourceError(f"{label}: class id {int(wrong[0])}, but there are {num_classes} classes")
    return np.ascontiguousarray(image[:, :, ::-1], dtype=np.uint8), labels


class TrainingSamples(Dataset[tuple[Tensor, Tensor]]):
    """An endless, exactly repeatable stream of augmented crops.

    Sample n depends on the seed and n alone, so training resumes at any step with the
    pictures, order and augmentation it would have had.

    `self[n]` gives (3, h, w) uint8 RGB and (h, w) int64 labels with 255 ignored.
    """

    def __init__(
        self,
        pairs: list[tuple[Path, Path]],
        augmentation: Augmentation,
        num_classes: int,
        ignore_index: int,
        length: int,
        seed: int,
    ):
        self.pairs = pairs
        self.augmentation = augmentation
        self.num_classes = num_classes
        self.ignore_index = ignore_index
        self.length = length
        self.seed = seed

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, n: int) -> tuple[Tensor, Tensor]:
        epoch, position = divmod(n, len(self.pairs))
        order = np.random.default_rng((self.seed, epoch)).permutation(len(self.pairs))
        image, ids = read_pair(
            *self.pairs[int(order[position])], self.ignore_index, self.num_classes
        )
        image, ids = self.augmentation(image, ids, np.random.default_rng((self.seed, epoch, n)))
        return (
            torch.from_numpy(image).permute(2, 0, 1),
            torch.from_numpy(ids.astype(np.int64)),
        )
