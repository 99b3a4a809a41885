"""What differs between segmentation and classification training: samples, loss and score."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from seaformer_edge.errors import SourceError
from seaformer_edge.hub.class_list import ClassList
from seaformer_edge.nn.checkpoint import Network
from seaformer_edge.training.augment import ClassificationAugmentation, SegmentationAugmentation
from seaformer_edge.training.balance import class_counts, class_weights, repeats
from seaformer_edge.training.cutouts import Cutouts
from seaformer_edge.training.datasets import (
    CLASSIFICATION,
    IGNORE,
    SEGMENTATION,
    TrainingSamples,
    as_tensor,
    data_set,
    read_pair,
)
from seaformer_edge.training.distributed import is_first_process
from seaformer_edge.training.evaluate import (
    Normalisation,
    centre_square,
    eager_classifier,
    eager_predictor,
    predictions,
)
from seaformer_edge.training.label_check import check_labels, check_pictures, left_out
from seaformer_edge.training.labelmap import class_colours
from seaformer_edge.training.layouts import Pair, is_divided, some, split_folder
from seaformer_edge.training.lovasz import lovasz_softmax
from seaformer_edge.training.metrics import ConfusionMatrix
from seaformer_edge.training.pictures import read_picture
from seaformer_edge.training.recipe import Stage
from seaformer_edge.training.soft_labels import FILE as SOFT_LABELS
from seaformer_edge.training.soft_labels import read_soft_labels, soft_label


class Task(Protocol):
    """The part of a training run that depends on what is predicted."""

    metric: str
    """Name of the score on the card, e.g. "mIoU"."""

    notes: tuple[str, ...]
    """Warnings about the data, one line each."""

    def samples(self, length: int) -> TrainingSamples[Any]: ...

    def loss(self, logits: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Sums of the weighted losses and of the weights over a batch, both scalars."""
        ...

    def confusion(
        self, network: Network, part: slice, mean: Normalisation, std: Normalisation
    ) -> Tensor:
        """(C, C) int64 counts of (true, predicted) class over a part of the validation split."""
        ...

    def score(self, confusion: Tensor) -> float: ...


class SegmentationTask:
    metric = "mIoU"

    def __init__(self, stage: Stage, classes: ClassList, data_root: Path):
        self.stage = stage
        self.num_classes = len(classes.names)
        if self.num_classes > IGNORE:
            raise SourceError(f"{self.num_classes} classes; a mask of 8 bits holds {IGNORE}")
        if twice := sorted({n for n in classes.names if classes.names.count(n) > 1}):
            raise SourceError(f"two classes are called {some(twice)}")
        self.set = data_set(SEGMENTATION, stage.dataset)
        self.ids = self.set.ids
        if self.set.classes is None and classes.ignore_index != IGNORE:
            self.ids = self.ids.copy()
            self.ids[classes.ignore_index] = IGNORE
        training = [self.set.pairs(data_root, split) for split in stage.train_splits]
        self.training = [pair for pairs in training for pair in pairs]
        self.validation = self.set.pairs(data_root, "val")
        self._check(data_root, classes)
        self.cutouts = Cutouts.of(data_root, classes) if stage.paste else None
        self.weights: Tensor | None = None
        if stage.class_weights or stage.repeat_threshold:
            counts = class_counts(self.training, self.ids, self.num_classes, self.colours)
            times = repeats(counts, stage.repeat_threshold, stage.seed)
            self.training = [p for p, n in zip(self.training, times, strict=True) for _ in range(n)]
            if stage.class_weights:
                self.weights = class_weights(counts)

    def _check(self, data_root: Path, classes: ClassList) -> None:
        """Check all labels; decides how they are read."""
        colours, notes = None, list[str]()
        if self.set.classes is None:
            colours, notes = class_colours(data_root, classes)
        parts = {"training": self.training, "validation": self.validation}
        labels = check_labels(parts, self.ids, self.num_classes, colours, is_first_process())
        self.ids, self.colours = labels.ids, labels.colours
        if self.set.classes is None:
            if not is_divided(data_root):
                notes.append(held_out_note(self.training, self.validation))
            notes += left_out(self.training + self.validation)
        notes += [
            f"no pixel of {some(names)} in the {part} labels"
            for part, unseen in labels.unseen.items()
            if (names := [classes.names[i] for i in unseen])
        ]
        self.notes = tuple(notes)

    def samples(self, length: int) -> TrainingSamples[Pair]:
        stage = self.stage
        augmentation = SegmentationAugmentation(
            stage.crop,
            stage.scale,
            stage.colour,
            stage.crop_max_share,
            self.set.fit,
            stage.stretch,
            self.cutouts,
            stage.paste,
            stage.camera_faults,
        )

        def augment(pair: Pair, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
            image, labels = augmentation(
                *read_pair(pair, self.ids, self.num_classes, self.colours), rng
            )
            return as_tensor(image), torch.from_numpy(labels.astype(np.int64))

        return TrainingSamples(self.training, augment, length, stage.seed)

    def loss(self, logits: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Of (B, C, h, w) logits, resized to 1/loss_stride of the (B, H, W) labels."""
        stride = self.stage.loss_stride
        rows, columns = (cell_centers(length, stride) for length in targets.shape[1:])
        targets = targets[:, rows[:, None], columns]
        resized = F.interpolate(logits, targets.shape[1:], mode="bilinear", align_corners=False)
        weights = None if self.weights is None else self.weights.to(logits)
        total = F.cross_entropy(
            resized, targets, weight=weights, ignore_index=IGNORE, reduction="sum"
        )
        counted = targets != IGNORE
        if weights is None:
            weight = counted.sum().to(total.dtype)
        else:
            weight = weights[targets[counted]].sum()
        if self.stage.lovasz:
            pixels = resized.permute(0, 2, 3, 1)[counted]
            total = total + self.stage.lovasz * weight * lovasz_softmax(pixels, targets[counted])
        return total, weight

    def confusion(
        self, network: Network, part: slice, mean: Normalisation, std: Normalisation
    ) -> Tensor:
        size = self.stage.eval_size
        predict = eager_predictor(network, self.set.input_size if size is None else size, mean, std)
        matrix = ConfusionMatrix(self.num_classes)
        for truth, predicted in predictions(
            predict, self.validation[part], self.ids, self.num_classes, self.colours
        ):
            matrix.update(truth, predicted)
        return torch.from_numpy(matrix.counts)

    def score(self, confusion: Tensor) -> float:
        matrix = ConfusionMatrix(self.num_classes)
        matrix.counts += confusion.numpy()
        return matrix.mean_iou


class ClassificationTask:
    metric = "top-1"

    def __init__(self, stage: Stage, classes: ClassList, data_root: Path):
        self.stage = stage
        self.num_classes = len(classes.names)
        self.set = data_set(CLASSIFICATION, stage.dataset)
        self.training = [
            sample
            for split in stage.train_splits
            for sample in self.set.samples(data_root, split, classes.names)
        ]
        self.validation = self.set.samples(data_root, "val", classes.names)
        self.notes: tuple[str, ...] = ()
        if self.set.classes is None:  # the published sets are large, and whole
            check_pictures([p for p, _ in self.training + self.validation], is_first_process())
            if split_folder(data_root, "val") is None:
                self.notes = (held_out_note(self.training, self.validation),)
        found = {class_id for _, class_id in self.training}
        if missing := [name for i, name in enumerate(classes.names) if i not in found]:
            raise SourceError(f"{data_root}: no training pictures of {some(missing)}")
        self.soft_labels: NDArray[np.float16] | None = None
        if stage.teacher:
            path = data_root / stage.train_splits[0] / SOFT_LABELS
            self.soft_labels = read_soft_labels(path, len(self.training), self.num_classes)

    def samples(self, length: int) -> TrainingSamples[int]:
        stage = self.stage
        augmentation = ClassificationAugmentation(stage.crop, stage.scale, stage.colour)

        def augment(n: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
            path, class_id = self.training[n]
            crop, box = augmentation(read_picture(path), rng)
            target = torch.tensor(class_id)
            if self.soft_labels is not None:
                teacher = torch.from_numpy(soft_label(self.soft_labels[n], box))
                target = F.one_hot(target, self.num_classes).float().lerp(teacher, stage.teacher)
            return as_tensor(crop), target

        return TrainingSamples(range(len(self.training)), augment, length, stage.seed)

    def loss(self, logits: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Of (B, C) logits; targets are (B,) class ids or, with a teacher, (B, C) probabilities."""
        smoothing = self.stage.label_smoothing
        total = F.cross_entropy(logits, targets, reduction="sum", label_smoothing=smoothing)
        return total, torch.tensor(float(len(targets)), device=logits.device)

    def confusion(
        self, network: Network, part: slice, mean: Normalisation, std: Normalisation
    ) -> Tensor:
        size = self.stage.eval_size or self.stage.crop
        classify = eager_classifier(network, size, mean, std)
        counts = torch.zeros(self.num_classes, self.num_classes, dtype=torch.int64)
        for path, class_id in self.validation[part]:
            probabilities = classify(centre_square(read_picture(path), self.set.centre, min(size)))
            counts[class_id, int(np.argmax(probabilities))] += 1
        return counts

    def score(self, confusion: Tensor) -> float:
        return float(confusion.diagonal().sum() / confusion.sum())


def cell_centers(length: int, stride: int) -> Tensor:
    """The pixel nearest to the centre of each of ceil(length / stride) equal cells; int64.

    The cells are of `stride` pixels, or a little smaller where it does not divide the length: the
    logits are resized to equal cells, too. A centre between two pixels takes them in turn: always
    the same one would shift every outline by half a pixel.
    """
    cells = -(-length // stride)
    cell = torch.arange(cells)
    # In whole numbers: the centre (cell + 1/2) * length / cells - 1/2, times 2 * cells.
    centre = (2 * cell + 1) * length - cells
    rest = centre % (2 * cells)
    after = (rest > cells) | ((rest == cells) & (cell % 2 == 1))
    return centre // (2 * cells) + after


def held_out_note(training: Sequence[object], validation: Sequence[object]) -> str:
    total = len(training) + len(validation)
    return f"{len(validation)} of {total} pictures are held out for validation"


def make_task(stage: Stage, classes: ClassList, data_root: Path) -> Task:
    if stage.task == "classification":
        return ClassificationTask(stage, classes, data_root)
    return SegmentationTask(stage, classes, data_root)
