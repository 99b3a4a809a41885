"""Made-up profiles, and a tiny model for real ones."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from fakes import CARD

from seaformer_edge.hub.card import write_card
from seaformer_edge.machine.board import Board, SystemReading
from seaformer_edge.profiling.record import (
    QUICK,
    Memory,
    ModelFacts,
    OperatorTime,
    Profile,
    Run,
    Second,
)
from seaformer_edge.profiling.statistics import Latency

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


def latency(p50_ms: float, p90_ms: float | None = None) -> Latency:
    p90_ms = p90_ms or p50_ms * 1.1
    return Latency(200, p50_ms, p50_ms, p90_ms, p90_ms * 1.1)


def made_up_run(
    name: str = "seaformer-t", threads: int = 1, whole_ms: float = 24.0, **changes: Any
) -> Run:
    """A run of ten steady seconds: the network is 20/24 of the whole way."""
    network_ms = whole_ms * 20 / 24
    model = ModelFacts(name, "segmentation", "T", "fp32", 512, 512, 150, "abc", {})
    return replace(
        Run(
            model=model,
            frame_size=(640, 480),
            threads=threads,
            load_ms=31.0,
            first_frame_ms=62.0,
            memory=Memory(60.0, 110.0, 120.0),
            network=latency(network_ms),
            whole=latency(whole_ms),
            network_first=latency(network_ms),
            whole_first=latency(whole_ms),
            stages={
                "resize": latency(whole_ms / 24),
                "network": latency(network_ms),
                "labels": latency(whole_ms * 2 / 24),
                "overlay": latency(whole_ms / 24),
            },
            before=READING,
            after=READING,
            throttled=(),
            timeline=tuple(Second(s + 1.0, network_ms, whole_ms, READING) for s in range(10)),
            operators=(),
        ),
        **changes,
    )


def made_up_profile(*runs: Run) -> Profile:
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
    """Add=1.0 becomes "Add (ND) #1"; a name's last digits are its number."""
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
