"""The share of each class in each zone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from seaformer_edge.zones.zone_file import Point, Zone

NUM_IDS = 256


def polygon_mask(polygon: Sequence[Point], width: int, height: int) -> NDArray[np.bool_]:
    """Rasterise a polygon.

    Args:
        polygon: (x, y) of the corners, relative to width and height.

    Returns:
        (height, width) bool: the pixels whose centre is inside, by the even-odd rule.
    """
    # Each edge toggles the first pixel right of it in each row that it passes; the running
    # exclusive or along a row is then true inside.
    toggles = np.zeros((height, width + 1), np.bool_)
    corners = [(x * width, y * height) for x, y in polygon]
    for (x0, y0), (x1, y1) in pairwise((*corners, corners[0])):
        if y0 > y1:
            x0, y0, x1, y1 = x1, y1, x0, y0
        rows = np.arange(max(int(np.ceil(y0 - 0.5)), 0), min(int(np.ceil(y1 - 0.5)), height))
        crossings = x0 + (rows + 0.5 - y0) * ((x1 - x0) / (y1 - y0)) if len(rows) else rows
        columns = np.clip(np.ceil(crossings - 0.5), 0, width).astype(np.intp)
        toggles[rows, columns] ^= True
    return np.logical_xor.accumulate(toggles[:, :width], axis=1)


class ZoneShares:
    """Counts classes in zones.

    Zones may overlap, so a picture is first divided into regions of the same zones. Then a frame
    is counted by its runs of pixels with the same label and region, which are few: the time is
    that of two comparisons of the rows in which zones are, whatever their number.
    """

    def __init__(self, zones: Sequence[Zone]) -> None:
        self._zones = tuple(zones)
        self._size: tuple[int, ...] = ()

    def __call__(self, label_map: NDArray[np.uint8]) -> NDArray[np.float64]:
        """The shares of the class ids in each zone.

        Args:
            label_map: (H, W) uint8 class ids.

        Returns:
            (zones, 256) float64: pixels of the id over pixels of the zone, 0 to 1; all 0 for a
            zone that covers no pixel's centre.
        """
        if label_map.shape != self._size:
            self._divide(*label_map.shape)
        if not self._rows:
            return np.zeros((len(self._zones), NUM_IDS))
        labels = label_map[self._rows.start : self._rows.stop].ravel()
        border = np.not_equal(labels[1:], labels[:-1])
        border |= self._region_border
        starts = np.concatenate(([0], np.flatnonzero(border) + 1))
        lengths = np.diff(starts, append=labels.size)
        keys = self._regions[starts] * NUM_IDS + labels[starts]
        counts = np.bincount(keys, lengths, NUM_IDS * len(self._zones_of_region))
        in_zones = self._zones_of_region.T @ counts.reshape(-1, NUM_IDS)
        shares: NDArray[np.float64] = in_zones / np.maximum(in_zones.sum(1, keepdims=True), 1)
        return shares

    def _divide(self, height: int, width: int) -> None:
        """Divide a picture of this size into regions."""
        heights = [y * height for zone in self._zones for _, y in zone.polygon] or [0.0]
        self._rows = range(math.floor(min(heights)), min(math.ceil(max(heights)), height))
        regions = np.zeros(len(self._rows) * width, np.intp)
        for zone in self._zones:
            pairs = 2 * regions + self._inside(zone, width, height)
            is_used = np.bincount(pairs) > 0
            regions = (np.cumsum(is_used) - 1)[pairs]
        first = np.unique(regions, return_index=True)[1]
        masks = [self._inside(zone, width, height)[first] for zone in self._zones]
        self._regions = regions
        self._region_border = np.not_equal(regions[1:], regions[:-1])
        self._zones_of_region = np.array(masks, np.float64).reshape(len(masks), len(first)).T
        self._size = (height, width)

    def _inside(self, zone: Zone, width: int, height: int) -> NDArray[np.bool_]:
        """The pixels of a zone in the rows in which zones are, one row after another."""
        mask = polygon_mask(zone.polygon, width, height)
        return mask[self._rows.start : self._rows.stop].ravel()
