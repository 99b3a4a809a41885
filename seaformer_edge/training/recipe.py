"""A training run as one small TOML file."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from seaformer_edge.errors import ModelError

MULTIPLE = 32
"""`network.SIZE_MULTIPLE`; a recipe is read without torch."""


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a training run but the data itself.

    Attributes:
        name: of the resulting model, e.g. "seaformer-t-camvid".
        task: "segmentation" or "classification".
        variant: "T", "S", "B" or "L".
        classes: name of a class list under models/classes/, e.g. "camvid".
        dataset: how the data is laid out and evaluated, a row of `datasets.SEGMENTATION` or
            `datasets.CLASSIFICATION`.
        train_splits: splits that are trained on.
        data: what the model is trained on, for its card.
        licence: terms of the resulting weights, for its card.
        steps: optimiser steps.
        batch_size: pictures a step, over all processes.
        crop: (height, width) of the training crops; multiples of 32 for segmentation.
        scale: range of the random resizing (segmentation), or of the share of the picture that
            a crop takes (classification).
        stretch: chance that a picture is stretched to the size of the crop before its random
            resizing, as frames are when the program runs (segmentation).
        colour: strength of the photometric distortion.
        crop_max_share: a crop of which one class takes more is drawn again, up to ten times.
        optimizer: "adamw", or "rmsprop", TensorFlow's, as the published classifiers use it.
        learning_rate: peak; linear warm-up, then by `schedule`.
        schedule: "poly", decay of power `poly_power` to 0 at the last step; or "step", times
            `step_decay` every `decay_steps`.
        head_learning_rate_factor: the segmentation head learns this many times faster.
        weight_decay: not applied to normalisation, biases and positional embeddings.
        sync_batch_norm: several processes normalise over the batches of all of them; on CPUs that
            doubles the time of a step.
        drop_path_rate: stochastic depth of the last block of a stage.
        dropout: before the class layer of the segmenter.
        ema_decay: of the average of the weights that is evaluated and kept.
        label_smoothing: of the classification loss.
        teacher: share of a teacher's soft labels in the target of classification, beside the true
            class; they lie with the pictures (`soft_labels`). 0: there are none.
        class_weights: weigh classes by 1 / ln(1.1 + share of pixels), for thin classes.
        lovasz: weight of the Lovász-softmax loss beside cross-entropy's 1, over a process'
            pictures (segmentation); 0: none.
        repeat_threshold: pictures of a class that a smaller share of them shows come more often
            in an epoch (`balance.repeats`); 0: none does.
        loss_stride: the segmentation loss is computed at 1 / loss_stride of the crop's size.
        eval_size: (height, width) of the network's input in validation, as `crop`; without one the
            data set's own protocol decides (segmentation), or it is the crop (classification).
        eval_every: steps between validations.
        bf16: bfloat16 autocast in the forward pass.
        seed: of everything random.
    """

    name: str
    variant: str
    classes: str
    data: str
    licence: str
    steps: int
    batch_size: int
    crop: tuple[int, int]
    task: str = "segmentation"
    dataset: str = "folder"
    train_splits: tuple[str, ...] = ("train",)
    eval_size: tuple[int, int] | None = None
    scale: tuple[float, float] = (0.5, 2.0)
    stretch: float = 0.0
    colour: float = 1.0
    crop_max_share: float = 1.0
    optimizer: str = "adamw"
    learning_rate: float = 5e-4
    head_learning_rate_factor: float = 10.0
    warmup_steps: int = 1500
    schedule: str = "poly"
    poly_power: float = 1.0
    step_decay: float = 0.973
    decay_steps: int = 3000
    weight_decay: float = 0.01
    sync_batch_norm: bool = False
    drop_path_rate: float = 0.1
    dropout: float = 0.1
    ema_decay: float = 0.999
    label_smoothing: float = 0.0
    teacher: float = 0.0
    class_weights: bool = False
    lovasz: float = 0.0
    repeat_threshold: float = 0.0
    loss_stride: int = 1
    eval_every: int = 2000
    bf16: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        choices = {
            "variant": ("T", "S", "B", "L"),
            "task": ("segmentation", "classification"),
            "optimizer": ("adamw", "rmsprop"),
            "schedule": ("poly", "step"),
        }
        for name, known in choices.items():
            if getattr(self, name) not in known:
                raise ValueError(f"{name} is one of {', '.join(known)}")
        if wrong := [text for is_wrong, text in self._problems() if is_wrong]:
            raise ValueError("; ".join(wrong))

    def _problems(self) -> Iterator[tuple[bool, str]]:
        """Of each way to be wrong whether it is so, and the words for it."""
        for name in ("steps", "batch_size", "eval_every", "decay_steps"):
            yield getattr(self, name) < 1, f"{name} is at least 1"
        for name in ("warmup_steps", "seed"):
            yield getattr(self, name) < 0, f"{name} is not negative"
        for name in ("colour", "weight_decay", "head_learning_rate_factor", "lovasz"):
            yield not 0 <= getattr(self, name) < math.inf, f"{name} is a number from 0 up"
        for name in ("drop_path_rate", "dropout", "label_smoothing", "repeat_threshold"):
            yield not 0 <= getattr(self, name) < 1, f"{name} is from 0 to below 1"
        for name in ("stretch", "teacher"):
            yield not 0 <= getattr(self, name) <= 1, f"{name} is from 0 to 1"
        yield bool(self.teacher) and self.task != "classification", "teacher is for classification"
        yield bool(self.teacher) and len(self.train_splits) > 1, "teacher is of one split"
        yield not 0 < self.learning_rate < math.inf, "learning_rate is a number above 0"
        low, high = self.scale
        yield not 0 < low <= high < math.inf, "scale is from above 0 to as much or more"
        yield not 1 <= self.loss_stride <= min(self.crop), "loss_stride is from 1 to the crop"
        yield not self.train_splits, "train_splits names no split"
        multiple = MULTIPLE if self.task == "segmentation" else 1
        for name, size in (("crop", self.crop), ("eval_size", self.eval_size)):
            wrong = size is not None and any(side < 1 or side % multiple for side in size)
            yield wrong, f"{name} is height and width, multiples of {multiple}"


def read_recipe(path: Path) -> Recipe:
    """Read a recipe file.

    Raises:
        ModelError: the file is missing, is not TOML, or has unknown, missing or wrong entries.
    """
    try:
        entries: dict[str, Any] = tomllib.loads(path.read_text())
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{path}: not a TOML file ({error})") from error
    known = {f.name for f in fields(Recipe)}
    if unknown := sorted(entries.keys() - known):
        raise ModelError(f"{path}: unknown entries {', '.join(unknown)}")
    try:
        return Recipe(**{name: _entry(name, value) for name, value in entries.items()})
    except (TypeError, ValueError) as error:
        raise ModelError(f"{path}: {error}") from error


def _entry(name: str, value: Any) -> Any:
    """An entry as the recipe holds it. Raises TypeError where it is of another kind."""
    kind = get_type_hints(Recipe)[name]
    if get_origin(kind) is UnionType:
        kind = get_args(kind)[0]
    if get_origin(kind) is not tuple:
        return _single(name, value, kind)
    kinds = get_args(kind)
    if not isinstance(value, list) or (kinds[-1] is not ... and len(value) != len(kinds)):
        raise TypeError(f"{name}: {value!r} is no {kind}")
    return tuple(_single(name, item, kinds[0]) for item in value)


def _single(name: str, value: Any, kind: type) -> Any:
    fits = type(value) is kind or (kind is float and type(value) is int)
    if not fits:
        raise TypeError(f"{name}: {value!r} is no {kind.__name__}")
    return value
