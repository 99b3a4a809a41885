"""The machine: its system, processor, heat, memory and disk."""

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
from seaformer_edge.doctor.finding import Finding
from seaformer_edge.hub.paths import user_models_dir

POWER = {"under-voltage", "over-current"}
"""Of what holds a board back, what its supply is to blame for."""

HOT_C = 80
"""Where a Raspberry Pi begins to lower its clock."""

MEMORY_MB = 300
"""Twice what a segmentation takes at its peak."""

DISK_MB = 200


def system() -> Finding:
    name = platform.system()
    if name == "Linux":
        with contextlib.suppress(OSError):  # a container may have no os-release
            name = platform.freedesktop_os_release().get("PRETTY_NAME", name)
    elif name == "Darwin":
        name = f"macOS {platform.mac_ver()[0]}"
    library, version = platform.libc_ver()
    machine = platform.machine()
    what = ", ".join(filter(None, [name, machine, f"{library} {version}".strip()]))
    if sys.maxsize < 2**32:
        return Finding(
            "system",
            "error",
            f"{what}: 32-bit, for which there is no ExecuTorch",
            "install the 64-bit system, e.g. Raspberry Pi OS (64-bit) with Raspberry Pi Imager",
        )
    if machine not in ("x86_64", "AMD64", "aarch64", "arm64"):
        return Finding(
            "system",
            "error",
            f"{what}: there is no ExecuTorch for this processor",
            "take a machine with x86-64 or 64-bit ARM",
        )
    return Finding("system", "ok", what)


def board() -> Finding:
    answer = probes.ask("board")
    if answer.failure:
        return Finding(
            "board", "warn", f"could not be asked: {answer.failure}", probes.by_hand("board")
        )
    told: dict[str, Any] = answer.value
    cores = "1 core" if told["cores"] == 1 else f"{told['cores']} cores"
    features = " ".join(told["features"]) or "features unknown"
    dot_product = "" if told["has_int8_dot_product"] else ", no int8 dot product"
    memory_mb = told["memory_available_mb"]
    what = (
        f"{told['name']}, {told['cpu']}, {cores} to use ({features}{dot_product}), "
        f"{memory_mb / 1e3:.1f} GB of memory available"
    )
    if memory_mb < MEMORY_MB:
        return Finding("board", "warn", what, "close other programs, or run with --threads 1")
    return Finding("board", "ok", what)


def heat() -> Finding:
    answer = probes.ask("reading")
    if answer.failure:
        return Finding(
            "heat", "warn", f"could not be asked: {answer.failure}", probes.by_hand("reading")
        )
    told: dict[str, Any] = answer.value
    celsius, now = told["temperature_c"], told["throttled"]
    before = [reason for reason in told["throttled_before"] if reason not in now]
    what = "temperature not told" if celsius is None else f"{celsius:.0f} C"
    what += f"; held back now: {', '.join(now)}" if now else ", not held back"
    what += f"; since it was started: {', '.join(before)}" if before else ""
    lines = []
    if POWER & {*now, *before}:
        lines.append("use the board's own power supply (Raspberry Pi 5: 5 V, 5 A) and cable")
    if {*now} - POWER or (celsius is not None and celsius >= HOT_C):
        lines.append("give it a fan or a heat sink; what is measured now is a hot board's")
    return Finding("heat", "warn" if lines else "ok", what, "\n".join(lines))


def disk() -> Finding:
    """Room for results on their way, which is a need, and for models to be fetched."""
    temporary = Path(tempfile.gettempdir())  # raises where none is writable
    free_mb = shutil.disk_usage(temporary).free / 1e6
    what = f"{free_mb / 1e3:.1f} GB free in {temporary}"
    if free_mb < DISK_MB:
        return Finding("disk", "warn", what, "make room there, or name another folder with TMPDIR=")
    models = user_models_dir()
    folder = next(parent for parent in [models, *models.parents] if parent.exists())
    if not os.access(folder, os.W_OK | os.X_OK):
        return Finding(
            "disk",
            "warn",
            f"{what}; {models} cannot be written, so no model can be fetched",
            "export SEAFORMER_EDGE_HOME=/a/folder/of/yours  # before `models fetch`",
        )
    free_mb = shutil.disk_usage(folder).free / 1e6
    what += f", {free_mb / 1e3:.1f} GB for models in {models}"
    if free_mb < DISK_MB:
        return Finding("disk", "warn", what, "make room there, or set SEAFORMER_EDGE_HOME")
    return Finding("disk", "ok", what)
