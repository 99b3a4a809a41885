"""What is asked of a camera: orientation, and values that make no sense."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest
from clips import noise

from seaformer_edge.sources import CameraSettings
from seaformer_edge.sources.base import new_image
from seaformer_edge.sources.camera_settings import parse_size


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
def test_a_picture_is_rotated_clockwise_and_then_flipped(rotate: int, flip: bool) -> None:
    settings, image = CameraSettings(rotate=rotate, flip=flip), noise(0, (7, 5))
    expected = np.rot90(image, -rotate // 90)
    expected = expected[:, ::-1] if flip else expected
    oriented = settings.orient(image, new_image)
    assert (oriented == expected).all()
    assert oriented.shape[1::-1] == settings.oriented_size(7, 5)
    assert (image == noise(0, (7, 5))).all()


@pytest.mark.parametrize(
    "values",
    [
        {"size": (0, 480)},
        {"size": (640, 99_999)},
        {"rate": 0.0},
        {"rate": float("nan")},
        {"rotate": 45},
        {"gain": -1.0},
        {"exposure_ms": float("inf")},
    ],
)
def test_impossible_values_are_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"size|rate|rotation|gain|exposure"):
        CameraSettings(**values)


def test_settings_come_back_from_json() -> None:
    settings = CameraSettings((640, 480), 30, 90, True, gain=4)
    assert CameraSettings.of(json.loads(json.dumps(asdict(settings)))) == settings
    with pytest.raises(TypeError):
        CameraSettings.of({"zoom": 2})


@pytest.mark.parametrize("text", ["", "640", "640x", "0x480", "640x480x3", "-640x480", "٣x٣"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(ValueError, match="is no size such as 1280x720"):
        parse_size(text)
