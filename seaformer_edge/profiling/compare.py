"""A profile against an earlier one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seaformer_edge.errors import SeaformerEdgeError
from seaformer_edge.profiling.record import Profile
from seaformer_edge.profiling.report import table

NOTABLE = 0.05
"""A median that differs by less is called the same: runs of one program differ as much."""


def compare(profile: Profile, earlier: Mapping[str, Any]) -> str:
    """Ratios of the runs that both have, and what is not the same about the two.

    Args:
        earlier: the older profile, from `read_json`.

    Raises:
        SeaformerEdgeError: the older profile is damaged.
    """
    try:
        return _compare(profile, earlier)
    except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
        raise SeaformerEdgeError(f"the earlier profile is damaged ({error!r})") from error


def _compare(profile: Profile, earlier: Mapping[str, Any]) -> str:
    before = {_key_of_entries(run): run for run in earlier["runs"]}
    rows, unmatched = [], []
    for run in profile.runs:
        old = before.get((run.model.name, run.threads, run.frame_size))
        if old is None:
            unmatched.append(run.label)
            continue
        cells = []
        for now, then in ((run.network, old["network"]), (run.whole, old["whole"])):
            ratio = now.p50_ms / then["p50_ms"]
            cells += [
                f"{then['p50_ms']:.1f}",
                f"{now.p50_ms:.1f}",
                f"{ratio:.2f} {_verdict(ratio)}",
            ]
        cells.append(f"{run.memory.peak_mb - old['memory']['peak_mb']:+.0f}")
        rows.append([run.label, *cells])
    header = [f"AGAINST {earlier['date']}", "NETWORK p50", "NOW", "RATIO"]
    header += ["WHOLE WAY p50", "NOW", "RATIO", "MEMORY MB"]
    lines = [table(header, rows)] if rows else ["no run of the earlier profile is one of these"]
    if rows and unmatched:
        lines.append(f"not in the earlier profile: {', '.join(unmatched)}")
    return "\n".join(lines + _differences(profile, earlier))


def _key_of_entries(run: Mapping[str, Any]) -> tuple[str, int, tuple[int, ...]]:
    return run["model"]["name"], run["threads"], tuple(run["frame_size"])


def _verdict(ratio: float) -> str:
    if abs(ratio - 1) < NOTABLE:
        return "same"
    return "faster" if ratio < 1 else "slower"


def _differences(profile: Profile, earlier: Mapping[str, Any]) -> list[str]:
    """Why the two may not be comparable, a line each."""
    now = {
        "board": profile.board.name,
        "processor": f"{profile.board.cpu}, {profile.board.cores} cores",
        "protocol": profile.protocol.name,
        **profile.versions,
    }
    board = earlier["board"]
    then = {
        "board": board["name"],
        "processor": f"{board['cpu']}, {board['cores']} cores",
        "protocol": earlier["protocol"]["name"],
        **earlier["versions"],
    }
    for entry in earlier["runs"]:
        then[f"sha256 of {entry['model']['name']}"] = entry["model"]["sha256"][:12]
    for run in profile.runs:
        if (name := f"sha256 of {run.model.name}") in then:
            now[name] = run.model.sha256[:12]
    return [
        f"another {name}: {then[name]} then, {value} now"
        for name, value in now.items()
        if name in then and then[name] != value
    ]
