"""Temporal smoothing of logits: less flicker where nothing moves, no lag where something does.

Labels flicker because camera noise moves the logits of undecided positions back and forth. A
running mean over frames stops that, but drags old labels behind a moving object. So each logit
position (every eighth pixel of the network's input) follows new logits according to how much its
picture changes: if the change is no more than noise, it takes a small share of the new logits; if
it is clearly more, it takes the new logits unchanged.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

MIN_FOLLOW = 0.12  # share of the new logits where nothing moves, at strength 1
# A change is the difference in brightness, 0 to 255, of a position and its neighbours from their
# mean over time. Noise is estimated as the first quartile of all changes: even with much motion, a
# quarter of the positions (sky, road) change by noise alone. Motion begins at NOISE_FACTOR times
# that, within the limits below, and is certain at twice that value.
NOISE_FACTOR = 3.0
MIN_MOTION, MAX_MOTION = 1.0, 4.0
_NEIGHBOURS = np.ones((3, 3), np.uint8)


class Smoother:
    """A motion-aware running mean of logits; one for each stream of frames.

    Attributes:
        strength: 0 (off) to 1 (strongest).
    """

    def __init__(self, strength: float = 0.0) -> None:
        self.strength = strength
        self._logits: NDArray[np.float32] | None = None
        self._scene: NDArray[np.float32] | None = None

    def __call__(
        self, logits: NDArray[np.float32], image: NDArray[np.uint8]
    ) -> NDArray[np.float32]:
        """Smooths the logits of the next frame.

        Args:
            logits: (h, w, C) float32; another shape than before restarts the mean.
            image: (H, W, 3) uint8, the frame of these logits.

        Returns:
            (h, w, C) float32: a new array, or `logits` itself if there is nothing to smooth.
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
        """The share of the new logits that each position takes, (h, w) float32, up to 1.

        Args:
            change: (h, w, 3), difference of the scene from its running mean.
        """
        amount = cv2.blur(np.abs(change).mean(axis=2), (3, 3))
        quarter = amount.size // 4
        noise = np.partition(amount, quarter, axis=None)[quarter]
        motion = np.clip(NOISE_FACTOR * noise, MIN_MOTION, MAX_MOTION)
        # Includes the neighbours of what moves: their logits change as well.
        moving = cv2.dilate(np.clip(amount / motion - 1, 0, 1), _NEIGHBOURS)
        min_follow = 1 - self.strength * (1 - MIN_FOLLOW)
        return (min_follow + (1 - min_follow) * moving).astype(np.float32, copy=False)


def _scene(image: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.float32]:
    """The picture at the size of the logits, (h, w, 3) float32."""
    half = image[::2]  # every second row is enough, and takes less than half the time
    return cv2.resize(half, size, interpolation=cv2.INTER_AREA).astype(np.float32)
