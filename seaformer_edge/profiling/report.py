"""A profile as text."""

from __future__ import annotations

import shutil
import textwrap
from collections import defaultdict
from collections.abc import Sequence
from statistics import fmean, median

from seaformer_edge.hub.card import read_card
from seaformer_edge.hub.paths import shipped_models_dir
from seaformer_edge.profiling.estimate import board_of, estimate_ms
from seaformer_edge.profiling.latency import LatencyStats
from seaformer_edge.profiling.record import Profile, Run

BUSY_PERCENT = 10.0
"""Warn if other programs take more of the processor's time."""

SLOWER = 1.1
"""Warn if the end of a run is slower than its first seconds by more than this factor."""

SLOWEST = 10
"""How many of the slowest operators are listed."""

GAP = "  "
"""Between two columns of a table."""


def report(profile: Profile) -> str:
    """A profile as tables for the terminal."""
    parts = [wrapped(_heading(profile)), _latencies(profile.runs), _stages(profile.runs)]
    parts += [_machine(profile), wrapped("\n".join(warnings(profile))), _estimates(profile)]
    parts += [_operators(run) for run in profile.runs if run.operators]
    return "\n\n".join(filter(None, parts))


def warnings(profile: Profile) -> list[str]:
    """One line for each problem that affects the measurements."""
    lines = []
    for run in profile.runs:
        if run.throttled:
            lines.append(f"{run.label}: the processor was throttled: {', '.join(run.throttled)}")
        first, last = first_and_last_ms(run, profile.protocol.first_s)
        if last > first * SLOWER:
            lines.append(
                f"{run.label}: became {last / first - 1:.0%} slower during the run"
                f" ({first:.1f} to {last:.1f} ms per frame)"
            )
        others = fmean(
            point.reading.cpu_percent - point.reading.process_cpu_percent for point in run.timeline
        )
        if others > BUSY_PERCENT:
            lines.append(
                f"{run.label}: other programs used {others:.0f} % of the processor's time;"
                " stop them and measure again"
            )
    return lines


def first_and_last_ms(run: Run, first_s: float) -> tuple[float, float]:
    """Median end-to-end latencies in the first seconds and in the last quarter of a run."""
    steady = [
        point.end_to_end_p50_ms
        for point in run.timeline
        if point.end_to_end_p50_ms and point.time_s > first_s
    ]
    last = steady[-max(len(steady) // 4, 1) :]
    return run.end_to_end_first.p50_ms, median(last) if last else run.end_to_end.p50_ms


def terminal_width() -> int:
    """Characters in a line of the terminal; of a file or pipe, more than any table has."""
    return shutil.get_terminal_size((1000, 24)).columns


def wrapped(text: str) -> str:
    """Text with no line longer than the terminal is wide, unless a word is."""
    return "\n".join(
        textwrap.fill(line, terminal_width(), break_long_words=False, break_on_hyphens=False)
        for line in text.splitlines()
    )


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Aligned columns: the first one to the left, the others to the right.

    Columns that the terminal is too narrow for follow below, with the first column again.
    """
    columns = [
        _padded(cells, index > 0) for index, cells in enumerate(zip(header, *rows, strict=True))
    ]
    blocks = [columns[:1]]
    for column in columns[1:]:
        width = len(GAP.join(cells[0] for cells in [*blocks[-1], column]))
        if width > terminal_width() and len(blocks[-1]) > 1:
            blocks.append(columns[:1])
        blocks[-1].append(column)
    return "\n\n".join(
        "\n".join(GAP.join(line).rstrip() for line in zip(*block, strict=True)) for block in blocks
    )


def _padded(cells: Sequence[str], to_the_right: bool) -> list[str]:
    width = max(map(len, cells))
    return [cell.rjust(width) if to_the_right else cell.ljust(width) for cell in cells]


def _heading(profile: Profile) -> str:
    board, versions, protocol = profile.board, profile.versions, profile.protocol
    width, height = profile.runs[0].frame_size
    amount = f"{protocol.frames} frames {'and' if protocol.needs_both else 'or'}"
    return "\n".join(
        (
            f"{board.name}: {board.cpu}, {board.cores} cores ({' '.join(board.features)})",
            f"seaformer-edge {versions['seaformer-edge']}, ExecuTorch {versions['executorch']}"
            f" ({versions['binding']} binding), Python {versions['python']}, {versions['system']}",
            f"Single stream, {protocol.name}: {amount} {protocol.seconds:.0f} s each after"
            f" {protocol.first_s:.0f} s; camera frame {width}x{height}. Times in milliseconds.",
        )
    )


def _latencies(runs: Sequence[Run]) -> str:
    """The network alone, and a frame end to end."""
    network = [[run.label, *_cells(run.network)] for run in runs]
    end_to_end = [
        [run.label, *_cells(run.end_to_end), f"{run.end_to_end.p50_ms / run.network.p50_ms:.2f}"]
        for run in runs
    ]
    header = ["p50", "p90", "p99", "FPS"]
    return "\n\n".join(
        (
            table(["NETWORK", *header], network),
            table(["END TO END", *header, "TO NETWORK"], end_to_end),
        )
    )


def _cells(stats: LatencyStats) -> list[str]:
    values = stats.p50_ms, stats.p90_ms, stats.p99_ms, stats.frames_per_s
    return [f"{value:.1f}" for value in values]


def _stages(runs: Sequence[Run]) -> str:
    """The stages of a frame: median latency, and share of the mean end-to-end latency."""
    names = list(dict.fromkeys(stage for run in runs for stage in run.stages))
    rows = []
    for run in runs:
        cells = []
        for name in names:
            stage = run.stages.get(name)
            share = 0 if stage is None else stage.mean_ms / run.end_to_end.mean_ms
            cells.append("-" if stage is None else f"{stage.p50_ms:.2f} {share:4.0%}")
        rows.append([run.label, *cells])
    return table(["STAGES p50, SHARE", *(name.upper() for name in names)], rows)


def _machine(profile: Profile) -> str:
    """Loading, memory and processor; "before > after" where a run changes the value."""
    header = ["MACHINE", "LOAD ms", "FIRST FRAME ms", "MEMORY MB", "MODEL MB", "CPU %"]
    header += ["TEMP C", "CLOCK MHz"]
    header.append(f"END TO END, FIRST {profile.protocol.first_s:.0f} s > END")
    rows = [
        [
            run.label,
            f"{run.load_ms:.0f}",
            f"{run.first_frame_ms:.0f}",
            f"{run.memory.peak_mb:.0f}",
            f"{run.memory.peak_mb - run.memory.before_mb:.0f}",
            f"{fmean(point.reading.process_cpu_percent for point in run.timeline):.0f}",
            _change(run.before.temperature_c, run.after.temperature_c),
            _change(run.before.clock_mhz, run.after.clock_mhz),
            "{:.1f} > {:.1f}".format(*first_and_last_ms(run, profile.protocol.first_s)),
        ]
        for run in profile.runs
    ]
    return table(header, rows)


def _change(before: float | None, after: float | None) -> str:
    return "unknown" if before is None or after is None else f"{before:.0f} > {after:.0f}"


def _estimates(profile: Profile) -> str:
    """On boards with an estimate: measured beside estimated, and rows for docs/boards.md."""
    board = board_of(profile.board.cpu)
    if board is None:
        return ""
    rows, lines = [], []
    for run in profile.runs:
        estimated_ms = estimate_ms(run.model.name, board, run.threads) if _is_shipped(run) else None
        if estimated_ms is None:
            continue
        measured, estimated = f"{run.network.p50_ms:.1f}", "{:.0f} to {:.0f}".format(*estimated_ms)
        rows.append([run.label, measured, estimated])
        cells = [profile.board.name, f"`{run.model.name}`", str(run.threads)]
        cells += [f"{measured} ms", f"{estimated} ms", profile.versions["seaformer-edge"]]
        lines.append(f"| {' | '.join(cells)} |")
    if not rows:
        return ""
    header = ["NETWORK ms, MODEL xTHREADS", "MEASURED", "ESTIMATED"]
    request = "This board has not been measured by us. To send in, for docs/boards.md:"
    return "\n".join([table(header, rows), "", request, *lines])


def _is_shipped(run: Run) -> bool:
    """Whether the estimates hold for this program: one of ours, at the size that ships."""
    path = shipped_models_dir() / f"{run.model.name}.pte"
    if not path.is_file():
        return False
    card = read_card(path)
    return (card.width, card.height) == (run.model.width, run.model.height)


def _operators(run: Run) -> str:
    """Operators by kind, and the slowest ones."""
    total_ms = sum(operator.p50_ms for operator in run.operators)
    kinds: dict[str, list[float]] = defaultdict(list)
    for operator in run.operators:
        kinds[operator.kind].append(operator.p50_ms)
    by_time = sorted(kinds.items(), key=lambda item: -sum(item[1]))
    rows = [
        [kind, str(len(times)), f"{sum(times):.2f}", f"{sum(times) / total_ms:.1%}"]
        for kind, times in by_time
    ]
    header = [f"OPERATORS OF {run.label.upper()}", "COUNT", "MS", "SHARE"]
    slowest = sorted(enumerate(run.operators, 1), key=lambda item: -item[1].p50_ms)[:SLOWEST]
    lines = [
        [
            operator.name,
            str(position),
            f"{operator.p50_ms:.2f}",
            f"{operator.p50_ms / total_ms:.1%}",
        ]
        for position, operator in slowest
    ]
    return "\n\n".join(
        (
            table(header, [*rows, ["all", str(len(run.operators)), f"{total_ms:.2f}", ""]]),
            table([f"SLOWEST {len(lines)}", "POSITION", "MS", "SHARE"], lines),
        )
    )
