"""Tables of counted instructions and of estimated times, for scripts/release/tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from seaformer_edge.hub.card import PRECISIONS
from seaformer_edge.hub.zoo import DEFAULT_MODEL
from seaformer_edge.profiling.estimate import (
    BOARDS,
    LINE_BYTES,
    Board,
    Counts,
    counted,
    cross_checks,
    error,
    estimate_ms,
    recorded,
)

SHOWN = ("Raspberry Pi 4", "Raspberry Pi 5", "Jetson AGX Orin", "Apple M1")
THREADS = (1, 4)
Table = tuple[Sequence[str], list[list[str]]]


def precision_of(program: str) -> tuple[str, str]:
    """The model and the precision of a program."""
    model, _, last = program.rpartition("-")
    return (model, last) if last in PRECISIONS else (program, "fp32")


def program_of(model: str, precision: str) -> str:
    return model if precision == "fp32" else f"{model}-{precision}"


def instructions() -> Table:
    """Every recorded program of this project on every core, in millions."""
    columns = ["program", "core", "NEON", "of them multiplications", "loads, stores"]
    columns += ["scalar, branches", "all", "fp32 = 1", "MB from memory"]
    rows = []
    for program, cores in recorded().items():
        model, _ = precision_of(program)
        for core, counts in cores.items():
            if not model.startswith("seaformer"):
                continue
            fp32 = recorded().get(model, {}).get(core)
            ratio = f"{counts.instructions / fp32.instructions:.2f}" if fp32 else "-"
            rows.append([f"`{program}`", core, *shares(counts), ratio, memory_mb(counts)])
    return columns, rows


def shares(counts: Counts) -> Iterator[str]:
    for value in (
        counts.neon,
        counts.multiply + counts.int_multiply,
        counts.load + counts.store,
        counts.scalar + counts.branch,
        counts.instructions,
    ):
        yield f"{value / 1e6:.1f}"


def memory_mb(counts: Counts) -> str:
    return f"{counts.l3_misses * LINE_BYTES / 1e6:.0f}"


def estimates() -> Table:
    """The default model's range on every board, in ms."""
    columns = ["board", "threads", *PRECISIONS]
    rows = []
    for name in SHOWN:
        for threads in THREADS:
            cells = [
                estimate_ms(program_of(DEFAULT_MODEL, precision), BOARDS[name], threads)
                for precision in PRECISIONS
            ]
            ranges = [
                "-" if cell is None else f"{cell[0]:.0f} to {cell[1]:.0f} ms" for cell in cells
            ]
            rows.append([name, str(threads), *ranges])
    return columns, rows


def arithmetic() -> Table:
    """How the middle of each estimate comes about, on one thread."""
    columns = ["board", "program", "busiest part", "cycles", "memory", "estimate"]
    rows = []
    for name in SHOWN:
        board = BOARDS[name]
        for precision in PRECISIONS:
            counts = counted(program_of(DEFAULT_MODEL, precision), board)
            if counts is None:
                continue
            part, instructions, width = busiest(counts, board)
            million_cycles = board.cycles(counts) / 1e6
            cycles_ms = million_cycles / board.clock_ghz
            memory_ms = board.time_ms(counts, 1) - cycles_ms
            rows.append(
                [
                    name,
                    precision,
                    f"{part}: {instructions / 1e6:.1f} M, {width} a cycle",
                    f"{million_cycles:.1f} M / {board.clock_ghz} GHz = {cycles_ms:.1f} ms",
                    f"{memory_mb(counts)} MB / {board.bandwidth_gb_s[0]} GB/s = {memory_ms:.1f} ms",
                    f"{board.time_ms(counts, 1):.1f} ms",
                ]
            )
    return columns, rows


def busiest(counts: Counts, board: Board) -> tuple[str, int, int]:
    """The name of the busiest part of the core, its instructions, and how many a cycle it takes."""
    parts = [
        ("NEON", counts.neon, board.neon),
        ("multiplications", counts.multiply, board.multiplies),
        ("multiplications of integers", counts.int_multiply, board.int_multiplies),
        ("loads", counts.load, board.loads),
        ("stores", counts.store, board.stores),
        ("dispatch", counts.instructions, board.dispatch),
    ]
    return max(parts, key=lambda part: part[1] / part[2])


def published() -> Table:
    """The cross-checks."""
    columns = ["board", "network", "threads", "published", "estimated", "published / estimated"]
    columns += ["source"]
    rows = [
        [
            found.board,
            " ".join(precision_of(found.program)),
            str(found.threads),
            f"{found.ms:.1f} ms",
            f"{estimated_ms:.1f} ms",
            f"{found.ms / estimated_ms:.2f}",
            found.source,
        ]
        for found, estimated_ms in cross_checks()
    ]
    return columns, rows


def errors() -> Table:
    """The spread of the cross-checks."""
    columns = ["threads", "fp32, fp16", "int8"]
    cells = [
        [f"{low:.2f} to {high:.2f}" for low, high in (error(False, n), error(True, n))]
        for n in THREADS
    ]
    return columns, [[str(n), *row] for n, row in zip(THREADS, cells, strict=True)]


TABLES = {
    "instructions": instructions,
    "estimates": estimates,
    "arithmetic": arithmetic,
    "published": published,
    "errors": errors,
}
