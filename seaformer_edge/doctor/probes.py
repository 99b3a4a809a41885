"""What is found out in a process of its own, since it may crash, hang or not load at all.

`ask` runs one of this module's functions in a fresh Python and returns what it answered; that
process is `python -m seaformer_edge.doctor NAME ARGUMENT...`.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
from dataclasses import asdict, dataclass
from typing import Any

PATIENCE_S = 180.0
"""What hangs is given up after it; a board with a slow card may take a minute to load a library."""

_CRASHES = {
    "SIGILL": "by an instruction that this processor does not have (SIGILL)",
    "SIGKILL": "from outside, most often for want of memory (SIGKILL)",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a process came to.

    Attributes:
        value: what a probe returned; None where it failed, and for other commands.
        failure: its last words, or how it ended; empty where it went well.
    """

    value: Any = None
    failure: str = ""


def ask(probe: str, *arguments: str, timeout_s: float = PATIENCE_S) -> Answer:
    """Run a function of this module, given by name, in a process of its own."""
    answer, output = run(["-m", "seaformer_edge.doctor", probe, *arguments], timeout_s=timeout_s)
    if answer.failure:
        return answer
    try:
        # Drivers print what they like; the answer comes last.
        return Answer(json.loads(output.splitlines()[-1]))
    except (IndexError, ValueError):
        return Answer(failure="gave no answer")


def run(arguments: list[str], *, timeout_s: float = PATIENCE_S) -> tuple[Answer, str]:
    """Run this Python with arguments; how it went, and its standard output."""
    command = [sys.executable, "-P", *arguments]  # -P: nothing of the folder one happens to be in
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout_s,
        )
    except subprocess.TimeoutExpired:
        return Answer(failure=f"no answer within {timeout_s:g} s"), ""
    except OSError as error:
        return Answer(failure=f"{sys.executable}: {error.strerror}"), ""
    if not done.returncode:
        return Answer(), done.stdout
    said = [line for line in done.stderr.splitlines() if line.strip()]
    failure = said[-1].strip() if said else f"exit code {done.returncode}"
    if done.returncode < 0:
        name = signal.Signals(-done.returncode).name
        failure = f"was ended {_CRASHES.get(name, f'by {name}')}"
        failure += f": {said[-1].strip()}" if said else ""
    return Answer(failure=failure), done.stdout


def by_hand(probe: str) -> str:
    """The command that shows all that a probe says before it fails."""
    return f"{sys.executable} -m seaformer_edge.doctor {probe}  # shows the whole error"


def load(module: str) -> str:
    """Import a module; what it made of Qt's environment variable, as some OpenCV do."""
    os.environ.pop("QT_QPA_PLATFORM_PLUGIN_PATH", None)
    importlib.import_module(module)
    return os.environ.get("QT_QPA_PLATFORM_PLUGIN_PATH", "")


def board() -> dict[str, Any]:
    """What the machine is, and the memory it has left."""
    import psutil

    from seaformer_edge.machine.board import read_board

    told = read_board()
    return asdict(told) | {
        "has_int8_dot_product": told.has_int8_dot_product,
        "memory_available_mb": psutil.virtual_memory().available / 1e6,
    }


def reading() -> dict[str, Any]:
    """How warm the machine is, and what holds it back."""
    from seaformer_edge.machine.board import SystemMonitor

    return asdict(SystemMonitor().read())


def runtime() -> dict[str, str]:
    """The binding in use, why it is not the native one, and what stands against any."""
    try:
        from seaformer_edge import _native

        version, why_not = _native.executorch_version, ""
    except ImportError as error:
        version, why_not = "", str(error)
    from seaformer_edge.errors import ModelError
    from seaformer_edge.runtime import binding

    name, problem = "", ""
    try:
        name = binding().__name__.removesuffix("Program").lower()
    except ModelError as error:
        problem = str(error)
    return {"binding": name, "executorch": version, "why_not": why_not, "problem": problem}


def cameras() -> list[str]:
    """Number and name of each camera that can be opened; Linux tells without turning one on."""
    from seaformer_edge.sources.listing import list_cameras

    return [f"{camera.spec} ({camera.name})" for camera in list_cameras()]


def ribbon_cameras() -> list[str]:
    """Models of the cameras that libcamera sees."""
    from seaformer_edge.sources.picamera import import_picamera2

    return [
        str(camera.get("Model")) for camera in import_picamera2().Picamera2.global_camera_info()
    ]


def window(platform: str = "") -> str:
    """Open what Qt needs before a window; the name of its platform, e.g. "xcb"."""
    if platform:
        os.environ["QT_QPA_PLATFORM"] = platform
    application = importlib.import_module("PySide6.QtWidgets").QApplication([])
    return str(application.platformName())
