"""`seaformer-edge doctor`: checks of this machine and this installation.

A check is a function that returns a `Finding`. Checks must work on a broken installation, so
everything that may crash, hang or be missing runs in a child process (`probes`).
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

MAX_CONCURRENCY = 2
"""Checks that run at the same time. Each starts processes, and small boards have little memory."""


def examine() -> Iterator[Finding]:
    """Runs all checks, which takes some seconds, and yields their findings in order of `CHECKS`."""
    with ThreadPoolExecutor(MAX_CONCURRENCY) as pool:
        yield from pool.map(_run_check, CHECKS)


def _run_check(name: str) -> Finding:
    try:
        return CHECKS[name]()
    except Exception as error:  # report it and continue with the other checks
        return Finding(name, "warn", f"the check failed ({type(error).__name__}: {error})")
