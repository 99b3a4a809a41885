"""The colours of the everyday classes: visible on photographs, also for colour-blind people."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray

ROOT = Path(__file__).parents[2]
CLASSES = json.loads((ROOT / "models" / "classes" / "everyday.json").read_text())
PALETTE = np.array(CLASSES["palette"], np.uint8)
FREQUENT = 12  # the class list is sorted by how often a class occurs

MIN_DISTANCE = 12.0  # CIEDE2000; about 2 is just noticeable side by side
MIN_COLOUR_BLIND_DISTANCE = 10.0
MIN_CHROMA = 38.0  # CIELAB; most of a photograph is below 20
# Machado, Oliveira and Fernandes (2009), severity 1.0, for linear RGB.
COLOUR_BLINDNESS = {
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
}


def lab(rgb: ArrayLike) -> NDArray[np.float64]:
    """(N, 3) CIELAB of (N, 3) sRGB, 0 to 255."""
    scaled = np.asarray(rgb, np.float32)[:, None] / 255
    return cv2.cvtColor(scaled, cv2.COLOR_RGB2LAB)[:, 0].astype(np.float64)


def simulated(rgb: ArrayLike, kind: str) -> NDArray[np.float64]:
    """(N, 3) sRGB, 0 to 255, as a colour-blind person sees it."""
    srgb = np.asarray(rgb, np.float64) / 255
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(linear @ np.array(COLOUR_BLINDNESS[kind]).T, 0, 1)
    return 255 * np.where(seen <= 0.0031308, 12.92 * seen, 1.055 * seen ** (1 / 2.4) - 0.055)


def ciede2000(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """CIEDE2000 between CIELAB colours (..., 3), as in Sharma, Wu and Dalal (2005)."""
    (l1, a1, b1), (l2, a2, b2) = np.moveaxis(first, -1, 0), np.moveaxis(second, -1, 0)
    mean_c7 = ((np.hypot(a1, b1) + np.hypot(a2, b2)) / 2) ** 7
    stretch = 1.5 - 0.5 * np.sqrt(mean_c7 / (mean_c7 + 25.0**7))
    c1, c2 = np.hypot(a1 * stretch, b1), np.hypot(a2 * stretch, b2)
    h1 = np.degrees(np.arctan2(b1, a1 * stretch)) % 360
    h2 = np.degrees(np.arctan2(b2, a2 * stretch)) % 360
    turn = np.where(c1 * c2 == 0, 0, (h2 - h1 + 180) % 360 - 180)
    d_hue = 2 * np.sqrt(c1 * c2) * np.sin(np.radians(turn) / 2)
    l, c, h = (l1 + l2) / 2, (c1 + c2) / 2, (h1 + turn / 2) % 360  # noqa: E741
    t = 1 - 0.17 * np.cos(np.radians(h - 30)) + 0.24 * np.cos(np.radians(2 * h))
    t += 0.32 * np.cos(np.radians(3 * h + 6)) - 0.20 * np.cos(np.radians(4 * h - 63))
    lightness = (l2 - l1) / (1 + 0.015 * (l - 50) ** 2 / np.sqrt(20 + (l - 50) ** 2))
    chroma, hue = (c2 - c1) / (1 + 0.045 * c), d_hue / (1 + 0.015 * c * t)
    rotation = -2 * np.sqrt(c**7 / (c**7 + 25.0**7))
    rotation *= np.sin(np.radians(60 * np.exp(-(((h - 275) / 25) ** 2))))
    return np.sqrt(lightness**2 + chroma**2 + hue**2 + rotation * chroma * hue)


def closest(colours: NDArray[np.float64]) -> tuple[float, str]:
    """The smallest distance between two of the colours (N, 3) in CIELAB, and their classes."""
    distances = ciede2000(colours[:, None], colours[None])
    np.fill_diagonal(distances, np.inf)
    i, j = np.unravel_index(distances.argmin(), distances.shape)
    return float(distances[i, j]), f"{CLASSES['names'][i]} and {CLASSES['names'][j]}"


@pytest.mark.parametrize(
    ("first", "second", "distance"),
    [
        ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
        ((50, 2.5, 0), (56, -27, -3), 31.9030),
        ((50, 2.5, 0), (50, 0, -2.5), 4.3065),
        ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
    ],
)
def test_ciede2000_has_the_published_values(
    first: ArrayLike, second: ArrayLike, distance: float
) -> None:
    assert ciede2000(np.array(first), np.array(second)) == pytest.approx(distance, abs=1e-4)


def test_every_pair_of_classes_can_be_told_apart() -> None:
    distance, pair = closest(lab(PALETTE))
    assert distance >= MIN_DISTANCE, pair


@pytest.mark.parametrize("kind", COLOUR_BLINDNESS)
def test_frequent_classes_can_be_told_apart_by_colour_blind_people(kind: str) -> None:
    distance, pair = closest(lab(simulated(PALETTE[:FREQUENT], kind)))
    assert distance >= MIN_COLOUR_BLIND_DISTANCE, pair


def test_no_class_is_grey() -> None:
    chroma = np.hypot(*lab(PALETTE)[:, 1:].T)
    grey = [name for name, c in zip(CLASSES["names"], chroma, strict=True) if c < MIN_CHROMA]
    assert grey == []


def test_cards_of_everyday_models_have_these_colours() -> None:
    cards = sorted((ROOT / "models").glob("seaformer-*-everyday*.json"))
    assert cards
    for path in cards:
        assert json.loads(path.read_text())["palette"] == CLASSES["palette"], path.name
