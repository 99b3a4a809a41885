"""Data sets: layout, label ids and evaluation protocol of each, and the training samples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from seaformer_edge.errors import ModelError, SourceError, suggestion
from seaformer_edge.nn.network_input import SIZE_MULTIPLE, round_size
from seaformer_edge.training import layouts
from seaformer_edge.training.layouts import Pair, Sample
from seaformer_edge.training.pictures import Colours, read_ids, read_picture

IGNORE = 255
"""Class id of pixels that are neither trained on nor counted, after `SegmentationSet.ids`."""


@dataclass(frozen=True)
class SegmentationSet:
    """A segmentation data set and the protocol that its published figures follow.

    Attributes:
        classes: name of its class list; None: the user gives one.
        pairs: (root, split) to the (picture, label) paths.
        ids: (256,) uint8, stored label id to class id; `IGNORE` is not counted.
        fit: (long, short) side that a picture is scaled to fit, its aspect ratio kept,
            before it is augmented or evaluated; None: it keeps its size.
    """

    classes: str | None
    pairs: Callable[[Path, str], list[Pair]]
    ids: NDArray[np.uint8]
    fit: tuple[int, int] | None = None

    def input_size(self, height: int, width: int) -> tuple[int, int]:
        """(height, width) of the network's input in evaluation, for a picture's."""
        if self.fit is None:
            return round_size(height, width)
        scale = fitting_scale(height, width, self.fit)
        return round_up(round(height * scale)), round_up(round(width * scale))


@dataclass(frozen=True)
class ClassificationSet:
    """A classification data set and the protocol that its published figures follow.

    Attributes:
        classes: name of its class list; None: the user gives one.
        samples: (root, split, names of the classes) to (picture path, class id).
        centre: side of the evaluated centre square as a share of the short side
            (`evaluate.centre_square`); None: the whole picture is stretched to the square.
        input_size: (height, width) of the network's input in evaluation.
    """

    classes: str | None
    samples: Callable[[Path, str, Sequence[str]], list[Sample]]
    centre: float | None = None
    input_size: tuple[int, int] = (224, 224)


def _ids(mapping: dict[int, int] | None = None, ignore: int = IGNORE) -> NDArray[np.uint8]:
    """(256,) table from `mapping`, all other ids ignored; or the identity, except `ignore`."""
    if mapping is None:
        table = np.arange(256, dtype=np.uint8)
        table[ignore] = IGNORE
        return table
    table = np.full(256, IGNORE, np.uint8)
    table[list(mapping)] = list(mapping.values())
    return table


_FROM_ONE = _ids({i + 1: i for i in range(254)})  # 0 is "other" and not counted
# Cityscapes' label ids that its 19 classes come from, in their order.
_CITYSCAPES = (7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33)
_TRAIN_IDS = _ids({label: i for i, label in enumerate(_CITYSCAPES)})

# fmt: off
SEGMENTATION: dict[str, SegmentationSet] = {
    "folder": SegmentationSet(None, layouts.folder, _ids()),
    "camvid": SegmentationSet("camvid", layouts.camvid, _ids(ignore=11)),
    "ade20k": SegmentationSet("ade20k", layouts.ade20k, _FROM_ONE, (2048, 512)),
    "cityscapes": SegmentationSet("cityscapes", layouts.cityscapes, _TRAIN_IDS, (2048, 1024)),
    "cityscapes-half": SegmentationSet("cityscapes", layouts.cityscapes, _TRAIN_IDS, (1024, 512)),
    "pascal-context-59": SegmentationSet(
        "pascal-context-59", layouts.pascal_context, _FROM_ONE, (520, 520)),
    "pascal-context-60": SegmentationSet(
        "pascal-context-60", layouts.pascal_context, _ids(), (520, 520)),
    "coco-stuff": SegmentationSet("coco-stuff", layouts.coco_stuff, _FROM_ONE, (2048, 512)),
}

CLASSIFICATION: dict[str, ClassificationSet] = {
    "class-folders": ClassificationSet(None, layouts.class_folders),
    "imagenet": ClassificationSet("imagenet", layouts.imagenet, centre=0.875),
    "tiny-imagenet": ClassificationSet(
        "tiny-imagenet", layouts.tiny_imagenet, input_size=(128, 128)),
}
# fmt: on

T = TypeVar("T")


def data_set(table: dict[str, T], name: str) -> T:
    """The row `name` of a table.

    Raises:
        ModelError: there is none; the known names are listed.
    """
    if name not in table:
        raise ModelError(f"unknown data set {name!r}; {suggestion(name, table)}")
    return table[name]


def fitting_scale(height: int, width: int, fit: tuple[int, int]) -> float:
    """Factor by which a picture is scaled so that its sides fit within (long, short)."""
    return min(max(fit) / max(height, width), min(fit) / min(height, width))


def round_up(length: int) -> int:
    return -(-length // SIZE_MULTIPLE) * SIZE_MULTIPLE


def read_pair(
    pair: Pair,
    ids: NDArray[np.uint8],
    num_classes: int,
    colours: Colours | None = None,
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """(H, W, 3) uint8 RGB and (H, W) uint8 class ids or `IGNORE`.

    Args:
        ids: (256,) uint8, stored label id to class id or `IGNORE`.
        colours: of RGB masks.

    Raises:
        SourceError: a file cannot be read, the sizes differ, or an id is outside the classes.
    """
    picture, label = pair
    image = read_picture(picture)
    stored = read_ids(label, colours)
    if image.shape[:2] != stored.shape:
        raise SourceError(
            f"{label}: size {_size_text(stored)} differs from its picture's {_size_text(image)}"
        )
    labels = ids[stored]
    if (wrong := stored[(labels >= num_classes) & (labels != IGNORE)]).size:
        raise SourceError(f"{label}: class id {int(wrong[0])}, but there are {num_classes} classes")
    return image, labels


def _size_text(image: NDArray[np.uint8]) -> str:
    return f"{image.shape[1]}x{image.shape[0]}"


Item = TypeVar("Item")


class TrainingSamples(Dataset[tuple[Tensor, Tensor]], Generic[Item]):
    """A reproducible stream of augmented samples.

    Sample n depends only on the seed and n, so training resumes at any step, on any number of
    processes, with the same pictures, order and augmentation.

    Args:
        items: of the data set, e.g. (picture, label) paths.
        augment: reads an item and returns (3, h, w) uint8 RGB and its int64 target.
        length: number of samples.
        seed: of order and augmentation.
    """

    def __init__(
        self,
        items: Sequence[Item],
        augment: Callable[[Item, np.random.Generator], tuple[Tensor, Tensor]],
        length: int,
        seed: int,
    ):
        self.items = items
        self.augment = augment
        self.length = length
        self.seed = seed

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, n: int) -> tuple[Tensor, Tensor]:
        epoch, position = divmod(n, len(self.items))
        order = _order(self.seed, epoch, len(self.items))
        return self.augment(
            self.items[int(order[position])], np.random.default_rng((self.seed, epoch, n))
        )


_orders: dict[tuple[int, int, int], NDArray[np.int64]] = {}


def _order(seed: int, epoch: int, count: int) -> NDArray[np.int64]:
    """The order of an epoch; the last one is cached."""
    key = (seed, epoch, count)
    if key not in _orders:
        _orders.clear()
        _orders[key] = np.random.default_rng((seed, epoch)).permutation(count)
    return _orders[key]


def as_tensor(image: NDArray[np.uint8]) -> Tensor:
    """(H, W, 3) to (3, H, W), both uint8."""
    return torch.from_numpy(image).permute(2, 0, 1)
