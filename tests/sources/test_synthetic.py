from __future__ import annotations

from fractions import Fraction
from itertools import islice

import cv2
import numpy as np
import pytest

from seaformer_edge.errors import SourceError
from seaformer_edge.sources import SyntheticSource, open_source
from seaformer_edge.sources.synthetic import read_counter


@pytest.mark.parametrize(
    ("spec", "size", "rate"),
    [
        ("synthetic", (640, 480), Fraction(30)),
        ("synthetic:1280x720", (1280, 720), Fraction(30)),
        ("synthetic:1280x720@25", (1280, 720), Fraction(25)),
        ("synthetic@12.5", (640, 480), Fraction(25, 2)),
    ],
)
def test_size_and_rate(spec: str, size: tuple[int, int], rate: Fraction) -> None:
    source = open_source(spec)
    assert (source.frame_size, source.frame_rate) == (size, rate)
    times = [frame.timestamp_s for frame in islice(iter(source), 4)]
    assert times == [float(index / rate) for index in range(4)]


@pytest.mark.parametrize(
    "spec", ["synthetic:", "synthetic:1x1", "synthetic:wide", "synthetic@0", "synthetic:99999x480"]
)
def test_invalid_specs(spec: str) -> None:
    with pytest.raises(SourceError, match=spec):
        open_source(spec)


@pytest.mark.parametrize("size", [(48, 16), (96, 64), (641, 480), (1280, 720)])
def test_the_counter_can_be_read(size: tuple[int, int]) -> None:
    source = SyntheticSource(size)
    for index in (0, 1, 2, 1000, 0xABCDEF, 2**24 - 1):
        assert read_counter(source._picture(index)) == index


@pytest.mark.parametrize("index", [5, 77_777])
def test_counter_survives_scaling_and_jpeg(index: int) -> None:
    image = SyntheticSource((1280, 720))._picture(index)
    small = cv2.resize(image, (640, 360), interpolation=cv2.INTER_AREA)
    coded = cv2.imdecode(cv2.imencode(".jpg", small)[1], cv2.IMREAD_COLOR)
    assert read_counter(np.asarray(coded, np.uint8)) == index


def test_the_scene_moves() -> None:
    first, second = islice(iter(SyntheticSource()), 2)
    below = slice(40, None)
    assert not np.array_equal(first.image[below], second.image[below])
