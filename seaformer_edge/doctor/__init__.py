"""`seaformer-edge doctor`: what this machine can and cannot do, and why.

A check is a function that returns a `Finding`, and works where nothing else does: what may crash,
hang or be missing is asked in a process of its own (`probes`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

from seaformer_edge.doctor import cameras, installation, machine, models, report, window
from seaformer_edge.doctor.finding import Finding

__all__ = ["CHECKS", "Finding", "examine", "report"]

CHECKS: dict[str, Callable[[], Finding]] = {
    "system": machine.system,
    "board": machine.board,
    "heat": machine.heat,
    "disk": machine.disk,
    "python": installation.python,
    "libraries": installation.libraries,
    "opencv": installation.opencv,
    "runtime": installation.runtime,
    "models": models.models,
    "segment": models.segment,
    "window": window.window,
    "cameras": cameras.cameras,
    "picamera": cameras.picamera,
    "training": installation.training,
}

AT_ONCE = 2
"""Checks: each starts processes, and small boards have little memory."""


def examine() -> Iterator[Finding]:
    """What every check finds, in the order of `CHECKS`. Takes some seconds."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield from pool.map(_looked_at, CHECKS)


def _looked_at(name: str) -> Finding:
    try:
        return CHECKS[name]()
    except Exception as error:  # a check that fails is a finding too, and no reason to stop
        return Finding(name, "warn", f"could not be looked at ({type(error).__name__}: {error})")
