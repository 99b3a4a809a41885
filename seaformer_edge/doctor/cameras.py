"""Cameras: those of USB, whether this user may open them, and a Raspberry Pi's own."""

from __future__ import annotations

import importlib.util
import os
import shlex
import sys
from pathlib import Path

from seaformer_edge.doctor import probes
from seaformer_edge.doctor.finding import Finding
from seaformer_edge.doctor.installation import sees_system_packages

DEVICES = Path("/dev")
SYSTEM_PACKAGES = Path("/usr/lib/python3/dist-packages")
"""Where apt puts modules of the system's Python."""

MODEL = Path("/proc/device-tree/model")
SYSTEM_PYTHON = Path("/usr/bin/python3")


def cameras() -> Finding:
    """What OpenCV could open. Off Linux none is turned on only to be counted."""
    if sys.platform != "linux":
        return Finding(
            "cameras", "ok", "not looked for; `seaformer-edge demo --list-sources` tries them"
        )
    closed = [str(node) for node in sorted(DEVICES.glob("video*")) if not _may_open(node)]
    answer = probes.ask("cameras")
    if answer.failure:
        return Finding(
            "cameras", "warn", f"could not be listed: {answer.failure}", probes.by_hand("cameras")
        )
    what = ", ".join(answer.value) or "none found"
    if closed:
        return Finding(
            "cameras",
            "warn",
            f"{what}; this user may not open {', '.join(closed)}",
            "sudo usermod -aG video $USER  # then log out and in again",
        )
    return Finding("cameras", "ok", what)


def _may_open(device: Path) -> bool:
    return os.access(device, os.R_OK | os.W_OK)


def picamera() -> Finding:
    """A Raspberry Pi's own cameras: picamera2 and libcamera come with the system, not with pip."""
    answer = probes.ask("ribbon_cameras")
    if not answer.failure:
        what = f"picamera2 sees {', '.join(answer.value) or 'no camera'}"
        if answer.value or not _is_raspberry_pi():
            return Finding("picamera", "ok", what)
        return Finding("picamera", "ok", f"{what}; `rpicam-hello --list-cameras` asks the system")
    if "numpy." in answer.failure and "size changed" in answer.failure:
        return Finding(
            "picamera",
            "warn",
            "apt's simplejpeg, which picamera2 loads, was built for NumPy 1",
            f"{sys.executable} -m pip install --ignore-installed --no-deps simplejpeg",
        )
    here = importlib.util.find_spec("picamera2") is not None
    if not here and not (SYSTEM_PACKAGES / "picamera2").is_dir():
        if not _is_raspberry_pi():
            return Finding("picamera", "ok", "not a Raspberry Pi")
        return Finding(
            "picamera",
            "ok",
            "picamera2 is not installed; ribbon cameras need it: "
            "sudo apt install python3-picamera2",
        )
    system_version = SYSTEM_PYTHON.resolve().name.removeprefix("python")
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    venv = f"{SYSTEM_PYTHON} -m venv --system-site-packages"
    if not here and system_version != version:
        return Finding(
            "picamera",
            "warn",
            f"apt's picamera2 is for Python {system_version}, this is {version}",
            f"{venv} ~/seaformer-venv  # and install seaformer-edge into it",
        )
    if not here and not sees_system_packages():
        return Finding(
            "picamera",
            "warn",
            "apt's picamera2 is there, but hidden from this environment",
            f"{venv} {shlex.quote(sys.prefix)}  # what is installed in it stays",
        )
    return Finding(
        "picamera", "warn", answer.failure, "sudo apt install --reinstall python3-picamera2"
    )


def _is_raspberry_pi() -> bool:
    try:
        return MODEL.read_text(errors="replace").startswith("Raspberry Pi")
    except OSError:
        return False
