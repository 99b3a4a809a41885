"""Pictures of a result: class colours over the frame, alone, or beside it; or names of classes."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from seaformer_edge.frame import ClassScore

try:
    from seaformer_edge import _native
except ImportError:  # installed without a compiler
    _native = None  # type: ignore[assignment]

FONT = cv2.FONT_HERSHEY_SIMPLEX

MODES = ("overlay", "mask", "side-by-side")
"""What a picture shows: the frame with the colours over it, the colours alone on black, or
the frame on the left with the overlay on the right."""


def draw(
    image: NDArray[np.uint8],
    label_map: NDArray[np.uint8],
    palette: NDArray[np.uint8],
    *,
    mode: str = "overlay",
    opacity: float = 0.5,
    classes: Collection[int] | None = None,
) -> NDArray[np.uint8]:
    """Draw a frame's labels.

    Args:
        image: (H, W, 3) uint8 RGB; it is not changed.
        label_map: (H, W) uint8 class ids.
        palette: (N, 3) uint8 RGB, the colours of the ids 0 to N - 1.
        mode: one of `MODES`.
        opacity: of the colours over the frame, 0 to 1; the mask is always opaque.
        classes: ids to colour; None colours all. Pixels of other classes, and of ids that
            have no colour, keep exactly the frame's values, and are black in the mask.

    Returns:
        (H, W, 3) uint8 RGB, of twice the width side by side; a new array.

    Raises:
        ValueError: unknown mode, opacity out of range, or sizes that differ.
    """
    if mode not in MODES:
        raise ValueError(f"unknown mode {mode!r}; there are {', '.join(MODES)}")
    if not 0 <= opacity <= 1:
        raise ValueError(f"opacity goes from 0 to 1, got {opacity}")
    if image.shape != (*label_map.shape, 3):
        raise ValueError(
            f"an image of {image.shape} and labels of {label_map.shape} differ in size"
        )

    shown = np.array([classes is None or c in classes for c in range(len(palette))], np.bool)
    picture = np.empty(image.shape, np.uint8)
    if mode == "mask":
        _colour(label_map, palette, shown, picture)
        return picture
    if opacity == 0:
        np.copyto(picture, image)
    else:
        image, label_map = np.ascontiguousarray(image), np.ascontiguousarray(label_map)
        blend = _blend if _native is None else _native.blend
        blend(image, label_map, np.ascontiguousarray(palette), shown, opacity, picture)
    return np.hstack((image, picture)) if mode == "side-by-side" else picture


def draw_scores(image: NDArray[np.uint8], classes: Sequence[ClassScore]) -> NDArray[np.uint8]:
    """Write the classes of a whole picture, with their probabilities, into its upper left corner.

    Args:
        image: (H, W, 3) uint8 RGB; it is not changed.
        classes: in the order of the lines, of which sixteen have room.

    Returns:
        (H, W, 3) uint8 RGB, a new array.
    """
    picture = image.copy()
    line_height = min(image.shape[:2]) / 16
    indent = round(line_height / 2)
    lines = [f"{seen.probability:.0%} {seen.name}" for seen in classes]
    scale = cv2.getFontScaleFromHeight(FONT, round(0.6 * line_height))
    widest = max((cv2.getTextSize(line, FONT, scale, 1)[0][0] for line in lines), default=1)
    room = image.shape[1] - 3 * indent
    scale, widest = scale * min(1, room / widest), min(room, widest)
    # A dark ground keeps light letters legible on any picture.
    ground = picture[: round((len(lines) + 0.5) * line_height), : widest + 2 * indent]
    np.floor_divide(ground, 3, out=ground)
    for i, line in enumerate(lines, 1):
        at = (indent, round(i * line_height))
        cv2.putText(picture, line, at, FONT, scale, (255, 255, 255), 1, cv2.LINE_AA)
    return picture


def _colour(
    label_map: NDArray[np.uint8],
    palette: NDArray[np.uint8],
    shown: NDArray[np.bool],
    picture: NDArray[np.uint8],
) -> None:
    colours = np.zeros((256, 3), np.uint8)
    colours[: len(palette)][shown] = palette[shown]
    # A colour map is several times quicker than palette[label_map].
    cv2.applyColorMap(label_map, colours[:, None], dst=picture)


def _blend(
    image: NDArray[np.uint8],
    label_map: NDArray[np.uint8],
    palette: NDArray[np.uint8],
    shown: NDArray[np.bool],
    opacity: float,
    picture: NDArray[np.uint8],
) -> None:
    """`_native.blend` without `_native`; the same but for rounding."""
    _colour(label_map, palette, shown, picture)
    cv2.addWeighted(picture, opacity, image, 1 - opacity, 0, dst=picture)
    hidden = np.full(256, 255, np.uint8)
    hidden[: len(palette)][shown] = 0
    cv2.copyTo(image, cv2.LUT(label_map, hidden), picture)
