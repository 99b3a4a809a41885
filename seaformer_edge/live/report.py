"""The status of a live run as a record for programs, as a row of a table, and as a line to read."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime

from seaformer_edge.frame import ClassScore
from seaformer_edge.live.result import LiveResult
from seaformer_edge.live.stats import CAUSES, STAGES, LiveStatus, SourceState
from seaformer_edge.machine.board import SystemReading

CLASSES = 10
"""The most classes of a record."""

_FIGURES = (
    *("capture_fps", "inference_fps"),
    *("latency_p50_ms", "latency_p90_ms", "latency_p99_ms"),
)
_BOARD = (
    *("cpu_percent", "process_cpu_percent", "process_rss_mb", "memory_available_mb"),
    *("temperature_c", "clock_mhz"),
)
_STAGES = tuple(stage for stage in STAGES if stage != "paint")
_CAUSES = tuple(cause for cause in CAUSES if cause != "not painted")

COLUMNS = (
    *("time", "source", "state", "message", "notice", "model", "width", "height"),
    *_FIGURES,
    *(f"{stage}_ms" for stage in _STAGES),
    *(f"dropped_{cause.replace(' ', '_')}" for cause in _CAUSES),
    *("recording", "recorded_frames"),
    *_BOARD,
    *("throttled", "class", "share"),
)
"""Of the rows of `row_of`."""


def record_of(
    status: LiveStatus, board: SystemReading | None, result: LiveResult | None
) -> dict[str, object]:
    """The status as an object of JSON; what is unknown is None.

    Args:
        status: of a run that is not displayed.
        board: None before its first reading.
        result: the newest one, for its classes.
    """
    width, height = status.frame_size or (None, None)
    segmentation = None if result is None else result.segmentation
    return {
        "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "source": status.source,
        "state": status.source_state.value,
        "message": status.message,
        "notice": status.notice,
        "model": status.model,
        "width": width,
        "height": height,
        **{name: _number(getattr(status, name)) for name in _FIGURES},
        "stage_ms": {stage: _number(ms) for stage, ms in status.stage_ms.items()},
        "dropped": dict(status.dropped),
        "recording": None if status.recording is None else str(status.recording),
        "recorded_frames": status.recorded_frames,
        "disk_free_mb": _number(status.disk_free_bytes and status.disk_free_bytes / 1e6),
        **{name: _number(getattr(board, name, None)) for name in _BOARD},
        "throttled": [] if board is None else list(board.throttled),
        "classes": [] if result is None else _classes(result),
        "unknown": None if segmentation is None else round(segmentation.unknown, 6),
    }


def as_json(record: dict[str, object]) -> str:
    """The record as one line."""
    return json.dumps(record, ensure_ascii=False)


def row_of(record: dict[str, object]) -> list[object]:
    """The record as values of `COLUMNS`; of the classes only the largest."""
    stages, dropped, classes = record["stage_ms"], record["dropped"], record["classes"]
    throttled = record["throttled"]
    assert isinstance(stages, dict)
    assert isinstance(dropped, dict)
    assert isinstance(classes, list)
    assert isinstance(throttled, list)
    largest = classes[0] if classes else {}
    flat = record | {
        **{f"{stage}_ms": stages.get(stage) for stage in _STAGES},
        **{f"dropped_{cause.replace(' ', '_')}": dropped.get(cause, 0) for cause in _CAUSES},
        "throttled": "; ".join(throttled),
        "class": largest.get("class"),
        "share": largest.get("share", largest.get("probability")),
    }
    return [flat[column] for column in COLUMNS]


def line_of(status: LiveStatus, board: SystemReading | None) -> str:
    """The status in one line: what is wrong, or else rates, latency, drops and heat."""
    if status.source_state is not SourceState.RUNNING:
        parts = [status.message]
    elif status.model is None:
        parts = ["loading the model"]
    else:
        parts = [
            f"camera {status.capture_fps:.1f}, model {status.inference_fps:.1f} fps",
            f"latency {_ms(status.latency_p50_ms)}, p99 {_ms(status.latency_p99_ms)} ms",
        ]
    if status.dropped:
        causes = sorted(status.dropped.items(), key=lambda item: -item[1])
        parts.append("dropped " + ", ".join(f"{count} {cause}" for cause, count in causes))
    if board is not None:
        heat = [] if board.temperature_c is None else [f"{board.temperature_c:.0f} C"]
        parts += [", ".join([*heat, *board.throttled])] if heat or board.throttled else []
    if status.recording is not None:
        left = status.disk_free_bytes
        space = "" if left is None else f", {left / 1e9:.1f} GB left"
        parts.append(f"recorded {status.recorded_frames}{space}")
    return " | ".join(parts)


def _classes(result: LiveResult) -> list[dict[str, object]]:
    entries = result.segmentation or result.classification
    classes: list[dict[str, object]] = []
    for entry in () if entries is None else entries.classes[:CLASSES]:
        named: dict[str, object] = {"class_id": entry.class_id, "class": entry.name}
        if isinstance(entry, ClassScore):
            classes.append(named | {"probability": round(entry.probability, 4)})
        else:
            share, confidence = round(entry.share, 6), round(entry.confidence, 4)
            classes.append(named | {"share": share, "confidence": confidence})
    return classes


def _number(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else round(value, 2)


def _ms(ms: float) -> str:
    return "-" if math.isnan(ms) else f"{ms:.0f}"
