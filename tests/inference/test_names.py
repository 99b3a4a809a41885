"""Where the names of classes stand on a picture, and how they are drawn."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from fakes import CARD

from seaformer_edge.frame import NO_CLASS, Classification, ClassScore, Frame, Segmentation
from seaformer_edge.inference.names import Region, RegionFinder, draw_names, place_plates
from seaformer_edge.inference.views import Mode, View
from seaformer_edge.live import LiveResult
from seaformer_edge.live.result import Prediction

HEIGHT, WIDTH = 240, 320
NAMES = ("background", "square")
PALETTE = np.array([(250, 0, 0), (0, 0, 250)], np.uint8)


def square(left: int, top: int = 80, side: int = 80) -> np.ndarray:
    """A label map with a square of class 1 on class 0."""
    label_map = np.zeros((HEIGHT, WIDTH), np.uint8)
    label_map[top : top + side, left : left + side] = 1
    return label_map


def names_of(regions: tuple[Region, ...]) -> list[str]:
    return [NAMES[region.class_id] for region in regions]


def test_a_name_stands_at_the_innermost_point() -> None:
    background, found = RegionFinder()(square(200))
    assert names_of((background, found)) == list(NAMES)
    assert found.x == pytest.approx(240 / WIDTH, abs=0.02)
    assert found.y == pytest.approx(120 / HEIGHT, abs=0.02)
    # As far from the square as from the picture's edges.
    assert background.x == pytest.approx(100 / WIDTH, abs=0.06)


def test_a_name_stays_while_its_point_is_well_inside() -> None:
    find = RegionFinder()
    lefts = range(100, 190, 2)
    points = [find(square(left))[-1] for left in lefts]
    moves = sum(before != after for before, after in pairwise(points))
    assert 2 <= moves <= 6
    for left, region in zip(lefts, points, strict=True):
        assert left + 15 < region.x * WIDTH < left + 65
    assert RegionFinder()(square(lefts[-1]))[-1] != points[-1]


def test_every_region_of_a_class_has_its_name() -> None:
    assert names_of(RegionFinder()(square(20) | square(210))) == ["background", "square", "square"]


@pytest.mark.parametrize("side", [2, 8, 14])
def test_specks_have_no_name(side: int) -> None:
    assert names_of(RegionFinder()(square(100, side=side))) == ["background"]


def test_unknown_pixels_have_no_name() -> None:
    unknown = np.where(square(100) == 1, NO_CLASS, 0).astype(np.uint8)
    assert names_of(RegionFinder()(unknown)) == ["background"]


def test_noise_has_no_name() -> None:
    noise = np.random.default_rng(0).integers(0, 40, (HEIGHT, WIDTH), np.uint8)
    assert RegionFinder()(noise) == ()


@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (1, 500), (720, 1280)])
def test_any_size_of_picture(shape: tuple[int, int]) -> None:
    regions = RegionFinder()(np.zeros(shape, np.uint8))
    assert len(regions) <= 1
    picture = np.zeros((*shape, 3), np.uint8)
    draw_names([picture], regions, NAMES, PALETTE, View())


def test_plates_lie_in_the_picture_and_cover_no_other() -> None:
    centres = [(2.0, 2.0), (20.0, 6.0), (98.0, 50.0), (50.0, 30.0)]
    sizes = [(30.0, 10.0), (30.0, 10.0), (30.0, 10.0), (200.0, 10.0)]
    assert place_plates(centres, sizes, (100.0, 55.0)) == [(0, 0), None, (70, 45), None]


@pytest.mark.parametrize("brightness", [0, 128, 255])
def test_names_are_legible_on_any_picture(brightness: int) -> None:
    picture = np.full((HEIGHT, WIDTH, 3), brightness, np.uint8)
    before = picture.copy()
    (drawn,) = draw_names([picture], [Region(1, 0.5, 0.5)], NAMES, PALETTE, View())
    assert (picture == before).all()
    changed = np.argwhere((drawn != before).any(axis=2))
    (top, left), (bottom, right) = changed.min(axis=0), changed.max(axis=0)
    plate = drawn[top : bottom + 1, left : right + 1]
    assert plate[:, 6:].min(axis=2).max() > 200  # the letters
    assert np.median(plate) < 70
    assert (plate == PALETTE[1]).all(axis=2).any()
    assert abs((left + right) / 2 - WIDTH / 2) < 5


def test_a_classifier_names_its_classes() -> None:
    image = np.full((HEIGHT, WIDTH, 3), 200, np.uint8)
    scores = Classification((ClassScore(2, "blue", 0.7),), {})
    prediction = Prediction(replace(CARD, task="classification"), classification=scores)
    result = LiveResult(Frame(image, 0, 0.0, captured_at_s=0.0), 1, 0.0, prediction, True)
    assert result.render(View()) is image
    assert (result.render(View(Mode.ORIGINAL, names=True))[:20, :80] != 200).any()


def test_names_follow_the_view() -> None:
    image = np.full((HEIGHT, WIDTH, 3), 200, np.uint8)
    label_map = square(200)
    prediction = Prediction(
        CARD, Segmentation(label_map, (), {}), regions=RegionFinder()(label_map)
    )
    result = LiveResult(Frame(image, 0, 0.0, captured_at_s=0.0), 1, 0.0, prediction, True)

    def named(view: View) -> np.ndarray:
        """Which columns the names change."""
        with_names, without = result.render(view), result.render(replace(view, names=False))
        return (with_names != without).any(axis=(0, 2))

    assert not named(View()).any()
    assert named(View(names=True))[:160].any()
    assert not named(View(names=True, classes=frozenset({1})))[:160].any()
    assert named(View(names=True, classes=frozenset({1})))[160:].any()
    assert not named(View(Mode.ORIGINAL, names=True)).any()
    beside = named(View(Mode.SIDE_BY_SIDE, names=True))
    assert not beside[:WIDTH].any()
    assert beside[WIDTH:].any()
