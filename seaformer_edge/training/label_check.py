"""The check of all labels before training: sizes, ids and colours, all problems in one list."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from seaformer_edge.errors import SourceError
from seaformer_edge.training.datasets import IGNORE
from seaformer_edge.training.layouts import LabelError, Pair
from seaformer_edge.training.pictures import (
    Colours,
    colour_text,
    is_grey,
    picture_size,
    read_label,
)


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
    problem: str | None


def check_labels(
    parts: Mapping[str, Sequence[Pair]],
    ids: NDArray[np.uint8],
    num_classes: int,
    colours: Colours | None,
    problems: Sequence[str] = (),
    show: bool = True,
) -> Labels:
    """Read all labels of a data set, and the sizes of its pictures.

    Masks that hold 0 and 255 only are of two classes. RGB masks are grey values, or colours if
    any mask of the data set is not grey.

    Args:
        parts: name to the pairs, e.g. "training".
        ids: (256,) uint8, stored label id to class id or `IGNORE`.
        colours: of the classes; None: no colour masks.
        problems: that were found before.
        show: a progress bar, if the output is a terminal.

    Raises:
        LabelError: lists every problem.
        SourceError: every pixel is ignored, or the masks hold 0 and 255 of more than two classes.
    """
    pairs = list(dict.fromkeys(pair for part in parts.values() for pair in part))
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        bar = tqdm(
            pool.map(_read, pairs),
            total=len(pairs),
            desc="checking labels",
            unit="label",
            disable=None if show else True,
            leave=False,
        )
        found = dict(zip(pairs, bar, strict=True))
    packed = [f.values for f in found.values() if f.values.dtype == np.uint32]
    in_colour = not all(is_grey(values.astype(np.uint32)) for values in packed)
    problems, stored = list(problems), {}
    for (picture, label), one in found.items():
        values, problem = _stored_ids(label, one, colours, in_colour)
        stored[picture, label] = values
        problems += [text for text in (one.problem, problem) if text]
    ids = _two_classes(pairs, ids, num_classes, list(stored.values()))
    for (_, label), values in stored.items():
        classes = ids[values]
        wrong = values[(classes >= num_classes) & (classes != IGNORE)]
        if wrong.size:
            shown = ", ".join(map(str, wrong[:5]))
            problems.append(f"{label}: class id {shown}, but there are {num_classes} classes")
    if problems:
        raise LabelError(problems)
    unseen = {}
    for name, part in parts.items():
        seen = {int(i) for pair in part for i in ids[stored[pair]]}
        if part and seen <= {IGNORE}:
            raise SourceError(f"{part[0][1].parent}: every pixel of the labels is ignored")
        unseen[name] = sorted(set(range(num_classes)) - seen)
    return Labels(ids, colours if in_colour else None, unseen)


def _read(pair: Pair) -> _Found:
    picture, label = pair
    none = np.zeros(0, np.uint8)
    try:
        stored = read_label(label)
        size = picture_size(picture)
    except SourceError as error:
        return _Found(none, str(error))
    problem = None
    if size != stored.shape:
        theirs, ours = (f"{shape[1]}x{shape[0]}" for shape in (size, stored.shape))
        problem = f"{label}: size {ours} differs from its picture's {theirs}"
    if stored.dtype == np.uint8:
        return _Found(np.flatnonzero(np.bincount(stored.ravel())).astype(np.uint8), problem)
    flat = stored.ravel()
    changes = flat[np.flatnonzero(np.diff(flat, prepend=flat[:1] ^ 1))]  # fewer to sort
    return _Found(np.unique(changes).astype(np.uint32), problem)


def _stored_ids(
    label: Path, found: _Found, colours: Colours | None, in_colour: bool
) -> tuple[NDArray[np.uint8], str | None]:
    """The ids in a label, and what is wrong with its colours."""
    if found.values.dtype == np.uint8:
        return found.values.astype(np.uint8), None
    packed = found.values.astype(np.uint32)
    if not in_colour:
        return (packed & 255).astype(np.uint8), None
    if colours is None:
        return np.zeros(0, np.uint8), f"{label}: a colour mask, but the classes have no colours"
    values, known = colours.lookup(packed)
    problem = None
    if not known.all():
        more = int((~known).sum()) - 1
        problem = (
            f"{label}: {colour_text(int(packed[~known][0]))}"
            + (f" and {more} more belong" if more else " belongs")
            + " to no class: write the colours as palette into the class list, or labelmap.txt"
        )
    return np.unique(values[known]), problem


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
