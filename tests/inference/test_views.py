"""What each view mode shows, and the table of modes."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from numpy.typing import NDArray

from seaformer_edge.frame import ClassScore
from seaformer_edge.inference import views
from seaformer_edge.inference.modes import Panel
from seaformer_edge.inference.views import Mode, View, draw, draw_scores, render, render_panels

PALETTE = np.array([[255, 0, 0], [0, 200, 0], [10, 20, 30]], np.uint8)


@pytest.fixture
def image() -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (6, 8, 3), np.uint8)


@pytest.fixture
def label_map() -> NDArray[np.uint8]:
    labels = np.random.default_rng(1).integers(0, 3, (6, 8), np.uint8)
    labels[0, :3] = 0, 1, 2
    return labels


def test_overlay_blends_by_opacity(image: NDArray[np.uint8], label_map: NDArray[np.uint8]) -> None:
    expected = 0.25 * PALETTE[label_map] + 0.75 * image
    picture = draw(image, label_map, PALETTE, opacity=0.25)
    assert picture.dtype == np.uint8
    assert np.abs(picture - expected).max() <= 0.5


def test_opacity_0_and_1(image: NDArray[np.uint8], label_map: NDArray[np.uint8]) -> None:
    np.testing.assert_array_equal(draw(image, label_map, PALETTE, opacity=0), image)
    np.testing.assert_array_equal(draw(image, label_map, PALETTE, opacity=1), PALETTE[label_map])


def test_mask_ignores_the_opacity(image: NDArray[np.uint8], label_map: NDArray[np.uint8]) -> None:
    picture = draw(image, label_map, PALETTE, mode="mask", opacity=0.1)
    np.testing.assert_array_equal(picture, PALETTE[label_map])


def test_side_by_side_is_frame_then_overlay(
    image: NDArray[np.uint8], label_map: NDArray[np.uint8]
) -> None:
    picture = draw(image, label_map, PALETTE, mode="side-by-side", opacity=0.7)
    np.testing.assert_array_equal(picture[:, :8], image)
    np.testing.assert_array_equal(picture[:, 8:], draw(image, label_map, PALETTE, opacity=0.7))


def test_only_chosen_classes_are_coloured(
    image: NDArray[np.uint8], label_map: NDArray[np.uint8]
) -> None:
    chosen = np.isin(label_map, [0, 2])
    overlay = draw(image, label_map, PALETTE, opacity=0.6, classes=[0, 2])
    np.testing.assert_array_equal(overlay[~chosen], image[~chosen])
    full = draw(image, label_map, PALETTE, opacity=0.6)
    np.testing.assert_array_equal(overlay[chosen], full[chosen])
    mask = draw(image, label_map, PALETTE, mode="mask", classes=[0, 2])
    np.testing.assert_array_equal(mask, PALETTE[label_map] * chosen[..., None])


def test_ids_without_a_colour_show_the_frame(
    image: NDArray[np.uint8], label_map: NDArray[np.uint8]
) -> None:
    label_map[2, 2] = 255
    np.testing.assert_array_equal(draw(image, label_map, PALETTE, opacity=1)[2, 2], image[2, 2])
    assert not draw(image, label_map, PALETTE, mode="mask")[2, 2].any()


def test_256_classes(image: NDArray[np.uint8]) -> None:
    palette = np.random.default_rng(2).integers(0, 256, (256, 3), np.uint8)
    label_map = np.arange(208, 256, dtype=np.uint8).reshape(6, 8)
    picture = draw(image, label_map, palette, mode="mask")
    np.testing.assert_array_equal(picture, palette[label_map])


def thirds() -> NDArray[np.uint8]:
    """(4, 6) labels: two columns of each class."""
    return np.repeat(np.array([[0, 0, 1, 1, 2, 2]], np.uint8), 4, axis=0)


def test_edges_colour_only_the_borders(image: NDArray[np.uint8]) -> None:
    image, labels = image[:4, :6], thirds()
    picture = draw(image, labels, PALETTE, mode="edges", opacity=0.1)
    inner, borders = [0, 5], [1, 2, 3, 4]
    np.testing.assert_array_equal(picture[:, inner], image[:, inner])
    np.testing.assert_array_equal(picture[:, borders], PALETTE[labels][:, borders])


def test_edges_of_chosen_classes(image: NDArray[np.uint8]) -> None:
    image, labels = image[:4, :6], thirds()
    picture = draw(image, labels, PALETTE, mode="edges", classes=[1])
    np.testing.assert_array_equal(picture[:, [0, 1, 4, 5]], image[:, [0, 1, 4, 5]])
    np.testing.assert_array_equal(picture[:, 2:4], PALETTE[labels][:, 2:4])


def test_edges_of_256_classes_leave_the_rest_as_it_is(image: NDArray[np.uint8]) -> None:
    palette = np.random.default_rng(2).integers(0, 256, (256, 3), np.uint8)
    flat = np.zeros(image.shape[:2], np.uint8)
    np.testing.assert_array_equal(draw(image, flat, palette, mode="edges"), image)


def test_original_is_the_frame(image: NDArray[np.uint8], label_map: NDArray[np.uint8]) -> None:
    np.testing.assert_array_equal(draw(image, label_map, PALETTE, mode="original"), image)


@pytest.mark.parametrize("mode", Mode)
def test_draw_and_render_are_the_same(
    image: NDArray[np.uint8], label_map: NDArray[np.uint8], mode: Mode
) -> None:
    view = View(mode, 0.3, frozenset({0, 2}))
    drawn = draw(image, label_map, PALETTE, mode=mode, opacity=0.3, classes=[2, 0])
    np.testing.assert_array_equal(render(image, label_map, PALETTE, view), drawn)
    panels = render_panels(image, label_map, PALETTE, view)
    assert len(panels) == view.columns
    np.testing.assert_array_equal(np.hstack(panels), drawn)


@pytest.mark.parametrize("mode", Mode)
def test_without_labels_every_panel_is_the_frame(image: NDArray[np.uint8], mode: Mode) -> None:
    for panel in render_panels(image, None, PALETTE, View(mode)):
        np.testing.assert_array_equal(panel, image)


def test_no_class_chosen_colours_nothing(
    image: NDArray[np.uint8], label_map: NDArray[np.uint8]
) -> None:
    np.testing.assert_array_equal(draw(image, label_map, PALETTE, classes=[]), image)


def test_modes_have_different_labels_and_keys() -> None:
    assert len({mode.key for mode in Mode}) == len({mode.label for mode in Mode}) == len(Mode)
    assert all(mode.description and mode.panels for mode in Mode)


@pytest.mark.parametrize("mode", Mode)
def test_the_frame_is_not_changed(
    image: NDArray[np.uint8], label_map: NDArray[np.uint8], mode: Mode
) -> None:
    before = image.copy()
    image.flags.writeable = label_map.flags.writeable = False
    picture = draw(image, label_map, PALETTE, mode=mode)
    np.testing.assert_array_equal(image, before)
    assert picture.flags.writeable
    assert not np.shares_memory(picture, image)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"mode": "outline"}, "unknown mode 'outline'"),
        ({"opacity": 1.5}, "opacity"),
        ({"opacity": float("nan")}, "opacity"),
    ],
)
def test_arguments_out_of_range_are_refused(
    image: NDArray[np.uint8],
    label_map: NDArray[np.uint8],
    arguments: dict[str, str | float],
    message: str,
) -> None:
    with pytest.raises(ValueError, match=message):
        draw(image, label_map, PALETTE, **arguments)  # type: ignore[arg-type]


def test_labels_of_another_size_are_refused(image: NDArray[np.uint8]) -> None:
    with pytest.raises(ValueError, match="differ in size"):
        draw(image, np.zeros((8, 6), np.uint8), PALETTE)


@pytest.mark.parametrize("size", [(240, 320), (480, 640), (1080, 300)])
def test_scores_fit_the_picture(size: tuple[int, int]) -> None:
    """Even long names end before the right edge, and on a dark background."""
    image = np.full((*size, 3), 128, np.uint8)
    scores = [ClassScore(0, "a very long name, and then some more of it", 0.9)] * 5
    picture = draw_scores(image, scores)
    assert (image == 128).all()
    written = (picture != 128).any(axis=2)
    assert written.any()
    assert not written[:, -1].any()
    assert not written[size[0] // 2 :].any()
    assert (picture[written].max(axis=0) > 200).all(), "letters are light"
    beyond = np.flatnonzero((picture > 128).any(axis=(0, 2))).max()
    assert (picture[0, : beyond + 1] == 128 // 3).all(), "the background is as wide as the letters"


def test_every_panel_has_a_function_that_draws_it() -> None:
    assert set(get_args(Panel)) == set(views._PANELS)
