"""Checks that run in a child process, since they may crash, hang or fail to load a library.

`ask` runs one of this module's functions, a probe, in a child process and returns its answer.
`python -m seaformer_edge.doctor PROBE ARGUMENT...` runs one by hand.
"""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from typing import Any

from seaformer_edge.errors import SeaformerEdgeError
from seaformer_edge.machine.child_process import ChildDiedError, ChildProcess

TIMEOUT_S = 180.0
"""A board with a slow SD card may take a minute to load a library."""

_CRASHES = {
    "SIGILL": "by an instruction that this processor does not support (SIGILL)",
    "SIGKILL": "by another process, usually because memory ran out (SIGKILL)",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """The result of a process.

    Attributes:
        value: what the probe returned; None if it failed, and for other commands.
        failure: its last line on stderr, or how it ended; empty if it succeeded.
    """

    value: Any = None
    failure: str = ""


def ask(probe: str, *arguments: str, timeout_s: float = TIMEOUT_S) -> Answer:
    """Run a function of this module, given by name, in a child process."""
    with tempfile.TemporaryFile() as stderr:
        try:
            with ChildProcess(
                "seaformer_edge.doctor", [probe, *arguments], timeout_s=timeout_s, stderr=stderr
            ) as child:
                return Answer(child.read_message())
        except SeaformerEdgeError as error:
            return Answer(failure=str(error))
        except OSError as error:
            return Answer(failure=f"{sys.executable}: {error.strerror}")
        except ChildDiedError as death:
            if death.timed_out:
                return Answer(failure=f"no answer within {timeout_s:g} s")
            stderr.seek(0)
            return Answer(
                failure=_failure(death.returncode, stderr.read().decode(errors="replace"))
            )


def run(arguments: list[str], *, timeout_s: float = TIMEOUT_S) -> tuple[Answer, str]:
    """Run this Python with arguments. Returns how it ended, and its standard output."""
    command = [sys.executable, "-P", *arguments]  # -P: do not import from the working directory
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
    failure = _failure(done.returncode, done.stderr) if done.returncode else ""
    return Answer(failure=failure), done.stdout


def _failure(returncode: int, stderr: str) -> str:
    """Why a process failed: its last line on stderr, or the signal or status that ended it."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    if returncode >= 0:
        return lines[-1] if lines else f"exit code {returncode}"
    name = signal.Signals(-returncode).name
    failure = f"was ended {_CRASHES.get(name, f'by {name}')}"
    return f"{failure}: {lines[-1]}" if lines else failure


def command_line(probe: str) -> str:
    """The command that runs a probe and shows all of its output."""
    return f"{sys.executable} -m seaformer_edge.doctor {probe}  # shows the whole error"


def load(module: str) -> str:
    """Import a module. Returns the path of Qt plugins that it sets, as some OpenCV builds do."""
    os.environ.pop("QT_QPA_PLATFORM_PLUGIN_PATH", None)
    importlib.import_module(module)
    return os.environ.get("QT_QPA_PLATFORM_PLUGIN_PATH", "")


def board() -> dict[str, Any]:
    """The board, and its available memory."""
    import psutil

    from seaformer_edge.machine.board import read_board

    board = read_board()
    return asdict(board) | {
        "has_int8_dot_product": board.has_int8_dot_product,
        "memory_available_mb": psutil.virtual_memory().available / 1e6,
    }


def reading() -> dict[str, Any]:
    """Temperature, clock and throttling of the processor."""
    from seaformer_edge.machine.board import SystemMonitor

    return asdict(SystemMonitor().read())


def runtime() -> dict[str, str]:
    """The binding, why the native one is missing, and why there is none."""
    try:
        import seaformer_edge._native as _native

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
    """Number and name of each camera. On Linux this turns no camera on."""
    from seaformer_edge.sources import list_cameras

    return [f"{camera.spec} ({camera.name})" for camera in list_cameras()]


def csi_cameras() -> list[str]:
    """Models of the cameras that libcamera finds."""
    from seaformer_edge.sources.picamera import import_picamera2

    return [
        str(camera.get("Model")) for camera in import_picamera2().Picamera2.global_camera_info()
    ]


def window(platform: str = "") -> str:
    """Start Qt. Returns the name of its platform, e.g. "xcb"."""
    if platform:
        os.environ["QT_QPA_PLATFORM"] = platform
    application = importlib.import_module("PySide6.QtWidgets").QApplication([])
    return str(application.platformName())
