"""The run's figures in Prometheus' text format."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from seaformer_edge.live import LiveStatus
from seaformer_edge.live.stats import SourceState
from seaformer_edge.machine.board import SystemReading

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_PREFIX = "seaformer_edge"
_ESCAPED = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})

Sample = tuple[Mapping[str, str], float]


def metrics_text(
    status: LiveStatus, board: SystemReading | None, clients: int, pictures_sent: int
) -> str:
    """One text with every figure; what is unknown is left out.

    Args:
        board: None before its first reading.
        clients: that receive the stream.
        pictures_sent: to all clients since the start.
    """
    running = status.source_state is SourceState.RUNNING
    families: list[tuple[str, str, str, Iterable[Sample]]] = [
        (
            *("up", "gauge", "1 while the source delivers pictures and a model is loaded."),
            [({"source": status.source}, float(running and status.model is not None))],
        ),
        (
            *("frames_per_second", "gauge", "Rate of the camera and of the network."),
            [
                ({"stage": "capture"}, status.capture_fps),
                ({"stage": "inference"}, status.inference_fps),
            ],
        ),
        (
            *("latency_seconds", "gauge", "From capture to result, of the last ten seconds."),
            [
                ({"quantile": "0.5"}, status.latency_p50_ms / 1e3),
                ({"quantile": "0.9"}, status.latency_p90_ms / 1e3),
                ({"quantile": "0.99"}, status.latency_p99_ms / 1e3),
            ],
        ),
        (
            *("stage_seconds", "gauge", "Median time of each stage."),
            [({"stage": stage}, ms / 1e3) for stage, ms in status.stage_ms.items()],
        ),
        (
            *("dropped_frames_total", "counter", "Frames dropped, by cause."),
            [({"cause": cause}, float(count)) for cause, count in status.dropped.items()],
        ),
        ("recorded_frames", "gauge", "Frames of the recording.", [({}, status.recorded_frames)]),
        ("paused", "gauge", "1 while the run is paused.", [({}, float(status.paused))]),
        ("stream_clients", "gauge", "Clients of the stream.", [({}, float(clients))]),
        (
            *("stream_pictures_total", "counter", "Pictures sent to clients."),
            [({}, float(pictures_sent))],
        ),
    ]
    if board is not None:
        figures = (
            ("cpu_ratio", "Load of all cores.", board.cpu_percent / 100),
            ("process_cpu_ratio", "This process' part of it.", board.process_cpu_percent / 100),
            ("process_resident_bytes", "Memory of this process.", board.process_rss_mb * 1e6),
            ("memory_available_bytes", "Free memory.", board.memory_available_mb * 1e6),
            ("temperature_celsius", "Of the processor.", board.temperature_c),
            ("throttled", "1 while the processor is throttled.", float(bool(board.throttled))),
        )
        families += [
            (name, "gauge", text, [({}, value)])
            for name, text, value in figures
            if value is not None
        ]
    return "".join(_family(*family) for family in families)


def _family(name: str, kind: str, text: str, samples: Iterable[Sample]) -> str:
    lines = [
        f"{_PREFIX}_{name}{_labels(labels)} {value:.10g}\n"
        for labels, value in samples
        if not math.isnan(value)
    ]
    if not lines:
        return ""
    return f"# HELP {_PREFIX}_{name} {text}\n# TYPE {_PREFIX}_{name} {kind}\n{''.join(lines)}"


def _labels(labels: Mapping[str, str]) -> str:
    pairs = ",".join(f'{name}="{value.translate(_ESCAPED)}"' for name, value in labels.items())
    return f"{{{pairs}}}" if pairs else ""
