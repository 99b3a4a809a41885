"""Recipes: the settings of a training as a TOML file, in one stage or several.

Keys at the top of the file hold for all stages; a `[[stage]]` table overrides them for one:

    name = "my-model"
    batch_size = 8

    [[stage]]
    steps = 2000
    crop = "256x192"

    [[stage]]
    steps = 1000
    crop = "512x384"

A file without `[[stage]]` tables is one stage. Sizes are written WIDTHxHEIGHT.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from seaformer_edge.deprecation import warn_renamed
from seaformer_edge.errors import ModelError, reading, suggestion
from seaformer_edge.nn.network_input import SIZE_MULTIPLE
from seaformer_edge.nn.registry import find_architecture

RECIPES_DIR = Path(__file__).parent / "recipes"

SIZES = ("crop", "eval_size")
FOR_ALL_STAGES = ("name", "task", "architecture", "variant", "classes", "licence")
"""What a `[[stage]]` table may not override."""

Count = Annotated[int, Meta(ge=1)]
Index = Annotated[int, Meta(ge=0)]
Positive = Annotated[float, Meta(gt=0)]
NotNegative = Annotated[float, Meta(ge=0)]
Share = Annotated[float, Meta(ge=0, le=1)]
Rate = Annotated[float, Meta(ge=0, lt=1)]


class Stage(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Every setting of one training stage; only the data itself is not in it.

    Attributes:
        name: of the resulting model, e.g. "seaformer-t-camvid".
        task: "segmentation" or "classification".
        architecture: of the network, a name in `nn.registry`.
        variant: of the architecture, e.g. "T", "S", "B" or "L" of "seaformer".
        classes: name of a class list under models/classes/, e.g. "camvid".
        dataset: how the data is laid out and evaluated, a row of `datasets.SEGMENTATION` or
            `datasets.CLASSIFICATION`.
        data_folder: folder inside the data set's folder that is read; empty: that folder itself.
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
        paste: chance that objects from the data set's folder `cutouts` are pasted onto a picture
            (`cutouts`; segmentation).
        colour: strength of the photometric distortion.
        camera_faults: chance that a picture gets a fault of a camera, one of those in
            `camera_faults` (segmentation).
        crop_max_share: a crop of which one class takes more is drawn again, up to ten times.
        optimizer: "adamw", or "rmsprop", TensorFlow's, which the published classifiers used.
        learning_rate: peak; linear warm-up, then by `schedule`.
        schedule: "poly", decay of power `poly_power` to 0 at the last step; or "step", times
            `step_decay` every `decay_steps`.
        head_learning_rate_factor: the segmentation head's learning rate is this many times higher.
        weight_decay: not applied to normalisation, biases and positional embeddings.
        sync_batch_norm: several processes normalise over the batches of all of them; on CPUs that
            doubles the time of a step.
        drop_path_rate: stochastic depth of the network's last transformer block.
        dropout: before the class layer of the segmenter.
        ema_decay: of the average of the weights that is evaluated and kept.
        label_smoothing: of the classification loss.
        teacher: share of a teacher's soft labels in the target of classification, beside the true
            class; they lie with the pictures (`soft_labels`). 0: no teacher.
        class_weights: weigh classes by 1 / ln(1.1 + share of pixels), for thin classes.
        lovasz: weight of the Lovász-softmax loss beside cross-entropy's 1, over a process'
            pictures (segmentation); 0: none.
        repeat_threshold: pictures of a class that a smaller share of them contains are repeated
            in an epoch (`balance.repeats`); 0: no picture is.
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
    steps: Count
    batch_size: Count
    crop: tuple[Count, Count]
    task: str = "segmentation"
    architecture: str = "seaformer"
    dataset: str = "folder"
    data_folder: str = ""
    train_splits: tuple[str, ...] = ("train",)
    eval_size: tuple[Count, Count] | None = None
    scale: tuple[Positive, Positive] = (0.5, 2.0)
    stretch: Share = 0.0
    paste: Share = 0.0
    colour: NotNegative = 1.0
    camera_faults: Share = 0.0
    crop_max_share: Annotated[float, Meta(gt=0, le=1)] = 1.0
    optimizer: str = "adamw"
    learning_rate: Positive = 5e-4
    head_learning_rate_factor: NotNegative = 10.0
    warmup_steps: Index = 1500
    schedule: str = "poly"
    poly_power: NotNegative = 1.0
    step_decay: Annotated[float, Meta(gt=0, le=1)] = 0.973
    decay_steps: Count = 3000
    weight_decay: NotNegative = 0.01
    sync_batch_norm: bool = False
    drop_path_rate: Rate = 0.1
    dropout: Rate = 0.1
    ema_decay: Rate = 0.999
    label_smoothing: Rate = 0.0
    teacher: Share = 0.0
    class_weights: bool = False
    lovasz: NotNegative = 0.0
    repeat_threshold: Rate = 0.0
    loss_stride: Count = 1
    eval_every: Count = 2000
    bf16: bool = False
    seed: Annotated[int, Meta(ge=0, lt=2**32)] = 0

    def __post_init__(self) -> None:
        if problem := next(self._problems(), None):
            raise ValueError(problem)

    def _problems(self) -> Iterator[str]:
        """What the types of the fields alone do not rule out."""
        for name, known in (
            ("task", ("segmentation", "classification")),
            ("variant", find_architecture(self.architecture).variants),
            ("optimizer", ("adamw", "rmsprop")),
            ("schedule", ("poly", "step")),
        ):
            if (value := getattr(self, name)) not in known:
                yield f"{name}: unknown {value!r}; {suggestion(value, known)}"
        for name in self.__struct_fields__:
            value = getattr(self, name)
            numbers = value if isinstance(value, tuple) else (value,)
            if any(isinstance(number, float) and not math.isfinite(number) for number in numbers):
                yield f"{name}: expected a finite number"
        if self.scale[0] > self.scale[1]:
            yield "scale: the first number is larger than the second"
        if self.loss_stride > min(self.crop):
            yield "loss_stride: larger than the crop"
        if not self.train_splits:
            yield "train_splits: expected at least one split"
        if self.teacher and self.task != "classification":
            yield "teacher: only for classification"
        if self.teacher and len(self.train_splits) > 1:
            yield "teacher: only with one of train_splits"
        if self.task == "segmentation":
            for name in SIZES:
                size = getattr(self, name)
                if size is not None and any(side % SIZE_MULTIPLE for side in size):
                    height, width = size
                    yield f"{name}: {width}x{height} is not in multiples of {SIZE_MULTIPLE}"


def recipe_names() -> list[str]:
    """Names of the packaged recipes, e.g. "everyday" and "published/ade20k-t"."""
    paths = RECIPES_DIR.rglob("*.toml")
    return sorted(path.relative_to(RECIPES_DIR).with_suffix("").as_posix() for path in paths)


def find_recipe(name: str) -> Path:
    """The file of a packaged recipe, by its name, or of another one, by its path.

    Raises:
        ModelError: it is neither; the known names are listed.
    """
    names = recipe_names()
    if name in names:
        return RECIPES_DIR / f"{name}.toml"
    with reading(name):
        if Path(name).is_file():
            return Path(name)
    raise ModelError(f"{name}: no such recipe or TOML file; {suggestion(name, names)}")


def read_recipe(path: Path) -> tuple[Stage, ...]:
    """The stages of a recipe file, in their order.

    Raises:
        ModelError: the file is missing or is not TOML, or an entry is unknown, missing or wrong;
            the entry is named, and its stage where there are several.
    """
    try:
        shared: dict[str, Any] = tomllib.loads(path.read_text("utf-8-sig"))
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{path}: not a TOML file ({error})") from error
    if "stage" not in shared:
        return (_stage(shared, f"{path}: "),)
    tables = shared.pop("stage")
    if not isinstance(tables, list) or not tables or not all(isinstance(t, dict) for t in tables):
        raise ModelError(f"{path}: stage: expected [[stage]] tables")
    stages = []
    for number, table in enumerate(tables, 1):
        where = f"{path}: stage {number}: "
        if fixed := [name for name in FOR_ALL_STAGES if name in table]:
            raise ModelError(f"{where}{fixed[0]}: the same for all stages; write it at the top")
        stages.append(_stage(shared | table, where))
    return tuple(stages)


def _stage(entries: dict[str, Any], where: str) -> Stage:
    """Raises ModelError, beginning with `where`."""
    try:
        sizes = {name: _size(name, entries[name]) for name in SIZES if name in entries}
        return msgspec.convert(entries | sizes, Stage)
    except (ModelError, TypeError, ValueError, OverflowError) as error:
        raise ModelError(where + _in_our_words(str(error))) from error


def _size(name: str, text: object) -> tuple[int, int]:
    """(height, width) from "WIDTHxHEIGHT"."""
    match text:
        case str() if found := re.fullmatch(r"([0-9]{1,6})x([0-9]{1,6})", text):
            return int(found[2]), int(found[1])
        case [int(height), int(width)]:
            warn_renamed(f"{name} = [{height}, {width}]", f'{name} = "{width}x{height}"')
            return height, width
    raise ValueError(f'{name}: expected WIDTHxHEIGHT, e.g. "512x384", got {text!r}')


def _in_our_words(message: str) -> str:
    """msgspec's message with the entry's name first: "steps: expected `int` >= 1"."""
    what, _, where = message.rpartition(" - at `$.")
    if not what:
        return message.removeprefix("Object ").replace("contains unknown", "unknown")
    return f"{where.rstrip('`')}: {what[0].lower()}{what[1:]}"
