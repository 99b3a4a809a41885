"""What the benchmarks share: their environment, and programs timed in turns."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import TypeVar

ROOT = Path(__file__).resolve().parents[2]
Case = TypeVar("Case")


def train_python() -> Path:
    """The Python of this checkout's environment, with the train extra; made if it is missing."""
    bootstrap = subprocess.run(
        [sys.executable, ROOT / "scripts" / "bootstrap", "train"],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return Path(bootstrap.stdout.split()[-1])


def restart_in_train_environment(**environment: str) -> None:
    """Run the calling script with `train_python` instead, unless it already does, and exit."""
    python = train_python()
    if Path(sys.prefix) != python.parents[1]:
        sys.exit(subprocess.run([python, *sys.argv], env=os.environ | environment).returncode)


def times_in_turns_ms(
    files: dict[Case, Path], threads: int, rounds: int = 15, frames: int = 3
) -> dict[Case, list[float]]:
    """The time of each program in each round, in milliseconds: the median of its frames.

    In each round all programs run, in random order, so that a busy moment affects all of them.
    With one thread the processor's time is measured, which other processes disturb less.
    """
    import numpy as np

    from seaformer_edge.runtime import open_program

    programs = {case: open_program(path, threads) for case, path in files.items()}
    images = {case: np.full(p.input_shape, 128, np.float32) for case, p in programs.items()}
    clock = process_time if threads == 1 else perf_counter
    times_ms: dict[Case, list[float]] = {case: [] for case in programs}
    for case, program in programs.items():
        program.run(images[case])  # warm-up
    for _ in range(rounds):
        for case in random.sample(list(programs), len(programs)):
            of_frames = []
            for _ in range(frames):
                started = clock()
                programs[case].run(images[case])
                of_frames.append((clock() - started) * 1e3)
            times_ms[case].append(median(of_frames))
    return times_ms
