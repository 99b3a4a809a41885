"""Pictures of a result: every view mode, for files, recordings, snapshots and the window alike."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from seaformer_edge.errors import suggestion
from seaformer_edge.frame import NO_CLASS, ClassScore
from seaformer_edge.inference.modes import Mode, Panel

try:
    import seaformer_edge._native as _native
except ImportError:  # installed without a compiler
    _native = None  # type: ignore[assignment]

__all__ = ["Mode", "View", "draw", "draw_scores", "join_panels", "render", "render_panels"]

Image = NDArray[np.uint8]

FONT = cv2.FONT_HERSHEY_SIMPLEX
# Outlines are two pixels wide, plus two for each multiple of this width of the picture.
WIDER_EVERY_PX = 960
SCORE_LINES = 16


@dataclass(frozen=True, slots=True)
class View:
    """How a result is drawn.

    Attributes:
        mode: what is shown.
        opacity: of the class colours over the frame, 0 to 1; masks and edges are opaque.
        classes: the class ids to colour; None colours all.
        names: whether the regions of these classes bear their names; see `inference.names`.
    """

    mode: Mode = Mode.OVERLAY
    opacity: float = 0.5
    classes: frozenset[int] | None = None
    names: bool = False

    @property
    def columns(self) -> int:
        """How many pictures stand side by side."""
        return len(self.mode.panels)


def render(image: Image, label_map: Image | None, palette: Image, view: View) -> Image:
    """Draw a frame's labels as `view` asks, without names.

    Args:
        image: (H, W, 3) uint8 RGB; it is not changed.
        label_map: (H, W) uint8 class ids; None shows the frame itself in every panel.
        palette: (N, 3) uint8 RGB, the colours of the ids 0 to N - 1.
        view: mode, opacity and classes. Pixels of other classes, and of ids that have no colour,
            keep exactly the frame's values in overlays and edges, and are black in a mask.

    Returns:
        (H, W * view.columns, 3) uint8 RGB. It may be `image` itself: do not write to it.

    Raises:
        ValueError: opacity out of range, or sizes that differ.
    """
    return join_panels(render_panels(image, label_map, palette, view))


def join_panels(panels: Sequence[Image]) -> Image:
    """Panels of (H, W, 3) side by side; a single one itself."""
    return panels[0] if len(panels) == 1 else np.hstack(panels)


def render_panels(
    image: Image, label_map: Image | None, palette: Image, view: View
) -> Sequence[Image]:
    """The pictures of a view from left to right, each (H, W, 3) uint8 RGB. See `render`."""
    if not 0 <= view.opacity <= 1:
        raise ValueError(f"opacity must be from 0 to 1, got {view.opacity}")
    if label_map is None:
        return [image] * view.columns
    if image.shape != (*label_map.shape, 3):
        raise ValueError(
            f"an image of {image.shape} and labels of {label_map.shape} differ in size"
        )
    shown = np.array(
        [view.classes is None or c in view.classes for c in range(len(palette))], np.bool
    )
    colours = _Colours(palette, shown, view.opacity)
    return [_PANELS[panel](image, label_map, colours) for panel in view.mode.panels]


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

        picture = draw(image, segmentation.label_map, np.array(card.palette, np.uint8))

    Args:
        image: (H, W, 3) uint8 RGB; it is not changed.
        label_map: (H, W) uint8 class ids.
        palette: (N, 3) uint8 RGB, the colours of the ids 0 to N - 1.
        mode: a `Mode` or its value, such as "overlay", "mask", "side-by-side" or "edges".
        opacity: of the colours over the frame, 0 to 1; masks and edges are always opaque.
        classes: ids to colour; None colours all. Pixels of other classes, and of ids that
            have no colour, keep exactly the frame's values, and are black in the mask.

    Returns:
        (H, W, 3) uint8 RGB, of twice the width side by side; a new array.

    Raises:
        ValueError: unknown mode, opacity out of range, or sizes that differ.
    """
    try:
        known_mode = Mode(mode)
    except ValueError:
        raise ValueError(f"unknown mode {mode!r}; {suggestion(mode, Mode)}") from None
    chosen = None if classes is None else frozenset(classes)
    picture = render(image, label_map, palette, View(known_mode, opacity, chosen))
    return picture.copy() if picture is image else picture


def draw_scores(image: NDArray[np.uint8], classes: Sequence[ClassScore]) -> NDArray[np.uint8]:
    """Write the classes of a whole picture, with their probabilities, into its upper left corner.

    Args:
        image: (H, W, 3) uint8 RGB; it is not changed.
        classes: one line each, from the top; the picture has space for sixteen lines.

    Returns:
        (H, W, 3) uint8 RGB, a new array.
    """
    picture = image.copy()
    line_height = min(image.shape[:2]) / SCORE_LINES
    indent = round(line_height / 2)
    lines = [f"{score.probability:.0%} {score.name}" for score in classes]
    scale = cv2.getFontScaleFromHeight(FONT, round(0.6 * line_height))
    widest = max((cv2.getTextSize(line, FONT, scale, 1)[0][0] for line in lines), default=1)
    max_width = image.shape[1] - 3 * indent
    scale, widest = scale * min(1, max_width / widest), min(max_width, widest)
    # A dark background keeps light letters legible on any picture.
    background = picture[: round((len(lines) + 0.5) * line_height), : widest + 2 * indent]
    np.floor_divide(background, 3, out=background)
    for i, line in enumerate(lines, 1):
        at = (indent, round(i * line_height))
        cv2.putText(picture, line, at, FONT, scale, (255, 255, 255), 1, cv2.LINE_AA)
    return picture


@dataclass(frozen=True, slots=True)
class _Colours:
    """palette: (N, 3) uint8 RGB; shown: (N,) bool, the ids to colour; opacity: 0 to 1."""

    palette: Image
    shown: NDArray[np.bool]
    opacity: float


def _frame(image: Image, label_map: Image, colours: _Colours) -> Image:
    return image


def _overlay(image: Image, label_map: Image, colours: _Colours) -> Image:
    if colours.opacity == 0:
        return image.copy()
    picture = np.empty(image.shape, np.uint8)
    image, label_map = np.ascontiguousarray(image), np.ascontiguousarray(label_map)
    palette = np.ascontiguousarray(colours.palette)
    blend = _blend if _native is None else _native.blend
    blend(image, label_map, palette, colours.shown, colours.opacity, picture)
    return picture


def _mask(image: Image, label_map: Image, colours: _Colours) -> Image:
    picture = np.empty(image.shape, np.uint8)
    _colour(label_map, colours.palette, colours.shown, picture)
    return picture


def _edges(image: Image, label_map: Image, colours: _Colours) -> Image:
    # Without a colour for `NO_CLASS`, everything between the outlines keeps the frame's values.
    coloured = _Colours(colours.palette[:NO_CLASS], colours.shown[:NO_CLASS], 1.0)
    return _overlay(image, _outlines(label_map), coloured)


_PANELS: dict[Panel, Callable[[Image, Image, _Colours], Image]] = {
    "frame": _frame,
    "overlay": _overlay,
    "mask": _mask,
    "edges": _edges,
}


def _outlines(label_map: Image) -> Image:
    """The labels along the borders between classes, `NO_CLASS` elsewhere."""
    side = 3 + 2 * (label_map.shape[1] // WIDER_EVERY_PX)
    around = np.ones((side, side), np.uint8)
    border = cv2.compare(
        cv2.dilate(label_map, around), cv2.erode(label_map, around), cv2.CMP_NE
    ).astype(np.uint8, copy=False)
    outlines = np.full_like(label_map, NO_CLASS)
    cv2.copyTo(label_map, border, outlines)
    return outlines


def _colour(label_map: Image, palette: Image, shown: NDArray[np.bool], picture: Image) -> None:
    colours = np.zeros((256, 3), np.uint8)
    colours[: len(palette)][shown] = palette[shown]
    # A colour map is several times faster than palette[label_map].
    cv2.applyColorMap(label_map, colours[:, None], dst=picture)


def _blend(
    image: Image,
    label_map: Image,
    palette: Image,
    shown: NDArray[np.bool],
    opacity: float,
    picture: Image,
) -> None:
    """`_native.blend` without `_native`; the same except for rounding."""
    _colour(label_map, palette, shown, picture)
    cv2.addWeighted(picture, opacity, image, 1 - opacity, 0, dst=picture)
    hidden = np.full(256, 255, np.uint8)
    hidden[: len(palette)][shown] = 0
    cv2.copyTo(image, cv2.LUT(label_map, hidden), picture)
