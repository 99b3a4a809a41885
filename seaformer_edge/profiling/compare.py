"""A profile compared with an earlier one."""

from __future__ import annotations

from seaformer_edge.profiling.latency import LatencyStats
from seaformer_edge.profiling.record import Profile, Run
from seaformer_edge.profiling.report import table, wrapped

SAME = 0.05
"""Medians that differ by less count as equal: repeated runs of one program differ that much."""


def compare(profile: Profile, earlier: Profile) -> str:
    """Tables of the runs that are in both profiles, and why the profiles may not be comparable."""
    earlier_runs = {_key(run): run for run in earlier.runs}
    network, end_to_end, unmatched = [], [], []
    for run in profile.runs:
        old = earlier_runs.get(_key(run))
        if old is None:
            unmatched.append(run.label)
            continue
        memory_mb = run.memory.peak_mb - old.memory.peak_mb
        network.append([run.label, *_cells(run.network, old.network)])
        end_to_end.append([run.label, *_cells(run.end_to_end, old.end_to_end), f"{memory_mb:+.0f}"])
    header = ["EARLIER", "NOW", "RATIO"]
    if network:
        lines = [
            f"EARLIER: {earlier.date}; medians in milliseconds",
            "",
            table(["NETWORK", *header], network),
            "",
            table(["END TO END", *header, "MEMORY MB"], end_to_end),
        ]
    else:
        lines = ["the earlier profile has no run of these models, threads and frame size"]
    if network and unmatched:
        lines.append(wrapped(f"not in the earlier profile: {', '.join(unmatched)}"))
    return "\n".join([*lines, *map(wrapped, _differences(profile, earlier))])


def _cells(now: LatencyStats, then: LatencyStats) -> list[str]:
    ratio = now.p50_ms / then.p50_ms
    return [f"{then.p50_ms:.1f}", f"{now.p50_ms:.1f}", f"{ratio:.2f} {_verdict(ratio)}"]


def _key(run: Run) -> tuple[str, int, tuple[int, int]]:
    return run.model.name, run.threads, run.frame_size


def _verdict(ratio: float) -> str:
    if abs(ratio - 1) < SAME:
        return "same"
    return "faster" if ratio < 1 else "slower"


def _differences(profile: Profile, earlier: Profile) -> list[str]:
    """One line for each difference that affects the speed."""
    now, then = _conditions(profile), _conditions(earlier)
    return [
        f"different {name}: {then[name]} earlier, {value} now"
        for name, value in now.items()
        if name in then and then[name] != value
    ]


def _conditions(profile: Profile) -> dict[str, str]:
    return {
        "board": profile.board.name,
        "processor": f"{profile.board.cpu}, {profile.board.cores} cores",
        "protocol": profile.protocol.name,
        **profile.versions,
        **{f"sha256 of {run.model.name}": run.model.sha256[:12] for run in profile.runs},
    }
