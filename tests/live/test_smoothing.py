"""Less flicker where nothing moves, and no lag where something does."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from seaformer_edge.live.smoothing import Smoother

SIZE, GRID, CLASSES = (320, 240), (40, 30), 4


class Street:
    """Flat patches of colour and a bright moving block; noisy logits of their classes.

    Both pictures and logits are noisy, as a camera's are and as a network makes them.
    """

    def __init__(self, picture_noise: float, logit_noise: float = 0.6) -> None:
        self._random = np.random.default_rng(0)
        self._noise = picture_noise, logit_noise
        coarse = self._random.integers(40, 150, (6, 8, 3)).astype(np.uint8)
        self._scene = cv2.resize(coarse, SIZE, interpolation=cv2.INTER_NEAREST)
        self._truth = self._random.integers(0, CLASSES - 1, (6, 8)).repeat(5, 0).repeat(5, 1)

    def frame(self, block: int | None = None) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        """Logits and picture with the block, of class 3, beginning at column `block`."""
        picture, truth = self._scene.astype(np.float32), self._truth.copy()
        if block is not None:
            picture[80:160, 8 * block : 8 * block + 64] = 230
            truth[10:20, block : block + 8] = CLASSES - 1
        picture += self._random.normal(0, self._noise[0], picture.shape)
        logits = np.eye(CLASSES)[truth] + self._random.normal(0, self._noise[1], (*truth.shape, 4))
        return logits.astype(np.float32), picture.clip(0, 255).astype(np.uint8)


def flips(logits: list[NDArray[np.float32]]) -> float:
    """The share of positions whose class changes from one frame to the next."""
    classes = [each.argmax(axis=2) for each in logits]
    return float(np.mean([(a != b).mean() for a, b in pairwise(classes)]))


@pytest.mark.parametrize("noise", [2, 8, 16])
def test_flicker_of_a_static_scene_falls_to_a_fifth(noise: float) -> None:
    street, smoother = Street(noise), Smoother(1)
    frames = [street.frame() for _ in range(40)]
    smoothed = [smoother(*frame) for frame in frames]
    assert flips([logits for logits, _ in frames][20:]) > 0.2
    assert flips(smoothed[20:]) < flips([logits for logits, _ in frames][20:]) / 5


def test_more_strength_flickers_less() -> None:
    rates = []
    for strength in (0, 0.3, 0.7, 1):
        street, smoother = Street(4), Smoother(strength)
        rates.append(flips([smoother(*street.frame()) for _ in range(40)][20:]))
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] < rates[0] / 3


@pytest.mark.parametrize("noise", [2, 8])
def test_what_moves_does_not_lag(noise: float) -> None:
    """The moving block is found in its new place, and not in its old one, in the same frame."""
    street, smoother = Street(noise, logit_noise=0.1), Smoother(1)
    for _ in range(10):
        smoother(*street.frame())
    for block in range(0, 30, 2):
        logits, picture = street.frame(block)
        moved = smoother(logits, picture).argmax(axis=2)
        fresh = logits.argmax(axis=2)
        around = np.s_[9:21, max(block - 4, 0) : block + 10]
        assert (moved[around] == fresh[around]).mean() > 0.97


def test_strength_zero_returns_the_logits() -> None:
    street, smoother = Street(4), Smoother(0)
    for _ in range(3):
        logits, picture = street.frame()
        assert smoother(logits, picture) is logits


def test_another_size_restarts_the_mean() -> None:
    street, smoother = Street(4), Smoother(1)
    smoother(*street.frame())
    other = np.zeros((12, 16, CLASSES), np.float32)
    assert smoother(other, street.frame()[1]) is other


def test_the_input_is_not_modified() -> None:
    street, smoother = Street(4), Smoother(1)
    frames = [street.frame() for _ in range(4)]
    copies = [(logits.copy(), picture.copy()) for logits, picture in frames]
    results = [smoother(*frame) for frame in frames]
    kept = [result.copy() for result in results]
    smoother(*street.frame())
    for (logits, picture), (same_logits, same_picture) in zip(frames, copies, strict=True):
        assert np.array_equal(logits, same_logits)
        assert np.array_equal(picture, same_picture)
    assert all(np.array_equal(a, b) for a, b in zip(results, kept, strict=True))
    assert results[1].dtype == np.float32
