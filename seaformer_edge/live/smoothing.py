"""Smoothing over time: less flicker where nothing moves, no lag where something does.

Labels flicker because a camera's noise moves the logits of undecided places back and forth. The
mean over the last frames stands still there; but the mean of a place that something moves through
drags the old label behind. So each place, an eighth of the network's input apart, follows as fast
as its own picture changes: where that is no more than the camera's noise, it takes a small part of
the new logits; where it is clearly more, it takes them as they are.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

# Of the new logits, where nothing moves, at full strength.
SLOWEST = 0.12
# Changes of brightness, of 255, of a place and its neighbours against their mean over time. Even
# with everything else in motion a quarter of the places, sky and road, change by noise alone;
# three times that is more than noise. Within these limits it is taken for motion, at twice that
# for motion alone.
NOISE_TIMES = 3.0
LEAST_MOTION, SUREST_MOTION = 1.0, 4.0
_PLACES = np.ones((3, 3), np.uint8)


class Smoother:
    """A motion-aware running mean of logits; one for each stream of frames.

    Attributes:
        strength: 0 gives the logits back as they are, 1 smooths most.
    """

    def __init__(self, strength: float = 0.0) -> None:
        self.strength = strength
        self._logits: NDArray[np.float32] | None = None
        self._scene: NDArray[np.float32] | None = None

    def __call__(
        self, logits: NDArray[np.float32], image: NDArray[np.uint8]
    ) -> NDArray[np.float32]:
        """The logits of one more frame, smoothed.

        Args:
            logits: (h, w, C) float32; a change of shape starts anew.
            image: (H, W, 3) uint8, the frame they are of.

        Returns:
            (h, w, C) float32: a new array, or `logits` themselves where there is nothing to smooth.
        """
        if self.strength <= 0:
            self._logits = self._scene = None
            return logits
        scene = _scene(image, (logits.shape[1], logits.shape[0]))
        if self._logits is None or self._scene is None or self._logits.shape != logits.shape:
            self._logits, self._scene = logits, scene
            return logits
        change = scene - self._scene
        follow = self._follow(change)[..., None]
        self._scene += follow * change
        smoothed = np.subtract(logits, self._logits)
        smoothed *= follow
        smoothed += self._logits
        self._logits = smoothed
        return smoothed

    def _follow(self, change: NDArray[np.float32]) -> NDArray[np.float32]:
        """The share of the new logits that each place takes, (h, w) float32, up to 1.

        Args:
            change: (h, w, 3), of the scene against the mean of the scene.
        """
        amount = cv2.blur(np.abs(change).mean(axis=2), (3, 3))
        quarter = amount.size // 4
        noise = np.partition(amount, quarter, axis=None)[quarter]
        motion = np.clip(NOISE_TIMES * noise, LEAST_MOTION, SUREST_MOTION)
        # What moves takes its surroundings along: the network saw them change, too.
        moving = cv2.dilate(np.clip(amount / motion - 1, 0, 1), _PLACES)
        slowest = 1 - self.strength * (1 - SLOWEST)
        return (slowest + (1 - slowest) * moving).astype(np.float32, copy=False)


def _scene(image: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.float32]:
    """The picture with one pixel, (3,) float32, for each logit position."""
    half = image[::2]  # every other row tells as much, in less than half the time
    return cv2.resize(half, size, interpolation=cv2.INTER_AREA).astype(np.float32)
