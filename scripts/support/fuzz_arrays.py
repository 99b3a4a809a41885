"""Fuzz target of the native part: frames and logits of any size, memory layout and values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from fuzz_inputs import Target
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from numpy.typing import NDArray

from seaformer_edge.inference import labels, preprocess
from seaformer_edge.inference.modes import Mode
from seaformer_edge.inference.views import View, render

LAYOUTS = ("contiguous", "rows apart", "mirrored", "upside down", "transposed")


@dataclass(frozen=True)
class Arrays:
    """Sizes are (height, width); `odd` stands at some places of the logits."""

    frame: tuple[int, int]
    grid: tuple[int, int]
    classes: int
    channels: int
    layout: str
    odd: float
    min_confidence: float
    fp16: bool
    seed: int


def _arrays() -> SearchStrategy[Arrays]:
    size = st.tuples(st.integers(1, 70), st.integers(1, 70))
    odd = st.sampled_from([0.0, 0.0, 0.0, 1e4, -1e38, 3e38, np.inf, -np.inf, np.nan, 1e-42])
    return st.builds(
        Arrays,
        frame=size,
        grid=st.one_of(size, st.tuples(st.integers(1, 9), st.integers(1, 9))),
        classes=st.integers(1, 256),
        channels=st.integers(1, 272),
        layout=st.sampled_from(LAYOUTS),
        odd=odd,
        min_confidence=st.sampled_from([0.0, 0.0, 1e-9, 0.5, 1.0]),
        fp16=st.booleans(),
        seed=st.integers(0, 2**32 - 1),
    )


def _frame(given: Arrays, rng: np.random.Generator) -> NDArray[np.uint8]:
    height, width = given.frame
    frame = rng.integers(0, 256, (height, width, 3), np.uint8)
    if given.layout == "rows apart":
        wider = np.zeros((height, width + 5, 3), np.uint8)
        wider[:, :width] = frame
        return wider[:, :width]
    if given.layout == "transposed":
        return np.ascontiguousarray(frame.transpose(1, 0, 2)).transpose(1, 0, 2)
    if given.layout == "mirrored":
        return frame[:, ::-1]
    return frame[::-1] if given.layout == "upside down" else frame


def _run_native(given: object) -> None:
    """Preprocessing, labels and drawing; the results are compared with what they must be."""
    assert isinstance(given, Arrays)
    rng = np.random.default_rng(given.seed)
    frame = _frame(given, rng)
    height, width = given.frame
    dtype = np.float16 if given.fp16 else np.float32
    network_input = preprocess.preprocess(frame, *given.grid, dtype)
    reference = preprocess._resize(np.ascontiguousarray(frame), *given.grid)
    assert np.abs(network_input.astype(np.float32) - reference).max() < 1.1

    logits = rng.normal(size=(*given.grid, given.channels)).astype(np.float32)
    if given.odd:
        logits.flat[rng.integers(logits.size, size=3)] = given.odd
    classes = min(given.classes, given.channels)
    label_map, pixels, confidence = labels.upsample_argmax(
        logits, classes, (width, height), given.min_confidence
    )
    known = label_map[label_map < classes]
    assert np.array_equal(np.bincount(known, minlength=classes), pixels)
    assert np.all((confidence >= 0) & (confidence <= 1.001))

    palette = rng.integers(0, 256, (classes, 3), np.uint8)
    for mode in (Mode.OVERLAY, Mode.MASK, Mode.EDGES):
        picture = render(frame, label_map, palette, View(mode, opacity=float(rng.random())))
        assert picture.shape == frame.shape


ARRAY_TARGETS = {"arrays": Target(_arrays, _run_native, "seaformer_edge._native")}
