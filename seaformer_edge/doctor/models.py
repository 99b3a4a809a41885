"""The models, and a segmentation from end to end."""

from __future__ import annotations

import shlex
import tempfile
import time
from pathlib import Path

from seaformer_edge.doctor import probes
from seaformer_edge.doctor.finding import OTHER_MODELS_FOLDER, Finding, State
from seaformer_edge.doctor.installation import reinstall_command
from seaformer_edge.errors import ModelError
from seaformer_edge.hub.card import verify
from seaformer_edge.hub.manifest import MANIFEST, changed_files
from seaformer_edge.hub.paths import shipped_models_dir
from seaformer_edge.hub.zoo import (
    DEFAULT_MODEL,
    fetched_programs,
    installed_programs,
    select_program,
)


def models() -> Finding:
    """Whether every installed program matches its card, and the shipped ones the manifest."""
    good: dict[str, str] = {}
    bad, lines = [], []
    programs = installed_programs()
    for name, path in programs.items():
        try:
            good[name] = verify(path).sha256[:8]
        except (ModelError, OSError) as error:
            bad.append(str(error))
            shipped = path.parent == shipped_models_dir()
            lines.append(_restore_command() if shipped else f"rm {shlex.quote(str(path))}")
    if DEFAULT_MODEL not in programs:
        bad.append(f"the default model {DEFAULT_MODEL} is missing")
        lines.append(_restore_command())
    elif not bad and (problem := _differs_from_manifest()):
        bad.append(problem)
        lines.append(_restore_command())
    try:
        fetched_programs()
    except ModelError as error:
        bad.append(str(error))
        lines.append(OTHER_MODELS_FOLDER)
    if bad:
        state: State = "warn" if DEFAULT_MODEL in good else "error"
        return Finding("models", state, "; ".join(bad), "\n".join(dict.fromkeys(lines)))
    listed = ", ".join(f"{name} {digest}" for name, digest in good.items())
    message = f"{len(good)} models match their cards, the shipped ones {MANIFEST}: {listed}"
    if reason := select_program(None).reason:
        message += f"; {DEFAULT_MODEL} runs as {reason}"
    return Finding("models", "ok", message)


def _differs_from_manifest() -> str:
    folder = shipped_models_dir()
    try:
        changed = changed_files(folder)
    except ModelError as error:
        return str(error)
    if not changed:
        return ""
    return f"{folder}: not as released, by {MANIFEST}: {', '.join(changed)}"


def _restore_command() -> str:
    """The command that restores the shipped models."""
    folder = shipped_models_dir()
    if (folder.parent / ".git").exists():
        return f"git -C {shlex.quote(str(folder.parent))} checkout -- {folder.name}"
    return reinstall_command()


def segment() -> Finding:
    """Segments two frames of the bundled clip with the command that a user would type."""
    with tempfile.TemporaryDirectory() as folder:
        video = Path(folder) / "sample.mp4"
        started_at_s = time.monotonic()
        answer, _ = probes.run(
            ["-m", "seaformer_edge", "segment", "sample", "-o", str(video), "--end", "2"]
        )
        took_s = time.monotonic() - started_at_s
        written = video.stat().st_size if video.exists() else 0
    if answer.failure or not written:
        why = answer.failure.removeprefix("seaformer-edge: ") or "no video was written"
        return Finding(
            "segment",
            "error",
            f"segmenting the bundled clip fails: {why}",
            "seaformer-edge segment sample -o sample.mp4 --debug  # shows the traceback",
        )
    return Finding(
        "segment", "ok", f"the bundled clip was segmented with {DEFAULT_MODEL} in {took_s:.1f} s"
    )
