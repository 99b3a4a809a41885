"""Smoothing over time: less flicker where nothing moves, no lag where something does."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


class Smoother:
    """A motion-aware running mean of logits; one for each stream of frames.

    Attributes:
        strength: 0 gives the logits back as they are, 1 smooths most.
    """

    strength: float

    def __init__(self, strength: float) -> None:
        self.strength = strength

    def __call__(
        self, logits: NDArray[np.float32], image: NDArray[np.uint8]
    ) -> NDArray[np.float32]:
        """The logits of one more frame, smoothed.

        Args:
            logits: (h, w, C) float32; a change of shape starts anew.
            image: (H, W, 3) uint8, the frame they are of.

        Returns:
            (h, w, C) float32, a new array.
        """
        raise NotImplementedError
