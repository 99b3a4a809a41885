"""Draws a result for the screen, and finds the frame's pixel at a point of the screen."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from seaformer_edge.inference.views import View
from seaformer_edge.live import LiveResult

Image = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Placement:
    """Where the pictures of a view lie on a canvas, in device pixels.

    Attributes:
        left, top, width, height: of all pictures together, centred, with their aspect kept.
        frame_size: (width, height) of the frame.
        columns: how many pictures stand side by side.
        mirrored: whether left and right of each picture are swapped, as a person in front of the
            camera expects. Only the screen is mirrored, never a file.
    """

    left: int
    top: int
    width: int
    height: int
    frame_size: tuple[int, int]
    columns: int
    mirrored: bool

    @classmethod
    def fit(
        cls,
        frame_size: tuple[int, int],
        canvas: tuple[int, int],
        columns: int = 1,
        *,
        mirrored: bool = False,
        pixel_aspect: float = 1.0,
    ) -> Placement:
        """As large as fits on a canvas of (width, height).

        Args:
            pixel_aspect: width of the frame's pixels over their height, when displayed.
        """
        shown_width, height = frame_size[0] * pixel_aspect, frame_size[1]
        scale = min(canvas[0] / (shown_width * columns), canvas[1] / height)
        # A whole number of device pixels for each column, so that both show the same.
        column = max(round(shown_width * scale), 1)
        size = (column * columns, max(round(height * scale), 1))
        left, top = (canvas[0] - size[0]) // 2, (canvas[1] - size[1]) // 2
        return cls(left, top, *size, frame_size, columns, mirrored)

    def frame_pixel(self, x: float, y: float) -> tuple[int, int] | None:
        """The frame's pixel (x, y) at a point of the canvas; None outside the picture."""
        column_width = self.width // self.columns
        across, down = x - self.left, y - self.top
        if not (0 <= across < self.width and 0 <= down < self.height):
            return None
        part = (across % column_width) / column_width
        if self.mirrored:
            part = 1 - part
        width, height = self.frame_size
        return min(int(part * width), width - 1), min(int(down / self.height * height), height - 1)


def draw_on_screen(result: LiveResult, view: View, placement: Placement, screen: Image) -> None:
    """Draws a result as `view` asks, at the size of `placement`.

    Args:
        screen: (height, width, 4) uint8 of the placement; filled with B, G, R, 255, the memory
            layout of Qt's 32-bit images, so that painting only copies.
    """
    column = (placement.width // placement.columns, placement.height)
    for i, panel in enumerate(result.render_panels(view)):
        sized = panel if panel.shape[1::-1] == column else _resized(panel, column)
        oriented = cv2.flip(sized, 1) if placement.mirrored else sized
        target = screen[:, i * column[0] : (i + 1) * column[0]]
        cv2.cvtColor(oriented, cv2.COLOR_RGB2BGRA, dst=target)


def _resized(picture: Image, size: tuple[int, int]) -> Image:
    """The picture at (width, height): exact halvings as far as possible, then bilinear.

    Bilinear alone would alias when it shrinks a picture much; an area mean of an arbitrary ratio
    takes ten times as long.
    """
    while picture.shape[1] >= 2 * size[0] and picture.shape[0] >= 2 * size[1]:
        height, width = (side // 2 for side in picture.shape[:2])
        even = picture[: 2 * height, : 2 * width]
        halved = cv2.resize(even, (width, height), interpolation=cv2.INTER_AREA)
        picture = halved.astype(np.uint8, copy=False)
    resized = cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR)
    return resized.astype(np.uint8, copy=False)
