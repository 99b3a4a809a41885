"""A profile as a picture: the latency of each stage, and its changes during the run."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from seaformer_edge.errors import SinkError
from seaformer_edge.files import atomic_write
from seaformer_edge.profiling.record import Profile, Run, TimelinePoint

Picture = NDArray[np.uint8]
Colour = tuple[int, int, int]

# Pixels.
WIDTH, LEFT, RIGHT = 1280, 260, 100
ROW, HEADING, LEGEND, TIMELINE = 58, 70, 50, 240

FONT, SCALE = cv2.FONT_HERSHEY_SIMPLEX, 0.48

# RGB.
BLACK, GREY, LIGHT = (30, 30, 30), (110, 110, 110), (225, 225, 225)
NETWORK, END_TO_END, TEMPERATURE, CLOCK = (
    (40, 95, 170),
    (225, 120, 20),
    (200, 40, 40),
    (20, 130, 90),
)
STAGES = {
    "resize": (120, 170, 80),
    "network": (110, 160, 220),
    "labels": (240, 180, 40),
    "overlay": (190, 90, 160),
    "other": (170, 170, 170),
}


@dataclass(frozen=True)
class _Line:
    """A curve over the time of a run."""

    name: str
    colour: Colour
    value: Callable[[TimelinePoint], float | None]


TIMELINES = {
    "ms per frame": (
        _Line("network", NETWORK, lambda point: point.network_p50_ms),
        _Line("end to end", END_TO_END, lambda point: point.end_to_end_p50_ms),
    ),
    "processor, C": (_Line("", TEMPERATURE, lambda point: point.reading.temperature_c),),
    "clock, MHz": (_Line("", CLOCK, lambda point: point.reading.clock_mhz),),
}


def plot(profile: Profile) -> Picture:
    """Draws a profile: (H, W, 3) uint8 RGB.

    Top: two bars for each run, the network and the stages end to end, with marks at p90 and p99.
    Bottom: medians for each second, one run after the other, and the processor's temperature and
    clock if they are known.
    """
    points = [point for run in profile.runs for point in run.timeline]
    known = {
        title: lines
        for title, lines in TIMELINES.items()
        if any(line.value(point) is not None for line in lines for point in points)
    }
    below_bars = HEADING + LEGEND + ROW * len(profile.runs)
    picture = np.full((below_bars + TIMELINE * len(known), WIDTH, 3), 255, np.uint8)
    board, size = profile.board, "{}x{}".format(*profile.runs[0].frame_size)
    _text(picture, f"{board.name}: {board.cpu}", (20, 30), scale=0.65)
    about = f"{profile.date}, camera frame {size}, {profile.protocol.name} run, ms per frame"
    _text(picture, about, (20, 54), GREY)
    _draw_bars(picture, profile.runs)
    for number, (title, lines) in enumerate(known.items()):
        _draw_timeline(picture, profile.runs, title, lines, below_bars + TIMELINE * number)
    return picture


def write_plot(profile: Profile, path: Path) -> None:
    """Writes the drawing of a profile as PNG.

    Raises:
        SinkError: the file cannot be written.
    """
    _, png = cv2.imencode(".png", cv2.cvtColor(plot(profile), cv2.COLOR_RGB2BGR))
    try:
        atomic_write(path, png.tobytes())
    except OSError as error:
        raise SinkError(f"{path}: cannot be written ({error.strerror})") from error


def _draw_bars(picture: Picture, runs: Sequence[Run]) -> None:
    longest_ms = max(stats.p99_ms for run in runs for stats in (run.network, run.end_to_end))
    per_ms = (WIDTH - LEFT - RIGHT) / longest_ms

    x = LEFT
    shown = [stage for stage in STAGES if any(stage in run.stages for run in runs)]
    for name, colour in [("network", NETWORK), *((stage, STAGES[stage]) for stage in shown)]:
        _box(picture, x, HEADING + 8, 14, 14, colour)
        x += 22 + _text(picture, name, (x + 20, HEADING + 20), GREY) + 18
    for row, run in enumerate(runs):
        top = HEADING + LEGEND + ROW * row
        _text(picture, run.label, (20, top + 26))
        _box(picture, LEFT, top + 2, run.network.p50_ms * per_ms, 18, NETWORK)
        # The medians of the stages do not add up to the median end to end; shares of the means do.
        x_end = float(LEFT)
        for stage, latency in run.stages.items():
            length = run.end_to_end.p50_ms * latency.mean_ms / run.end_to_end.mean_ms * per_ms
            _box(picture, x_end, top + 24, length, 18, STAGES[stage])
            x_end += length
        for stats, y in ((run.network, top + 2), (run.end_to_end, top + 24)):
            start, p90, p99 = (
                round(LEFT + ms * per_ms) for ms in (stats.p50_ms, stats.p90_ms, stats.p99_ms)
            )
            cv2.line(picture, (start, y + 9), (p99, y + 9), BLACK, 1)
            for mark in (p90, p99):
                cv2.line(picture, (mark, y + 4), (mark, y + 14), BLACK, 1)
            _text(picture, f"{stats.p50_ms:.1f}", (p99 + 8, y + 15))


def _draw_timeline(
    picture: Picture, runs: Sequence[Run], title: str, lines: Sequence[_Line], top: int
) -> None:
    values = [
        value
        for run in runs
        for point in run.timeline
        for line in lines
        if (value := line.value(point)) is not None
    ]
    low, step, steps = _scale(min(values), max(values))
    total_s = sum(run.timeline[-1].time_s for run in runs)
    bottom, height = top + TIMELINE - 46, TIMELINE - 90

    def at(time_s: float, value: float) -> tuple[int, int]:
        x = LEFT + time_s / total_s * (WIDTH - LEFT - RIGHT)
        return round(x), round(bottom - (value - low) / (step * steps) * height)

    x = 20 + _text(picture, title, (20, top + 24), BLACK, scale=0.55) + 30
    for line in lines:
        if line.name:
            cv2.line(picture, (x, top + 19), (x + 22, top + 19), line.colour, 2, cv2.LINE_AA)
            x += 30 + _text(picture, line.name, (x + 28, top + 24), GREY) + 20
    for tick in range(steps + 1):
        value = low + tick * step
        cv2.line(picture, at(0, value), at(total_s, value), LIGHT, 1)
        _text(picture, f"{value:g}", (LEFT - 60, at(0, value)[1] + 5), GREY)
    begun_s = 0.0
    for run in runs:
        x, _ = at(begun_s, low)
        available = at(begun_s + run.timeline[-1].time_s, low)[0] - x
        cv2.line(picture, (x, bottom - height), (x, bottom + 6), GREY, 1)
        label = run.label if _text_width(run.label) < available else f"x{run.threads}"
        _text(picture, label, (x + 4, bottom + 20), GREY)
        for line in lines:
            points = [
                at(begun_s + point.time_s, value)
                for point in run.timeline
                if (value := line.value(point)) is not None
            ]
            track = np.array(points, np.int32).reshape(-1, 1, 2)
            cv2.polylines(picture, [track], False, line.colour, 2, cv2.LINE_AA)
        begun_s += run.timeline[-1].time_s
    _text(picture, f"{total_s:.0f} s", (WIDTH - RIGHT + 8, bottom + 5), GREY)


def _scale(lowest: float, highest: float) -> tuple[float, float, int]:
    """Start, step and number of steps of an axis that starts and ends at round numbers."""
    span = max(highest - lowest, abs(highest) * 0.2, 1e-9)
    step = 10 ** math.floor(math.log10(span / 4))
    step *= next(factor for factor in (1, 2, 5, 10) if span / (factor * step) <= 5)
    low = math.floor(lowest / step) * step
    return low, step, max(math.ceil((highest - low) / step), 1)


def _box(picture: Picture, x: float, y: int, length: float, height: int, colour: Colour) -> None:
    cv2.rectangle(picture, (round(x), y), (round(x + length), y + height), colour, cv2.FILLED)


def _text(
    picture: Picture, text: str, at: tuple[int, int], colour: Colour = BLACK, scale: float = SCALE
) -> int:
    """Writes above and to the right of a point; returns the width in pixels."""
    cv2.putText(picture, text, at, FONT, scale, colour, 1, cv2.LINE_AA)
    return _text_width(text, scale)


def _text_width(text: str, scale: float = SCALE) -> int:
    (width, _), _ = cv2.getTextSize(text, FONT, scale, 1)
    return width
