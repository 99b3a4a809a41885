"""Results drawn for the screen, and where they lie on it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from fakes import CARD
from gui_results import LABELS, segmented
from hypothesis import given
from hypothesis import strategies as st

from seaformer_edge.inference.views import Mode, View
from seaformer_edge.live.result import Prediction
from seaformer_edge_gui.canvas import Placement, draw_on_screen

COLOURS = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255]], np.uint8)


def on_screen(view: View, canvas: tuple[int, int], *, mirrored: bool = False) -> np.ndarray:
    placement = Placement.fit((6, 4), canvas, view.columns, mirrored=mirrored)
    screen = np.zeros((placement.height, placement.width, 4), np.uint8)
    draw_on_screen(segmented(), view, placement, screen)
    return screen


def test_screen_is_the_view_in_the_layout_of_qt() -> None:
    screen = on_screen(View(Mode.MASK), (6, 4))
    assert (screen[..., 2::-1] == COLOURS[LABELS]).all()
    assert (screen[..., 3] == 255).all()


def test_screen_has_the_canvas_size() -> None:
    screen = on_screen(View(Mode.MASK), (60, 50))
    assert screen.shape == (40, 60, 4)
    assert (screen[20, [5, 30, 55], 2::-1] == COLOURS).all()
    assert on_screen(View(Mode.MASK), (3, 2)).shape == (2, 3, 4)


def test_a_much_smaller_picture_is_a_mean_of_the_pixels() -> None:
    result = segmented()
    stripes = np.zeros((403, 605, 3), np.uint8)
    stripes[:, ::2] = 200
    labels = np.zeros(stripes.shape[:2], np.uint8)
    assert result.segmentation is not None
    frame = replace(result.frame, image=stripes)
    seen = Prediction(CARD, replace(result.segmentation, label_map=labels))
    result = replace(result, frame=frame, prediction=seen)
    placement = Placement.fit((605, 403), (60, 40))
    screen = np.zeros((placement.height, placement.width, 4), np.uint8)
    draw_on_screen(result, View(Mode.ORIGINAL), placement, screen)
    assert np.abs(screen[..., :3].astype(int) - 100).max() <= 2


def test_pixels_that_are_not_square_are_shown_right() -> None:
    placement = Placement.fit((720, 576), (1000, 1000), pixel_aspect=64 / 45)
    assert (placement.width, placement.height) == (1000, round(1000 * 9 / 16))
    assert placement.frame_pixel(placement.left + 999, placement.top) == (719, 0)


@pytest.mark.parametrize("mode", [Mode.MASK, Mode.SIDE_BY_SIDE])
def test_mirrored_swaps_each_picture(mode: Mode) -> None:
    plain, mirrored = (
        on_screen(View(mode), (12, 4), mirrored=mirrored) for mirrored in (False, True)
    )
    columns = View(mode).columns
    for one, other in zip(np.hsplit(plain, columns), np.hsplit(mirrored, columns), strict=True):
        assert (one == other[:, ::-1]).all()
    assert (plain != mirrored).any()


@given(
    st.integers(1, 4000),
    st.integers(1, 4000),
    st.integers(1, 4000),
    st.integers(1, 4000),
    st.integers(1, 2),
)
def test_placement_keeps_the_aspect_and_fits(
    w: int, h: int, cw: int, ch: int, columns: int
) -> None:
    placement = Placement.fit((w, h), (cw, ch), columns)
    assert placement.width <= max(cw, columns) + 1
    assert placement.height <= ch + 1
    scale = min(cw / (w * columns), ch / h)
    assert abs(placement.width - w * columns * scale) <= 2 * columns
    assert abs(placement.height - h * scale) <= 2


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("columns", [1, 2])
def test_frame_pixel_inverts_the_placement(columns: int, mirrored: bool) -> None:
    placement = Placement.fit((6, 4), (124, 100), columns, mirrored=mirrored)
    step = placement.height // 4
    for column in range(columns):
        for x in range(6):
            across = placement.left + (column * 6 + (5 - x if mirrored else x) + 0.5) * step
            assert placement.frame_pixel(across, placement.top + 2.5 * step) == (x, 2)
    assert placement.frame_pixel(placement.left - 1, placement.top + 1) is None
    assert placement.frame_pixel(placement.left + 1, placement.top - 1) is None
    assert placement.frame_pixel(placement.left + placement.width, placement.top + 1) is None
    assert placement.frame_pixel(placement.left + 1, placement.top + placement.height) is None
