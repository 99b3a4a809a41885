"""Estimated times on ARM boards, from counted instructions. Estimates, not measurements.

`scripts/bench/arm_instructions` counts what one run of a program executes on an emulated core, and
how many lines a simulation of the core's caches does not find there (`instructions.json`). The
model is deliberately simple:

    time = cycles / clock + bytes from memory / bandwidth

The cycles are those of the busiest part of the core, by its commonly described widths: all
instructions through the dispatch, NEON through its pipelines, loads and stores through theirs.
Nothing overlaps with memory, and nothing else ever waits. Threads share the cycles evenly, and the
bandwidth of the board as it is; each operator ends with a meeting of all threads.

`instructions.json` has times, too, that others measured on these boards. The range around an
estimate is the spread of measured to estimated times among them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from functools import cache
from pathlib import Path

import msgspec

CLASSES = ("multiply", "int_multiply", "arithmetic", "load", "store", "scalar", "branch")
"""Of instructions, in the order of scripts/support/arm/classify.h."""

RECORD = Path(__file__).with_name("instructions.json")
LINE_BYTES = 64
MEETING_S = 5e-6
"""Of the threads after an operator; on a PC they take 0.3 to 0.7 ms a run."""
OPERATORS = 100
"""Of a network, roughly."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Of one run: instructions by class, bytes, and lines that a cache did not have."""

    multiply: int
    int_multiply: int
    arithmetic: int
    load: int
    store: int
    scalar: int
    branch: int
    loaded_bytes: int
    stored_bytes: int
    l1_misses: int
    l2_misses: int
    l3_misses: int

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))

    @property
    def neon(self) -> int:
        return self.multiply + self.int_multiply + self.arithmetic

    @property
    def instructions(self) -> int:
        return self.neon + self.load + self.store + self.scalar + self.branch


@dataclass(frozen=True, slots=True)
class Board:
    """A board by figures that others give of it.

    Attributes:
        cpu: part of the processor's name that `machine.board` reports.
        core: in `instructions.json`.
        clock_ghz: the highest, which needs cooling.
        dispatch: instructions a cycle.
        neon: NEON instructions a cycle.
        multiplies: of them multiplications of floats and dot products.
        int_multiplies: of them other multiplications of integers.
        loads, stores: instructions a cycle.
        bandwidth_gb_s: read and written by one core, and by four.
    """

    cpu: str
    core: str
    clock_ghz: float
    dispatch: int
    neon: int
    multiplies: int
    int_multiplies: int
    loads: int
    stores: int
    bandwidth_gb_s: tuple[float, float]

    def cycles(self, counts: Counts) -> float:
        """Cycles of the busiest part of the core."""
        return max(
            counts.instructions / self.dispatch,
            counts.neon / self.neon,
            counts.multiply / self.multiplies,
            counts.int_multiply / self.int_multiplies,
            counts.load / self.loads,
            counts.store / self.stores,
        )

    def time_ms(self, counts: Counts, threads: int) -> float:
        """The estimated time of one run."""
        cycles_s = self.cycles(counts) / (self.clock_ghz * 1e9) / threads
        memory_s = counts.l3_misses * LINE_BYTES / (self.bandwidth_gb_s[threads > 1] * 1e9)
        meetings_s = MEETING_S * OPERATORS if threads > 1 else 0.0
        return 1e3 * (cycles_s + memory_s + meetings_s)


BOARDS: Mapping[str, Board] = {
    "Raspberry Pi 4": Board("Cortex-A72", "cortex-a72", 1.8, 3, 2, 1, 1, 1, 1, (5.6, 5.6)),
    "Raspberry Pi 5": Board("Cortex-A76", "cortex-a76", 2.4, 4, 2, 2, 1, 2, 1, (11.5, 12.0)),
    "Jetson AGX Orin": Board("Cortex-A78AE", "cortex-a78ae", 2.2, 6, 2, 2, 1, 3, 2, (25.0, 60.0)),
    "Apple M1": Board("Apple M1", "apple-m1", 3.2, 8, 4, 4, 4, 3, 2, (58.0, 60.0)),
    "Snapdragon 865": Board("Cortex-A77", "cortex-a77", 2.84, 6, 2, 2, 1, 2, 2, (20.0, 25.0)),
}


class Measurement(msgspec.Struct, frozen=True):
    """A time that others published."""

    board: str
    program: str
    threads: int
    ms: float
    source: str


class _Record(msgspec.Struct):
    programs: dict[str, dict[str, tuple[int, ...]]]
    measured: list[Measurement]


@cache
def _record() -> _Record:
    return msgspec.json.decode(RECORD.read_bytes(), type=_Record)


def recorded() -> dict[str, dict[str, Counts]]:
    """Everything that has been counted, by program and core."""
    return {
        program: {core: Counts(*row) for core, row in cores.items()}
        for program, cores in _record().programs.items()
    }


def counted(program: str, board: Board) -> Counts | None:
    """What a program of this name takes on a board; None if it has not been counted."""
    return recorded().get(program, {}).get(board.core)


def cross_checks() -> Sequence[tuple[Measurement, float]]:
    """Every published time with its estimate in ms."""
    found = []
    for measurement in _record().measured:
        board = BOARDS[measurement.board]
        counts = counted(measurement.program, board)
        if counts is not None:
            found.append((measurement, board.time_ms(counts, measurement.threads)))
    return found


@cache
def error(is_int8: bool, threads: int) -> tuple[float, float]:
    """The smallest and the largest ratio of a published time to its estimate.

    Args:
        is_int8: of int8 programs; else of fp32 and fp16 programs.
        threads: one, or several.
    """
    ratios = [
        measurement.ms / estimated_ms
        for measurement, estimated_ms in cross_checks()
        if _is_int8(measurement.program) == is_int8 and (measurement.threads > 1) == (threads > 1)
    ]
    return min(ratios), max(ratios)


def _is_int8(program: str) -> bool:
    return program.endswith("-int8")


def estimate_ms(program: str, board: Board, threads: int) -> tuple[float, float] | None:
    """The range in which the network's time should lie; None if it has not been counted."""
    counts = counted(program, board)
    if counts is None:
        return None
    low, high = error(_is_int8(program), threads)
    time_ms = board.time_ms(counts, threads)
    return time_ms * low, time_ms * high


def board_of(cpu: str) -> Board | None:
    """The board with this processor, as `machine.board` names it."""
    return next((board for board in BOARDS.values() if board.cpu in cpu.split(" + ")[0]), None)
