"""Shares of classes in zones, against a count of every pixel."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seaformer_edge.zones import Zone, ZoneShares, polygon_mask

SQUARE = ((0.25, 0.25), (0.75, 0.25), (0.75, 0.75), (0.25, 0.75))


def is_inside(polygon: list[tuple[float, float]], x: float, y: float) -> bool:
    """The even-odd rule: whether a ray to the left passes an odd number of edges."""
    inside = False
    for (x0, y0), (x1, y1) in pairwise((*polygon, polygon[0])):
        if (y0 <= y) != (y1 <= y):
            inside ^= x0 + (y - y0) * (x1 - x0) / (y1 - y0) <= x
    return inside


corners = st.tuples(st.floats(0, 1, width=16), st.floats(0, 1, width=16))


@settings(deadline=None)
@given(st.lists(corners, min_size=3, max_size=8), st.integers(1, 23), st.integers(1, 17))
def test_a_mask_holds_the_pixels_whose_centre_is_inside(
    polygon: list[tuple[float, float]], width: int, height: int
) -> None:
    mask = polygon_mask(polygon, width, height)
    pixels = [(x * width, y * height) for x, y in polygon]
    for row in range(height):
        for column in range(width):
            # A centre that lies on an edge but for rounding may be on either side.
            near = {
                is_inside(pixels, column + 0.5 + shift, row + 0.5) for shift in (-1e-9, 0, 1e-9)
            }
            assert mask[row, column] in near


def test_zones_that_share_an_edge_share_no_pixel() -> None:
    left = polygon_mask([(0, 0), (0.6, 0), (0.3, 1), (0, 1)], 97, 61)
    right = polygon_mask([(0.6, 0), (1, 0), (1, 1), (0.3, 1)], 97, 61)
    assert not (left & right).any()
    assert (left | right).all()


def test_shares_are_of_the_pixels_of_the_zone() -> None:
    rng = np.random.default_rng(0)
    whole = Zone("whole", ((0, 0), (1, 0), (1, 1), (0, 1)))
    tiny = Zone("tiny", ((0, 0), (0.001, 0), (0, 0.001)))
    shares = ZoneShares([Zone("square", SQUARE), whole, tiny])
    for size in ((48, 64), (7, 5)):
        labels = rng.integers(0, 5, size, dtype=np.uint8)
        labels[0, 0] = 255
        inside = labels[polygon_mask(SQUARE, size[1], size[0])]
        found = shares(labels)
        assert found[0] == pytest.approx(np.bincount(inside, minlength=256) / inside.size)
        assert found[1] == pytest.approx(np.bincount(labels.ravel(), minlength=256) / labels.size)
        assert not found[2].any()
