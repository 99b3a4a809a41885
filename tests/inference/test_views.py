from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from seaformer_edge.frame import ClassScore
from seaformer_edge.inference.views import MODES, draw, draw_scores

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


def test_opacity_at_its_ends(image: NDArray[np.uint8], label_map: NDArray[np.uint8]) -> None:
    np.testing.assert_array_equal(draw(image, label_map, PALETTE, opacity=0), image)
    np.testing.assert_array_equal(draw(image, label_map, PALETTE, opacity=1), PALETTE[label_map])


def test_mask_is_the_colours_whatever_the_opacity(
    image: NDArray[np.uint8], label_map: NDArray[np.uint8]
) -> None:
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


def test_an_id_without_a_colour_is_left_as_it_is(
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


@pytest.mark.parametrize("mode", MODES)
def test_the_frame_is_not_touched(
    image: NDArray[np.uint8], label_map: NDArray[np.uint8], mode: str
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
def test_scores_fit_into_the_picture(size: tuple[int, int]) -> None:
    """However long the names: what is written ends before the right edge, and on dark ground."""
    image = np.full((*size, 3), 128, np.uint8)
    scores = [ClassScore(0, "a very long name, and then some more of it", 0.9)] * 5
    picture = draw_scores(image, scores)
    assert (image == 128).all()
    written = (picture != 128).any(axis=2)
    assert written.any()
    assert not written[:, -1].any()
    assert not written[size[0] // 2 :].any()
    assert (picture[written].max(axis=0) > 200).all(), "light letters"
    beyond = np.flatnonzero((picture > 128).any(axis=(0, 2))).max()
    assert (picture[0, : beyond + 1] == 128 // 3).all(), "the ground reaches as far as the letters"
