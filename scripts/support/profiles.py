"""Synthetic profiles, and a tiny model that can be measured."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from fakes import CARD

from seaformer_edge.hub.card import PRECISIONS, write_card
from seaformer_edge.machine.board import Board, SystemReading
from seaformer_edge.profiling.latency import LatencyStats
from seaformer_edge.profiling.record import (
    QUICK,
    Memory,
    ModelInfo,
    OperatorTime,
    Profile,
    Run,
    TimelinePoint,
)

PROGRAMS = Path(__file__).parents[2] / "tests" / "data" / "programs"

READING = SystemReading(
    cpu_percent=30.0,
    process_cpu_percent=25.0,
    process_rss_mb=120.0,
    memory_available_mb=3000.0,
    temperature_c=50.0,
    clock_mhz=2400.0,
    throttled=(),
    throttled_before=(),
)


def reading(**changes: Any) -> SystemReading:
    return replace(READING, **changes)


def latency(p50_ms: float, p90_ms: float | None = None) -> LatencyStats:
    p90_ms = p90_ms or p50_ms * 1.1
    return LatencyStats(200, p50_ms, p50_ms, p90_ms, p90_ms * 1.1)


def synthetic_run(
    name: str = "seaformer-t", threads: int = 1, latency_ms: float = 24.0, **changes: Any
) -> Run:
    """A run of ten seconds at a constant latency, of which the network takes 20/24."""
    network_ms = latency_ms * 20 / 24
    suffix = name.rpartition("-")[2]
    precision = suffix if suffix in PRECISIONS else "fp32"
    model = ModelInfo(name, "segmentation", "T", precision, 512, 512, 150, "abc", {})
    return replace(
        Run(
            model=model,
            frame_size=(640, 480),
            threads=threads,
            load_ms=31.0,
            first_frame_ms=62.0,
            memory=Memory(60.0, 110.0, 120.0),
            network=latency(network_ms),
            end_to_end=latency(latency_ms),
            network_first=latency(network_ms),
            end_to_end_first=latency(latency_ms),
            stages={
                "resize": latency(latency_ms / 24),
                "network": latency(network_ms),
                "labels": latency(latency_ms * 2 / 24),
                "overlay": latency(latency_ms / 24),
            },
            before=READING,
            after=READING,
            throttled=(),
            timeline=tuple(
                TimelinePoint(s + 1.0, network_ms, latency_ms, READING) for s in range(10)
            ),
            operators=(),
        ),
        **changes,
    )


def synthetic_profile(*runs: Run) -> Profile:
    board = Board("Raspberry Pi 5", "4x Cortex-A76", 4, ("asimd", "asimddp"))
    versions = {
        "seaformer-edge": "0.1.0",
        "executorch": "1.5.1",
        "binding": "native",
        "python": "3.13.5",
        "system": "Linux",
    }
    return Profile("2026-11-20T10:00:00+00:00", board, versions, QUICK, runs)


def operators(**times_ms: float) -> tuple[OperatorTime, ...]:
    """add1=1.0 gives OperatorTime("add (ND) #1", 1.0)."""
    return tuple(
        OperatorTime(f"{name.rstrip('0123456789')} (ND) #{name[-1]}", ms)
        for name, ms in times_ms.items()
    )


def tiny_model(folder: Path, program: str = "nhwc", name: str = "tiny") -> Path:
    """A copy of tests/data/programs/PROGRAM.pte with a card."""
    path = folder / f"{name}.pte"
    shutil.copy(PROGRAMS / f"{program}.pte", path)
    is_classifier = program == "classifier"
    classes = 7 if is_classifier else 5
    card = replace(
        CARD,
        name=name,
        task="classification" if is_classifier else "segmentation",
        height=32,
        width=32 if is_classifier else 48,
        classes=tuple(f"c{i}" for i in range(classes)),
        palette=tuple((40 * i, 0, 0) for i in range(classes)),
        logit_channels=classes,
    )
    write_card(card, path)
    return path
