"""The check of all labels and pictures before training: all problems in one list."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from seaformer_edge.errors import SourceError
from seaformer_edge.training.datasets import IGNORE
from seaformer_edge.training.layouts import Pair, some
from seaformer_edge.training.pictures import (
    Colours,
    colour_text,
    is_grey,
    picture_size,
    read_label,
)
from seaformer_edge.training.problems import LabelError, Problem

OUTLINES = "no mask: run `seaformer-edge import-labels` first"
INSTEAD = {
    ".jpg": "a JPEG, which changes ids: save the masks as PNG",
    ".jpeg": "a JPEG, which changes ids: save the masks as PNG",
    ".txt": OUTLINES,
    ".json": OUTLINES,
    ".xml": OUTLINES,
}
"""What may lie where a mask is expected."""

NO_PICTURES = frozenset({*INSTEAD, ".csv", ".yaml", ".md", ".db"}) - {".jpg", ".jpeg"}
"""Kinds of files that may lie beside pictures."""

MAX_COLOURS = 5
"""Unknown colours that are listed."""


@dataclass(frozen=True)
class Labels:
    """How the masks of a data set are read.

    Attributes:
        ids: (256,) uint8, stored label id to class id or `IGNORE`.
        colours: of the RGB masks; None: there are none, or their grey values are ids.
        unseen: part, e.g. "training", to the classes without a pixel in it.
    """

    ids: NDArray[np.uint8]
    colours: Colours | None
    unseen: Mapping[str, list[int]]


class _Found(NamedTuple):
    values: NDArray[np.uint8] | NDArray[np.uint32]  # without repetition
    problem: Problem | None


def check_labels(
    parts: Mapping[str, Sequence[Pair]],
    ids: NDArray[np.uint8],
    num_classes: int,
    colours: Colours | None,
    show: bool = True,
) -> Labels:
    """Read all labels of a data set, and the sizes of its pictures.

    Masks that hold 0 and 255 only are of two classes. RGB masks are grey values, or colours if
    any mask of the data set is not grey.

    Args:
        parts: name to the pairs, e.g. "training".
        ids: (256,) uint8, stored label id to class id or `IGNORE`.
        colours: of the classes; None: no colour masks.
        show: a progress bar, if the output is a terminal.

    Raises:
        LabelError: lists every problem.
        SourceError: every pixel is ignored, or the masks hold 0 and 255 of more than two classes.
    """
    pairs = list(dict.fromkeys(pair for part in parts.values() for pair in part))
    found = dict(
        zip(pairs, _all(partial(_read, colours), pairs, "checking labels", show), strict=True)
    )
    packed = [f.values for f in found.values() if f.values.dtype == np.uint32]
    in_colour = not all(is_grey(values.astype(np.uint32)) for values in packed)
    problems = [one.problem for one in found.values() if one.problem] + _shared(pairs)
    stored, unknown = {}, defaultdict[int, list[Path]](list)
    for pair, one in found.items():
        if one.values.dtype == np.uint8 or not in_colour:
            stored[pair] = (one.values & 255).astype(np.uint8)
        elif colours is None:
            problems.append(Problem(pair[1], "a colour mask, but the classes have no colours"))
            stored[pair] = np.zeros(0, np.uint8)
        else:
            values, known = colours.lookup(one.values.astype(np.uint32))
            stored[pair] = np.unique(values[known])
            for colour in one.values[~known]:
                unknown[int(colour)].append(pair[1])
    problems += _colour_problems(unknown)
    ids = _two_classes(pairs, ids, num_classes, list(stored.values()))
    for (_, label), values in stored.items():
        classes = ids[values]
        wrong = values[(classes >= num_classes) & (classes != IGNORE)]
        if wrong.size:
            shown = ", ".join(map(str, wrong[:5]))
            problems.append(
                Problem(label, f"class id {shown}, but the ids end at {num_classes - 1}")
            )
    if problems:
        raise LabelError(problems)
    unseen = {}
    for name, part in parts.items():
        seen = {int(i) for pair in part for i in ids[stored[pair]]}
        if part and seen <= {IGNORE}:
            raise SourceError(f"{part[0][1].parent}: every pixel of the labels is ignored")
        unseen[name] = sorted(set(range(num_classes)) - seen)
    return Labels(ids, colours if in_colour else None, unseen)


def left_out(pairs: Sequence[Pair]) -> list[str]:
    """Notes of files beside those of the pairs: pictures of other kinds, masks without picture."""
    used = {path for pair in pairs for path in pair}
    notes = []
    for folder in sorted({path.parent for path in used}):
        more = [p for p in sorted(folder.glob("[!.]*")) if p.is_file() and p not in used]
        if names := [p.name for p in more if p.suffix.lower() not in NO_PICTURES]:
            notes.append(f"{folder}: left out, as no picture with its mask: {some(names)}")
    return notes


def check_pictures(pictures: Sequence[Path], show: bool = True) -> None:
    """Raises LabelError with all pictures that cannot be read."""
    found = _all(_picture_problem, pictures, "checking pictures", show)
    if problems := [problem for problem in found if problem]:
        raise LabelError(problems)


In = TypeVar("In")
Out = TypeVar("Out")


def _all(check: Callable[[In], Out], given: Sequence[In], what: str, show: bool) -> list[Out]:
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        bar = tqdm(
            pool.map(check, given),
            total=len(given),
            desc=what,
            unit="file",
            disable=None if show else True,
            leave=False,
        )
        return list(bar)


def _picture_problem(path: Path) -> Problem | None:
    try:
        picture_size(path)
    except SourceError as error:
        return _problem(error, path)
    return None


def _problem(error: SourceError, path: Path) -> Problem:
    return Problem(path, str(error).removeprefix(f"{path}: "))


def _read(colours: Colours | None, pair: Pair) -> _Found:
    picture, label = pair
    none = np.zeros(0, np.uint8)
    if not picture.is_file():
        return _Found(none, Problem(picture, "is missing, but listed"))
    if not label.is_file():
        return _Found(none, Problem(picture, _why_missing(picture, label)))
    file = picture
    try:
        size = picture_size(picture)
        file = label
        stored = read_label(label, colours)
    except SourceError as error:
        return _Found(none, _problem(error, file))
    problem = None
    if size != stored.shape:
        theirs, ours = (f"{shape[1]}x{shape[0]}" for shape in (size, stored.shape))
        problem = Problem(label, f"size {ours} differs from its picture's {theirs}")
    if stored.dtype == np.uint8:
        return _Found(np.flatnonzero(np.bincount(stored.ravel())).astype(np.uint8), problem)
    flat = stored.ravel()
    changes = flat[np.flatnonzero(np.diff(flat, prepend=flat[:1] ^ 1))]  # fewer to sort
    return _Found(np.unique(changes).astype(np.uint32), problem)


def _shared(pairs: Sequence[Pair]) -> list[Problem]:
    """Pictures as a.jpg and a.png, of which one mask cannot be of both."""
    first: dict[Path, Path] = {}
    return [
        Problem(picture, f"has the same label as {other.name}: {label}")
        for picture, label in pairs
        if (other := first.setdefault(label, picture)) != picture
    ]


def _why_missing(picture: Path, label: Path) -> str:
    """Without the picture's name, so that equal problems of a data set are one line."""
    for suffix, why in INSTEAD.items():
        other = label.with_suffix(suffix)
        if other != picture and other.is_file():
            return f"its label {label.parent / f'NAME{suffix}'} is {why}"
    name = label.name
    if name.startswith(picture.stem):
        name = f"NAME{name.removeprefix(picture.stem)}"
    return f"its label {label.parent / name} is missing"


def _colour_problems(unknown: Mapping[int, Sequence[Path]]) -> list[Problem]:
    """The unknown colours of all masks, those of most masks first."""
    found = sorted(unknown.items(), key=lambda item: (-len(item[1]), item[0]))
    problems = []
    for colour, labels in found[:MAX_COLOURS]:
        more = f" (and in {len(labels) - 1} more masks)" if len(labels) > 1 else ""
        problems.append(
            Problem(
                labels[0],
                f"{colour_text(colour)} belongs to no class{more}: write the colours"
                " as palette into the class list, or as labelmap.txt into the data set",
            )
        )
    if more_colours := len(found) - MAX_COLOURS:
        masks = {label for _, files in found[MAX_COLOURS:] for label in files}
        if more_colours > 0:
            problems.append(
                Problem(
                    min(masks),
                    f"{more_colours} more unknown colours in {len(masks)} masks: were the masks"
                    " smoothed, resized or saved as JPEG?",
                )
            )
    return problems


def _two_classes(
    pairs: Sequence[Pair],
    ids: NDArray[np.uint8],
    num_classes: int,
    stored: Sequence[NDArray[np.uint8]],
) -> NDArray[np.uint8]:
    """The table of ids; with 255 as the second class if the labels hold nothing but 0 and 255."""
    values = {int(value) for part in stored for value in part}
    if values != {0, 255} or ids[255] != IGNORE:
        return ids
    if num_classes != 2:
        raise SourceError(
            f"{pairs[0][1].parent}: the masks hold 0 and 255, which are two classes, but"
            f" there are {num_classes}; write ids 0, 1, ..."
        )
    ids = ids.copy()
    ids[255] = 1
    return ids
