"""Make the bundled clip: a camera panning over the two bundled photographs.

python scripts/make_sample.py
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

FOLDER = Path(__file__).parents[1] / "seaformer_edge" / "data" / "sample"
SIZE = (480, 318)  # width, height
RATE = 25
SECONDS_EACH = 3


def pan(picture: NDArray[np.uint8]) -> Iterator[NDArray[np.uint8]]:
    """Views of SIZE sliding from the left of an RGB picture to its right, easing in and out."""
    width, height = SIZE
    frames = RATE * SECONDS_EACH
    for i in range(frames):
        progress = 0.5 - 0.5 * np.cos(np.pi * i / (frames - 1))
        centre = (
            width / 2 + progress * (picture.shape[1] - width) - 0.5,
            picture.shape[0] / 2 - 0.5,
        )
        yield cv2.getRectSubPix(picture, (width, height), centre)


def main() -> None:
    with av.open(str(FOLDER / "street_pan.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(RATE))
        stream.width, stream.height = SIZE
        stream.pix_fmt = "yuv420p"
        stream.options = {"crf": "23", "preset": "slow"}
        for name in ("venice_promenade.jpg", "city_parking_deck.jpg"):
            picture = cv2.cvtColor(cv2.imread(str(FOLDER / name)), cv2.COLOR_BGR2RGB)
            for view in pan(picture):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(view, format="rgb24")))
        container.mux(stream.encode())


if __name__ == "__main__":
    main()
