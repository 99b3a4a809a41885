"""The machine: system, processor, memory, temperature and disk."""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from seaformer_edge.doctor import probes
from seaformer_edge.doctor.finding import OTHER_MODELS_FOLDER, Finding
from seaformer_edge.errors import ModelError
from seaformer_edge.hub.paths import user_models_dir

POWER = {"under-voltage", "over-current"}
"""Reasons for throttling that the power supply causes."""

HOT_C = 80
"""A Raspberry Pi lowers its clock at this temperature and above it."""

MEMORY_MB = 300
"""Twice the peak of `seaformer-edge segment`."""

DISK_MB = 200


def system() -> Finding:
    name = platform.system()
    if name == "Linux":
        with contextlib.suppress(OSError):  # containers may have no os-release
            name = platform.freedesktop_os_release().get("PRETTY_NAME", name)
    elif name == "Darwin":
        name = f"macOS {platform.mac_ver()[0]}"
    library, version = platform.libc_ver()
    machine = platform.machine()
    message = ", ".join(filter(None, [name, machine, f"{library} {version}".strip()]))
    if sys.maxsize < 2**32:
        return Finding(
            "system",
            "error",
            f"{message}: ExecuTorch does not support 32-bit systems",
            "install the 64-bit system, e.g. Raspberry Pi OS (64-bit) with Raspberry Pi Imager",
        )
    if machine not in ("x86_64", "AMD64", "aarch64", "arm64"):
        return Finding(
            "system",
            "error",
            f"{message}: ExecuTorch does not support this processor",
            "use a machine with an x86-64 or 64-bit ARM processor",
        )
    return Finding("system", "ok", message)


def board() -> Finding:
    answer = probes.ask("board")
    if answer.failure:
        return Finding(
            "board", "warn", f"cannot be read: {answer.failure}", probes.command_line("board")
        )
    facts: dict[str, Any] = answer.value
    cores = "1 core" if facts["cores"] == 1 else f"{facts['cores']} cores"
    features = " ".join(facts["features"]) or "features unknown"
    dot_product = "" if facts["has_int8_dot_product"] else ", no int8 dot product"
    memory_mb = facts["memory_available_mb"]
    message = (
        f"{facts['name']}, {facts['cpu']}, {cores} ({features}{dot_product}), "
        f"{memory_mb / 1e3:.1f} GB of memory available"
    )
    if memory_mb < MEMORY_MB:
        return Finding("board", "warn", message, "close other programs, or run with --threads 1")
    return Finding("board", "ok", message)


def heat() -> Finding:
    answer = probes.ask("reading")
    if answer.failure:
        return Finding(
            "heat", "warn", f"cannot be read: {answer.failure}", probes.command_line("reading")
        )
    facts: dict[str, Any] = answer.value
    celsius, now = facts["temperature_c"], facts["throttled"]
    before = [reason for reason in facts["throttled_before"] if reason not in now]
    message = "temperature unknown" if celsius is None else f"{celsius:.0f} C"
    message += f"; throttled now: {', '.join(now)}" if now else ", not throttled"
    message += f"; since it was started: {', '.join(before)}" if before else ""
    lines = []
    if POWER & {*now, *before}:
        lines.append("use the board's own power supply (Raspberry Pi 5: 5 V, 5 A) and cable")
    if {*now} - POWER or (celsius is not None and celsius >= HOT_C):
        lines.append("add a fan or a heat sink; a hot board is slower than one that is cooled")
    return Finding("heat", "warn" if lines else "ok", message, "\n".join(lines))


def disk() -> Finding:
    """Free space for temporary files and for downloaded models."""
    temporary = Path(tempfile.gettempdir())  # raises if no folder is writable
    free_mb = shutil.disk_usage(temporary).free / 1e6
    message = f"{free_mb / 1e3:.1f} GB free in {temporary}"
    if free_mb < DISK_MB:
        return Finding("disk", "warn", message, "free some space, or set TMPDIR to another folder")
    try:
        models = user_models_dir()
    except ModelError:  # no home, which the check of the models reports
        return Finding("disk", "ok", message)
    # Not Path.exists, which raises if a folder may not be entered.
    folder = next(p for p in [models, *models.parents] if os.path.exists(p))  # noqa: PTH110
    if not os.access(folder, os.W_OK | os.X_OK):
        return Finding(
            "disk",
            "warn",
            f"{message}; {models} is not writable, so no model can be downloaded",
            OTHER_MODELS_FOLDER,
        )
    free_mb = shutil.disk_usage(folder).free / 1e6
    message += f", {free_mb / 1e3:.1f} GB for models in {models}"
    if free_mb < DISK_MB:
        return Finding("disk", "warn", message, "free some space, or set SEAFORMER_EDGE_HOME")
    return Finding("disk", "ok", message)
