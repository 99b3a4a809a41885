"""What each view shows, and where it lies on the screen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from fakes import CARD
from gui_results import IMAGE, LABELS, classified, segmented, unseen
from hypothesis import given
from hypothesis import strategies as st

from seaformer_edge.live.result import Prediction
from seaformer_edge_gui.drawing import Mode, Placement, View, draw_on_screen, draw_view

COLOURS = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255]], np.uint8)


def test_overlay_blends_the_colours() -> None:
    picture = draw_view(segmented(), View(Mode.OVERLAY, 0.5))
    assert np.abs(picture.astype(int) - (IMAGE / 2 + COLOURS[LABELS] / 2)).max() <= 1


def test_mask_is_the_colours() -> None:
    assert (draw_view(segmented(), View(Mode.MASK)) == COLOURS[LABELS]).all()


def test_original_is_the_frame() -> None:
    assert (draw_view(segmented(), View(Mode.ORIGINAL)) == IMAGE).all()


def test_side_by_side_is_both() -> None:
    picture = draw_view(segmented(), View(Mode.SIDE_BY_SIDE))
    assert picture.shape == (4, 12, 3)
    assert (picture[:, :6] == IMAGE).all()
    assert (picture[:, 6:] == draw_view(segmented(), View())).all()


def test_edges_colour_the_borders_alone() -> None:
    picture = draw_view(segmented(), View(Mode.EDGES))
    inner = [0, 5]
    borders = [1, 2, 3, 4]
    assert (picture[:, inner] == IMAGE[:, inner]).all()
    assert (picture[:, borders] == COLOURS[LABELS][:, borders]).all()


@pytest.mark.parametrize("mode", [Mode.OVERLAY, Mode.MASK, Mode.EDGES])
def test_only_chosen_classes_are_coloured(mode: Mode) -> None:
    picture = draw_view(segmented(), View(mode, 1.0, frozenset({1})))
    assert (picture[:, 2:4] == COLOURS[1]).all()
    plain = np.zeros(3) if mode is Mode.MASK else IMAGE[0, 0]
    assert (picture[:, [0, 1, 4, 5]] == plain).all()


@pytest.mark.parametrize("mode", Mode)
def test_what_has_no_labels_is_shown_as_it_is(mode: Mode) -> None:
    for result in (classified(), unseen()):
        for part in np.hsplit(draw_view(result, View(mode)), View(mode).columns):
            assert (part == IMAGE).all()


def on_screen(view: View, canvas: tuple[int, int]) -> np.ndarray:
    place = Placement.fit((6, 4), canvas, view)
    screen = np.zeros((place.height, place.width, 4), np.uint8)
    draw_on_screen(segmented(), view, place, screen)
    return screen


def test_screen_is_the_view_in_qts_order() -> None:
    screen = on_screen(View(Mode.MASK), (6, 4))
    assert (screen[..., 2::-1] == COLOURS[LABELS]).all()
    assert (screen[..., 3] == 255).all()


def test_screen_has_the_canvas_size() -> None:
    screen = on_screen(View(Mode.MASK), (60, 50))
    assert screen.shape == (40, 60, 4)
    assert (screen[20, [5, 30, 55], 2::-1] == COLOURS).all()
    assert on_screen(View(Mode.MASK), (3, 2)).shape == (2, 3, 4)


def test_a_picture_that_shrinks_much_is_a_mean_of_its_pixels() -> None:
    result = segmented()
    stripes = np.zeros((403, 605, 3), np.uint8)
    stripes[:, ::2] = 200
    labels = np.zeros(stripes.shape[:2], np.uint8)
    assert result.segmentation is not None
    frame = replace(result.frame, image=stripes)
    seen = Prediction(CARD, replace(result.segmentation, label_map=labels))
    result = replace(result, frame=frame, prediction=seen)
    place = Placement.fit((605, 403), (60, 40), View(Mode.ORIGINAL))
    screen = np.zeros((place.height, place.width, 4), np.uint8)
    draw_on_screen(result, View(Mode.ORIGINAL), place, screen)
    assert np.abs(screen[..., :3].astype(int) - 100).max() <= 2


@pytest.mark.parametrize("mode", [Mode.MASK, Mode.SIDE_BY_SIDE])
def test_mirrored_swaps_each_picture(mode: Mode) -> None:
    plain, mirrored = (on_screen(View(mode, mirrored=mirrored), (12, 4)) for mirrored in (0, 1))
    columns = View(mode).columns
    for one, other in zip(np.hsplit(plain, columns), np.hsplit(mirrored, columns), strict=True):
        assert (one == other[:, ::-1]).all()
    assert (plain != mirrored).any()


@given(
    st.integers(1, 4000),
    st.integers(1, 4000),
    st.integers(1, 4000),
    st.integers(1, 4000),
    st.sampled_from(Mode),
)
def test_aspect_is_kept_and_nothing_sticks_out(
    w: int, h: int, cw: int, ch: int, mode: Mode
) -> None:
    view = View(mode)
    place = Placement.fit((w, h), (cw, ch), view)
    assert place.width <= max(cw, view.columns) + 1
    assert place.height <= ch + 1
    scale = min(cw / (w * view.columns), ch / h)
    assert abs(place.width - w * view.columns * scale) <= 2 * view.columns
    assert abs(place.height - h * scale) <= 2


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("mode", [Mode.OVERLAY, Mode.SIDE_BY_SIDE])
def test_every_place_leads_to_its_pixel(mode: Mode, mirrored: bool) -> None:
    view = View(mode, mirrored=mirrored)
    place = Placement.fit((6, 4), (124, 100), view)
    step = place.height // 4
    for column in range(view.columns):
        for x in range(6):
            across = place.left + (column * 6 + (5 - x if mirrored else x) + 0.5) * step
            assert place.frame_pixel(across, place.top + 2.5 * step) == (x, 2)
    assert place.frame_pixel(place.left - 1, place.top + 1) is None
    assert place.frame_pixel(place.left + 1, place.top - 1) is None
    assert place.frame_pixel(place.left + place.width, place.top + 1) is None
    assert place.frame_pixel(place.left + 1, place.top + place.height) is None
